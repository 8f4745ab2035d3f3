package daemon

import (
	"context"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/status"
)

// glanceFor is for how long a status waits for the records, which a disk may hold up.
const glanceFor = time.Second

// A glance is the task that asks the records how they are, so that nobody else has to wait for them.
type glance struct {
	look  func() status.Status // as long as a disk takes
	ready chan struct{}
	wake  chan struct{} // holds a token if somebody asks

	mu      sync.Mutex // guards what follows
	last    status.Status
	waiting []chan struct{} // of those who ask
}

func newGlance(look func() status.Status) *glance {
	return &glance{look: look, ready: make(chan struct{}), wake: make(chan struct{}, 1)}
}

func (g *glance) String() string         { return "status" }
func (g *glance) Ready() <-chan struct{} { return g.ready }

// Run looks when somebody asks, until ctx is cancelled.
func (g *glance) Run(ctx context.Context) error {
	close(g.ready)
	for {
		select {
		case <-g.wake:
		case <-ctx.Done():
			return nil
		}
		g.mu.Lock()
		waiting := g.waiting
		g.waiting = nil
		g.mu.Unlock()
		s := g.look()
		g.mu.Lock()
		g.last = s
		g.mu.Unlock()
		for _, done := range waiting {
			close(done)
		}
	}
}

// Status returns how the gate is. If the records do not answer in time it returns how it was when they last have, and false.
func (g *glance) Status(ctx context.Context) (s status.Status, now bool) {
	done := g.ask()
	late := time.NewTimer(glanceFor)
	defer late.Stop()
	select {
	case <-done:
		now = true
	case <-late.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last, now
}

func (g *glance) ask() (done chan struct{}) {
	done = make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, done)
	select {
	case g.wake <- struct{}{}:
	default:
	}
	return done
}
