package door_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"facegate/gpio/door"
	"facegate/gpio/sim"
)

// An heir keeps the door of a bench after it, on the same line.
type heir struct {
	*door.Controller
	fire *sim.Input
	halt func()
}

// inherit has the controller of a bench leave the door, and another one take it over a second later.
func (b *bench) inherit(t *testing.T, s door.Settings) (h heir, left *door.Left) {
	t.Helper()
	b.Leave()
	b.stop()
	if err := <-b.ended; err != nil {
		t.Error(err)
	}
	left = b.Left()
	time.Sleep(time.Second)
	h.fire = sim.NewInput()
	h.fire.Set(left.Fire)
	var err error
	h.Controller, err = door.New(door.Parts{
		Relay: b.relay, Settings: s, Left: left, Log: slog.New(slog.DiscardHandler), Inputs: door.Inputs{Fire: h.fire},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.halt = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	<-h.Ready()
	synctest.Wait()
	return h, left
}

// TestLeftOpen has a hold, the schedule and a fire alarm outlast the process that has let them open the door. The lock does not move, and
// each ends when it is to.
func TestLeftOpen(t *testing.T) {
	for _, fail := range []door.Fail{door.Secure, door.Safe} {
		for _, test := range []struct {
			name string
			open func(b *bench)
			end  func(h heir)  // nil if it ends by itself
			ends time.Duration // after the opening
			why  door.Cause
		}{
			{"hold", func(b *bench) { b.Hold(10 * time.Minute) }, nil, 10*time.Minute + time.Second, door.Hold},
			{"hold for as long as can be", func(b *bench) { b.Hold(time.Hour) }, nil, time.Hour + time.Second, door.Hold},
			{"released", func(b *bench) { b.Hold(time.Hour) }, func(h heir) { h.Release() }, 0, door.Hold},
			{"schedule", func(b *bench) { b.Follow(door.Open) }, func(h heir) { h.Follow(door.Normal) }, 0, door.Schedule},
			{"schedule, up to max_open", func(b *bench) { b.Follow(door.Open) }, nil, time.Hour + time.Second, door.Schedule},
			{"fire", func(b *bench) { b.fire.Set(true) }, func(h heir) { h.fire.Set(false) }, 0, door.Fire},
		} {
			t.Run(string(fail)+" "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := usual()
					s.Fail = fail
					b := start(t, s)
					test.open(b)
					opened := time.Now()
					time.Sleep(time.Minute)
					edges := len(b.relay.Edges())
					h, _ := b.inherit(t, s)
					if at := h.Status(); at.Why != test.why || len(b.relay.Edges()) != edges {
						t.Errorf("the door is %+v after the edges %v", at, b.relay.Edges())
					}
					if test.end != nil {
						test.end(h)
					} else {
						time.Sleep(time.Until(opened.Add(test.ends - 500*time.Millisecond)))
						if len(b.relay.Edges()) != edges {
							t.Errorf("it ends too early: %v", b.relay.Edges())
						}
						time.Sleep(time.Second)
					}
					synctest.Wait()
					if got := b.relay.Edges(); len(got) != edges+1 || h.Status().Why != "" {
						t.Errorf("it has not ended: %v, %+v", got, h.Status())
					}
					h.halt()
				})
			})
		}
	}
}

// TestLeftLocked has a door that was locked stay so, and a schedule that has come to max_open not open it once more.
func TestLeftLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		b.Follow(door.Open)
		time.Sleep(2 * time.Hour)
		edges := len(b.relay.Edges())
		h, left := b.inherit(t, usual())
		h.Follow(door.Open)
		time.Sleep(time.Minute)
		if b.relay.Active() || len(b.relay.Edges()) != edges || !left.Spent {
			t.Errorf("the door is open: %v, %+v", b.relay.Edges(), left)
		}
		h.Follow(door.Normal)
		h.Follow(door.Open)
		synctest.Wait()
		if !b.relay.Active() {
			t.Error("the next window does not open the door")
		}
		h.halt()
	})
}

// TestLeftPulse has a controller leave a door in the midst of a pulse: nobody ends it but this one.
func TestLeftPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		if _, err := b.Open(door.Granted); err != nil {
			t.Fatal(err)
		}
		h, _ := b.inherit(t, usual())
		if b.relay.Active() {
			t.Error("the door is open")
		}
		h.halt()
	})
}

// TestLeftToNobody has nobody run the controller of a door that was left open: it locks all the same.
func TestLeftToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := sim.New()
		_, err := door.New(door.Parts{Relay: line, Settings: usual(), Left: &door.Left{Hold: time.Hour, Limit: time.Hour}, Log: slog.New(slog.DiscardHandler)})
		if err != nil || !line.Active() {
			t.Fatalf("open: %v, %v", line.Active(), err)
		}
		time.Sleep(31 * time.Second)
		if line.Active() {
			t.Error("the door is open")
		}
	})
}
