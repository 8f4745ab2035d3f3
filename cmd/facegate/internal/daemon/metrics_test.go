package daemon_test

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/gpio/sim"
	"facegate/store"
)

// readable finds in the log where the metrics are.
var readable = regexp.MustCompile(`what monitoring reads is served" at=(\S+)`)

// metrics reads the metrics of a gate as Prometheus does.
func (r *running) metrics(t *testing.T) string {
	t.Helper()
	return read(t, r.log.String)
}

// read reads the metrics of a gate with this log.
func read(t *testing.T, log func() string) string {
	t.Helper()
	var at []string
	gatetest.Eventually(t, "the metrics are served", func() bool { at = readable.FindStringSubmatch(log()); return at != nil })
	resp, err := http.Get("http://" + at[1] + "/metrics")
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, text)
	}
	return string(text)
}

// TestMetricsOfAGate reads those of a gate whose door is opened by hand, which nothing tells that is read at that moment.
func TestMetricsOfAGate(t *testing.T) {
	t.Parallel()
	r := start(t, gatetest.NewSite(t), gatetest.Settings{"metrics": `{listen: "127.0.0.1:0"}`}, daemon.Outside{})
	gatetest.Eventually(t, "frames are counted", func() bool {
		return !strings.Contains(r.metrics(t), "facegate_camera_frames_total 0\n")
	})
	_, err := r.client.TestDoor(t.Context())
	must(t, err)
	text := r.metrics(t)
	for _, want := range []string{
		`facegate_info{version="test",profile="lab"} 1`, `facegate_health{state="degraded"} 1`, `facegate_condition{reason="broker_trouble"} 1`,
		`facegate_camera_state{state="streaming"} 1`, "facegate_door_openings_total 0", `facegate_events_total{method="manual"} 0`,
		"facegate_broker_connected 0", "facegate_outbox_events 0", "facegate_outbox_limit_events 100000",
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

// TestMetricsThatCannotBeServed starts a gate where something else has the address, and says so.
func TestMetricsThatCannotBeServed(t *testing.T) {
	t.Parallel()
	taken := start(t, gatetest.NewSite(t), gatetest.Settings{"metrics": `{listen: "127.0.0.1:0"}`}, daemon.Outside{})
	taken.metrics(t)
	at := readable.FindStringSubmatch(taken.log.String())[1]
	r := start(t, gatetest.NewSite(t), gatetest.Settings{"metrics": `{listen: "` + at + `"}`}, daemon.Outside{})
	var of []health.Condition
	gatetest.Eventually(t, "the gate says that nothing can read it", func() bool {
		s, err := r.client.Status(t.Context())
		must(t, err)
		of = conditionsOf(s.Health, health.Metrics)
		return len(of) > 0
	})
	if c := of[0]; c.State != health.Degraded || !strings.Contains(c.Todo, "correct metrics.listen") {
		t.Errorf("%+v", c)
	}
}

// TestMetricsWithoutRecords reads those of what is left of a gate whose records cannot be opened.
func TestMetricsWithoutRecords(t *testing.T) {
	t.Parallel()
	logged := new(log)
	c := gatetest.NewSite(t).Config(t, gatetest.Settings{"metrics": `{listen: "127.0.0.1:0"}`})
	r, err := daemon.NewRemnant(c, daemon.Outside{Line: sim.New()}, "test", store.ErrDamaged, logged.logger())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-r.Ready()
	text := read(t, logged.String)
	for _, want := range []string{
		`facegate_health{state="down"} 1`, `facegate_condition{reason="records_shut"} 1`, "facegate_faces_off 1",
		`facegate_camera_state{state="off"} 1`, `facegate_events_total{method="face"} 0`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	cancel()
	must(t, <-done)
}
