package store

import (
	"time"

	"facegate/store/audit"
)

// An Assessment is the reference of an impact assessment, which the operator has made (PIPL 55 and 56, GDPR 35).
type Assessment struct{ ID, Date, Version string }

// Compliance is what the operator has to show to an authority: an impact assessment, a filing, and consents that stand.
type Compliance struct{ s *Store }

// Compliance returns the duties of the operator.
func (s *Store) Compliance() Compliance { return Compliance{s} }

// Assess says which assessment the operator names for what is in use, of which basis is the hash. Who names another
// assessment than before says that it covers what is in use now. If something else is in use later under the same
// reference, or after a Lockdown, it reports that the assessment has to be made again. What changes of all this is in the
// audit log.
func (c Compliance) Assess(a Assessment, basis [32]byte) (due bool, err error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if err := c.s.ready(); err != nil {
		return false, err
	}
	next := c.s.state
	e := audit.Entry{Kind: audit.Assessed, Actor: audit.Daemon, Digest: basis}
	switch {
	case a != next.Assessment:
		next.Assessment, next.Covered, next.Uncovered = a, basis, [32]byte{}
	case basis == next.Covered:
		next.Uncovered = [32]byte{}
	default:
		next.Uncovered, e.Kind, due = basis, audit.ReassessmentDue, true
	}
	if next.Assessment == c.s.state.Assessment && next.Uncovered == c.s.state.Uncovered {
		return due, nil
	}
	return due, c.s.note(c.s.now(), next, e)
}

// Filing returns the day, at midnight UTC, on which Options.FilingAt people were enrolled for the first time; zero if they
// never were.
func (c Compliance) Filing() time.Time {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.state.Filing == 0 {
		return time.Time{}
	}
	return time.Unix(c.s.state.Filing, 0).UTC()
}

// countForFiling notes the day on which so many people are enrolled that the operator has to file. Where that cannot be
// written, or the clock is not known to be right, it is the next enrolment's, Tick's or Open's to do.
func (s *Store) countForFiling(now time.Time) {
	if s.filingAt == 0 || s.state.Filing != 0 || s.faced() < s.filingAt || !s.look().Right() {
		return
	}
	err := s.ready()
	if err == nil {
		next := s.state
		next.Filing = day(now).Unix()
		err = s.note(s.now(), next, audit.Entry{Kind: audit.FilingReached, Actor: audit.Daemon, Count: uint32(s.faced())})
	}
	if err != nil {
		s.log.Error("the day on which the operator has to file was not noted", "err", err)
	}
}

// faced returns how many people have consented to a template. They are who counts for filing, which is about faces.
func (s *Store) faced() (n int) {
	for _, p := range s.register.byID {
		if p.Consented() {
			n++
		}
	}
	return n
}

// Count returns how many people have consented to a template, and how many of them cannot consent alone.
func (c Compliance) Count() (people, children int) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, p := range c.s.register.byID {
		if p.Consent.AgeBand.Guardian() {
			children++
		}
	}
	return c.s.faced(), children
}
