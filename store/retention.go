package store

import (
	"slices"
	"time"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/vault"
)

// A RetentionPolicy says how long things are kept. All are required.
type RetentionPolicy struct {
	Idle    time.Duration // a person who is not seen
	Access  time.Duration // entries of the audit log that tell of people at the door
	Records time.Duration // other entries, and consents after they ended
}

// Retention ends what is not to be kept any longer: people, consents and entries of the audit log.
type Retention struct{ s *Store }

// Retention returns what ends by itself.
func (s *Store) Retention() Retention { return Retention{s} }

// Seen notes the day on which a person was let in, so that they are not taken for idle. It is kept in memory until
// Tick or Close writes it, for everybody at once: rows that are written one by one tell in the free pages of a database who
// came last. For somebody who is not enrolled it does nothing.
func (r Retention) Seen(id template.PersonID, at time.Time) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	p, ok := r.s.register.byID[id]
	if !ok || !r.s.owedSince(p).IsZero() {
		return
	}
	const oneDay = 24 * time.Hour
	v := r.s.look()
	switch {
	case !v.Settled:
		p.seen = (v.Count/oneDay + 1) * oneDay // the day, and no more
	case day(at).After(p.LastSeen):
		p.LastSeen, p.seen = day(at), 0
	default:
		return
	}
	r.s.seen[id] = sighting{p.LastSeen, p.seen}
	r.s.register.put(p)
}

// A sighting is when a person was last seen, which is not on disk yet.
type sighting struct {
	day   time.Time
	count time.Duration
}

// recall adds the sightings to what was read from the disk.
func (s *Store) recall(people register) {
	for id, at := range s.seen {
		if p, ok := people.byID[id]; ok {
			p.LastSeen, p.seen = at.day, at.count
			people.put(p)
		}
	}
}

// writeSeen writes who has been seen, with everybody else: nothing tells afterwards whose row has changed.
func (s *Store) writeSeen() error {
	var c vault.Change
	for id := range s.seen {
		if p, ok := s.register.byID[id]; ok {
			row, err := s.putPerson(p)
			if err != nil {
				return err
			}
			c.Puts = append(c.Puts, row)
		}
	}
	if len(c.Puts) > 0 {
		if err := s.people.Rewrite(c); err != nil {
			return err
		}
	}
	clear(s.seen)
	return nil
}

// EraseDue erases everybody whose enrolment has certainly expired, and everybody who has certainly been idle for too long,
// each group at the cost of one, and returns who they were. Whoever has expired by a clock that is not known to be right
// stays, and does not match (Lapsed). If it fails, they are those who are erased or may be at the next change.
func (r Retention) EraseDue() ([]template.PersonID, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	v := r.s.look()
	due := make(map[audit.Reason][]Person)
	for _, p := range r.s.register.byID {
		if why, ok := p.due(v, r.s.retention.Idle); ok {
			due[why] = append(due[why], p)
		}
	}
	var ids []template.PersonID
	for _, why := range []audit.Reason{audit.Expired, audit.Idle} {
		if len(due[why]) == 0 {
			continue
		}
		for _, p := range due[why] {
			ids = append(ids, p.ID)
		}
		if _, err := r.s.eraseAll(due[why], why, audit.Daemon); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// Lapsed returns who may not match, because their enrolment has ended by one of the times that it may be.
func (r Retention) Lapsed() map[template.PersonID]bool {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	v := r.s.look()
	lapsed := make(map[template.PersonID]bool)
	for _, p := range r.s.register.byID {
		if p.lapsed(v) {
			lapsed[p.ID] = true
		}
	}
	return lapsed
}

// Prune drops what has certainly been kept for long enough: the body of old audit entries, whose place in the chain stays,
// old consents, credentials that are used up or whose time is over, and what was kept of visitors' passes that have ended. It returns
// how many they were, without the last.
func (r Retention) Prune() (int, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if err := r.s.ready(); err != nil {
		return 0, err
	}
	v := r.s.look()
	entries, err := r.s.pruneLog(v)
	if err != nil {
		return 0, err
	}
	rows, err := r.s.pruneRows(v, entries)
	return entries + rows, err
}

// pruneLog writes journal.db anew without what is old, and without what was kept of visitors' passes that have ended.
func (s *Store) pruneLog(v clock.Verdict) (pruned int, err error) {
	l, err := s.entries()
	if err != nil {
		return 0, err
	}
	var c vault.Change
	start, leading := l.Start, true
	made := madeBy(l.Records)
	for i, r := range l.Records {
		if r.Entry != nil && s.old(*r.Entry, made[i], v) {
			pruned++
			r = r.Pruned()
			c.Puts = append(c.Puts, s.journal.Value(entryRow(r.Seq), r.Append(nil)))
		}
		if leading = leading && r.Entry == nil; leading {
			start = audit.Head{Seq: r.Seq, Link: r.Link}
		}
	}
	s.visits.changing.Lock()
	defer s.visits.changing.Unlock()
	if err := s.dateVisits(v); err != nil {
		return 0, err
	}
	visits := s.endedVisits(v)
	if pruned+len(visits) == 0 {
		return 0, nil
	}
	// What is pruned from the beginning on need not stay, not even as hashes.
	c.Puts = slices.DeleteFunc(c.Puts, func(p vault.Put) bool { return dropped(p.Row, start) })
	c.Drop = func(row vault.Row) bool {
		_, over := visits[row]
		return over || dropped(row, start)
	}
	row, err := s.putJournal(startRow, start)
	if err != nil {
		return 0, err
	}
	c.Puts = append(c.Puts, row)
	if err := s.journal.Rewrite(c); err != nil {
		return pruned, err
	}
	s.visits.forget(visits)
	return pruned, nil
}

// dropped reports whether row is an entry up to start.
func dropped(row vault.Row, start audit.Head) bool {
	last := entryRow(start.Seq)
	return row.Table == entriesTable && slices.Compare(row.ID[:], last.ID[:]) <= 0
}

// madeBy returns by when each entry was certainly made: at its own time or, if the clock was not known to be right, before
// the next one that was made by a right clock. It is zero where there is none.
func madeBy(records []audit.Record) []time.Time {
	made := make([]time.Time, len(records))
	var next time.Time
	for i, r := range slices.Backward(records) {
		if r.Entry != nil && r.Entry.Marks&audit.Doubted == 0 {
			next = time.Unix(r.Entry.Time, 0)
		}
		made[i] = next
	}
	return made
}

// old reports whether e, which was made by then, has certainly been kept for long enough.
func (s *Store) old(e audit.Entry, made time.Time, v clock.Verdict) bool {
	keep := s.retention.Records
	if e.Kind.ShortLived() {
		keep = s.retention.Access
	}
	return !made.IsZero() && v.Certain.Sub(made) >= keep
}

// pruneRows removes old consents, and credentials that will certainly never be valid again, and notes in the log that they,
// and so many entries, were dropped. It returns how many they were.
func (s *Store) pruneRows(v clock.Verdict, entries int) (int, error) {
	old, changed := s.endedRows(v)
	if entries+len(old) == 0 {
		return 0, nil
	}
	noted, err := s.number(v.Wall, audit.Entry{Kind: audit.Pruned, Actor: audit.Daemon, Count: uint32(entries + len(old))})
	if err != nil {
		return 0, err
	}
	// Even without an old row: entries lie in free pages of people.db, which had each of them as the last.
	if err := s.apply(s.people.Rewrite, s.state, noted, vault.Change{
		Drop: func(row vault.Row) bool { return old[row] },
	}); err != nil {
		return 0, err
	}
	for row := range old {
		delete(s.ended, row.ID)
	}
	for _, p := range changed {
		s.register.put(p)
	}
	s.follow()
	return len(old), nil
}

// endedRows returns the rows of people.db whose time is certainly over, and the people without the credentials among them.
func (s *Store) endedRows(v clock.Verdict) (old map[vault.Row]bool, changed []Person) {
	old = make(map[vault.Row]bool)
	for id, at := range s.ended {
		if at.over(v, s.retention.Records) {
			old[vault.At(consentsTable, id)] = true
		}
	}
	for _, p := range s.register.byID {
		left := p
		for _, c := range p.Credentials {
			if c.ended(v) {
				old[credentialRowID(c.ID)] = true
				left = left.without(c.ID)
			}
		}
		if len(left.Credentials) < len(p.Credentials) {
			changed = append(changed, left)
		}
	}
	return old, changed
}

// Ended reads the consents of people who were erased from the disk, as they are kept, in no order. They are not in
// memory otherwise.
func (r Retention) Ended() (consents []Consent, err error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.endedConsents()
}

func (s *Store) endedConsents() (consents []Consent, err error) {
	err = s.people.EachValue(consentsTable, func(id [16]byte, plain []byte) error {
		if _, ok := s.ended[id]; !ok {
			return nil
		}
		c, err := decodeConsent(id, plain)
		if err != nil {
			return s.people.Damaged(err)
		}
		consents = append(consents, c)
		return nil
	})
	return consents, err
}

// Former returns how many consents of people who were erased are kept.
func (r Retention) Former() int {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return len(r.s.ended)
}
