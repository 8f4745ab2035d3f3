package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/door"
)

// watchOnce watches the door until something was seen.
func watchOnce(t *testing.T, c *control.Client) (seen []status.DoorMoment, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = c.WatchDoor(ctx, func(m status.DoorMoment) { seen = append(seen, m); cancel() })
	return seen, err
}

// TestWatchDoor shows a technician what the door does, and not more often than ten times an hour, over a restart too.
func TestWatchDoor(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	r := start(t, site, nil, daemon.Outside{})
	for range 10 {
		if seen, _ := watchOnce(t, r.client); len(seen) == 0 || seen[0].What != status.Level || seen[0].Line != "relay" || seen[0].Active {
			t.Fatalf("at a locked door it sees %+v", seen)
		}
	}
	r.stop()
	r = start(t, site, nil, daemon.Outside{})
	if seen, err := watchOnce(t, r.client); len(seen) > 0 || !errors.Is(err, control.ErrRefused) || !strings.HasPrefix(hint.Of(err), "wait ") {
		t.Errorf("the eleventh time it sees %+v, %v", seen, err)
	}
	if report, err := r.client.Verify(t.Context(), nil); err != nil || report.End < 10 {
		t.Errorf("the audit log: %+v, %v", report, err)
	}
}

// TestWatchDoorFollows sees a pulse, from its start to its end.
func TestWatchDoorFollows(t *testing.T) {
	t.Parallel()
	r := start(t, gatetest.NewSite(t), nil, daemon.Outside{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var seen []status.DoorMoment
	pulsed := make(chan error, 1)
	err := r.client.WatchDoor(ctx, func(m status.DoorMoment) {
		if len(seen) == 0 {
			go func() { _, err := r.client.TestDoor(ctx); pulsed <- err }()
		}
		if seen = append(seen, m); m.What == door.Locked {
			cancel()
		}
	})
	<-pulsed
	var unlocked, locked time.Duration
	for _, m := range seen {
		switch m.What {
		case door.Unlocked:
			if unlocked = m.Up; m.Cause != door.Hand {
				t.Errorf("unlocked for %q", m.Cause)
			}
		case door.Locked:
			locked = m.Up
		}
	}
	if d := locked - unlocked; unlocked == 0 || d < 250*time.Millisecond {
		t.Errorf("the pulse lasted %v: %+v, %v", d, seen, err)
	}
}

// TestLooksAreBounded asks how the door is until that is refused.
func TestLooksAreBounded(t *testing.T) {
	t.Parallel()
	r := start(t, gatetest.NewSite(t), nil, daemon.Outside{})
	for i := range 60 {
		if d, err := r.client.Door(t.Context()); err != nil || d.State != gpio.Locked || d.Pulse != 300*time.Millisecond || len(d.Lines) == 0 {
			t.Fatalf("time %d: %+v, %v", i, d, err)
		}
	}
	if _, err := r.client.Door(t.Context()); !errors.Is(err, control.ErrRefused) || !strings.HasPrefix(hint.Of(err), "wait ") {
		t.Errorf("one time more: %v", err)
	}
	if n := strings.Count(r.log.String(), "somebody asks how the door is"); n != 60 {
		t.Errorf("%d of 60 are in the log", n)
	}
}

// TestStatusTellsNoPassages checks that whoever asks the gate again and again how it is hears nothing of contact and button.
func TestStatusTellsNoPassages(t *testing.T) {
	line := func(role string, active bool, err string) door.LineStatus {
		return door.LineStatus{Role: role, Line: "GPIO4", Active: active, Err: err}
	}
	tell := func(ajar, pressed bool) string {
		contact := map[bool]string{true: "open", false: "closed"}[ajar]
		text, err := json.Marshal(daemon.Told(door.Status{
			State: gpio.Locked, Contact: contact,
			Lines: []door.LineStatus{line("relay", false, ""), line("contact", ajar, ""), line("exit", pressed, "")},
		}))
		must(t, err)
		return string(text)
	}
	for _, ajar := range []bool{true, false} {
		for _, pressed := range []bool{true, false} {
			if got, want := tell(ajar, pressed), tell(false, false); got != want {
				t.Errorf("open %t, pressed %t: %s, not %s", ajar, pressed, got, want)
			}
		}
	}
	for cause, want := range map[door.Cause]door.Cause{
		door.Granted: "", door.Exit: "", door.Hand: "", door.Hold: door.Hold, door.Schedule: door.Schedule, door.Fire: door.Fire,
	} {
		if got := daemon.Told(door.Status{State: gpio.Unlocked, Why: cause}); got.Why != want || got.State != gpio.Unlocked {
			t.Errorf("unlocked for %s: %+v", cause, got)
		}
	}
	stuck := daemon.Told(door.Status{Lines: []door.LineStatus{line("exit", true, "stuck")}, Alarms: []string{"held"}})
	if text, err := json.Marshal(stuck); err != nil || !bytes.Contains(text, []byte("stuck")) || !bytes.Contains(text, []byte("held")) {
		t.Errorf("what is wrong is not told: %s, %v", text, err)
	}
}
