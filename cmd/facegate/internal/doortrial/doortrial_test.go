package doortrial_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/door/diagnose"
	"facegate/gpio/sim"
)

// A rig is a door of lines in memory, with the controller of a gate, and somebody who stands at it. It lives in a bubble.
type rig struct {
	t                           *testing.T
	relay                       *sim.Line
	contact, exit, fire, tamper *sim.Input
	bench                       *doortrial.Bench
	parts                       door.Parts

	// what somebody at the door does when they are told something, or asked, which has one of these texts in it
	at   map[string]func()
	says map[string]bool // their answers that are not yes
	mu   sync.Mutex      // guards heard
	told []string
}

const ms = time.Millisecond

// newRig makes a door on which nothing is wrong. wired has the roles of inputs that are there.
func newRig(t *testing.T, wired ...string) *rig {
	r := &rig{
		t: t, relay: sim.New(), contact: sim.NewInput(), exit: sim.NewInput(), fire: sim.NewInput(), tamper: sim.NewInput(),
		at: map[string]func(){}, says: map[string]bool{},
	}
	r.parts = door.Parts{
		Relay: r.relay, Log: slog.New(slog.DiscardHandler),
		Settings: door.Settings{
			Kind: door.Strike, Fail: gpio.Secure, Pulse: 4 * time.Second, MaxOpen: time.Hour, Passage: 10 * time.Second,
			HeldWarn: 20 * time.Second, HeldAfter: 30 * time.Second,
		},
	}
	for role, in := range map[string]struct {
		to   *gpio.Input
		line *sim.Input
	}{
		"contact": {&r.parts.Inputs.Contact, r.contact}, "exit": {&r.parts.Inputs.Exit, r.exit},
		"fire": {&r.parts.Inputs.Fire, r.fire}, "tamper": {&r.parts.Inputs.Tamper, r.tamper},
	} {
		if slices.Contains(wired, role) {
			*in.to = in.line
		}
	}
	return r
}

// all are the inputs of a door that has every one.
var all = []string{"contact", "exit", "fire", "tamper"}

// goThrough has somebody open the door when it unlocks, and let it fall shut.
func (r *rig) goThrough() {
	r.at["Ready?"] = func() {
		r.later(1200*ms, func() { r.contact.Set(true) })
		r.later(3*time.Second, func() { r.contact.Set(false) })
	}
}

func (r *rig) press() {
	r.at["press the exit button now"] = func() {
		r.later(2*time.Second, func() { r.exit.Set(true) })
		r.later(2300*ms, func() { r.exit.Set(false) })
		r.later(3*time.Second, func() { r.contact.Set(true) })
		r.later(4*time.Second, func() { r.contact.Set(false) })
	}
}

func (r *rig) later(d time.Duration, do func()) { time.AfterFunc(d, do) }

// hear is what somebody does who is told something.
func (r *rig) hear(text string) {
	r.mu.Lock()
	r.told = append(r.told, text)
	r.mu.Unlock()
	for part, do := range r.at {
		if strings.Contains(text, part) && !strings.HasPrefix(text, "The exit button is next") {
			do()
		}
	}
}

// talk is with somebody who answers yes where nothing else is said.
func (r *rig) talk() doortrial.Talk {
	return doortrial.Talk{Say: r.hear, Ask: func(_ context.Context, question string) (bool, error) {
		time.Sleep(500 * ms)
		r.hear(question)
		for part, answer := range r.says {
			if strings.Contains(question, part) {
				return answer, nil
			}
		}
		return true, nil
	}}
}

// run runs the controller, and a test of its door.
func (r *rig) run(ctx context.Context, talk doortrial.Talk) (doortrial.Report, error) {
	r.t.Helper()
	var err error
	if r.bench, err = doortrial.NewBench(r.parts, nil, func(time.Time) error { return nil }); err != nil {
		r.t.Fatal(err)
	}
	var report doortrial.Report
	err = r.bench.During(r.t.Context(), func(context.Context) error {
		synctest.Wait()
		var err error
		report, err = doortrial.Run(ctx, r.bench, talk)
		return err
	})
	if r.relay.Active() {
		r.t.Error("the door is open after the test")
	}
	return report, err
}

func faults(r doortrial.Report) (all []diagnose.Fault) {
	for _, f := range r.Findings {
		all = append(all, f.Fault)
	}
	return all
}

// An inverted input is wired the wrong way round.
type inverted struct{ *sim.Input }

func (i inverted) Watch(ctx context.Context, emit func(gpio.Level)) error {
	return i.Input.Watch(ctx, func(l gpio.Level) { l.Active = !l.Active; emit(l) })
}

// TestGuide tests doors with somebody at them.
func TestGuide(t *testing.T) {
	for _, tt := range []struct {
		name   string
		wired  []string
		do     func(*rig)
		want   []diagnose.Fault
		opened time.Duration
		exit   bool
	}{
		{"nothing is wrong", all, func(r *rig) { r.goThrough(); r.press() }, nil, 1200 * ms, true},
		{"a relay alone", nil, func(*rig) {}, nil, 0, false},
		{"a contact alone", []string{"contact"}, func(r *rig) { r.goThrough() }, nil, 1200 * ms, false},
		{"the contact is inverted", all, func(r *rig) {
			r.parts.Inputs.Contact = inverted{r.contact}
			r.goThrough()
			r.press()
		}, []diagnose.Fault{diagnose.ContactInverted}, 1200 * ms, true},
		{"the contact is not wired", all, func(r *rig) { r.press() }, []diagnose.Fault{diagnose.ContactSilent}, 0, true},
		{"the lock does nothing", all, func(r *rig) {
			r.says["let go"], r.says["click"] = false, false
			r.press()
		}, []diagnose.Fault{diagnose.RelaySilent}, 0, true},
		{"the exit button is inverted", all, func(r *rig) {
			r.parts.Inputs.Exit = inverted{r.exit}
			r.goThrough()
			r.press()
		}, []diagnose.Fault{diagnose.ExitInverted}, 1200 * ms, true},
		{"the exit button is stuck", all, func(r *rig) {
			r.exit.Set(true)
			r.goThrough()
		}, []diagnose.Fault{diagnose.ExitStuck}, 1200 * ms, false},
		{"the exit button is not wired", all, func(r *rig) { r.goThrough() }, []diagnose.Fault{diagnose.ExitSilent}, 1200 * ms, false},
		{"nobody is at the exit button", all, func(r *rig) {
			r.goThrough()
			r.says["exit button is next"] = false
		}, nil, 1200 * ms, false},
		{"nobody pressed", all, func(r *rig) {
			r.goThrough()
			r.says["No press"] = false
		}, nil, 1200 * ms, false},
		{"the door stays open", all, func(r *rig) {
			r.at["Ready?"] = func() { r.later(1200*ms, func() { r.contact.Set(true) }) }
			r.says["shut again"], r.says["exit button is next"] = false, false
		}, []diagnose.Fault{diagnose.StaysOpen}, 1200 * ms, false},
		{"it opens when it is locked again", all, func(r *rig) {
			r.at["Ready?"] = func() {
				r.later(5*time.Second, func() { r.contact.Set(true) })
				r.later(7*time.Second, func() { r.contact.Set(false) })
			}
			r.press()
		}, []diagnose.Fault{diagnose.LocksEarly}, 5 * time.Second, true},
		{"the contact bounces", all, func(r *rig) {
			r.goThrough()
			r.at["waiting"] = func() {
				for i := range 4 {
					r.later(time.Duration(100+30*i)*ms, func() { r.contact.Set(i%2 == 0) })
				}
			}
			r.press()
		}, []diagnose.Fault{diagnose.ContactBounces}, 1200 * ms, true},
		{"the case is open", all, func(r *rig) {
			r.tamper.Set(true)
			r.goThrough()
			r.press()
		}, []diagnose.Fault{diagnose.TamperActive}, 1200 * ms, true},
		{"lines cannot be read", all, func(r *rig) {
			r.exit.Fail(errors.New("no such device"))
			r.tamper.Fail(errors.New("no such device"))
			r.goThrough()
		}, []diagnose.Fault{diagnose.LineBroken, diagnose.LineBroken}, 1200 * ms, false},
		{"the wrong way round", []string{"contact"}, func(r *rig) {
			r.says["Is it locked"], r.says["let go"] = false, false
		}, []diagnose.Fault{diagnose.RelayInverted}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, tt.wired...)
				tt.do(r)
				report, err := r.run(t.Context(), r.talk())
				if err != nil || report.Pulse == nil || report.NoPulse != "" || report.Unseen != "" {
					t.Errorf("report %+v, error %v", report, err)
				}
				if diff := cmp.Diff(tt.want, faults(report)); diff != "" {
					t.Errorf("findings (-want +got):\n%s\n%q", diff, r.told)
				}
				if report.Opened != tt.opened || report.Exit != tt.exit {
					t.Errorf("opened after %v, want %v; by the button %t", report.Opened, tt.opened, report.Exit)
				}
			})
		})
	}
}

// TestNobodyAsked tests doors that nobody stands at.
func TestNobodyAsked(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wired []string
		do    func(*rig)
		want  []diagnose.Fault
	}{
		{"a relay alone", nil, func(*rig) {}, nil},
		{"nobody goes through", all, func(*rig) {}, []diagnose.Fault{diagnose.NothingMoved}},
		{"somebody goes through", all, func(r *rig) {
			r.later(time.Second, func() { r.contact.Set(true) })
			r.later(2*time.Second, func() { r.contact.Set(false) })
		}, nil},
		{"somebody goes through, and the contact is inverted", all, func(r *rig) {
			r.parts.Inputs.Contact = inverted{r.contact}
			r.later(time.Second, func() { r.contact.Set(true) })
			r.later(2*time.Second, func() { r.contact.Set(false) })
		}, []diagnose.Fault{diagnose.ContactInverted}},
		{"the exit button is stuck", []string{"exit"}, func(r *rig) { r.exit.Set(true) }, []diagnose.Fault{diagnose.ExitStuck}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, tt.wired...)
				tt.do(r)
				report, err := r.run(t.Context(), doortrial.Talk{Say: r.hear})
				if err != nil || report.Pulse == nil || report.Pulse.Pulse <= 0 {
					t.Errorf("report %+v, error %v", report, err)
				}
				if diff := cmp.Diff(tt.want, faults(report)); diff != "" {
					t.Errorf("findings (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestNotLocked checks that no pulse is given to a door that is open, and that it is said why.
func TestNotLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, all...)
		r.fire.Set(true)
		report, err := r.run(t.Context(), r.talk())
		if err != nil || report.Pulse != nil || !strings.Contains(report.NoPulse, "fire") {
			t.Errorf("report %+v, error %v", report, err)
		}
		if diff := cmp.Diff([]diagnose.Fault{diagnose.FireActive}, faults(report)); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
	})
}

// TestNotReady checks that no pulse is given that nobody wants.
func TestNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, all...)
		r.says["One pulse"] = false
		if report, err := r.run(t.Context(), r.talk()); !errors.Is(err, doortrial.ErrNotReady) || hint.Of(err) == "" || report.Pulse != nil {
			t.Errorf("report %+v, error %v", report, err)
		}
		if n := len(r.relay.Edges()); n != 0 {
			t.Errorf("%d edges of the relay", n)
		}
	})
}

// TestInterrupted ends tests at each of their steps, as Ctrl-C does, and wants the door locked.
func TestInterrupted(t *testing.T) {
	for after := time.Duration(0); after < 16*time.Second; after += 250 * ms {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, all...)
			r.goThrough()
			r.press()
			ctx, stop := context.WithTimeout(t.Context(), after)
			defer stop()
			talk := r.talk()
			ask := talk.Ask
			talk.Ask = func(c context.Context, q string) (bool, error) {
				yes, err := ask(c, q)
				return yes, errors.Join(err, c.Err())
			}
			if _, err := r.run(ctx, talk); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %v: %v", after, err)
			}
			edges := r.relay.Edges()
			for i := 1; i < len(edges); i += 2 {
				if d := edges[i].At.Sub(edges[i-1].At); d > r.parts.Settings.Pulse {
					t.Errorf("after %v the door was open for %v", after, d)
				}
			}
		})
	}
}

// A mute door does not tell what it does.
type mute struct{ *doortrial.Bench }

var errMute = errors.New("the door was watched too often within the hour")

func (m mute) WatchDoor(context.Context, func(status.DoorMoment)) error { return errMute }

// TestUnseen tests a door that may not be watched any more: its pulse is timed, and no more is said.
func TestUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, all...)
		bench, err := doortrial.NewBench(r.parts, nil, func(time.Time) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		var report doortrial.Report
		err = bench.During(t.Context(), func(ctx context.Context) (err error) {
			report, err = doortrial.Run(ctx, mute{bench}, r.talk())
			return err
		})
		if err != nil || report.Unseen != errMute.Error() || report.Pulse == nil || len(report.Findings) > 0 {
			t.Errorf("report %+v, error %v", report, err)
		}
	})
}

// An open door has a status, and nothing else is asked of it.
type open struct {
	*doortrial.Bench
	why door.Cause
}

func (o open) Door(context.Context) (status.Door, error) {
	s := door.Status{State: gpio.Unlocked, Why: o.why, Lines: []door.LineStatus{{Role: "relay", Active: true}}}
	if o.why == "" {
		s.State = gpio.Fault
	}
	return status.Door{Status: s, Kind: door.Strike, Pulse: time.Second}, nil
}

// TestOpenForAReason checks that it is said why a door gets no pulse, and what to do.
func TestOpenForAReason(t *testing.T) {
	for why, want := range map[door.Cause]string{
		door.Hold: "facegate door release", door.Schedule: "--direct", door.Fire: "fire", door.Granted: "in a moment",
		door.Exit: "in a moment", door.Hand: "in a moment", "": "fault",
	} {
		report, err := doortrial.Run(t.Context(), open{why: why}, doortrial.Talk{Say: func(string) {}})
		if err != nil || report.OK() || report.Pulse != nil || !strings.Contains(report.NoPulse, want) {
			t.Errorf("open for %q: %+v, %v", why, report, err)
		}
	}
}
