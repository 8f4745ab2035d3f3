// Package entry weighs the attempts at one door, whatever they are made with, and opens it. It has no disk and no picture: a card
// opens the door while the camera is being plugged in, and while somebody is being enrolled.
package entry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/admit"
	"facegate/pipeline/again"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

// The reasons for which the door stays locked to somebody whom the rules let in.
var (
	// ErrLate says that the decision came too long after the attempt: whoever made it may have gone.
	ErrLate = errors.New("the decision came too late, the door stays locked")

	// ErrRecord says that it could not be written down in time.
	ErrRecord = errors.New("the door stays locked, because nothing can be written down")
)

// confirmWithin is for how long an attempt waits for what has to be on disk before it is answered.
const confirmWithin = time.Second

// slowest is how old an attempt may be that is not made by a face. A slow board takes seconds for the hash of a PIN, on purpose, and
// to find a code in a picture.
const slowest = 5 * time.Second

// A Door opens for one passage.
type Door interface {
	Open(cause door.Cause) (gpio.Edge, error)

	// Refusal says why Open would leave the door as it is, nil if it would open it.
	Refusal(cause door.Cause) error
}

// A Record keeps what came of attempts. None of its calls waits for a disk.
type Record interface {
	// Full reports whether no more can be kept.
	Full() bool

	// Put hands a fact over.
	Put(f attempt.Fact)

	// Confirm hands a fact over, and calls done from another goroutine when it is on disk, or with why it is not.
	Confirm(f attempt.Fact, done func(error))
}

// Parts are what an Entry works with.
type Parts struct {
	Door   Door
	Admit  *admit.Admitter // the Entry's own from now on
	Record Record
	MaxAge time.Duration    // an older attempt by a face opens nothing
	Now    func() time.Time // with a monotonic reading, so that no attempt is old because the clock was set

	Dated  func() bool                             // whether Now is known to be right, for rules with a plan; nil if it never is. It does not wait
	Groups func(person template.PersonID) []string // of whom an attempt names, when it is weighed; nil for none. It does not wait
	Again  *again.Memory                           // the Entry's own; nil remembers nobody
}

// An Entry is the task that decides who gets in. One goroutine weighs every attempt, in the order of their arrival.
type Entry struct {
	parts     Parts
	asks      chan *ask
	confirmed chan *ask
	trying    chan struct{} // holds a token while an attempt is tried
	ready     chan struct{}
	stopped   chan struct{}

	mu sync.Mutex // guards parts.Admit
}

// An ask is an attempt that waits for its answer.
type ask struct {
	attempt attempt.Attempt
	answer  chan attempt.Outcome // gets one value

	verdict admit.Verdict
	once    sync.Once // the first of the record's answer and the end of the time counts
	err     error     // why what had to be on disk is not
}

// New returns the Entry.
func New(p Parts) *Entry {
	return &Entry{
		parts: p, asks: make(chan *ask), confirmed: make(chan *ask), trying: make(chan struct{}, 1),
		ready: make(chan struct{}), stopped: make(chan struct{}),
	}
}

func (e *Entry) String() string { return "entry" }

// Ready is closed when attempts are answered.
func (e *Entry) Ready() <-chan struct{} { return e.ready }

// Run answers attempts until ctx is cancelled. It returns nil.
func (e *Entry) Run(ctx context.Context) error {
	defer close(e.stopped)
	close(e.ready)
	for {
		select {
		case a := <-e.asks:
			e.decide(a)
		case a := <-e.confirmed:
			e.finish(a)
		case <-ctx.Done():
			return nil
		}
	}
}

// Ask asks for the door. It returns when the door is open, or why it stays locked. It waits for a disk in two cases, and for a
// second at most: for the use of a credential that opens so many times only, and for what a guess has closed. Other attempts are
// answered meanwhile.
func (e *Entry) Ask(t attempt.Attempt) attempt.Outcome {
	a := &ask{attempt: t, answer: make(chan attempt.Outcome, 1)}
	select {
	case e.asks <- a:
	case <-e.stopped:
		return stopped()
	}
	select {
	case o := <-a.answer:
		return o
	case <-e.stopped:
		return stopped()
	}
}

func stopped() attempt.Outcome {
	return attempt.Outcome{Reason: attempt.Fault, Err: gpio.ErrStopped}
}

// decide weighs an attempt, and answers it unless something has to be on disk first.
func (e *Entry) decide(a *ask) {
	t, now, full := a.attempt, e.parts.Now(), e.parts.Record.Full()
	matched := t.Finding == attempt.Matched
	most := e.parts.MaxAge
	if t.Means != attempt.Face {
		most = slowest
	}
	switch age := now.Sub(t.Asked); {
	case t.Finding == attempt.Alike && (age > most || full):
		t.Finding = attempt.Unknown // which is told the same
	case matched && age > most:
		e.turnAway(a, attempt.Outcome{Reason: attempt.Late, Err: late(age)})
		return
	case matched && full:
		e.turnAway(a, attempt.Outcome{Reason: attempt.Record, Err: unrecorded(nil)})
		return
	}
	a.verdict = e.weigh(t)
	if a.verdict.Answer == admit.Open && e.parts.Again != nil && e.parts.Again.Was(t, now) {
		a.verdict.Answer, a.verdict.Reason = admit.Refuse, attempt.Again
	}
	opens, uses := a.verdict.Answer == admit.Open, t.Credential != (attempt.Credential{}) && !t.Unlimited
	switch {
	case opens && uses && e.refused(a): // or a use would be gone, and the door locked
	case opens && uses, t.Counted && a.verdict.Closed && !full:
		e.confirm(a)
	case opens:
		e.open(a)
	default:
		e.refuse(a, full)
	}
}

// turnAway answers an attempt that is good, and is not weighed. It counts for nothing.
func (e *Entry) turnAway(a *ask, o attempt.Outcome) {
	a.verdict.Counts = e.takeBack(a.attempt)
	e.put(a, time.Time{})
	a.answer <- o
}

func (e *Entry) weigh(t attempt.Attempt) admit.Verdict {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.Person != (template.PersonID{}) && e.parts.Groups != nil {
		t.Groups = e.parts.Groups(t.Person)
	}
	return e.parts.Admit.Weigh(t, e.parts.Dated != nil && e.parts.Dated())
}

// confirm has what must be on disk written, and goes on in finish: with the record's answer, or without one in time.
func (e *Entry) confirm(a *ask) {
	done := func(err error) {
		a.once.Do(func() {
			a.err = err
			select {
			case e.confirmed <- a:
			case <-e.stopped:
			}
		})
	}
	late := time.AfterFunc(confirmWithin, func() { done(ErrRecord) })
	e.parts.Record.Confirm(attempt.Fact{Attempt: a.attempt, Counts: a.verdict.Counts, Closed: a.verdict.Closed}, func(err error) {
		late.Stop()
		done(err)
	})
	a.verdict.Counts = nil // are handed over
}

// finish answers an attempt that has waited for a disk.
func (e *Entry) finish(a *ask) {
	switch {
	case errors.Is(a.err, attempt.ErrEnded):
		a.answer <- attempt.Outcome{Reason: attempt.Expired}
	case a.err != nil:
		a.answer <- attempt.Outcome{Reason: attempt.Record, Err: unrecorded(a.err)}
	case a.verdict.Answer == admit.Open:
		e.open(a)
	default:
		e.refuse(a, false)
	}
}

// open opens the door, and hands over that it did. Whoever is let in while it is open already goes through as well.
func (e *Entry) open(a *ask) {
	if ends := a.attempt.Ends; !ends.IsZero() && !e.parts.Now().Before(ends) {
		e.put(a, time.Time{})
		a.answer <- attempt.Outcome{Reason: attempt.Expired}
		return
	}
	edge, err := e.parts.Door.Open(door.Granted)
	switch {
	case errors.Is(err, gpio.ErrBusy):
		edge.At = e.parts.Now()
	case err != nil:
		e.leave(a, err)
		return
	}
	if e.parts.Again != nil {
		e.parts.Again.Let(a.attempt, edge.At)
	}
	e.put(a, edge.At)
	a.answer <- attempt.Outcome{Opened: edge.At}
}

// refused answers an attempt for which the door would not open, and reports whether it has.
func (e *Entry) refused(a *ask) bool {
	err := e.parts.Door.Refusal(door.Granted)
	if err == nil || errors.Is(err, gpio.ErrBusy) {
		return false
	}
	e.leave(a, err)
	return true
}

// leave answers an attempt for which the door did not open.
func (e *Entry) leave(a *ask, err error) {
	e.put(a, time.Time{})
	a.answer <- refusal(err)
}

// refusal says why the door did not open to somebody whom the rules let in. That somebody else is passing, that nobody is let in
// at this time, or that another door is open is no fault of anybody's: it is in no log, and counts against nobody.
func refusal(err error) attempt.Outcome {
	switch {
	case errors.Is(err, door.ErrPassing):
		return attempt.Outcome{Reason: attempt.Passing}
	case errors.Is(err, door.ErrShut):
		return attempt.Outcome{Reason: attempt.Shut}
	case errors.Is(err, door.ErrOther):
		return attempt.Outcome{Reason: attempt.Interlock}
	}
	return attempt.Outcome{Reason: attempt.Fault, Err: fmt.Errorf("open the door: %w", err)}
}

// refuse leaves the door locked. While nothing can be written down a guess that has failed is told like one that has not: nobody
// learns from it what was right.
func (e *Entry) refuse(a *ask, full bool) {
	e.put(a, time.Time{})
	o := attempt.Outcome{Wait: a.verdict.For, Reason: a.verdict.Reason}
	if o.Wait != 0 {
		o.Until = a.attempt.Asked.Add(a.verdict.Within)
	}
	if full && a.attempt.Counted {
		o = attempt.Outcome{Reason: attempt.Record, Err: unrecorded(nil)}
	}
	a.answer <- o
}

// put hands over what is to be remembered of an attempt, if anything is. That somebody was forced is, whatever came of it.
func (e *Entry) put(a *ask, opened time.Time) {
	if !opened.IsZero() || len(a.verdict.Counts) > 0 || a.attempt.Duress {
		e.parts.Record.Put(attempt.Fact{
			Attempt: a.attempt, Opened: opened, Counts: a.verdict.Counts, Closed: a.verdict.Closed,
		})
	}
}

func late(age time.Duration) error {
	return hint.Wrap(fmt.Errorf("%w: %v after its frame", ErrLate, age.Round(time.Millisecond)),
		"see what else keeps the processor busy, choose a smaller picture, or raise camera.max_age")
}

func unrecorded(why error) error {
	err := ErrRecord
	if why != nil && !errors.Is(why, ErrRecord) {
		err = fmt.Errorf("%w: %w", ErrRecord, why)
	}
	return hint.Wrap(err, "see what keeps the disk (dmesg, and facegate status); it ends by itself once the disk answers")
}

// Closed reports whether a means opens nothing for a person at now.
func (e *Entry) Closed(m attempt.Means, person template.PersonID, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.parts.Admit.Closed(m, person, now)
}

// Closures lists the means that open nothing at now, for somebody or for all.
func (e *Entry) Closures(now time.Time) []admit.Closure {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.parts.Admit.Closures(now)
}

// Forget drops what counts against people who are gone.
func (e *Entry) Forget(people ...template.PersonID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.parts.Admit.Forget(people...)
}

// ResetLockout lets every means work again for everybody.
func (e *Entry) ResetLockout() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.parts.Admit.Reset()
}
