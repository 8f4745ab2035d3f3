// Package bulletin keeps building systems told of how a gate is now: its door, what is not well, and what opens the door. It looks, and
// hands on what it sees; neither the door nor the camera ever waits for it. Nothing of it is kept.
package bulletin

import (
	"context"
	"log/slog"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"

	"facegate/pipeline/publish"
)

const (
	// Heartbeat is after how long the health is told again that has not changed: less than the minute that consumers count on.
	Heartbeat = 55 * time.Second

	doorEvery = time.Second     // at the latest the door is looked at again: not all of what its lock does is an event
	gateEvery = 2 * time.Second // likewise the gate
	settleFor = time.Second     // for which the lines of a door that begins may take to be read, before they are called unknown
	readEvery = 20 * time.Millisecond
)

// A Gate is how a gate is, besides its door.
type Gate struct {
	Health publish.Health // without its time
	Mode   publish.Mode
}

// A Teller tells building systems. It waits for nobody; *publish.Publisher is one.
type Teller interface {
	SetDoor(publish.Door)
	SetHealth(publish.Health) error
	SetMode(publish.Mode) error
}

// Parts are what a Bulletin works with.
type Parts struct {
	Door    func() publish.Door            // looks at the door
	Stirred <-chan struct{}                // holds a token if something has happened there
	Gate    func(ctx context.Context) Gate // looks at the gate; it may take a second
	Tell    Teller
	At      func(time.Time) string // writes a time as it is told
	Log     *slog.Logger
}

// A Bulletin is the task that tells.
type Bulletin struct {
	parts Parts
	ready chan struct{}
	look  chan struct{} // holds a token if the gate is to be looked at
}

// New returns the Bulletin of a gate.
func New(p Parts) *Bulletin {
	return &Bulletin{parts: p, ready: make(chan struct{}), look: make(chan struct{}, 1)}
}

func (b *Bulletin) String() string { return "bulletin" }

// Ready is closed when the door and the gate are looked at.
func (b *Bulletin) Ready() <-chan struct{} { return b.ready }

// Run tells until ctx is cancelled. It returns nil.
func (b *Bulletin) Run(ctx context.Context) error {
	close(b.ready)
	var both errgroup.Group
	both.Go(func() error { b.followDoor(ctx); return nil })
	both.Go(func() error { b.followGate(ctx); return nil })
	return both.Wait()
}

// followDoor tells how the door is whenever something has happened there.
func (b *Bulletin) followDoor(ctx context.Context) {
	b.settle(ctx)
	tick := time.NewTicker(doorEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		b.parts.Tell.SetDoor(b.parts.Door())
		select {
		case <-b.parts.Stirred:
			b.rouse()
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// settle waits until the lines of the door have been read once, or should have been.
func (b *Bulletin) settle(ctx context.Context) {
	for end := time.Now().Add(settleFor); unread(b.parts.Door()) && time.Now().Before(end); {
		select {
		case <-time.After(readEvery):
		case <-ctx.Done():
			return
		}
	}
}

// unread reports whether something of a door is not known.
func unread(d publish.Door) bool {
	for _, s := range []publish.Sign{d.Held, d.Forced, d.Tamper, d.Fire} {
		if s == publish.SignUnknown {
			return true
		}
	}
	return d.Leaf == publish.LeafUnknown
}

// rouse has the gate looked at now.
func (b *Bulletin) rouse() {
	select {
	case b.look <- struct{}{}:
	default:
	}
}

// followGate tells how the gate is when it changes, and its health at every heartbeat.
func (b *Bulletin) followGate(ctx context.Context) {
	tick := time.NewTicker(gateEvery)
	defer tick.Stop()
	var told Gate
	var beat time.Time
	for {
		now := b.parts.Gate(ctx)
		if ctx.Err() != nil {
			return
		}
		at := time.Now()
		if !reflect.DeepEqual(now, told) || at.Sub(beat) >= Heartbeat {
			told, beat = now, at
			b.tell(now, at)
		}
		select {
		case <-b.look:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *Bulletin) tell(g Gate, at time.Time) {
	g.Health.Time = b.parts.At(at)
	for _, err := range []error{b.parts.Tell.SetHealth(g.Health), b.parts.Tell.SetMode(g.Mode)} {
		if err != nil {
			b.parts.Log.Error("building systems are not told how the gate is", "error", err, "hint", "this is a mistake in facegate: report it")
		}
	}
}
