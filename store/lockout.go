package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// A LockoutPolicy says what failures in a row lead to (NIST SP 800-63B, rate limiting). All are required.
//
// A failure counts against the one person whom somebody was nearly taken for, as a wrong password counts against the one
// account that it was tried at. So nobody shuts out anybody but the person whom they try to be taken for, and nothing is kept
// of whoever tries.
type LockoutPolicy struct {
	DelayAfter   uint32        // so many failures, and each one after, lead to Delay
	Delay        time.Duration // in which the person is not let in by face
	DisableAfter uint32        // so many failures keep the person's face from opening the door until Lockouts.Reset
}

// A Lockout is whether a person's face works. How many failures there were is not said: whoever could ask would learn from
// each attempt how near it came.
type Lockout struct {
	Wait     time.Duration // until it works again; 0 if it does
	Disabled bool          // until Lockouts.Reset
}

// tries are the failures in a row against one person. They tell of no time but that of the last delay.
type tries struct {
	Person   template.PersonID
	Count    uint32
	Until    time.Duration // clock.Verdict.Count: a delay is as long whatever is done to the clock
	Disabled bool
}

// failures is what is kept of failures. Those against a person are on disk from the first delay on, until the person is let
// in or erased: what happens before that, to whoever stands there, is nothing to keep but over a restart.
type failures struct {
	Against  []tries
	Base     uint32 // the count against everybody else
	Attended bool   // attempts are made, or were when the power went: counts may be behind
}

// of returns the tries against a person.
func (f failures) of(p template.PersonID) tries {
	if i := slices.IndexFunc(f.Against, func(t tries) bool { return t.Person == p }); i >= 0 {
		return f.Against[i]
	}
	return tries{Person: p, Count: f.Base}
}

// with returns f with t in the place of the tries against the same person. f stays as it is.
func (f failures) with(t tries) failures {
	f.Against = append(f.without(t.Person).Against, t)
	return f
}

// without returns f without the tries against people. f stays as it is.
func (f failures) without(people ...template.PersonID) failures {
	f.Against = slices.DeleteFunc(slices.Clone(f.Against), func(t tries) bool { return slices.Contains(people, t.Person) })
	return f
}

// Lockouts keep who has failed too often to be taken for somebody, and whose face does not work therefore.
type Lockouts struct{ s *Store }

// Lockouts returns the lock-outs of people.
func (s *Store) Lockouts() Lockouts { return Lockouts{s} }

// Attend says that attempts are made from now on, until Close. After a power cut or a crash meanwhile every count begins just
// below the first delay: else whoever can cut the power could try for ever, a few times after each start.
func (l Lockouts) Attend() error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	next := l.s.failed
	if next.Attended {
		next.Base = l.s.policy.DelayAfter - 1
	}
	next.Attended = true
	l.s.attended = true
	return l.s.setFailures(next)
}

// retire keeps the counts until the next Attend.
func (s *Store) retire() error {
	if !s.attended || !s.journal.IsOpen() {
		return nil
	}
	next := s.failed
	next.Attended = false
	row, err := s.putJournal(failuresRow, next)
	if err != nil {
		return err
	}
	s.failed = next
	return s.journal.Commit(vault.Change{Puts: []vault.Put{row}})
}

// All returns the people whose face does not work.
func (l Lockouts) All() map[template.PersonID]Lockout {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	now := l.s.look().Count
	out := make(map[template.PersonID]Lockout)
	for _, t := range l.s.failed.Against {
		if l := l.s.lockout(t, now); l != (Lockout{}) {
			out[t.Person] = l
		}
	}
	return out
}

func (s *Store) lockout(t tries, now time.Duration) Lockout {
	return Lockout{min(max(t.Until-now, 0), s.policy.Delay), t.Disabled}
}

// Failed counts a failure at now against a person, and returns what follows, which survives a restart.
func (l Lockouts) Failed(p template.PersonID, now time.Time) (Lockout, error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if !l.s.register.has(p) {
		return Lockout{}, fmt.Errorf("store: %w any more", ErrUnknown)
	}
	t, count := l.s.failed.of(p), l.s.look().Count
	if t.Disabled {
		return l.s.lockout(t, count), nil
	}
	t.Count++
	if t.Count < l.s.policy.DelayAfter {
		l.s.failed = l.s.failed.with(t)
		return l.s.lockout(t, count), nil
	}
	e := audit.Entry{Kind: audit.SlowedDown, Actor: audit.Daemon, Count: t.Count}
	if t.Count >= l.s.policy.DisableAfter {
		t.Disabled, e.Kind = true, audit.SwitchedOff
	} else {
		t.Until = count + l.s.policy.Delay
	}
	err := errors.Join(l.s.setFailures(l.s.failed.with(t)), l.s.record(now, e))
	return l.s.lockout(t, count), err
}

// Succeeded forgets the failures in a row against a person, unless they have switched the person's face off.
func (l Lockouts) Succeeded(p template.PersonID) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	t := l.s.failed.of(p)
	next := l.s.failed.without(p)
	if next.Base > 0 {
		next = next.with(tries{Person: p})
	}
	switch {
	case t.Disabled:
		return nil
	case t.Count < l.s.policy.DelayAfter:
		l.s.failed = next
		return nil
	}
	return l.s.setFailures(next)
}

// Flooded notes that so many prints and screens were refused, one after the other, that no face is looked at for now.
func (l Lockouts) Flooded(now time.Time, refused uint32) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.s.record(now, audit.Entry{Kind: audit.SwitchedOff, Actor: audit.Daemon, Count: refused})
}

// Reset lets everybody's face work again.
func (l Lockouts) Reset(by audit.Actor) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	var count uint32
	for _, t := range l.s.failed.Against {
		count += t.Count
	}
	if count == 0 && l.s.failed.Base == 0 {
		return nil
	}
	if err := l.s.record(l.s.now(), audit.Entry{Kind: audit.Reset, Actor: by, Count: count}); err != nil {
		return err
	}
	return l.s.setFailures(failures{Attended: l.s.attended})
}

// putFailures returns the put of what of f is to be on disk.
func (s *Store) putFailures(f failures) (vault.Put, error) {
	f.Against = slices.DeleteFunc(slices.Clone(f.Against), func(t tries) bool { return t.Count < s.policy.DelayAfter })
	return s.putJournal(failuresRow, f)
}

// setFailures writes next to disk. If that fails it counts all the same, until the program ends.
func (s *Store) setFailures(next failures) error {
	s.failed = next
	row, err := s.putFailures(next)
	if err != nil {
		return err
	}
	counted, err := s.putJournal(clockRow, s.judge.Memory()) // or Until would be far ahead after a power cut
	if err != nil {
		return err
	}
	return s.journal.Commit(vault.Change{Puts: []vault.Put{row, counted}})
}
