package metrics_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/metrics"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/law"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/publish"
)

// began is when every gate of these tests started.
var began = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func register(p law.Jurisdiction) *metrics.Register {
	return metrics.New(metrics.Terms{Version: `1.2"\`, Profile: p, Started: began, Outbox: 100_000})
}

// told counts n events of each method.
func told(n uint64) map[string]uint64 {
	counts := map[string]uint64{}
	for _, method := range publish.Methods() {
		counts[method] = n
	}
	return counts
}

// bad is a gate of which nothing is well.
func bad() metrics.Moment {
	s := status.Status{Started: began, FacesOff: &status.FacesOff{}, Record: status.Record{Full: true}}
	for _, name := range health.Names() {
		s.Health.Conditions = append(s.Health.Conditions, health.Condition{Name: name, State: health.Down})
	}
	s.Health.State = health.Down
	s.Camera.State, s.Camera.Frames, s.Camera.Refused = "lost", 9, 3
	s.Door = door.Status{State: gpio.Fault, Alarms: []string{"forced", "held", "tamper", "fire"}, Pulses: 40}
	s.MQTT = publish.Status{Queued: 30, Dropped: 20, Withheld: []string{"echo", "pass"}}
	return metrics.Moment{Status: s, Told: told(20)}
}

// well is a gate of which everything is, at its start.
func well() metrics.Moment {
	s := status.Status{Started: began, Health: health.Assess()}
	s.Camera.State, s.MQTT.Connected, s.Clock.Right, s.Clock.Synced = "streaming", true, true, true
	return metrics.Moment{Status: s, Told: told(0)}
}

// read reads a text as Prometheus does, and returns the number of each series.
func read(t *testing.T, text []byte) map[string]float64 {
	t.Helper()
	series := map[string]float64{}
	for name, family := range families(t, text) {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if slices.Sort(labels); len(labels) > 0 {
				series[name+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			} else {
				series[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return series
}

func families(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return all
}

// TestText holds what is told of a gate of which nothing is well, an hour after its start.
func TestText(t *testing.T) {
	got := read(t, register(law.Lab).Text(bad(), began.Add(time.Hour)))
	for series, want := range map[string]float64{
		`facegate_info{profile="lab",version="1.2\"\\"}`: 1,
		`facegate_start_time_seconds`:                    float64(began.Unix()),
		`facegate_health{state="ok"}`:                    0,
		`facegate_health{state="down"}`:                  1,
		`facegate_condition{reason="camera_lost"}`:       1,
		`facegate_camera_state{state="lost"}`:            1,
		`facegate_camera_state{state="streaming"}`:       0,
		`facegate_camera_frames_total`:                   9,
		`facegate_camera_frames_refused_total`:           3,
		`facegate_faces_off`:                             1,
		`facegate_door_fault`:                            1,
		`facegate_door_alarm{alarm="forced"}`:            1,
		`facegate_door_alarm{alarm="held warning"}`:      0,
		`facegate_door_openings_total`:                   40,
		`facegate_events_total{method="face"}`:           20,
		`facegate_broker_connected`:                      0,
		`facegate_broker_topics_withheld`:                2,
		`facegate_outbox_events`:                         30,
		`facegate_outbox_limit_events`:                   100_000,
		`facegate_outbox_dropped_events_total`:           20,
		`facegate_clock_right`:                           0,
		`facegate_record_full`:                           1,
	} {
		if value, ok := got[series]; !ok || value != want {
			t.Errorf("%s is %v (%v), want %v", series, value, ok, want)
		}
	}
	got = read(t, register(law.Lab).Text(well(), began))
	for _, series := range slices.Sorted(maps.Keys(got)) {
		is := regexp.MustCompile(`^facegate_(info\{.*|start_time_seconds|health\{state="ok"\}|camera_state\{state="streaming"\}|` +
			`broker_connected|outbox_limit_events|clock_right|clock_synced)$`).MatchString(series)
		if (got[series] != 0) != is {
			t.Errorf("of a gate that is well %s is %v", series, got[series])
		}
	}
}

// A gathered is a text as client_golang's linter wants it.
type gathered map[string]*dto.MetricFamily

func (g gathered) Gather() (all []*dto.MetricFamily, err error) {
	for _, name := range slices.Sorted(maps.Keys(g)) {
		all = append(all, g[name])
	}
	return all, nil
}

var _ prometheus.Gatherer = gathered(nil)

// TestLint has the linter of client_golang judge names, helps and types, and that of Prometheus where it is installed.
func TestLint(t *testing.T) {
	text := register(law.Lab).Text(bad(), began.Add(time.Hour))
	problems, err := testutil.GatherAndLint(gathered(families(t, text)))
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	promtool(t, text, "check", "metrics")
}

// promtool runs Prometheus's own tool, which has to be content. It skips the test where that is not installed.
func promtool(t *testing.T, stdin []byte, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (apt-get install prometheus)")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // where it tries rules
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// alerts are the rules that are shipped.
const alerts = "../../../../configs/alerts.yaml"

// TestAlerts has promtool check every rule, and raise it and not raise it.
func TestAlerts(t *testing.T) {
	promtool(t, nil, "check", "rules", alerts)
	promtool(t, nil, "test", "rules", filepath.Join("testdata", "alerts.yaml"))
}

// TestAlertsAreOfMetrics checks that every rule is about series that there are, and is tried in TestAlerts.
func TestAlertsAreOfMetrics(t *testing.T) {
	rules, err := os.ReadFile(alerts)
	if err != nil {
		t.Fatal(err)
	}
	tried, err := os.ReadFile(filepath.Join("testdata", "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(register(law.EU).Text(well(), began))
	for _, name := range regexp.MustCompile(`facegate_[a-z0-9_]+`).FindAllString(string(rules), -1) {
		if !strings.Contains(text, "\n# TYPE "+name+" ") {
			t.Errorf("there is no metric %s", name)
		}
	}
	for _, selector := range regexp.MustCompile(`(reason|state|alarm)=~?"([a-z_|]+)"`).FindAllStringSubmatch(string(rules), -1) {
		for _, value := range strings.Split(selector[2], "|") {
			if !strings.Contains(text, fmt.Sprintf("%s=%q", selector[1], value)) {
				t.Errorf("no series has %s %q", selector[1], value)
			}
		}
	}
	names := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	for _, name := range names {
		if n := strings.Count(string(tried), "alertname: "+name[1]); n < 3 {
			t.Errorf("%s is looked at %d times", name[1], n)
		}
	}
	if len(names) < 15 {
		t.Errorf("only %d alerts", len(names))
	}
}

// TestSeries checks that no series comes or goes, whatever happens, and that labels have no values but those of closed sets.
func TestSeries(t *testing.T) {
	for _, p := range law.Jurisdictions() {
		r := register(p)
		want := slices.Sorted(maps.Keys(read(t, r.Text(well(), began))))
		odd := bad()
		odd.Status.Health.Conditions = append(odd.Status.Health.Conditions, health.Condition{Name: "Zdenka", State: "odd"})
		odd.Status.Door.Alarms, odd.Status.Camera.State, odd.Status.Health.State = []string{"Zdenka"}, "Zdenka", "Zdenka"
		for _, m := range []metrics.Moment{bad(), odd, {Told: told(7)}} {
			if got := slices.Sorted(maps.Keys(read(t, r.Text(m, began.Add(5*time.Hour))))); !slices.Equal(got, want) {
				t.Errorf("%s: the series are %q, want %q", p, got, want)
			}
		}
		byMethod := slices.ContainsFunc(want, func(s string) bool { return strings.Contains(s, "method=") })
		if byMethod != (p == law.Lab || p == law.CN) {
			t.Errorf("%s: by method: %v", p, byMethod)
		}
		if len(want) > 120 {
			t.Errorf("%s: %d series", p, len(want))
		}
	}
}

// scan is read for a text that was read before: it takes a series as it stands.
func scan(t *testing.T, text []byte) map[string]float64 {
	t.Helper()
	series := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndex(line, " "); line[0] != '#' {
			value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
			if err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			series[line[:at]] = value
		}
	}
	return series
}

// A passer comes through a door at some time of a day.
type passer struct {
	at     time.Duration
	method string
}

// TestDay reads the metrics of a day every minute, with people who come and go, most of the day without a broker. Every number
// that moves with them moves in steps of at least ten and an hour, so that no two passages are told from each other, and none is
// dated.
func TestDay(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var day []passer
	for range 400 {
		day = append(day, passer{8*time.Hour + time.Duration(random.Int64N(int64(10*time.Hour))), publish.Methods()[random.IntN(2)]})
	}
	slices.SortFunc(day, func(a, b passer) int { return int(a.at - b.at) })
	r, m := register(law.Lab), well()
	last, moved := map[string]float64{}, map[string]time.Duration{}
	var series []string
	for at, n := time.Duration(0), 0; at < 24*time.Hour; at += time.Minute {
		for ; n < len(day) && day[n].at <= at; n++ {
			m.Told[day[n].method]++
			m.Status.Door.Pulses++
			m.Status.MQTT.Queued++
			m.Status.Frames.Latency.P50MS, m.Status.Frames.Latency.P95MS = 100+float64(n), 200+float64(n)
		}
		m.Status.Camera.Frames += 900
		if m.Status.MQTT.Connected = at > 20*time.Hour; m.Status.MQTT.Connected {
			m.Status.MQTT.Queued = 0
		}
		now := scan(t, r.Text(m, began.Add(at)))
		if names := slices.Sorted(maps.Keys(now)); series == nil {
			series = names
		} else if !slices.Equal(names, series) {
			t.Fatalf("at %v the series are %q", at, names)
		}
		for name, value := range now {
			if value == last[name] || strings.HasPrefix(name, "facegate_camera_frames_total") || at == 0 || name == "facegate_broker_connected" {
				continue
			}
			counts := !strings.Contains(name, "latency")
			if up := value - last[name]; counts && up > 0 && up < 10 || counts && up < 0 && !m.Status.MQTT.Connected {
				t.Errorf("at %v %s moves by %v", at, name, up)
			}
			if pause := at - moved[name]; value > 0 && pause < time.Hour {
				t.Errorf("at %v %s moves, %v after it did", at, name, pause)
			}
			moved[name] = at
		}
		last = now
	}
	if n := last["facegate_door_openings_total"]; n < 380 || last["facegate_grant_latency_p95_seconds"] == 0 || len(moved) < 6 {
		t.Errorf("of 400 openings %v are told, and %d numbers have moved", n, len(moved))
	}
}

// BenchmarkText writes what one reading of Prometheus takes.
func BenchmarkText(b *testing.B) {
	r, m := register(law.Lab), bad()
	b.ReportAllocs()
	for b.Loop() {
		r.Text(m, began.Add(time.Hour))
	}
}

// TestDocs compares the table of docs/metrics.md with what is told.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, m := range register(law.Lab).Metrics() {
		steps := ""
		if m.Paced {
			steps = "yes"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Kind, strings.Join(m.Labels, ", "), steps, m.Help)
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("docs/metrics.md does not have this table:\n%s", &table)
	}
}
