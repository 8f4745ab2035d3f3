package doortrial

import (
	"context"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/doorwatch"
	"facegate/cmd/facegate/internal/status"
	"facegate/gpio"
	"facegate/gpio/door"
)

// A Bench is a Door without a gate: lines that are held for the test alone, and the same controller that a gate has.
type Bench struct {
	controller *door.Controller
	watch      *doorwatch.Watch
	hand       *gpio.Hand
	note       func(now time.Time) error
	settings   door.Settings
	relay      gpio.Line
	inputs     []*heard
}

var _ Door = (*Bench)(nil)

// NewBench returns the Bench of the lines of p, which locks the door before anything else. It was opened by hand at the times
// before, oldest first; note is called before it is opened, and if that fails it stays locked.
func NewBench(p door.Parts, before []time.Time, note func(now time.Time) error) (*Bench, error) {
	b := &Bench{note: note, settings: p.Settings, relay: p.Relay}
	now := time.Now()
	p.Emit = func(e door.Event) { b.watch.Emit(e) }
	for _, in := range []*gpio.Input{&p.Inputs.Contact, &p.Inputs.Exit, &p.Inputs.Fire, &p.Inputs.Tamper, &p.Inputs.Interlock} {
		if *in != nil {
			h := &heard{Input: *in, first: make(chan struct{})}
			*in, b.inputs = h, append(b.inputs, h)
		}
	}
	var err error
	if b.controller, err = door.New(p); err != nil {
		return nil, err
	}
	b.watch = doorwatch.New(b.controller.Status, now)
	b.hand = gpio.NewHand(b.controller.ByHand(), before, now)
	return b, nil
}

// Run keeps the door until ctx is cancelled, and leaves it locked.
func (b *Bench) Run(ctx context.Context) error { return b.controller.Run(ctx) }

// Ready is closed once the door can be tested.
func (b *Bench) Ready() <-chan struct{} { return b.controller.Ready() }

func (b *Bench) String() string { return b.controller.String() }

// During runs the bench while do tests it, and leaves the door locked. The error that the door cannot be locked is worse than
// that of do, and takes its place.
func (b *Bench) During(ctx context.Context, do func(context.Context) error) error {
	keeping, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	var keeper sync.WaitGroup
	keeper.Go(func() { ended <- b.Run(keeping) })
	<-b.Ready()
	err := do(ctx)
	stop()
	keeper.Wait()
	if left := <-ended; left != nil {
		return left
	}
	return err
}

// A heard is an input of which it is known whether it has said anything.
type heard struct {
	gpio.Input
	first chan struct{} // closed once it has
	once  sync.Once
}

// Watch implements gpio.Input.
func (h *heard) Watch(ctx context.Context, emit func(gpio.Level)) error {
	return h.Input.Watch(ctx, func(l gpio.Level) {
		emit(l)
		h.once.Do(func() { close(h.first) })
	})
}

// hearing is for how long an input is waited for that says nothing, because it is broken.
const hearing = 2 * time.Second

// Door implements Door. It waits until every input has said its level.
func (b *Bench) Door(ctx context.Context) (status.Door, error) {
	short, cancel := context.WithTimeout(ctx, hearing)
	defer cancel()
	for _, in := range b.inputs {
		select {
		case <-in.first:
		case <-short.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return status.Door{}, err
	}
	return status.Door{Status: b.controller.Status(), Kind: b.settings.Kind, Fail: b.settings.Fail, Pulse: b.settings.Pulse}, nil
}

// WatchDoor implements Door.
func (b *Bench) WatchDoor(ctx context.Context, show func(status.DoorMoment)) error {
	return b.watch.Follow(ctx, func() error { return nil }, show)
}

// TestDoor implements Door.
func (b *Bench) TestDoor(ctx context.Context) (status.DoorTest, error) {
	now := time.Now()
	edge, err := b.hand.Pulse(now, func() error { return b.note(now) })
	if err != nil {
		return status.DoorTest{}, err
	}
	select {
	case <-edge.Done:
		return status.DoorTest{Line: b.relay.String(), Pulse: time.Since(edge.At)}, nil
	case <-ctx.Done():
		return status.DoorTest{}, ctx.Err()
	}
}
