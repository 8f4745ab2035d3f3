// Package sim is the twin of GPIO lines: in memory, where they record what real ones would have done, and as a Board in a
// folder, where another process sees and drives them.
package sim

import (
	"slices"
	"sync"
	"time"

	"facegate/gpio"
)

// An Edge is one change of level.
type Edge struct {
	At     time.Time
	Active bool // the level after the change
}

// A Line is a gpio.Line in memory.
type Line struct {
	mu     sync.Mutex // guards what follows
	active bool
	closed bool
	fail   error
	edges  []Edge
}

var _ gpio.Line = (*Line)(nil)

// New returns an inactive line.
func New() *Line { return new(Line) }

// Set drives the line and records an edge if its level changes.
func (l *Line) Set(active bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set(active)
}

// Close drives the line inactive and releases it.
func (l *Line) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.set(false)
	l.closed = true
	return err
}

func (l *Line) String() string { return "simulated line" }

// Fail makes every later Set and Close fail with err, and leave the level as it is, until Fail(nil).
func (l *Line) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// Active reports the level of the line.
func (l *Line) Active() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active
}

// Edges returns the changes of level so far, oldest first.
func (l *Line) Edges() []Edge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.edges)
}

// set is Set with l.mu held.
func (l *Line) set(active bool) error {
	switch {
	case l.closed:
		return gpio.ErrClosed
	case l.fail != nil:
		return l.fail
	case l.active != active:
		l.active = active
		l.edges = append(l.edges, Edge{At: time.Now(), Active: active})
	}
	return nil
}
