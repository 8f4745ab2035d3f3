package store

import (
	"errors"
	"fmt"
	"time"

	"facegate/configs/hint"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/vault"
)

const (
	// rememberEvery is how often what is known of the time is written where nothing else is.
	rememberEvery = 15 * time.Minute

	// seenEvery is how often it is written who has been seen, all of them together.
	seenEvery = 4 * time.Hour

	// outOfOrder is how far a clock that is right may go back, as when a time server corrects it, without a mark.
	outOfOrder = time.Minute
)

// ErrClock refuses to confirm a date.
var ErrClock = errors.New("this date cannot be confirmed")

// A moment is when something was, by the clock of then. Where that was not known to be right, Count is clock.Verdict.Count
// of then, which becomes the date when there is a right one; otherwise it is 0.
type moment struct {
	Time  time.Time
	Count time.Duration
}

// moment returns the present one.
func (s *Store) moment() moment {
	v := s.look()
	if v.Settled {
		return moment{Time: v.Wall}
	}
	return moment{v.Wall, v.Count}
}

// dated returns m by the right clock of v.
func (m moment) dated(v clock.Verdict) time.Time {
	if m.Count == 0 {
		return m.Time
	}
	return v.At(m.Count)
}

// over reports whether m is so long ago, at the least.
func (m moment) over(v clock.Verdict, term time.Duration) bool {
	if m.Count != 0 {
		return v.Passed(m.Count) >= term
	}
	return v.Certain.Sub(m.Time) >= term
}

// look reads the clock and judges it.
func (s *Store) look() clock.Verdict {
	s.judging.Lock()
	defer s.judging.Unlock()
	return s.judge.Judge(s.source())
}

// judgeFrom has the clock judged by what is remembered.
func (s *Store) judgeFrom(m clock.Memory) {
	s.judging.Lock()
	defer s.judging.Unlock()
	s.judge = clock.NewJudge(m)
}

// memory returns what a later clock.Judge has to remember.
func (s *Store) memory() clock.Memory {
	s.judging.Lock()
	defer s.judging.Unlock()
	return s.judge.Memory()
}

// now reads the clock.
func (s *Store) now() time.Time { return s.look().Wall }

// Clock judges what time it is, and has what happened by a wrong clock dated when there is a right one.
type Clock struct{ s *Store }

// Clock returns the clock of the store.
func (s *Store) Clock() Clock { return Clock{s} }

// Verdict returns what is known of the time.
func (c Clock) Verdict() clock.Verdict {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.look()
}

// stamp returns the time of an entry that is made at now, after the last one, and its marks.
func (s *Store) stamp(now time.Time) (at int64, marks audit.Marks) {
	at = now.Unix()
	v := s.look()
	if !v.Right() {
		marks = audit.Doubted
	}
	if len(s.state.Entries) == 0 {
		return at, marks
	}
	last := s.state.Entries[len(s.state.Entries)-1]
	if at >= last.Time {
		return at, marks
	}
	if marks|last.Marks == 0 && last.Time-at <= int64(outOfOrder/time.Second) {
		return last.Time, 0
	}
	return at, marks | audit.SetBack
}

// Confirm notes that a technician vouches for the date that the clock says, which was about seen a moment ago. It
// refuses with ErrClock.
func (c Clock) Confirm(seen time.Time, by audit.Actor) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if err := c.s.ready(); err != nil {
		return err
	}
	r := c.s.source()
	if r.Wall.Sub(seen).Abs() > 2*time.Minute {
		return hint.Wrap(fmt.Errorf("store: %w: the clock was set meanwhile, and says %s", ErrClock, r.Wall.Format(time.RFC1123Z)),
			"look at it again with: facegate clock")
	}
	if err := c.s.confirm(r); err != nil {
		return hint.Wrap(fmt.Errorf("store: %w: %w", ErrClock, err), "set the clock first, with: timedatectl set-time")
	}
	if err := c.s.note(r.Wall, c.s.state, audit.Entry{Kind: audit.ClockConfirmed, Actor: by}); err != nil {
		return err
	}
	return c.s.setDates(c.s.look())
}

func (s *Store) confirm(r clock.Reading) error {
	s.judging.Lock()
	defer s.judging.Unlock()
	return s.judge.Confirm(r)
}

// Tick writes what the passing of time has brought about: where the clock has come right, the dates of who was enrolled
// before; from time to time who has been seen, and what is known of the time. It is to be called every minute or so.
func (c Clock) Tick() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if err := c.s.ready(); err != nil {
		return err
	}
	v := c.s.look()
	if err := c.s.setDates(v); err != nil {
		return err
	}
	if v.Passed(c.s.written) >= seenEvery {
		if err := c.s.writeSeen(); err != nil {
			return err
		}
		c.s.written = v.Count
	}
	c.s.countForFiling(v.Wall)
	return c.s.remember(rememberEvery)
}

// remember writes what is known of the time, if it is news or so long ago that it was.
func (s *Store) remember(every time.Duration) error {
	m, old := s.memory(), s.remembered
	if m.Boot == old.Boot && m.Run.Line == old.Run.Line && m.Count-old.Count < every &&
		(m.Known == old.Known || m.Known != nil && old.Known != nil && *m.Known == *old.Known) {
		return nil
	}
	row, err := s.putJournal(clockRow, m)
	if err != nil {
		return err
	}
	if err := s.journal.Commit(vault.Change{Puts: []vault.Put{row}}); err != nil {
		return err
	}
	s.remembered = m
	return nil
}

// setDates sets the dates of everything that came while the clock was not known to be right, where it is now.
func (s *Store) setDates(v clock.Verdict) error {
	if !v.Settled {
		return nil
	}
	people, ended, c, err := s.redated(v)
	if err != nil || len(c.Puts) == 0 && !s.doubted() && s.state.Visits.Count == 0 {
		return err
	}
	next := s.state
	next.Visits = moment{Time: next.Visits.dated(v)}
	entries, err := s.number(v.Wall, audit.Entry{Kind: audit.ClockRight, Actor: audit.Daemon, Count: uint32(len(people))})
	if err != nil {
		return err
	}
	if err := s.apply(s.people.Rewrite, next, entries, c); err != nil {
		return err
	}
	s.visits.register(next)
	if len(people) > 0 {
		s.log.Info("the clock is right, and dates are set that were provisional", "people", len(people))
	}
	for _, p := range people {
		s.register.put(p)
		delete(s.seen, p.ID)
	}
	for _, old := range ended {
		s.ended[old.ID] = moment{Time: old.Ended}
	}
	s.follow()
	return nil
}

// redated returns whose dates are to be set, and which consents that have ended, with the dates by the right clock of v. The
// change is what writes them.
func (s *Store) redated(v clock.Verdict) (people []Person, ended []Consent, c vault.Change, err error) {
	put := func(row vault.Put, failed error) { c.Puts, err = append(c.Puts, row), errors.Join(err, failed) }
	for _, p := range s.register.byID {
		if p.Provisional || p.seen != 0 {
			p = p.dated(v)
			people = append(people, p)
			rows, failed := s.putTerms(p)
			c.Puts, err = append(c.Puts, rows...), errors.Join(err, failed)
		}
	}
	all, failed := s.endedConsents()
	for _, old := range all {
		if old.GivenCount != 0 || old.EndedCount != 0 {
			old = old.dated(v)
			ended = append(ended, old)
			put(s.putConsent(old))
		}
	}
	return people, ended, c, errors.Join(err, failed)
}

// doubted reports whether the last entry of the log was made by a clock that was not known to be right.
func (s *Store) doubted() bool {
	return s.state.Entries[len(s.state.Entries)-1].Marks&audit.Doubted != 0
}

// dated returns p with the dates by the clock of v, which is right.
func (p Person) dated(v clock.Verdict) Person {
	if p.Provisional {
		began := v.At(p.began)
		expires := limit(began, p.term, p.until)
		if p.Consented() {
			p.Consent.Given, p.Consent.GivenCount = began.UTC().Truncate(time.Second), 0
			if p.Consent.Expires.Equal(p.Expires) {
				p.Consent.Expires = expires
			}
		}
		p.Expires, p.Enrolled, p.Provisional = expires, day(began), false
		p.began, p.term, p.until = 0, 0, time.Time{}
	}
	if p.seen != 0 {
		p.LastSeen, p.seen = day(v.At(p.seen)), 0
	}
	return p
}

// told returns p as it is told to those who ask. A mark that is to come is not: whoever saw it begin to be there could tell with
// whose enrolment it has come.
func (p Person) told(v clock.Verdict) Person {
	if p = p.shown(v); p.Near.After(v.Wall) {
		p.Near = time.Time{}
	}
	return p
}

// shown returns p with the dates that it has by the clock of v, if that is believed.
func (p Person) shown(v clock.Verdict) Person {
	if !v.Right() {
		return p
	}
	return p.dated(v)
}

// limit returns what comes first: the end of a term that begins at from, or a date. Either may be zero.
func limit(from time.Time, term time.Duration, until time.Time) time.Time {
	end := from.Add(term).UTC().Truncate(time.Second)
	if term == 0 || !until.IsZero() && until.Before(end) {
		return until
	}
	return end
}

// dated returns c, which has ended, with the dates by the right clock of v.
func (c Consent) dated(v clock.Verdict) Consent {
	if c.GivenCount != 0 {
		off := v.At(c.GivenCount).Sub(c.Given)
		c.Given, c.GivenCount = c.Given.Add(off).UTC().Truncate(time.Second), 0
		if c.Expires.Before(c.Given) {
			c.Expires = c.Expires.Add(off).UTC().Truncate(time.Second)
		}
	}
	c.Ended, c.EndedCount = moment{c.Ended, c.EndedCount}.dated(v).UTC().Truncate(time.Second), 0
	return c
}

// expired reports whether the enrolment of p has ended at now, which is one of the times of v.
func (p Person) expired(v clock.Verdict, now time.Time) bool {
	if !p.Provisional {
		return !now.Before(p.Expires)
	}
	return p.term != 0 && v.Passed(p.began) >= p.term || !p.until.IsZero() && !now.Before(p.until)
}

// lapsed reports whether p may not match: the enrolment has ended by any of the times that it may be.
func (p Person) lapsed(v clock.Verdict) bool { return p.expired(v, v.Latest) }

// due reports whether p is certainly to be erased, and why.
func (p Person) due(v clock.Verdict, idle time.Duration) (audit.Reason, bool) {
	last := moment{Time: p.active()}
	switch {
	case p.seen != 0:
		last.Count = p.seen
	case p.Provisional:
		last.Count = p.began
	}
	switch {
	case p.expired(v, v.Certain):
		return audit.Expired, true
	case last.over(v, idle+24*time.Hour): // the end of the day is what counts
		return audit.Idle, true
	}
	return 0, false
}

// Waiting is what waits for the clock to be right.
type Waiting struct {
	Erasures    int // people who have expired or idled, by a clock that is not known to be right
	Provisional int // people whose dates are those of such a clock
}

// Waiting returns what waits for the clock.
func (c Clock) Waiting() (w Waiting) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	v := c.s.look()
	asIf := v
	asIf.Certain = v.Latest
	for _, p := range c.s.register.byID {
		_, due := p.due(v, c.s.retention.Idle)
		if _, maybe := p.due(asIf, c.s.retention.Idle); maybe && !due {
			w.Erasures++
		}
		if p.Provisional {
			w.Provisional++
		}
	}
	return w
}
