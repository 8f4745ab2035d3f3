package store

import (
	"errors"
	"time"

	"facegate/store/audit"
)

// A LockoutPolicy says what failures in a row lead to (NIST SP 800-63B, rate limiting). All are required.
type LockoutPolicy struct {
	DelayAfter   uint32        // so many failures, and each one after, lead to Delay
	Delay        time.Duration // in which nobody is let in by face
	DisableAfter uint32        // so many failures switch the face path off until ResetLockout
}

// A Lockout is whether the face path works. How many failures there were is not said: whoever could ask would learn from
// each attempt how near it came.
type Lockout struct {
	Wait     time.Duration // until it works again; 0 if it does
	Disabled bool          // until ResetLockout
}

// failures is what is kept of failures. It tells of nobody, and of no time but that of the last delay. It is on disk from
// the first delay on: what happens before that, to whoever stands there, is nothing to keep.
type failures struct {
	Count    uint32
	Until    time.Duration // clock.Verdict.Count: a delay is as long whatever is done to the clock
	Disabled bool
	Attended bool // attempts are made, or were when the power went: Count may be behind
}

// Attend says that attempts are made from now on, until Close. After a power cut or a crash meanwhile the count begins just
// below the first delay: else whoever can cut the power could try for ever, a few times after each start.
func (s *Store) Attend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.failed
	if next.Attended {
		next.Count = max(next.Count, s.policy.DelayAfter-1)
	}
	next.Attended = true
	s.attended = true
	return s.setFailures(next)
}

// retire keeps the count until the next Attend.
func (s *Store) retire() error {
	if !s.attended || s.journal.db == nil {
		return nil
	}
	next := s.failed
	next.Attended = false
	return s.setFailures(next)
}

// Lockout returns whether the face path works.
func (s *Store) Lockout() Lockout {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lockout()
}

func (s *Store) lockout() Lockout {
	return Lockout{min(max(s.failed.Until-s.look().Count, 0), s.policy.Delay), s.failed.Disabled}
}

// RecordFailure counts a failure at now, and returns what follows, which survives a restart.
func (s *Store) RecordFailure(now time.Time) (Lockout, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.failed
	if next.Disabled {
		return s.lockout(), nil
	}
	next.Count++
	if next.Count < s.policy.DelayAfter {
		s.failed = next
		return s.lockout(), nil
	}
	e := audit.Entry{Kind: audit.SlowedDown, Actor: audit.Daemon, Count: next.Count}
	if next.Count >= s.policy.DisableAfter {
		next.Disabled, e.Kind = true, audit.SwitchedOff
	} else {
		next.Until = s.look().Count + s.policy.Delay
	}
	err := errors.Join(s.setFailures(next), s.record(now, e))
	return s.lockout(), err
}

// RecordSuccess forgets the failures in a row, unless they have switched the face path off.
func (s *Store) RecordSuccess() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed.Disabled:
		return nil
	case s.failed.Count < s.policy.DelayAfter:
		s.failed.Count = 0
		return nil
	}
	return s.setFailures(failures{Attended: s.attended})
}

// ResetLockout lets the face path work again.
func (s *Store) ResetLockout(by audit.Actor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	none := failures{Attended: s.attended}
	if s.failed == none || s.failed == (failures{}) {
		return nil
	}
	if err := s.record(s.now(), audit.Entry{Kind: audit.Reset, Actor: by, Count: s.failed.Count}); err != nil {
		return err
	}
	return s.setFailures(none)
}

// setFailures writes next to disk. If that fails it counts all the same, until the program ends.
func (s *Store) setFailures(next failures) error {
	s.failed = next
	row, err := s.putJournal(failuresRow, next)
	if err != nil {
		return err
	}
	counted, err := s.putJournal(clockRow, s.judge.Memory()) // or Until would be far ahead after a power cut
	if err != nil {
		return err
	}
	return s.journal.commit(change{puts: []put{row, counted}})
}
