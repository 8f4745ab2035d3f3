package daemon_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs"
)

// elsewhere are the keys whose values are things of the machine, which TestCheckRefusesWhatNewRefuses looks at, with those
// that only go together with them, and the profile, which wants a file of its own.
var elsewhere = []string{
	"profile", "state_dir", "keys_dir", "key_file", "camera.source", "camera.path", "camera.device", "camera.loop", "vision.models_dir", "vision.embedder",
	"vision.calibration", "mqtt.password_file", "mqtt.ca_file", "mqtt.cert_file", "mqtt.key_file", "control.socket", "control.group",
	"control.office_group", "control.technician_group", "door.driver",
}

// A setting is one key with a value.
type setting struct {
	key   string
	value any
}

func (s setting) String() string { return fmt.Sprintf("%s: %v", s.key, s.value) }

// tree is the YAML of a site, with the settings in it.
func tree(t *testing.T, site gatetest.Site, more gatetest.Settings, settings []setting) string {
	t.Helper()
	var root map[string]any
	must(t, yaml.Unmarshal([]byte(site.YAML(t, more)), &root))
	for _, s := range settings {
		at, path := root, strings.Split(s.key, ".")
		for _, section := range path[:len(path)-1] {
			next, ok := at[section].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[section] = next
			}
			at = next
		}
		at[path[len(path)-1]] = s.value
	}
	text, err := yaml.Marshal(root)
	must(t, err)
	return string(text)
}

// leaves returns every key of the reference by its dotted path, with its default.
func leaves(t *testing.T) map[string]any {
	t.Helper()
	var root map[string]any
	must(t, yaml.Unmarshal(configs.Reference(), &root))
	all := map[string]any{}
	var walk func(prefix string, at map[string]any)
	walk = func(prefix string, at map[string]any) {
		for key, value := range at {
			if section, ok := value.(map[string]any); ok {
				walk(prefix+key+".", section)
			} else {
				all[prefix+key] = value
			}
		}
	}
	walk("", root)
	return all
}

// choices are the words that comments of the reference name as values, besides the usual ones.
func choices(key string) (values []any) {
	if key == "mqtt.broker" {
		return []any{"tcp://127.0.0.1:1/", "tcp://gate.local:65535//", "ssl://[::1]:8883", " tcp://LOCALHOST:1 "}
	}
	for line := range strings.Lines(string(configs.Reference())) {
		name := key[strings.LastIndex(key, ".")+1:]
		before, comment, ok := strings.Cut(line, "#")
		if ok && (strings.HasPrefix(strings.TrimSpace(before), name+":") || strings.Contains(comment, " "+name+" is ")) {
			for _, word := range strings.FieldsFunc(comment, func(r rune) bool { return strings.ContainsRune(" |:;,.()\n", r) }) {
				values = append(values, word)
			}
		}
	}
	return values
}

// extremes returns the values of a key, from the least to the greatest that accepts takes. They are found by asking, so that a
// bound which is moved is tried where it has moved to.
func extremes(value any, key string, accepts func(any) bool) (values []any) {
	add := func(of func(float64) any, low, high float64) {
		if edge(of, low, &values, accepts); high > 0 {
			edge(of, high, &values, accepts)
		}
	}
	switch v := value.(type) {
	case bool:
		values = []any{false, true}
	case uint64, int64:
		add(func(x float64) any { return int(x) }, -1, 1<<20)
	case float64:
		add(func(x float64) any { return x }, -1, 1<<20)
	case string:
		if _, err := time.ParseDuration(v); err == nil {
			add(func(x float64) any { return time.Duration(x * float64(time.Second)).String() }, -1, 1<<20)
			break
		}
		add(func(n float64) any { return strings.Repeat("x", max(0, int(n))) }, 0, 1<<10)
		if !accepts("anything") {
			values = append(values, choices(key)...)
		}
	case []any:
		for _, word := range choices(key) {
			values = append(values, []any{word})
		}
		values = append(values, []any{}, []any{0, 0, 0.001, 0.001}, []any{"card", "pin", "qr", "intercom", "key"})
	}
	return slices.DeleteFunc(values, func(v any) bool { return !accepts(v) })
}

// edge adds the value that is accepted and lies nearest to beyond, by halving from one of some that mostly are.
func edge(of func(float64) any, beyond float64, values *[]any, accepts func(any) bool) {
	for _, x := range []float64{0.01, 0.3, 1, 2, 5, 8, 30, 200, 640} {
		if !accepts(of(x)) {
			continue
		}
		if accepts(of(beyond)) {
			x = beyond
		}
		for far, step := beyond, 0; step < 20 && fmt.Sprint(of(x)) != fmt.Sprint(of(far)); step++ {
			if middle := (x + far) / 2; accepts(of(middle)) {
				x = middle
			} else {
				far = middle
			}
		}
		*values = append(*values, of(x))
		for _, round := range []float64{0, float64(int64(x))} { // an edge that is a round number is not met by halving
			*values = append(*values, of(round))
		}
		return
	}
}

// TestExtremesStart gives every key the least and the greatest value that the reader of the file accepts. What the check finds
// in order has to start. Settings that are accepted together are tried together, and apart when they fail.
func TestExtremesStart(t *testing.T) {
	more := gatetest.Settings{
		"camera": fmt.Sprintf("{source: replay, path: %s, max_age: 3s}", gatetest.Testdata(t, "people/p01")),
		// Without these some keys do not go.
		"door":    "{driver: sim, pulse: 300ms, contact: {line: CONTACT}}",
		"readers": "[{name: desk, kind: usb, device: /nonexistent/desk}, {name: pad, kind: keypad, device: /nonexistent/pad}]",
		"passes":  "{camera: on}",
	}
	site := gatetest.NewSite(t)
	parses := func(settings []setting) bool {
		_, err := configs.Parse("gate.yaml", strings.NewReader(tree(t, site, more, settings)))
		return err == nil
	}
	var batches [][]setting
	put := func(s setting) {
		for i, b := range batches {
			used := slices.ContainsFunc(b, func(other setting) bool { return other.key == s.key })
			if together := append(slices.Clone(b), s); !used && parses(together) {
				batches[i] = together
				return
			}
		}
		batches = append(batches, []setting{s})
	}
	all := leaves(t)
	for _, key := range elsewhere {
		if _, ok := all[key]; !ok {
			t.Errorf("the reference has no %s", key)
		}
		delete(all, key)
	}
	tried := map[string]int{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		seen := map[string]bool{}
		for _, v := range extremes(all[key], key, func(v any) bool { return parses([]setting{{key, v}}) }) {
			if s := (setting{key, v}); !seen[s.String()] {
				seen[s.String()] = true
				tried[key]++
				put(s)
			}
		}
	}
	for key := range all {
		if tried[key] == 0 {
			t.Errorf("%s was tried with nothing", key)
		}
	}
	t.Logf("%d keys in %d configurations", len(tried), len(batches))
	for i, b := range batches {
		t.Run(strconv.Itoa(i), func(t *testing.T) { differ(t, more, b) })
	}
}

// differ compares what Check and New say of the settings, and says of each that makes them differ.
func differ(t *testing.T, more gatetest.Settings, settings []setting) {
	site := gatetest.NewSite(t)
	_, checked, opened := verdictsOf(t, site, tree(t, site, more, settings))
	switch {
	case checked == nil && opened == nil:
	case len(settings) > 1:
		differ(t, more, settings[:len(settings)/2])
		differ(t, more, settings[len(settings)/2:])
	case (checked == nil) != (opened == nil):
		t.Errorf("%.80s\ncheck: %v\nrun: %v", settings[0], checked, opened)
	}
}
