package store

import (
	"slices"
	"time"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// A Means is what somebody asks for the door with.
type Means uint8

// The means. The numbers are written to disk.
const (
	MeansFace          Means = 1
	MeansPass          Means = 2
	MeansCard          Means = 3
	MeansPIN           Means = 4
	MeansOrder         Means = 5
	MeansVisitor       Means = 6
	MeansSecureCard    Means = 7
	MeansHomeAssistant Means = 8
)

// String returns the means in a word, "" for none.
func (m Means) String() string {
	names := [...]string{
		MeansFace: "face", MeansPass: "pass", MeansCard: "card", MeansPIN: "PIN", MeansOrder: "order",
		MeansVisitor: "visitor's pass", MeansSecureCard: "secure card", MeansHomeAssistant: "Home Assistant",
	}
	if int(m) >= len(names) {
		return ""
	}
	return names[m]
}

// Failures are the failures in a row of one means against one person, and what they have led to. What that is decides
// whoever counts them.
type Failures struct {
	Means    Means
	Person   template.PersonID
	Count    uint32
	Wait     time.Duration // until the means works again for the person; 0 if it does
	Disabled bool          // it works again after Lockouts.Reset
}

// Closed reports whether the means opens nothing for the person.
func (f Failures) Closed() bool { return f.Wait > 0 || f.Disabled }

// tries are Failures as they are kept. They tell of no time but that of the last delay.
type tries struct {
	Means    Means
	Person   template.PersonID
	Count    uint32
	Until    time.Duration // clock.Verdict.Count: a delay is as long whatever is done to the clock
	Disabled bool
	Lasting  bool // is on disk, and not over a restart only
}

func (t tries) same(o tries) bool { return t.Means == o.Means && t.Person == o.Person }

// failures is what is kept of failures.
type failures struct {
	Against  []tries
	Behind   bool // the power went while attempts were made: there may have been more
	Attended bool // attempts are made, or were when the power went
}

// of returns the tries of the same means against the same person.
func (f failures) of(t tries) tries {
	if i := slices.IndexFunc(f.Against, t.same); i >= 0 {
		return f.Against[i]
	}
	return tries{Means: t.Means, Person: t.Person}
}

// with returns f with t in the place of the tries of the same means against the same person. f stays as it is.
func (f failures) with(t tries) failures {
	f.Against = append(slices.DeleteFunc(slices.Clone(f.Against), t.same), t)
	return f
}

// without returns f without the tries against people. f stays as it is.
func (f failures) without(people ...template.PersonID) failures {
	f.Against = slices.DeleteFunc(slices.Clone(f.Against), func(t tries) bool { return slices.Contains(people, t.Person) })
	return f
}

// Lockouts keep what has failed too often, by each means and against each person, over restarts. They know of no limit: package
// admit counts, and says what is to last. Only Closed and Reset, which the audit log has to have, take the lock of the store: whoever is
// erased meanwhile holds up nobody who types.
type Lockouts struct{ s *Store }

// Lockouts returns the lock-outs of people.
func (s *Store) Lockouts() Lockouts { return Lockouts{s} }

// Attend says that attempts are made from now on, until Close. It reports whether the power has gone meanwhile before, since the
// last Reset: then there may have been more failures than are known.
func (l Lockouts) Attend() (behind bool, err error) {
	l.s.counting.Lock()
	defer l.s.counting.Unlock()
	next := l.s.failed
	next.Behind = next.Behind || next.Attended
	next.Attended = true
	l.s.attended = true
	return next.Behind, l.s.setFailures(next)
}

// retire keeps the counts until the next Attend.
func (s *Store) retire() error {
	s.counting.Lock()
	defer s.counting.Unlock()
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

// All returns what is known of failures.
func (l Lockouts) All() []Failures {
	l.s.counting.Lock()
	defer l.s.counting.Unlock()
	now := l.s.look().Count
	all := make([]Failures, 0, len(l.s.failed.Against))
	for _, t := range l.s.failed.Against {
		all = append(all, Failures{t.Means, t.Person, t.Count, max(t.Until-now, 0), t.Disabled})
	}
	return all
}

// Keep takes Failures in the place of those of the same means against the same person, until the person is erased. Those that
// are lasting are on disk when it returns. What they take the place of is not any more. Others, which whoever passes by may
// cause, are in memory, and are written by Close alone. Of somebody who is not on the list it keeps nothing.
func (l Lockouts) Keep(lasting bool, all ...Failures) error {
	l.s.counting.Lock()
	defer l.s.counting.Unlock()
	next, now, write := l.s.failed, l.s.look().Count, false
	for _, f := range all {
		if !l.s.register.on(f.Person) {
			continue
		}
		t := tries{Means: f.Means, Person: f.Person, Count: f.Count, Disabled: f.Disabled, Lasting: lasting && f.Count > 0}
		if f.Wait > 0 {
			t.Until = now + f.Wait
		}
		write = write || t.Lasting || next.of(t).Lasting
		if next = next.with(t); t.Count == 0 && !next.Behind { // as of whom nothing is known
			next.Against = next.Against[:len(next.Against)-1]
		}
	}
	if !write {
		l.s.failed = next
		return nil
	}
	return l.s.setFailures(next)
}

// Closed notes that so many failures have closed a means: for somebody, or with off until Reset.
func (l Lockouts) Closed(now time.Time, m Means, failures uint32, off bool) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	kind := audit.SlowedDown
	if off {
		kind = audit.SwitchedOff
	}
	return l.s.record(now, audit.Entry{Kind: kind, Actor: audit.Daemon, Count: failures, Digest: [32]byte{byte(m)}})
}

// Reset forgets all failures, so that every means works again for everybody.
func (l Lockouts) Reset(by audit.Actor) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.counting.Lock()
	defer l.s.counting.Unlock()
	var count uint32
	for _, t := range l.s.failed.Against {
		count += t.Count
	}
	if count == 0 && !l.s.failed.Behind {
		return nil
	}
	if err := l.s.record(l.s.now(), audit.Entry{Kind: audit.Reset, Actor: by, Count: count}); err != nil {
		return err
	}
	return l.s.setFailures(failures{Attended: l.s.attended})
}

// putFailures returns the put of what of f is to be on disk.
func (s *Store) putFailures(f failures) (vault.Put, error) {
	f.Against = slices.DeleteFunc(slices.Clone(f.Against), func(t tries) bool { return !t.Lasting })
	return s.putJournal(failuresRow, f)
}

// setFailures writes next to disk. If that fails it counts all the same, until the program ends. s.counting must be held.
func (s *Store) setFailures(next failures) error {
	s.failed = next
	row, err := s.putFailures(next)
	if err != nil {
		return err
	}
	counted, err := s.putJournal(clockRow, s.memory()) // or Until would be far ahead after a power cut
	if err != nil {
		return err
	}
	return s.journal.Commit(vault.Change{Puts: []vault.Put{row, counted}})
}
