package door_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
)

const pulse = 3 * time.Second

// usual are the settings of a strike with all inputs.
func usual() door.Settings {
	return door.Settings{
		Kind: door.Strike, Fail: door.Secure, Pulse: pulse, MaxOpen: time.Hour, Passage: 10 * time.Second,
		HeldWarn: 20 * time.Second, HeldAfter: 30 * time.Second, Forced: true,
	}
}

// bench is a running controller on simulated lines, in a synctest bubble.
type bench struct {
	t *testing.T
	*door.Controller
	relay, red, green, buzzer   *sim.Line
	contact, exit, fire, tamper *sim.Input
	start                       time.Time
	stop                        context.CancelFunc
	ended                       chan error

	round  atomic.Int64  // when the controller last went round, in nanoseconds since the start
	hang   chan struct{} // for which the event of a stuck button waits; nil for none
	mu     sync.Mutex    // guards what follows
	events []door.Event
}

func start(t *testing.T, s door.Settings) *bench {
	t.Helper()
	b := &bench{
		t: t, relay: sim.New(), red: sim.New(), green: sim.New(), buzzer: sim.New(), start: time.Now(), ended: make(chan error, 1),
		contact: sim.NewInput(), exit: sim.NewInput(), fire: sim.NewInput(), tamper: sim.NewInput(),
	}
	var err error
	b.Controller, err = door.New(door.Parts{
		Relay: b.relay, Settings: s, Emit: b.emit, Log: slog.New(slog.DiscardHandler),
		Round:   func() { b.round.Store(int64(time.Since(b.start))) },
		Inputs:  door.Inputs{Contact: b.contact, Exit: b.exit, Fire: b.fire, Tamper: b.tamper},
		Signals: door.Signals{Red: b.red, Green: b.green, Buzzer: b.buzzer},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run()
	return b
}

// run runs the controller until halt.
func (b *bench) run() {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.stop = cancel
	go func() { b.ended <- b.Run(ctx) }()
	<-b.Ready()
	synctest.Wait()
}

func (b *bench) emit(e door.Event) {
	if b.hang != nil && e.What == door.LineFault {
		<-b.hang
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

// halt stops the controller and returns Run's error.
func (b *bench) halt() error {
	b.stop()
	return <-b.ended
}

// did returns what has happened so far, with the causes of openings, and forgets it.
func (b *bench) did() (all []string) {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		text := string(e.What)
		for _, more := range []string{string(e.Cause), e.Line} {
			if more != "" {
				text += " " + more
			}
		}
		all = append(all, text)
	}
	b.events = nil
	return all
}

func (b *bench) want(events ...string) {
	b.t.Helper()
	if diff := cmp.Diff(events, b.did()); diff != "" {
		b.t.Errorf("%v after the start (-want +got):\n%s", time.Since(b.start), diff)
	}
}

// wantEdges compares the levels of the relay's line with times since the start of the test at which they changed.
func (b *bench) wantEdges(want ...time.Duration) {
	b.t.Helper()
	var got []time.Duration
	for _, edge := range b.relay.Edges() {
		got = append(got, edge.At.Sub(b.start))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("edges (-want +got):\n%s", diff)
	}
}

func (b *bench) set(in *sim.Input, active bool) {
	in.Set(active)
	synctest.Wait()
}

// press presses the exit button for a moment.
func (b *bench) press() {
	b.set(b.exit, true)
	b.set(b.exit, false)
}

func (b *bench) open(c door.Cause) gpio.Edge {
	b.t.Helper()
	edge, err := b.Open(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return edge
}

func (b *bench) refused(want error, c door.Cause) {
	b.t.Helper()
	if _, err := b.Open(c); !errors.Is(err, want) {
		b.t.Errorf("%v after the start: Open = %v, want %v", time.Since(b.start), err, want)
	}
}

func TestOnePassage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		edge := b.open(door.Granted)
		if !b.relay.Active() {
			t.Error("Open returned with the door locked")
		}
		b.refused(gpio.ErrBusy, door.Granted)
		b.refused(gpio.ErrBusy, door.Hand)
		time.Sleep(time.Second)
		b.set(b.contact, true)
		time.Sleep(time.Second)
		b.set(b.contact, false)
		<-edge.Done
		b.wantEdges(0, 2*time.Second) // it locks when it closes
		b.want("unlocked granted", "opened", "closed", "locked")
		time.Sleep(time.Second)
		b.open(door.Hand)
		time.Sleep(time.Minute)
		b.wantEdges(0, 2*time.Second, 3*time.Second, 3*time.Second+pulse)
		b.want("unlocked hand", "locked")
		if s := b.Status(); s.State != gpio.Locked || s.Pulses != 2 || s.Contact != "closed" {
			t.Errorf("status %+v", s)
		}
		if err := b.halt(); err != nil {
			t.Error(err)
		}
		b.refused(gpio.ErrStopped, door.Granted)
	})
}

func TestExitAndFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		b.Follow(door.Shut)
		b.refused(door.ErrShut, door.Granted)
		b.press()
		b.want("exit asked", "unlocked exit")
		time.Sleep(time.Minute)
		b.set(b.fire, true)
		time.Sleep(24 * time.Hour)
		if s := b.Status(); s.State != gpio.Unlocked || s.Why != door.Fire {
			t.Errorf("under a fire alarm %+v", s)
		}
		b.set(b.fire, false)
		b.wantEdges(0, pulse, time.Minute, time.Minute+24*time.Hour)
		b.want("locked", "fire", "unlocked fire", "fire ended", "locked")
		b.halt()
	})
}

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		if err := b.Hold(time.Hour + 1); !errors.Is(err, door.ErrTooLong) {
			t.Errorf("Hold = %v", err)
		}
		if err := b.Release(); !errors.Is(err, door.ErrNotHeld) {
			t.Errorf("Release = %v", err)
		}
		if err := b.Hold(time.Hour); err != nil {
			t.Fatal(err)
		}
		b.refused(gpio.ErrBusy, door.Granted)
		time.Sleep(50 * time.Minute)
		if err := b.Hold(20 * time.Minute); !errors.Is(err, door.ErrTooLong) {
			t.Errorf("Hold = %v", err)
		}
		if s := b.Status(); s.Why != door.Hold || s.LeftS != 600 {
			t.Errorf("status %+v", s)
		}
		time.Sleep(time.Hour)
		b.wantEdges(0, time.Hour)
		if err := b.Hold(time.Hour); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := b.Release(); err != nil {
			t.Error(err)
		}
		b.want("unlocked hold", "locked", "unlocked hold", "locked")
		b.halt()
	})
}

// TestStop ends the controller in the middle of openings. A door that is free without the gate stays free under a fire alarm.
func TestStop(t *testing.T) {
	for _, fail := range []door.Fail{door.Secure, door.Safe} {
		for _, test := range []struct {
			name   string
			open   func(*bench)
			active bool // of a relay that holds shut, at the end
		}{
			{"locked", func(*bench) {}, true},
			{"pulse", func(b *bench) { b.open(door.Granted) }, true},
			{"hold", func(b *bench) { b.Hold(time.Hour) }, true},
			{"schedule", func(b *bench) { b.Follow(door.Open) }, true},
			{"fire", func(b *bench) { b.set(b.fire, true) }, false},
		} {
			t.Run(string(fail)+" "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := usual()
					s.Fail = fail
					b := start(t, s)
					test.open(b)
					if err := b.halt(); err != nil {
						t.Error(err)
					}
					n := len(b.relay.Edges())
					b.fire.Set(false)
					b.Follow(door.Normal)
					if want := test.active && fail == door.Safe; b.relay.Active() != want {
						t.Errorf("the relay is active = %t, want %t", b.relay.Active(), want)
					}
					time.Sleep(time.Hour)
					if got := len(b.relay.Edges()); got != n {
						t.Errorf("%d edges after the end", got-n)
					}
				})
			})
		}
	}
}

// TestFree ends the controller for good: a door that is free without the gate is so at once.
func TestFree(t *testing.T) {
	for _, fail := range []door.Fail{door.Secure, door.Safe} {
		synctest.Test(t, func(t *testing.T) {
			s := usual()
			s.Fail = fail
			b := start(t, s)
			b.Free()
			b.open(door.Granted)
			time.Sleep(time.Minute)
			if locked := fail == door.Safe; b.relay.Active() != locked {
				t.Errorf("fail %s, in service: the relay is active = %t", fail, b.relay.Active())
			}
			if err := b.halt(); err != nil || b.relay.Active() {
				t.Errorf("fail %s: Run = %v, the relay is active = %t", fail, err, b.relay.Active())
			}
		})
	}
}

// TestLastingOpenings has the schedule keep the door open over many leases without a gap.
func TestLastingOpenings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		b.Follow(door.Open)
		time.Sleep(30 * time.Minute)
		b.Follow(door.Normal)
		b.wantEdges(0, 30*time.Minute)
		b.Follow(door.Open)
		time.Sleep(24 * time.Hour)
		b.wantEdges(0, 30*time.Minute, 30*time.Minute, 90*time.Minute) // max_open
		b.want("unlocked schedule", "locked", "unlocked schedule", "locked")
		b.halt()
	})
}
