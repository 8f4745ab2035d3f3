package store

import (
	"slices"
	"time"

	"facegate/pipeline/template"
	"facegate/store/audit"
)

// Retention says how long things are kept. All are required.
type Retention struct {
	Idle    time.Duration // a person who is not seen
	Access  time.Duration // entries of the audit log that tell of people at the door
	Records time.Duration // other entries, and consents after they ended
}

// MarkSeen notes the day on which a person was let in, so that they are not taken for idle. It writes to disk once a day
// for each person. For somebody who is not enrolled it does nothing.
func (s *Store) MarkSeen(id template.PersonID, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.byName[s.names[id]]; !ok || !day(at).After(p.LastSeen) {
		return nil
	}
	if err := s.ready(); err != nil {
		return err
	}
	p, ok := s.byName[s.names[id]]
	if !ok { // they have just left
		return nil
	}
	p.LastSeen = day(at)
	row, err := s.putPerson(p)
	if err != nil {
		return err
	}
	if err := s.people.commit(change{puts: []put{row}}); err != nil {
		return err
	}
	s.byName[p.Label] = p
	return nil
}

// EraseDue erases everybody whose enrolment has expired at now, and everybody who has been idle for too long, each group at
// the cost of one, and returns who they were. If it fails, they are those who are erased or may be at the next change.
func (s *Store) EraseDue(now time.Time) ([]template.PersonID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var expired, idle []Person
	for _, p := range s.byName {
		switch {
		case !now.Before(p.Expires):
			expired = append(expired, p)
		case now.Sub(p.active()) >= s.retention.Idle+24*time.Hour: // the end of the day is what counts
			idle = append(idle, p)
		}
	}
	var ids []template.PersonID
	for _, due := range []struct {
		people []Person
		why    audit.Reason
	}{{expired, audit.Expired}, {idle, audit.Idle}} {
		if len(due.people) == 0 {
			continue
		}
		for _, p := range due.people {
			ids = append(ids, p.ID)
		}
		if _, err := s.erase(due.people, due.why, audit.Daemon); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// Prune drops what has been kept for long enough at now: the body of old audit entries, whose place in the chain stays, and
// old consents. It returns how many they were.
func (s *Store) Prune(now time.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return 0, err
	}
	entries, err := s.pruneLog(now)
	if err != nil {
		return 0, err
	}
	consents, err := s.pruneConsents(now, entries)
	return entries + consents, err
}

// pruneLog writes journal.db anew without what is old.
func (s *Store) pruneLog(now time.Time) (pruned int, err error) {
	l, err := s.audit()
	if err != nil {
		return 0, err
	}
	var c change
	start, leading := l.Start.Head, true
	for _, r := range l.Records {
		if r.Entry != nil && s.old(*r.Entry, now) {
			pruned++
			r = r.Pruned()
			c.puts = append(c.puts, s.journal.value(entryRow(r.Seq), r.Append(nil)))
		}
		if leading = leading && r.Entry == nil; leading {
			start = audit.Head{Seq: r.Seq, Link: r.Link}
		}
	}
	if pruned == 0 {
		return 0, nil
	}
	// What is pruned from the beginning on need not stay, not even as hashes.
	c.puts = slices.DeleteFunc(c.puts, func(p put) bool { return dropped(p.rowID, start) })
	c.drop = func(row rowID) bool { return dropped(row, start) }
	row, err := s.putJournal(startRow, start)
	if err != nil {
		return 0, err
	}
	c.puts = append(c.puts, row)
	return pruned, s.journal.rewrite(c)
}

// dropped reports whether row is an entry up to start.
func dropped(row rowID, start audit.Head) bool {
	last := entryRow(start.Seq)
	return row.table == entriesTable && slices.Compare(row.id[:], last.id[:]) <= 0
}

// old reports whether e has been kept for long enough.
func (s *Store) old(e audit.Entry, now time.Time) bool {
	keep := s.retention.Records
	if e.Kind.ShortLived() {
		keep = s.retention.Access
	}
	return now.Sub(time.Unix(e.Time, 0)) >= keep
}

// pruneConsents removes old consents and notes in the log that they, and so many entries, were dropped.
func (s *Store) pruneConsents(now time.Time, entries int) (int, error) {
	old := make(map[[16]byte]bool)
	for id, at := range s.ended {
		if now.Sub(at) >= s.retention.Records {
			old[id] = true
		}
	}
	if entries+len(old) == 0 {
		return 0, nil
	}
	noted, err := s.number(now, audit.Entry{Kind: audit.Pruned, Actor: audit.Daemon, Count: uint32(entries + len(old))})
	if err != nil {
		return 0, err
	}
	// Even without an old consent: entries lie in free pages of people.db, which had each of them as the last.
	if err := s.apply(s.people.rewrite, s.state, noted, change{
		drop: func(row rowID) bool { return row.table == consentsTable && old[row.id] },
	}); err != nil {
		return 0, err
	}
	for id := range old {
		delete(s.ended, id)
	}
	s.follow()
	return len(old), nil
}

// EndedConsents reads the consents of people who were erased from the disk, as they are kept, in no order. They are not in
// memory otherwise.
func (s *Store) EndedConsents() (consents []Consent, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.people.eachValue(consentsTable, func(id [16]byte, plain []byte) error {
		if _, ok := s.ended[id]; !ok {
			return nil
		}
		c, err := decodeConsent(id, plain)
		if err != nil {
			return s.people.damaged(err)
		}
		consents = append(consents, c)
		return nil
	})
	return consents, err
}

// Former returns how many consents of people who were erased are kept.
func (s *Store) Former() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ended)
}
