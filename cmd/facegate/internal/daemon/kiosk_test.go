package daemon_test

import (
	"bufio"
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/reader"
	"facegate/gpio/door"
	"facegate/gpio/sim"
)

// A screen is one that follows a gate as a browser does.
type screen struct {
	mu    sync.Mutex // guards what follows
	steps []string
}

// served finds in the log where the page of a screen is.
var served = regexp.MustCompile(`the page of the screen at the door is served" at=(\S+)`)

// screen follows the screen of a gate until the test is over.
func (r *running) screen(t *testing.T) *screen {
	t.Helper()
	var at []string
	gatetest.Eventually(t, "the page is served", func() bool { at = served.FindStringSubmatch(r.log.String()); return at != nil })
	ctx, cancel := context.WithCancel(t.Context())
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at[1]+"/events", nil)
	must(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(q)
	must(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	s, done := new(screen), make(chan struct{})
	go func() {
		defer close(done)
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if step, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				s.mu.Lock()
				s.steps = append(s.steps, step)
				s.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

// since returns the steps that were shown from the nth on.
func (s *screen) since(n int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.steps[n:])
}

// await waits until a step is shown, the nth or a later one, and returns how many were shown then.
func (s *screen) await(t *testing.T, n int, step string) int {
	t.Helper()
	gatetest.Eventually(t, "the screen shows "+step, func() bool { return slices.Contains(s.since(n), step) })
	return n + len(s.since(n))
}

// TestScreenFollowsTheDoor has a screen and a buzzer say what happens at a real gate: to a stranger, somebody who is enrolled, with
// faces off, and when the door is stuck.
func TestScreenFollowsTheDoor(t *testing.T) {
	buzzer := sim.New()
	r := start(t, gatetest.NewSite(t).FixKey(t), gatetest.Settings{
		"door":   "{driver: sim, pulse: 300ms, contact: {line: C}, buzzer: {line: B}}",
		"decide": "{rearm: 1s}",
		"kiosk":  `{listen: "127.0.0.1:0", tones: true}`,
	}, daemon.Outside{Inputs: door.Inputs{Contact: sim.NewInput()}, Signals: door.Signals{Buzzer: buzzer}})
	s := r.screen(t)
	n := s.await(t, 0, "idle")

	ctx, leave := context.WithCancel(t.Context())
	var there sync.WaitGroup
	there.Go(func() { r.appear(t, ctx, "p01") })
	n = s.await(t, n, "try-card")
	leave()
	there.Wait()
	n = s.await(t, n, "idle")
	if steps := s.since(0); slices.Contains(steps, "granted") || !slices.Contains(steps, "hold-still") {
		t.Errorf("to a stranger it shows %q", steps)
	}
	heard(t, buzzer, 4, 0) // refused

	r.enrol(t, "p01")
	n = s.await(t, n, "hold-still")
	ctx, leave = context.WithCancel(t.Context())
	there.Go(func() { r.appear(t, ctx, "p01") })
	n = s.await(t, n, "granted")
	leave()
	there.Wait()
	n = s.await(t, n, "idle")
	heard(t, buzzer, 5, 400*time.Millisecond) // and welcome

	must(t, r.client.TurnFacesOff(t.Context(), "a film is made"))
	n = s.await(t, n, "try-card")
	r.line.Fail(errors.New("input/output error"))
	_, err := r.client.TestDoor(t.Context())
	if err == nil {
		t.Error("a line that fails gives a pulse")
	}
	s.await(t, n, "out-of-order")
	r.line.Fail(nil)
	for _, step := range s.since(0) {
		if strings.ContainsAny(step, " 0123456789{") || len(step) > 12 {
			t.Errorf("the stream has %q", step)
		}
	}
}

// heard waits until the buzzer has sounded so many times, once for so long at least.
func heard(t *testing.T, buzzer *sim.Line, times int, long time.Duration) {
	t.Helper()
	gatetest.Eventually(t, "the buzzer is heard", func() bool {
		tones, longest := 0, time.Duration(0)
		for pair := range slices.Chunk(buzzer.Edges(), 2) {
			if len(pair) == 2 {
				tones, longest = tones+1, max(longest, pair[1].At.Sub(pair[0].At))
			}
		}
		return tones >= times && longest >= long
	})
}

// TestScreenTellsNoRefusalFromAnother has a real gate refuse a card of another house, a wrong PIN, and digits that are none: the
// screen is sent the same each time. A right card is welcome.
func TestScreenTellsNoRefusalFromAnother(t *testing.T) {
	more := maps.Clone(otherWays)
	more["kiosk"] = `{listen: "127.0.0.1:0"}`
	h := open(t, gatetest.NewSite(t), more, daemon.Outside{})
	_, err := h.client.Join(t.Context(), people.JoinRequest{Label: "none", Reference: "contract 2", Until: time.Now().Add(gatetest.Valid)})
	must(t, err)
	k := h.equip(t, "none")
	must(t, h.client.TurnFacesOff(t.Context(), "so that nothing else is said"))
	s := h.screen(t)
	n := s.await(t, 0, "show-pass")
	for _, refused := range []struct {
		kind  reader.Kind
		value string
	}{
		{reader.Card, "card of another house"}, {reader.Keys, strings.Replace(k.typed, "*271828", "*314159", 1)}, {reader.Keys, "12"},
	} {
		h.show(t, refused.kind, refused.value)
		end := s.await(t, n, "show-pass")
		if steps := s.since(n); !slices.Equal(steps, []string{"try-card", "show-pass"}) {
			t.Errorf("after %q the screen shows %q", refused.value, steps)
		}
		n = end
	}
	h.show(t, reader.Card, k.card)
	if s.await(t, n, "granted"); !slices.Equal(s.since(n)[:1], []string{"granted"}) {
		t.Errorf("after a good card the screen shows %q", s.since(n))
	}
}

// TestScreenIsNoDoor starts a gate whose screen has no page, and says so.
func TestScreenIsNoDoor(t *testing.T) {
	t.Parallel()
	taken := start(t, gatetest.NewSite(t), gatetest.Settings{"kiosk": `{listen: "127.0.0.1:0"}`}, daemon.Outside{})
	var at []string
	gatetest.Eventually(t, "the page is served", func() bool { at = served.FindStringSubmatch(taken.log.String()); return at != nil })
	r := start(t, gatetest.NewSite(t), gatetest.Settings{"kiosk": `{listen: "` + at[1] + `"}`}, daemon.Outside{})
	var screens []health.Condition
	gatetest.Eventually(t, "the gate says that its screen has no page", func() bool {
		s, err := r.client.Status(t.Context())
		must(t, err)
		screens = conditionsOf(s.Health, health.Screen)
		return len(screens) > 0
	})
	if c := screens[0]; c.State != health.Degraded || !strings.Contains(c.Todo, "correct kiosk.listen") {
		t.Errorf("%+v", c)
	}
}
