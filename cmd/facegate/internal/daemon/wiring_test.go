package daemon_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/systime"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
	"facegate/store/audit"
	"facegate/store/clock"
)

// A wired door has every input in memory.
type wired struct{ contact, exit, fire, tamper *sim.Input }

func wire() wired { return wired{sim.NewInput(), sim.NewInput(), sim.NewInput(), sim.NewInput()} }

func (w wired) inputs() door.Inputs {
	return door.Inputs{Contact: w.contact, Exit: w.exit, Fire: w.fire, Tamper: w.tamper}
}

// leave presses the exit button of a door, and wants it to unlock and to lock again.
func (w wired) leave(t *testing.T, line *sim.Line) {
	t.Helper()
	gatetest.Eventually(t, "the door is locked", func() bool { return !line.Active() })
	gatetest.Eventually(t, "the exit button opens the door", func() bool {
		w.exit.Set(false) // a button that is pressed when it is first looked at may have been for long
		time.Sleep(50 * time.Millisecond)
		w.exit.Set(true)
		time.Sleep(100 * time.Millisecond)
		return line.Active()
	})
	w.exit.Set(false)
	gatetest.Eventually(t, "the door locks after it", func() bool { return !line.Active() })
}

// burn has a fire alarm for longer than a pulse, and wants the door unlocked for all of it.
func (w wired) burn(t *testing.T, line *sim.Line) {
	t.Helper()
	w.fire.Set(true)
	gatetest.Eventually(t, "the fire alarm opens the door", line.Active)
	edges := len(line.Edges())
	time.Sleep(time.Second)
	if !line.Active() || len(line.Edges()) != edges {
		t.Error("the door does not stay open during the fire alarm")
	}
	w.fire.Set(false)
	gatetest.Eventually(t, "the door locks after the alarm", func() bool { return !line.Active() })
}

// doorOf has a door with every input, and what more says.
func doorOf(more string) gatetest.Settings {
	return gatetest.Settings{"door": "{driver: sim, pulse: 300ms, contact: {line: C}, exit: {line: E}" + more + "}"}
}

// TestExitAndFire presses the exit button, and has a fire alarm, in everything that keeps people out.
func TestExitAndFire(t *testing.T) {
	always := ", schedule: [{days: sun-sat, from: 00:00, to: 24:00, door: shut}]"
	for _, test := range []struct {
		name    string
		more    string
		prepare func(t *testing.T, r *running)
	}{
		{"all is well", "", nil},
		{"faces are off", "", func(t *testing.T, r *running) { must(t, r.client.TurnFacesOff(t.Context(), "a film is made")) }},
		{"templates were destroyed", "", func(t *testing.T, r *running) {
			_, err := r.client.Lockdown(t.Context())
			must(t, err)
		}},
		{"the door is shut by its schedule", always, func(t *testing.T, r *running) {
			gatetest.Eventually(t, "the schedule is followed", func() bool { return strings.Contains(r.log.String(), "shut to all") })
		}},
		{"somebody opens it by hand", "", func(t *testing.T, r *running) {
			_, err := r.client.TestDoor(t.Context())
			must(t, err)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, more := wire(), doorOf(test.more)
			more["time_zone"] = "Asia/Shanghai"
			r := start(t, gatetest.NewSite(t), more, daemon.Outside{Inputs: w.inputs()})
			if test.prepare != nil {
				test.prepare(t, r)
			}
			w.leave(t, r.line)
			w.burn(t, r.line)
			s, err := r.client.Status(t.Context())
			if err != nil || s.Door.State != gpio.Locked || len(s.Door.Alarms) > 0 {
				t.Errorf("%+v, %v", s.Door, err)
			}
		})
	}
}

// TestExitWithoutRecords checks that exit button, fire and contact work while the records cannot be opened.
func TestExitWithoutRecords(t *testing.T) {
	site, w, line := gatetest.NewSite(t), wire(), sim.New()
	r, err := daemon.NewRemnant(site.Config(t, doorOf("")), daemon.Outside{Line: line, Inputs: w.inputs()}, "test", os.ErrInvalid, slog.New(slog.DiscardHandler))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	w.leave(t, line)
	w.burn(t, line)
	time.Sleep(3 * time.Second) // in which whoever leaves may open the door
	w.contact.Set(true)
	gatetest.Eventually(t, "the door is forced", func() bool { return has(r.Status(), "nobody was let in or out") })
	cancel()
	must(t, <-done)
}

// has reports whether a status has a condition of the door with the reason.
func has(s status.Status, reason string) bool {
	for _, c := range s.Health.Conditions {
		if c.Part == health.Door && strings.Contains(c.Reason, reason) && c.Todo != "" {
			return true
		}
	}
	return false
}

// TestExitDuringStart checks that exit button and fire work from when the line is open, while the rest of the gate is still being
// opened, which waits for the clock of a machine that does not answer.
func TestExitDuringStart(t *testing.T) {
	site, w, line := gatetest.NewSite(t), wire(), sim.New()
	config := site.Config(t, doorOf(""))
	started := make(chan error, 1)
	hang := make(chan struct{})
	machine := gatetest.TimeServer()
	go func() {
		d, err := daemon.New(config, daemon.Outside{
			Line: line, Inputs: w.inputs(), Source: gatetest.Stage(t),
			Clock: func() clock.Reading { <-hang; return machine() },
		}, "test", slog.New(slog.DiscardHandler))
		if err == nil {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			err = d.Run(ctx)
		}
		started <- err
	}()
	w.leave(t, line)
	w.burn(t, line)
	select {
	case err := <-started:
		t.Fatalf("the start did not wait: %v", err)
	default:
	}
	close(hang)
	must(t, <-started)
}

// TestAlarms forces the door, leaves it open, opens the housing and raises the fire alarm, and looks for each in status, log and
// audit log, and for nothing of who comes and goes.
func TestAlarms(t *testing.T) {
	site, w := gatetest.NewSite(t), wire()
	r := start(t, site, doorOf(", held_warn: 1s, held_after: 2s"), daemon.Outside{Inputs: w.inputs()})
	is := func(reason string, want bool) {
		t.Helper()
		gatetest.Eventually(t, reason, func() bool { return has(r.Status(), reason) == want })
	}
	w.contact.Set(true)
	is("nobody was let in or out", true)
	is("open for too long", true)
	w.tamper.Set(true)
	is("housing is open", true)
	w.fire.Set(true)
	is("fire alarm", true)
	is("open for too long", false) // it is open by right
	w.fire.Set(false)
	w.tamper.Set(false)
	w.contact.Set(false)
	for _, reason := range []string{"nobody was let in or out", "housing is open", "fire alarm"} {
		is(reason, false)
	}
	w.leave(t, r.line)
	w.exit.Fail(errors.New("the chip is gone"))
	is("door.exit is in fault", true)
	r.stop()
	counts := map[audit.Kind]int{}
	for _, e := range entries(t, site) {
		counts[e.Kind]++
	}
	if counts[audit.DoorForced] != 1 || counts[audit.Tampered] != 1 || counts[audit.FireAlarm] != 1 || counts[audit.Access]+counts[audit.OpenedByHand] != 0 {
		t.Errorf("the audit log has %v", counts)
	}
	for _, want := range []string{"alarm: the door was opened", "alarm: the door stands open", "alarm: somebody opens the housing", "fire alarm: the door is unlocked", "line=exit"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, r.log)
		}
	}
}

// entries returns the audit log of a gate that has stopped.
func entries(t *testing.T, site gatetest.Site) (list []audit.Entry) {
	t.Helper()
	s, err := opening.Store(site.Config(t, nil), systime.New(), slog.New(slog.DiscardHandler))
	must(t, err)
	l, err := s.Log().Read()
	must(t, err)
	must(t, s.Close())
	for _, r := range l.Records {
		list = append(list, *r.Entry)
	}
	return list
}
