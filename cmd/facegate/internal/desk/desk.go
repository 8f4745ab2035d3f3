// Package desk serves the readers at a door. It takes what each has read, looks up whose it is, asks the entry for the door, and
// has the camera look for the face that may have to follow. Each reader is listened to by a task of its own, so that none waits for
// another, nor for the slow hash of somebody's PIN.
//
// What was read is cleared once it was looked up. Nothing of it is in a log, nor whose it is.
package desk

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/device/reader"
	"facegate/pipeline/attempt"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// ErrCardWanted says that somebody waits for a card to be shown already.
var ErrCardWanted = errors.New("somebody else waits for a card to be shown")

// A Register says who people are. Of its calls CheckPIN takes time, on purpose; see attempt.Look.
type Register interface {
	Bearer(s people.Shown) (people.Bearer, error)
	ByNumber(number string) (people.Bearer, error)
	CheckPIN(person template.PersonID, pin []byte, counted func() error) (f attempt.Finding, duress bool)
	ClaimFor(b people.Bearer, s people.Shown) (*match.Claimed, error)
}

// Parts are what a Desk works with.
type Parts struct {
	Register Register
	Ask      func(attempt.Attempt) attempt.Outcome               // for the door
	Try      func(attempt.Attempt, attempt.Look) attempt.Outcome // the same, for what may be a guess
	Claim    func(m *match.Claimed, until time.Time)             // has the camera wait for the face of somebody who was named
	Visitor  func(text string, at time.Time) attempt.Attempt     // what a visitor's pass comes to

	// Said is called with what came of each scan, from the goroutine of its reader. It tells nobody's name. nil tells nobody.
	Said func(Said)
	Log  *slog.Logger
}

// Said is what came of a scan.
type Said struct {
	Reader  string          // where it was shown
	Unread  bool            // it could not be read, or was nothing that anybody could have: it may be shown again
	Taken   bool            // it was a card that somebody is registering, and asked for nothing
	Outcome attempt.Outcome // otherwise
}

// A Desk is what the readers of one door have in common. It is safe for concurrent use.
type Desk struct {
	parts Parts

	mu     sync.Mutex         // guards what follows
	last   *somebody          // who was named last, and waits for something else of theirs; nil for nobody
	wanted chan<- reader.Scan // has room for the card that is shown next; nil if nobody waits for one
	faults map[string]error   // what is wrong with readers, by name
}

// somebody was named, and what names them did not open the door by itself.
type somebody struct {
	bearer people.Bearer
	until  time.Time // it is too late for what is waited for
}

// New returns a Desk without readers.
func New(p Parts) *Desk {
	if p.Said == nil {
		p.Said = func(Said) {}
	}
	return &Desk{parts: p, faults: make(map[string]error)}
}

// Card returns the next card that is shown to any reader. It opens nothing. It refuses with ErrCardWanted, or returns the error of
// ctx, which is done. The scan is to be cleared.
func (d *Desk) Card(ctx context.Context) (reader.Scan, error) {
	next := make(chan reader.Scan, 1)
	if !d.want(next) {
		return reader.Scan{}, hint.Wrap(ErrCardWanted, "wait for it to end, or stop it with Ctrl-C where it was started")
	}
	select {
	case s := <-next:
		return s, nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	d.wanted = nil
	d.mu.Unlock()
	select {
	case s := <-next: // it was shown just before
		return s, nil
	default:
		return reader.Scan{}, ctx.Err()
	}
}

// want has the next card put in next, unless somebody waits for one already.
func (d *Desk) want(next chan<- reader.Scan) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wanted != nil {
		return false
	}
	d.wanted = next
	return true
}

// take gives a card to who waits for one, if anybody does.
func (d *Desk) take(s reader.Scan) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wanted == nil {
		return false
	}
	d.wanted <- s
	d.wanted = nil
	return true
}

// Note takes note of what came of an attempt that was made elsewhere, as by a face: whoever is to type their PIN after it need not
// be named again.
func (d *Desk) Note(a attempt.Attempt, o attempt.Outcome) {
	d.remember(people.Bearer{Means: a.Means, Person: a.Person}, o)
}

// remember keeps who was named, while something else of theirs may follow.
func (d *Desk) remember(b people.Bearer, o attempt.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case o.Wait != 0 && b.Person != (template.PersonID{}):
		d.last = &somebody{b, o.Until}
	case !o.Opened.IsZero() && d.last != nil && d.last.bearer.Person == b.Person:
		d.last = nil
	}
}

// lately returns who was named last, if at is not too late for what is waited for of theirs.
func (d *Desk) lately(at time.Time) (b people.Bearer, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil || at.After(d.last.until) {
		d.last = nil
		return people.Bearer{}, false
	}
	return d.last.bearer, true
}

// Faults returns what is wrong with readers, by their names.
func (d *Desk) Faults() map[string]error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.faults)
}
