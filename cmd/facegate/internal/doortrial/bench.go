package doortrial

import (
	"context"
	"errors"
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
}

var _ Door = (*Bench)(nil)

// NewBench returns the Bench of the lines of p, which locks the door before anything else. It was opened by hand at the times
// before, oldest first; note is called before it is opened, and if that fails it stays locked.
func NewBench(p door.Parts, before []time.Time, note func(now time.Time) error) (*Bench, error) {
	b := &Bench{note: note, settings: p.Settings}
	now := time.Now()
	p.Emit = func(e door.Event) { b.watch.Emit(e) }
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

// Door implements Door.
func (b *Bench) Door(context.Context) (status.Door, error) {
	return status.Door{Status: b.controller.Status(), Kind: b.settings.Kind, Fail: b.settings.Fail, Pulse: b.settings.Pulse}, nil
}

// WatchDoor implements Door.
func (b *Bench) WatchDoor(ctx context.Context, show func(status.DoorMoment)) error {
	return b.watch.Follow(ctx, func() error { return nil }, show)
}

// ErrCutShort says that a pulse ended before its time, because the door is given up.
var ErrCutShort = errors.New("the pulse was cut short")

// TestDoor implements Door.
func (b *Bench) TestDoor(ctx context.Context) (status.DoorTest, error) {
	now := time.Now()
	edge, err := b.hand.Pulse(now, func() error { return b.note(now) })
	if err != nil {
		return status.DoorTest{}, err
	}
	select {
	case <-edge.Done:
		return status.DoorTest{Line: b.controller.String(), Pulse: time.Since(edge.At)}, nil
	case <-ctx.Done():
		return status.DoorTest{}, ctx.Err()
	}
}
