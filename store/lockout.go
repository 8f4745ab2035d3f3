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

// A Lockout is whether the face path works.
type Lockout struct {
	Failures uint32        // in a row
	Wait     time.Duration // until it works again; 0 if it does
	Disabled bool          // until ResetLockout
}

// failures is what is kept of failures. It tells of nobody, and of no time but that of the last delay.
type failures struct {
	Count    uint32
	Until    int64 // Unix time in seconds
	Disabled bool
}

// Lockout returns whether the face path works at now.
func (s *Store) Lockout(now time.Time) Lockout {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lockout(now)
}

func (s *Store) lockout(now time.Time) Lockout {
	// A clock that was set back must not make a delay any longer.
	wait := min(max(time.Unix(s.failed.Until, 0).Sub(now), 0), s.policy.Delay)
	return Lockout{s.failed.Count, wait, s.failed.Disabled}
}

// RecordFailure counts a failure at now, and returns what follows. It is on disk, and survives a restart.
func (s *Store) RecordFailure(now time.Time) (Lockout, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.failed
	if next.Disabled {
		return s.lockout(now), nil
	}
	next.Count++
	e := audit.Entry{Actor: audit.Daemon, Count: next.Count}
	switch {
	case next.Count >= s.policy.DisableAfter:
		next.Disabled, e.Kind = true, audit.SwitchedOff
	case next.Count >= s.policy.DelayAfter:
		// Rounded up: a delay may be longer by a part of a second, not shorter.
		next.Until, e.Kind = now.Add(s.policy.Delay+time.Second-1).Unix(), audit.SlowedDown
	}
	err := s.setFailures(next)
	if e.Kind != 0 {
		err = errors.Join(err, s.record(now, e))
	}
	return s.lockout(now), err
}

// RecordSuccess forgets the failures in a row, unless they have switched the face path off.
func (s *Store) RecordSuccess() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed.Count == 0 || s.failed.Disabled {
		return nil
	}
	return s.setFailures(failures{})
}

// ResetLockout lets the face path work again.
func (s *Store) ResetLockout(by audit.Actor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == (failures{}) {
		return nil
	}
	if err := s.record(s.now(), audit.Entry{Kind: audit.Reset, Actor: by, Count: s.failed.Count}); err != nil {
		return err
	}
	return s.setFailures(failures{})
}

// setFailures writes next to disk. If that fails it counts all the same, until the program ends.
func (s *Store) setFailures(next failures) error {
	s.failed = next
	row, err := s.putJournal(failuresRow, next)
	if err != nil {
		return err
	}
	return s.journal.commit(change{puts: []put{row}})
}
