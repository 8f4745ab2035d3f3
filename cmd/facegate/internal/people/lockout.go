package people

import (
	"context"
	"errors"
	"sync"
	"time"

	"facegate/pipeline/decide"
	"facegate/store"
)

// bars say who is not let in by face, after failures against them. To look at them does not wait for the store, which an
// erasure may hold.
type bars struct {
	mu sync.Mutex // guards of
	of map[decide.Person]bar
}

// A bar holds until a time, or until they are reset.
type bar struct {
	until    time.Time
	disabled bool
}

func (b *bars) load(lockouts map[decide.Person]store.Lockout, now time.Time) {
	for p, l := range lockouts {
		b.set(p, l, now)
	}
}

func (b *bars) set(p decide.Person, l store.Lockout, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = make(map[decide.Person]bar)
	}
	b.of[p] = bar{now.Add(l.Wait), l.Disabled}
}

// lift ends what holds against people.
func (b *bars) lift(people ...decide.Person) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range people {
		delete(b.of, p)
	}
}

func (b *bars) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.of = nil
}

// hold reports whether a person is not let in at now.
func (b *bars) hold(p decide.Person, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	x, ok := b.of[p]
	return ok && (x.disabled || now.Before(x.until))
}

// count returns how many people have to wait at now, and how many to be unlocked.
func (b *bars) count(now time.Time) (slowed, off int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.of {
		switch {
		case x.disabled:
			off++
		case now.Before(x.until):
			slowed++
		}
	}
	return slowed, off
}

// Passed notes that a person was let in: who was, as the day on which they were last seen, and that somebody was, in the
// audit log. Failures in a row against them end with it.
func (r *Register) Passed(person decide.Person, at time.Time) error {
	r.store.Retention().Seen(person, at)
	return errors.Join(r.store.Lockouts().Succeeded(person), r.store.Log().Access(at))
}

// Failed notes that somebody was nearly taken for a person, and was not. Too many in a row, and the person is not let in by
// face: for moments, and in the end until a technician resets it. Nobody else is concerned.
func (r *Register) Failed(person decide.Person, at time.Time) error {
	l, err := r.store.Lockouts().Failed(person, at)
	if errors.Is(err, store.ErrUnknown) { // erased just now
		return nil
	}
	r.barred.set(person, l, at)
	return err
}

// Flooded notes that so many prints and screens were refused that no face is looked at for now.
func (r *Register) Flooded(at time.Time, refused int) error {
	return r.store.Lockouts().Flooded(at, uint32(refused))
}

// Barred returns how many people are not let in by face for moments, and how many until a technician resets it.
func (r *Register) Barred(now time.Time) (slowed, off int) { return r.barred.count(now) }

// ResetLockout implements Records.
func (b bound) ResetLockout(context.Context) error {
	if err := b.store.Lockouts().Reset(b.by); err != nil {
		return err
	}
	b.barred.clear()
	return nil
}
