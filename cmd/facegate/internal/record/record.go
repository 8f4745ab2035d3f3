// Package record is the one that waits. It writes down what came of attempts, and has it told, so that neither the camera nor
// the door waits for a disk or a network.
//
// Facts are handed over in memory, and lost if the power goes before they are written: at most Size of them, which is as many as
// can wait, and the last counts of failures. A clean stop loses none.
package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// Size is how many facts can wait. At a door that opens every three seconds they are those of 50 minutes.
const Size = 1024

// ErrFull says that no more facts can wait.
var ErrFull = hint.Wrap(errors.New("what happens at the door cannot be written down"),
	"see what keeps the disk (dmesg, and facegate status); it ends by itself once the disk answers")

// A Book is where facts are written. Its calls may take as long as a disk does.
type Book interface {
	// Passed notes that the door was opened for an attempt at a time: that it was for somebody, and who was seen last when, or by whose
	// order.
	Passed(t attempt.Attempt, at time.Time) error

	// Count keeps the counts of failures of f. Those that have closed a means, and those of an attempt that is to be counted
	// first, are on disk when it returns nil.
	Count(f attempt.Fact) error

	// Use takes one use of the credential of an attempt, or refuses with attempt.ErrEnded. The use is on disk when it returns nil.
	Use(t attempt.Attempt) error
}

// Parts are what a Record works with.
type Parts struct {
	Book   Book
	Tell   func(attempt.Fact) error               // that the door was opened for an attempt, or somebody was forced to make it
	Opened func(at time.Time, by string) error    // tells that the door was opened, by what is no attempt
	Alarm  func(at time.Time, k audit.Kind) error // notes what is wrong at the door, or that somebody was forced
	Renew  func(person template.PersonID, sample embed.Vector) error
	Log    *slog.Logger
}

// A Record is the task that writes facts down, in the order in which they were handed over.
type Record struct {
	parts Parts
	ready chan struct{}
	wake  chan struct{} // holds a token if something waits

	mu      sync.Mutex // guards what follows; is not held while anything is written
	waiting []job
	late    map[whose]attempt.Fact // counts that came while it was full: the newest of each, which are no more than there are people
	renewal *renewal               // nil if none waits
}

// A whose is by what means failures are, and against whom.
type whose struct {
	means  attempt.Means
	person template.PersonID
}

// A job is something to be written down.
type job struct {
	write func() error
	done  func(error) // nil if nobody waits for it
}

// A renewal is a face from which a person's template is to be made anew.
type renewal struct {
	person template.PersonID
	sample embed.Vector
}

// New returns the Record.
func New(p Parts) *Record {
	return &Record{parts: p, ready: make(chan struct{}), wake: make(chan struct{}, 1)}
}

func (r *Record) String() string { return "record" }

// Ready is closed when facts are written.
func (r *Record) Ready() <-chan struct{} { return r.ready }

// Run writes facts until ctx is cancelled and none is left. It returns nil.
func (r *Record) Run(ctx context.Context) error {
	close(r.ready)
	for {
		r.writeAll()
		select {
		case <-r.wake:
		case <-ctx.Done():
			r.writeAll()
			return nil
		}
	}
}

// Full reports whether no more facts can wait. Nobody may be let in then, of whom nothing could be written down.
func (r *Record) Full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting) >= Size
}

// Put hands a fact over, and waits for nothing. Whoever opens a door asks Full before. Of failures that come when it is full the
// newest counts are kept.
func (r *Record) Put(f attempt.Fact) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.Opened.IsZero() && !f.Attempt.Duress && len(r.waiting) >= Size { // somebody who is forced is never forgotten
		r.keep(f)
		return
	}
	r.add(job{write: func() error { return r.fact(f) }})
}

// keep keeps the newest counts. r.mu must be held.
func (r *Record) keep(f attempt.Fact) {
	if r.late == nil {
		r.late = make(map[whose]attempt.Fact)
	}
	for _, c := range f.Counts {
		k := whose{c.Means, c.Person}
		closed := f.Closed || r.late[k].Closed
		r.late[k] = attempt.Fact{Attempt: f.Attempt, Counts: []attempt.Count{c}, Closed: closed}
	}
}

// Confirm is Put, and calls done, from another goroutine, when the fact is on disk or could not be written: with it the use of its
// credential, and its counts.
func (r *Record) Confirm(f attempt.Fact, done func(error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(job{write: func() error { return r.durable(f) }, done: done})
}

// PutOpening hands over that the door was opened by what is no attempt: by hand, of which the audit log knows already, or by a button or
// a line, which nothing can refuse. So as many again can wait as when nobody is let in any more; then it is lost, and the log says so.
func (r *Record) PutOpening(at time.Time, by string) {
	if !r.putBelow(2*Size, func() error { return r.parts.Opened(at, by) }) {
		r.complain(fmt.Errorf("an opening (%s): %w", by, ErrFull))
	}
}

// PutAlarm hands over that something is wrong at the door. While no more can wait it is lost, and the log says so.
func (r *Record) PutAlarm(at time.Time, k audit.Kind) {
	if !r.putBelow(Size, func() error { return r.parts.Alarm(at, k) }) {
		r.complain(fmt.Errorf("an alarm (%s): %w", k, ErrFull))
	}
}

// putBelow hands something over unless so many wait already.
func (r *Record) putBelow(most int, write func() error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) >= most {
		return false
	}
	r.add(job{write: write})
	return true
}

// Renew has the template of a person who was let in made anew of a face, which it copies. One face waits at a time, and none
// while the disk does not keep up: the person comes again.
func (r *Record) Renew(person template.PersonID, sample embed.Vector) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.renewal != nil || len(r.waiting) >= Size {
		return
	}
	own := make(embed.Vector, len(sample))
	copy(own, sample)
	r.renewal = &renewal{person, own}
	r.rouse()
}

// Waiting returns how many facts and faces are not on disk yet.
func (r *Record) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.renewal != nil {
		return len(r.waiting) + 1
	}
	return len(r.waiting)
}

// add adds a job. r.mu must be held.
func (r *Record) add(j job) {
	r.waiting = append(r.waiting, j)
	r.rouse()
}

// rouse tells Run that something waits. r.mu must be held.
func (r *Record) rouse() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// writeAll writes until nothing waits.
func (r *Record) writeAll() {
	for {
		if j, ok := r.first(); ok {
			err := j.write()
			r.drop()
			r.settle(j, err)
		} else if n := r.renews(); n != nil {
			r.complain(r.parts.Renew(n.person, n.sample))
			r.renewed()
		} else {
			return
		}
	}
}

// first returns the oldest job, and leaves it in its place: it counts as waiting until it is written.
func (r *Record) first() (j job, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return job{}, false
	}
	return r.waiting[0], true
}

func (r *Record) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[0] = job{} // or it stays in memory
	if r.waiting = r.waiting[1:]; len(r.waiting) > 0 {
		return
	}
	r.waiting = nil
	for _, f := range r.late {
		r.add(job{write: func() error { return r.fact(f) }})
	}
	clear(r.late)
}

func (r *Record) renews() *renewal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.renewal
}

// renewed overwrites the face that a template was made of.
func (r *Record) renewed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.renewal.sample)
	r.renewal = nil
}

// settle says what came of a job. What could not be written is not tried again: on a full disk nobody would be let in any more.
func (r *Record) settle(j job, err error) {
	if j.done != nil {
		j.done(err)
		return
	}
	r.complain(err)
}

func (r *Record) complain(err error) {
	if err != nil {
		r.parts.Log.Error("something that happened at the door is not written down", "error", err, "hint", hint.Of(err))
	}
}

// fact writes down what came of an attempt. If a part fails the others are written all the same.
func (r *Record) fact(f attempt.Fact) error {
	var errs []error
	opened, forced := !f.Opened.IsZero(), f.Attempt.Duress
	if opened || forced {
		errs = append(errs, r.parts.Tell(f))
	}
	if opened {
		errs = append(errs, r.parts.Book.Passed(f.Attempt, f.Opened))
	}
	if forced {
		errs = append(errs, r.parts.Alarm(f.Attempt.Asked, audit.Duress))
	}
	if len(f.Counts) > 0 {
		errs = append(errs, r.parts.Book.Count(f))
	}
	return errors.Join(errs...)
}

// durable writes what has to be on disk before an attempt is answered.
func (r *Record) durable(f attempt.Fact) error {
	if f.Attempt.Credential != (attempt.Credential{}) && !f.Attempt.Unlimited {
		if err := r.parts.Book.Use(f.Attempt); err != nil {
			return err
		}
	}
	if len(f.Counts) == 0 {
		return nil
	}
	return r.parts.Book.Count(f)
}
