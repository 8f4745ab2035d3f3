// Package cosigning has witnesses cosign how far the audit log of a gate has come, and takes in what they know. A gate whose records were
// put back learns of it here, from outside.
//
// It asks at the start and then at fixed times, whatever has happened, as many messages each time: nobody reads from a message when
// something was done at the gate. A witness that answers is asked again at the next of these times, and no sooner.
package cosigning

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/checkpoint"
)

const (
	// rest is how long nothing is taken in after something was: whoever may write to the broker can send as much as they like.
	rest = 100 * time.Millisecond

	// quiet is how long the log is told of no other refusal, likewise.
	quiet = time.Minute

	// settle is how long a gate that has just started waits for its witnesses before it says that they are silent.
	settle = 10 * time.Minute
)

// A Log is the audit log of the gate; store.Log is one. It may wait for the disk.
type Log interface {
	Checkpoint() (signed []byte, err error)
	Request(witness note.Verifier) (body []byte, err error)
	Witnessed(now time.Time, signed []byte, witness note.Verifier) error
	Cosigned(witness note.Verifier) (size int64, at time.Time, err error)
}

// A Teller tells witnesses. It waits for nobody; *publish.Publisher is one.
type Teller interface {
	Attest(signed []byte, requests map[string][]byte)
}

// Left is what a process leaves to the one that takes its place after something was destroyed: that must not move the times at which
// witnesses are asked. Both are times since the machine was started.
type Left struct {
	Next  time.Duration // when witnesses are asked next
	Since time.Duration // since when the gate has been asking them
}

// Parts are what a Cosigning works with.
type Parts struct {
	Log       Log
	Witnesses []note.Verifier
	Every     time.Duration // after which they are asked again
	Patience  time.Duration // after which one that says nothing is silent
	Tell      Teller
	Left      *Left                // nil after a start
	Now       func() time.Time     // the time of day, for the audit log
	Up        func() time.Duration // since the machine was started, whatever is done to its clock
	Logger    *slog.Logger
}

// A Cosigning is the task that asks witnesses.
type Cosigning struct {
	parts Parts
	ready chan struct{}
	came  chan struct{} // holds a token when something was heard

	mu    sync.Mutex // guards what follows
	left  Left
	heard map[string][]byte        // what was said last for each witness, by the id of its key, and not taken in yet
	taken map[string]answer        // what was taken in last
	told  map[string]time.Duration // when the log was told last that something was not taken in; as Left.Next
}

// An answer is what was said for a witness, and what came of it.
type answer struct {
	signed []byte
	err    error
}

// IDs returns the ids of the keys of witnesses.
func IDs(witnesses []note.Verifier) (ids []string) {
	for _, w := range witnesses {
		ids = append(ids, checkpoint.KeyID(w))
	}
	return ids
}

// New returns the Cosigning of a gate. Without witnesses it does nothing.
func New(p Parts) *Cosigning {
	c := &Cosigning{
		parts: p, ready: make(chan struct{}), came: make(chan struct{}, 1),
		heard: map[string][]byte{}, taken: map[string]answer{}, told: map[string]time.Duration{},
	}
	now := p.Up()
	c.left = Left{Next: now, Since: now}
	if p.Left != nil {
		c.left = *p.Left
	}
	return c
}

func (c *Cosigning) String() string { return "cosigning" }

// Ready is closed when the first checkpoint is told, or is to be told later.
func (c *Cosigning) Ready() <-chan struct{} { return c.ready }

// Left returns what the next process goes on with, nil where there is no witness.
func (c *Cosigning) Left() *Left {
	if len(c.parts.Witnesses) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.left
	return &left
}

// Hear takes what is said for a witness, by the id of its key, of which it keeps a copy. It waits for nobody; the newest counts.
func (c *Cosigning) Hear(id string, signed []byte) {
	c.mu.Lock()
	c.heard[id] = slices.Clone(signed)
	c.mu.Unlock()
	select {
	case c.came <- struct{}{}:
	default:
	}
}

// Run asks and takes in until ctx is cancelled. It returns nil.
func (c *Cosigning) Run(ctx context.Context) error {
	close(c.ready)
	if len(c.parts.Witnesses) == 0 {
		<-ctx.Done()
		return nil
	}
	due := time.NewTimer(c.wait())
	defer due.Stop()
	for {
		select {
		case <-due.C:
			c.ask()
			due.Reset(c.wait())
		case <-c.came:
			c.takeAll()
			select {
			case <-time.After(rest):
			case <-ctx.Done():
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// wait returns how long it is until witnesses are asked next: at once where that is past, and never later than one round.
func (c *Cosigning) wait() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(max(0, c.left.Next-c.parts.Up()), c.parts.Every)
}

// ask tells how far the log has come. The next time is counted from the one that this was due at, and not from when it came to it.
func (c *Cosigning) ask() {
	every := c.parts.Every
	c.mu.Lock()
	if late := c.parts.Up() - c.left.Next; late >= 0 {
		c.left.Next += every * (1 + late/every)
	} else { // it is of another start of the machine
		c.left.Next = c.parts.Up() + every
	}
	c.mu.Unlock()
	if err := c.attest(); err != nil {
		c.parts.Logger.Error("witnesses are not asked how far the audit log has come", "error", err, "hint", hint.Of(err))
	}
}

func (c *Cosigning) attest() error {
	signed, err := c.parts.Log.Checkpoint()
	if err != nil {
		return err
	}
	requests := map[string][]byte{}
	for _, w := range c.parts.Witnesses {
		if requests[checkpoint.KeyID(w)], err = c.parts.Log.Request(w); err != nil {
			return err
		}
	}
	c.parts.Tell.Attest(signed, requests)
	return nil
}

// takeAll takes in what was heard.
func (c *Cosigning) takeAll() {
	for _, w := range c.parts.Witnesses {
		id := checkpoint.KeyID(w)
		c.mu.Lock()
		signed, came := c.heard[id]
		before, again := c.taken[id]
		delete(c.heard, id)
		c.mu.Unlock()
		if came && !(again && before.err == nil && bytes.Equal(before.signed, signed)) { // it is retained, and comes on each connection
			c.take(w, id, signed)
		}
	}
}

func (c *Cosigning) take(w note.Verifier, id string, signed []byte) {
	err := c.parts.Log.Witnessed(c.parts.Now(), signed, w)
	if !c.took(id, answer{signed, err}) {
		return
	}
	if errors.Is(err, store.ErrRolledBack) {
		c.parts.Logger.Error("a witness has seen more of the audit log than there is", "witness", w.Name(), "error", err, "hint", hint.Of(err))
		return
	}
	c.parts.Logger.Warn("what is said for a witness is not taken in", "witness", w.Name(), "error", err,
		"hint", "see who may write to audit/cosignature/"+id+" of this gate on the broker; "+hint.Of(err))
}

// took notes what came of an answer, and reports whether the log is to be told: not again for a while.
func (c *Cosigning) took(id string, a answer) (tells bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken[id] = a
	up := c.parts.Up()
	last, ever := c.told[id]
	if tells = a.err != nil && (!ever || up-last >= quiet); tells {
		c.told[id] = up
	}
	return tells
}

// Status returns how it is with each witness.
func (c *Cosigning) Status() []status.Witness {
	var all []status.Witness
	for _, w := range c.parts.Witnesses {
		id := checkpoint.KeyID(w)
		s := status.Witness{Name: w.Name(), ID: id}
		var err error
		s.Size, s.At, err = c.parts.Log.Cosigned(w)
		c.mu.Lock()
		if err == nil {
			err = c.taken[id].err
		}
		s.Silent = c.silent(s.At)
		c.mu.Unlock()
		if err != nil {
			s.Err, s.Hint, s.Ahead = err.Error(), hint.Of(err), errors.Is(err, store.ErrRolledBack)
		}
		all = append(all, s)
	}
	return all
}

// silent reports whether a witness that has cosigned last at a time, zero for never, has not for too long. One that never has is given as
// long as it takes to be asked twice. c.mu must be held.
func (c *Cosigning) silent(last time.Time) bool {
	asking := c.parts.Up() - c.left.Since
	if last.IsZero() {
		return asking > max(settle, c.parts.Every)
	}
	return asking > settle && c.parts.Now().Sub(last) > c.parts.Patience
}

// Words says in a sentence how it is with a witness.
func Words(w status.Witness) string {
	if w.Size == 0 {
		return "has cosigned nothing yet"
	}
	words := fmt.Sprintf("has cosigned %d entries, last on %s", w.Size, w.At.Format(time.DateTime))
	if w.Silent {
		words += ", which is long ago"
	}
	return words
}
