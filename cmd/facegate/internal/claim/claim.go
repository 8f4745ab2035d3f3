// Package claim holds the one claim that waits at a door: somebody was named by a pass, a card or a number, and their face is to
// follow. As long as it waits the camera compares faces with that person alone.
package claim

import (
	"sync"
	"time"

	"facegate/pipeline"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// A Pending is the claim that waits at a door, or none. It is safe for concurrent use, and waits for nothing.
type Pending struct {
	otherwise func() pipeline.Matcher

	mu  sync.Mutex // guards what follows
	of  *match.Claimed
	end *time.Timer // of the wait for of
}

// New returns a Pending without a claim. Otherwise returns what faces are compared with while none waits, nil for nothing.
func New(otherwise func() pipeline.Matcher) *Pending { return &Pending{otherwise: otherwise} }

// Put has a claim wait, in the place of the one before. It is closed when its time is over.
func (p *Pending) Put(m *match.Claimed, within time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop()
	p.of, p.end = m, time.AfterFunc(within, func() { p.Drop(m) })
}

// Matcher returns what faces are compared with now, nil for nothing.
func (p *Pending) Matcher() pipeline.Matcher {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		return p.otherwise()
	}
	return p.of
}

// Drop closes m, if it is the claim that waits.
func (p *Pending) Drop(m *match.Claimed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == m {
		p.drop()
	}
}

// Settle closes the claim of a person, who was let in.
func (p *Pending) Settle(person template.PersonID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of != nil && p.of.Person() == person {
		p.drop()
	}
}

// Close closes the claim that may wait.
func (p *Pending) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop()
}

// drop closes the claim that may wait. p.mu must be held.
func (p *Pending) drop() {
	if p.of == nil {
		return
	}
	p.end.Stop()
	p.of.Close()
	p.of, p.end = nil, nil
}
