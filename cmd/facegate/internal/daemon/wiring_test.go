package daemon_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/clock/clocktest"
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
	t.Parallel()
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
			t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

// TestHold holds the door for furniture: bounded, in the audit log before it opens, and over by its time, by release and by a stop.
func TestHold(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	r := start(t, site, gatetest.Settings{"door": "{driver: sim, pulse: 300ms, max_open: 1m}"}, daemon.Outside{})
	hold := func(d time.Duration) error {
		return r.client.HoldDoor(t.Context(), status.DoorHold{For: d, Reason: "a piano"})
	}
	if err := hold(61 * time.Second); !errors.Is(err, control.ErrRefused) || !strings.Contains(hint.Of(err), "door.max_open") || r.line.Active() {
		t.Errorf("held for longer than may be: %v, hint %q", err, hint.Of(err))
	}
	must(t, hold(2*time.Second))
	if !r.line.Active() {
		t.Error("the door is locked although it is held")
	}
	gatetest.Eventually(t, "the hold is over", func() bool { return !r.line.Active() })
	gatetest.Eventually(t, "that it is over is in the log", func() bool { return strings.Contains(r.log.String(), "its time is over") })
	edges := r.line.Edges()
	if d := edges[1].At.Sub(edges[0].At); len(edges) != 2 || d < 1900*time.Millisecond || d > 10*time.Second {
		t.Errorf("held for %v in %d edges, want 2 s", d, len(edges))
	}
	must(t, hold(time.Minute))
	must(t, r.client.ReleaseDoor(t.Context()))
	gatetest.Eventually(t, "the door is released", func() bool { return !r.line.Active() })
	must(t, hold(time.Minute))
	r.stop()
	if r.line.Active() {
		t.Error("the door is open although the gate has stopped")
	}
	var held []audit.Entry
	for _, e := range entries(t, site) {
		if e.Kind == audit.DoorHeld || e.Kind == audit.DoorReleased {
			held = append(held, e)
		}
	}
	want := []struct {
		kind  audit.Kind
		count uint32
	}{{audit.DoorHeld, 2}, {audit.DoorHeld, 60}, {audit.DoorReleased, 0}, {audit.DoorHeld, 60}}
	if len(held) != len(want) {
		t.Fatalf("the audit log has %+v", held)
	}
	for i, w := range want {
		if e := held[i]; e.Kind != w.kind || e.Count != w.count || int(e.Actor) != os.Getuid() {
			t.Errorf("entry %d is %+v, want %v", i, e, w)
		}
	}
	for _, want := range []string{"the door is held open", `reason="a piano"`, "held open no more"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

// TestHoldIsResumed has a fresh process go on with a hold that the one before it has left.
func TestHoldIsResumed(t *testing.T) {
	t.Parallel()
	left := daemon.Left{Door: &door.Left{Hold: 3 * time.Second, Limit: time.Hour}, Hold: &daemon.Hold{By: "ada", Reason: "a piano"}}
	r := start(t, gatetest.NewSite(t), nil, daemon.Outside{Left: left})
	gatetest.Eventually(t, "it was held and is locked again", func() bool { return !r.line.Active() && len(r.line.Edges()) == 2 })
	e := r.line.Edges()
	if d := e[1].At.Sub(e[0].At); d < 2900*time.Millisecond {
		t.Errorf("held for %v, want 3 s", d)
	}
	if !strings.Contains(r.log.String(), "as it was before") {
		t.Errorf("the log:\n%s", r.log)
	}
}

// TestSchedule has a door follow its schedule, and take back what it has said as soon as the clock is doubted.
func TestSchedule(t *testing.T) {
	t.Parallel()
	machine := clocktest.New(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)) // a Monday
	machine.Sync(true)
	site, w := gatetest.NewSite(t), wire()
	more := doorOf(", fire: {line: F}, max_open: 12h, schedule: [{days: mon-fri, from: 08:00, to: 18:00, door: open}, {days: sun-sat, from: 22:00, to: 05:00, door: shut}], " +
		"holidays: [2026-03-03]")
	more["time_zone"], more["kiosk"] = "UTC", `{listen: "127.0.0.1:0"}`
	r := start(t, site, more, daemon.Outside{Clock: machine.Read, Inputs: w.inputs()})
	screen := r.screen(t)
	open := func(what string, want bool) {
		t.Helper()
		gatetest.Eventually(t, what, func() bool { return r.line.Active() == want })
	}
	says := func(what, want string) {
		t.Helper()
		gatetest.Eventually(t, what, func() bool { return strings.HasSuffix(strings.TrimSpace(r.log.String()), want) })
	}
	open("it is open on Monday at nine", true)
	machine.Pass(10 * time.Hour)
	open("it is locked in the evening", false)
	machine.Pass(4 * time.Hour)
	says("it is shut at night", `says="shut to all"`)
	shown := screen.await(t, 0, "shut 2026-03-03T05:00")
	w.burn(t, r.line)
	shown = screen.await(t, shown, "shut 2026-03-03T05:00")
	if slices.Contains(screen.since(0), "shut") {
		t.Error("the screen does not say until when the door is shut")
	}
	w.leave(t, r.line)
	if d, err := r.client.Door(t.Context()); err != nil || d.Schedule == nil || d.Schedule.Waits || d.Schedule.Says != "shut" {
		t.Errorf("at night the door is %+v, %v", d.Schedule, err)
	}
	machine.Pass(11 * time.Hour)
	screen.await(t, shown, "idle")
	gatetest.Eventually(t, "it is as always on a holiday", func() bool { return strings.Count(r.log.String(), `says="as the rules have it"`) == 2 })
	if r.line.Active() {
		t.Error("the door is open on a holiday")
	}
	if has(r.Status(), "door.holidays") {
		t.Error("health speaks of the last holiday on its day")
	}
	machine.Pass(24 * time.Hour)
	open("it is open on Wednesday", true)
	gatetest.Eventually(t, "health says that there is no holiday to come", func() bool {
		return has(r.Status(), "all days of door.holidays are past, the last of them 2026-03-03")
	})
	machine.Sync(false)
	machine.Ahead(time.Hour)
	open("nothing is followed when the clock was set", false)
	gatetest.Eventually(t, "health says so", func() bool { return has(r.Status(), "the clock is not known to be right") })
	machine.Ahead(0)
	open("it is followed again when the clock is right", true)
	if has(r.Status(), "the clock is not known to be right") {
		t.Error("health says that the schedule waits")
	}
}
