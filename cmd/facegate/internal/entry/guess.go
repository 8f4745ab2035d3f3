package entry

import (
	"errors"
	"sync"
	"time"

	"facegate/gpio"
	"facegate/pipeline/attempt"
)

// guessTold is how long after the last key whoever types is told that the door stays locked. That is longer than the slow hash takes
// and the disk may take: so a number that is nobody's, a PIN that is wrong, and one that opens nothing any more take the same time. It
// is also how fast a keypad can be tried at.
const guessTold = 2 * time.Second

// errClosed says of a guess that nobody looks at it, because too many before it have failed.
var errClosed = errors.New("too many have failed")

// Try asks for the door for an attempt that may be a guess, such as a PIN. It is a failure on disk before look compares anything:
// whoever cuts the power in between has had a try that counts. One that is good takes that back. What cannot be written down within
// a second is not looked at. One attempt is tried after the other, whoever's it is, or the count that one is going to take back would
// close the means to the next. The person of the attempt is known, its finding is not.
func (e *Entry) Try(t attempt.Attempt, look attempt.Look) attempt.Outcome {
	o := e.try(t, look)
	e.holdBack(t.Asked, o)
	return o
}

func (e *Entry) try(t attempt.Attempt, look attempt.Look) attempt.Outcome {
	select {
	case e.trying <- struct{}{}:
	case <-e.stopped:
		return stopped()
	}
	defer func() { <-e.trying }()
	counted := e.count(t)
	t.Finding, t.Duress = look(counted)
	if err := counted(); err != nil {
		return e.unseen(t, err)
	}
	t.Counted = true
	return e.Ask(t)
}

// count counts an attempt as a failure, and returns what waits until that is on disk, or says why nobody may look at the attempt.
// What look does before it compares takes its time meanwhile.
func (e *Entry) count(t attempt.Attempt) (counted func() error) {
	if e.parts.Record.Full() {
		return func() error { return ErrRecord }
	}
	e.mu.Lock()
	counts, ok := e.parts.Admit.Try(t)
	e.mu.Unlock()
	switch {
	case !ok:
		return func() error { return errClosed }
	case len(counts) == 0: // it names nobody, and there is nothing to compare it with
		return func() error { return nil }
	}
	t.Counted = true
	written, late := make(chan error, 1), time.NewTimer(confirmWithin)
	e.parts.Record.Confirm(attempt.Fact{Attempt: t, Counts: counts}, func(err error) { written <- err })
	return sync.OnceValue(func() error {
		defer late.Stop()
		return e.await(written, late)
	})
}

// await returns what came of something that is to be written down, or ErrRecord if that is late.
func (e *Entry) await(written <-chan error, late *time.Timer) error {
	select {
	case err := <-written:
		return err
	case <-late.C:
	case <-e.stopped:
		return gpio.ErrStopped
	}
	select {
	case err := <-written: // in time, and nobody has asked for it before
		return err
	default:
		return ErrRecord
	}
}

// unseen answers an attempt whose finding counts for nothing. If it was not closed before it is not a failure either. Whoever is forced
// to make it is not forgotten.
func (e *Entry) unseen(t attempt.Attempt, why error) attempt.Outcome {
	f := attempt.Fact{Attempt: t, Counts: e.takeBack(t)}
	if f.Attempt.Counted = true; len(f.Counts) > 0 || t.Duress {
		e.parts.Record.Put(f)
	}
	switch {
	case errors.Is(why, errClosed):
		return attempt.Outcome{Reason: attempt.Closed}
	case errors.Is(why, gpio.ErrStopped):
		return stopped()
	}
	return attempt.Outcome{Reason: attempt.Record, Err: unrecorded(why)}
}

// takeBack makes the count of an attempt that was tried what it was before, and returns what there is to be written down of that.
func (e *Entry) takeBack(t attempt.Attempt) []attempt.Count {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.parts.Admit.TakeBack(t.Means, t.Person)
}

// holdBack waits until a refusal may be told of what was asked at a time and can be a guess. What opens the door, or waits for
// something else, is told at once.
func (e *Entry) holdBack(asked time.Time, o attempt.Outcome) {
	if !o.Opened.IsZero() || o.Wait != 0 {
		return
	}
	wait := time.NewTimer(asked.Add(guessTold).Sub(e.parts.Now()))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-e.stopped:
	}
}
