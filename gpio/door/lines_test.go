package door_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
)

// sequences returns how many random ones a test tries.
func sequences(few, many int) int {
	if os.Getenv("FACEGATE_SLOW") != "" {
		return many
	}
	return few
}

// A model is the machine of a door, led by hand through what a controller is given.
type model struct {
	door.Machine
	state  door.State
	start  time.Time
	events []door.Event
	edges  []time.Duration // of the lock, since the start
}

func (m *model) take(in door.Input, at door.Instant) {
	next, events := m.Next(m.state, in, at)
	for _, e := range events {
		if e.What == door.Unlocked || e.What == door.Locked {
			m.edges = append(m.edges, at)
		}
		e.At = m.start.Add(at)
		m.events = append(m.events, e)
	}
	m.state = next
}

// do brings the model up to now, deadline by deadline, and has it take an input.
func (m *model) do(in door.Input) {
	now := time.Since(m.start)
	for next := m.state.Wake(); next > 0 && next <= now; next = m.state.Wake() {
		m.take(door.Input{}, next)
	}
	m.take(in, now)
}

// anything returns something that can be done to a door.
func anything(r *rand.Rand) door.Input {
	switch r.IntN(8) {
	case 0, 1, 2, 3:
		return door.Input{Act: door.Level, Line: door.ContactLine + door.Role(r.IntN(4)), Active: r.IntN(2) == 0}
	case 4, 5:
		return door.Input{Act: door.Grant, Cause: []door.Cause{door.Granted, door.Hand}[r.IntN(2)]}
	case 6:
		return door.Input{Act: door.Keep, For: time.Duration(r.IntN(80)) * time.Second}
	}
	if r.IntN(2) == 0 {
		return door.Input{Act: door.Release}
	}
	return door.Input{Act: door.Follow, Plan: door.Plan(r.IntN(3))}
}

// apply does it.
func (b *bench) apply(in door.Input) (err error) {
	switch in.Act {
	case door.Level:
		b.set(map[door.Role]*sim.Input{
			door.ContactLine: b.contact, door.ExitLine: b.exit, door.FireLine: b.fire, door.TamperLine: b.tamper,
		}[in.Line], in.Active)
	case door.Grant:
		_, err = b.Open(in.Cause)
	case door.Keep:
		err = b.Hold(in.For)
	case door.Release:
		err = b.Release()
	case door.Follow:
		b.Follow(in.Plan)
	}
	return err
}

// answer returns what the machine says to somebody who does it.
func (m *model) answer(in door.Input) error {
	most := m.Longest(m.state, time.Since(m.start))
	switch {
	case in.Act == door.Grant:
		return m.Refusal(m.state, in.Cause)
	case in.Act == door.Keep && (in.For <= 0 || in.For > most):
		return door.ErrTooLong
	case in.Act == door.Release && m.state.Hold == 0:
		return door.ErrNotHeld
	}
	return nil
}

// anySettings returns those of a random door. Its deadlines do not fall on the rounds of the controller.
func anySettings(r *rand.Rand) door.Settings {
	s := usual()
	s.Kind = []door.Kind{door.Strike, door.Maglock, door.Turnstile}[r.IntN(3)]
	s.Fail = []door.Fail{door.Secure, door.Safe}[r.IntN(2)]
	s.MaxOpen, s.Forced = time.Minute, r.IntN(2) == 0
	s.Pulse = 200 * time.Millisecond
	for _, d := range []*time.Duration{&s.Pulse, &s.MaxOpen, &s.Passage, &s.HeldWarn, &s.HeldAfter} {
		*d += time.Duration(r.IntN(1000)) * time.Millisecond
	}
	s.HeldAfter = max(s.HeldAfter, s.HeldWarn)
	return s
}

// waits are between what happens: nothing, and around every deadline of usual doors.
var waits = []time.Duration{
	0, 0, 1, time.Second, 2 * time.Second, pulse, 3500 * time.Millisecond, 10 * time.Second, 30 * time.Second, time.Minute,
}

// TestControllerFollowsMachine does random things to doors, and compares the lock's level at every moment and all events with those
// of the machine that the search has proven.
func TestControllerFollowsMachine(t *testing.T) {
	for seed := range uint64(sequences(200, 20_000)) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			s := anySettings(r)
			b := start(t, s)
			m := &model{Machine: door.NewMachine(s), start: b.start}
			for line := door.ContactLine; line <= door.TamperLine; line++ {
				m.do(door.Input{Act: door.Level, Line: line})
			}
			for range 30 {
				in := anything(r)
				m.do(door.Input{})
				want := m.answer(in)
				if err := b.apply(in); !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Fatalf("seed %d: %+v is answered by %v, want %v", seed, in, err, want)
				}
				if want == nil {
					m.do(in)
				}
				time.Sleep(waits[r.IntN(len(waits))])
				synctest.Wait()
			}
			m.do(door.Input{})
			b.compare(m, seed)
			b.halt()
		})
	}
}

func (b *bench) compare(m *model, seed uint64) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.events {
		b.events[i].Err = nil
	}
	if diff := cmp.Diff(m.events, b.events); diff != "" {
		b.t.Fatalf("seed %d: the controller tells (-the machine +the controller):\n%s", seed, diff)
	}
	var edges []time.Duration
	for _, e := range b.relay.Edges() {
		edges = append(edges, e.At.Sub(b.start))
	}
	if m.Fail == door.Safe {
		edges = edges[1:] // that of the start, which locks
	}
	if diff := cmp.Diff(m.edges, edges); diff != "" {
		b.t.Fatalf("seed %d: the lock moves (-as the machine wants +as it does):\n%s", seed, diff)
	}
}

// TestLinesFail does random things to doors whose relay fails now and then. Whatever came before, the lock does what it should as
// soon as its line can be driven, and the outage is told.
func TestLinesFail(t *testing.T) {
	broken := errors.New("input/output error")
	for seed := range uint64(sequences(60, 10_000)) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			s := anySettings(r)
			b := start(t, s)
			locked, fire := b.relay.Active(), false
			for range 30 {
				b.relay.Fail(map[bool]error{true: broken}[r.IntN(3) == 0])
				in := anything(r)
				b.apply(in)
				if in.Act == door.Level && in.Line == door.FireLine {
					fire = in.Active
				}
				time.Sleep(waits[r.IntN(len(waits))])
				b.relay.Fail(nil)
				time.Sleep(1200 * time.Millisecond) // a round, and an attempt
				synctest.Wait()
				status := b.Status()
				if unlocked := b.relay.Active() != locked; unlocked != (status.State == gpio.Unlocked) || unlocked != (status.Why != "") {
					t.Fatalf("seed %d: the lock is open = %t, and the status is %+v", seed, unlocked, status)
				}
				if fire && status.Why != door.Fire {
					t.Fatalf("seed %d: under a fire alarm the status is %+v", seed, status)
				}
				if status.Lines[0].Err != "" {
					t.Fatalf("seed %d: the relay is in fault: %+v", seed, status)
				}
			}
			b.halt()
		})
	}
}
