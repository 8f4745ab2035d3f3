package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/pipeline/publish"
)

// TestStatusTellsNoStrangers asks a gate again and again how it is, while strangers pass and while nobody does: the answers
// are the same, but for what the camera delivers to an empty corridor too. So are the metrics, the log, and what the broker is told.
func TestStatusTellsNoStrangers(t *testing.T) {
	walk := gatetest.Clip(t, "walk/s02")[30:70]
	empty := slices.Repeat([][]byte{gatetest.Corridor(t)}, len(walk))
	var told []map[string]bool
	for _, film := range [][][]byte{empty, walk} {
		r := start(t, gatetest.NewSite(t), gatetest.Settings{"metrics": `{listen: "127.0.0.1:0"}`}, daemon.Outside{})
		r.metrics(t)
		settled := func() bool { s := r.Status(); return s.Camera.Frames > 5 && s.MQTT.Err != "" && s.Frames.Now != "" }
		gatetest.Eventually(t, "the gate has settled", settled)
		before := strings.Count(r.log.String(), "\n")
		told = append(told, poll(t, r, film))
		if s := r.Status(); s.MQTT.Queued != 0 || s.Door.Pulses != 0 {
			t.Errorf("%d events, %d pulses", s.MQTT.Queued, s.Door.Pulses)
		}
		for _, line := range strings.Split(r.log.String(), "\n")[before:] {
			if line != "" && !strings.Contains(line, "control request") && !strings.Contains(line, "broker") {
				t.Errorf("the log says: %s", line)
			}
		}
		r.stop()
	}
	if !maps.Equal(told[0], told[1]) {
		t.Errorf("while nobody passed the answers were\n%s\nand while strangers did\n%s",
			strings.Join(slices.Sorted(maps.Keys(told[0])), "\n"), strings.Join(slices.Sorted(maps.Keys(told[1])), "\n"))
	}
}

// poll plays a film twice, and returns what was answered meanwhile, without what grows with time.
func poll(t *testing.T, r *running, film [][]byte) map[string]bool {
	t.Helper()
	told := make(map[string]bool)
	done := make(chan error, 1)
	go func() { done <- r.stage.Play(t.Context(), append(slices.Clone(film), film...)) }()
	for {
		told[answer(t, r)+grows.ReplaceAllString(r.metrics(t), "$6")] = true
		select {
		case err := <-done:
			must(t, err)
			return told
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// grows matches what is another from one moment to the next whoever passes.
var grows = regexp.MustCompile(`("frames":)\d+|("last_frame":)"[^"]*"|("wall":)"[^"]*"|("certain":)"[^"]*"|("since":)"[^"]*"|` +
	`(facegate_(?:camera_frames_total|start_time_seconds) )[\d.]+`)

func answer(t *testing.T, r *running) string {
	t.Helper()
	s, err := r.client.Status(t.Context())
	must(t, err)
	s.Started, s.UpS, s.StateDir, s.MQTT = time.Time{}, 0, "", publish.Status{} // of another gate, and of a broker that is not there
	s.Health.Conditions = slices.DeleteFunc(s.Health.Conditions, func(c health.Condition) bool {
		return c.Part == health.Broker || c.Part == health.Clock
	})
	text, err := json.Marshal(s)
	must(t, err)
	return string(bytes.TrimSpace(grows.ReplaceAll(text, []byte("$1$2$3$4$5"))))
}

// TestAim shows a technician what the camera sees, and not more often than ten times an hour, over a restart too.
func TestAim(t *testing.T) {
	site := gatetest.NewSite(t)
	r := start(t, site, nil, daemon.Outside{})
	aim := func() (seen []status.View, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err = r.client.Aim(ctx, func(v status.View) { seen = append(seen, v); cancel() })
		return seen, err
	}
	for range 10 {
		var seen []status.View
		gatetest.Eventually(t, "the aiming before has ended", func() bool { seen, _ = aim(); return len(seen) > 0 })
		if seen[0].Sees != "nobody" || seen[0].Advice == "" {
			t.Fatalf("before an empty corridor it sees %+v", seen)
		}
	}
	r.stop()
	r = start(t, site, nil, daemon.Outside{})
	if seen, err := aim(); len(seen) > 0 || !strings.Contains(hint.Of(err), "wait ") {
		t.Errorf("the eleventh time it sees %+v, %v", seen, err)
	}
}
