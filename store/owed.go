package store

import (
	"errors"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

var (
	// ErrOwed says that somebody is to be erased, and that nothing else can be done about them.
	ErrOwed = errors.New("this person is to be erased, which waits until the disk can be written to")

	// ErrOwing is what every OwedError is.
	ErrOwing = errors.New("the erasure is owed, and whoever it concerns does not match any more")
)

// An OwedError says that an erasure could not be carried out. It is remembered, and whoever it concerns does not match any
// more.
type OwedError struct {
	Err     error // why it could not
	Lasting bool  // it is remembered on disk; else until the program ends
}

// Error implements error.
func (e *OwedError) Error() string { return ErrOwing.Error() + ": " + e.Err.Error() }

// Unwrap returns ErrOwing, and why it could not be carried out.
func (e *OwedError) Unwrap() []error { return []error{ErrOwing, e.Err} }

// Owed says what was to be destroyed and could not be yet.
type Owed struct {
	People    int       // who are to be erased
	Epoch     bool      // templates of earlier epochs are to be destroyed
	Templates bool      // they are destroyed, all of them, and not all of it is written down
	Since     time.Time // when the first of it was asked for; zero for Templates alone
	Lasting   bool      // it is remembered on disk
}

// Any reports whether anything is owed.
func (o Owed) Any() bool { return o.People > 0 || o.Epoch || o.Templates }

// Owed returns what is owed.
func (r Retention) Owed() Owed {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	o := Owed{Lasting: r.s.lasting, Templates: r.s.templatesGone() || r.s.pending.isLockdown()}
	since := func(asked int64) {
		if at := time.Unix(asked, 0).UTC(); o.Since.IsZero() || at.Before(o.Since) {
			o.Since = at
		}
	}
	people := make(map[template.PersonID]bool)
	for _, m := range r.s.owed {
		since(m.Asked)
		people[m.Person] = m.Epoch == 0
		o.Epoch = o.Epoch || m.Epoch != 0
	}
	if i := r.s.pending; i != nil && !i.isLockdown() {
		since(i.Entries[0].Time)
		o.Epoch = o.Epoch || i.Kind == epochIntent
		for _, id := range slices.Concat(i.People, i.Faces) {
			people[id] = true
		}
	}
	delete(people, template.PersonID{})
	o.People = len(people)
	return o
}

// owe remembers what could not be done because of err, which it returns as an OwedError. What is on disk as an intent is
// remembered there.
func (s *Store) owe(m mark, err error) error {
	if errors.Is(err, ErrUnknown) || errors.Is(err, ErrNoEpoch) {
		return err
	}
	i := slices.IndexFunc(s.owed, m.same)
	switch {
	case i < 0 && (s.register.has(m.Person) || m.Epoch != 0):
		s.owed = append(s.owed, m)
	case i >= 0 && s.owed[i].Reason == audit.FaceWithdrawn: // which is the smaller part of any other
		s.owed[i].Reason = m.Reason
	}
	s.noteLeaving()
	lasting := s.saveOwed()
	e := hint.Wrap(&OwedError{err, lasting}, "make room on the disk, or mend it: it is then done by itself, and the receipt "+
		"kept: facegate receipt fetch DIR")
	if !lasting {
		e = hint.Wrap(e, "the disk takes no mark of it either: do not restart facegate before the disk can be written to, or ask "+
			"for the erasure again after that")
	}
	return e
}

// same reports whether m and o are about the same.
func (m mark) same(o mark) bool { return m.Person == o.Person && m.Epoch == o.Epoch }

// saveOwed writes what is owed to the reserve, and reports whether it could.
func (s *Store) saveOwed() bool {
	err := s.reserve.save(s.owed)
	if err != nil && len(s.owed) > 0 {
		s.log.Error("what is owed is remembered until facegate stops, and not on the disk", "err", err)
	}
	s.lasting = err == nil
	return s.lasting
}

// loadOwed reads the reserve. Marks of people who were erased since mean nothing.
func (s *Store) loadOwed() {
	owed, err := s.reserve.load()
	if err != nil {
		s.log.Error("what was owed cannot be read any more: ask again for erasures that failed; check the disk", "err", err)
	}
	s.owed, s.lasting = owed, s.reserve.made && err == nil
	s.noteLeaving()
}

// templatesGone reports whether every Code is destroyed, and there is no faces.db for new ones yet.
func (s *Store) templatesGone() bool { return s.faces.Destroyed() && !s.people.Destroyed() }

// done reports whether what m is about is not there any more.
func (s *Store) done(m mark) bool {
	if m.Epoch != 0 {
		return s.state.Ended+1 >= m.Epoch
	}
	p, enrolled := s.register.byID[m.Person]
	return !enrolled || m.Reason == audit.FaceWithdrawn && !p.Consented()
}

// EraseOwed carries out what is owed, as far as there is room, and returns who was erased. Each has a receipt of their own,
// which is kept until Receipts.Fetched.
func (r Retention) EraseOwed() (erased []template.PersonID, err error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.s.pending != nil || r.s.templatesGone() {
		if r.s.pending != nil {
			erased = slices.Concat(r.s.pending.People, r.s.pending.Faces)
		}
		if err := r.s.ready(); err != nil {
			return nil, err
		}
	}
	for _, m := range slices.Clone(r.s.owed) {
		if r.s.done(m) {
			continue
		}
		if err = r.s.fulfil(m); err != nil {
			break
		}
		if m.Epoch == 0 {
			erased = append(erased, m.Person)
		}
	}
	r.s.settleOwed()
	return erased, err
}

// fulfil carries out what one mark is about.
func (s *Store) fulfil(m mark) error {
	if m.Epoch != 0 {
		_, err := s.endEpoch(m.By)
		return err
	}
	_, err := s.eraseAll([]Person{s.register.byID[m.Person]}, m.Reason, m.By)
	return err
}

// settleOwed takes what is done from the reserve, and makes one where there is none.
func (s *Store) settleOwed() {
	before := len(s.owed)
	s.owed = slices.DeleteFunc(s.owed, s.done)
	s.noteLeaving()
	if len(s.owed) < before || !s.lasting {
		s.saveOwed()
	}
}

// owedSince returns when the erasure of p was asked for, which is owed; zero if it was not.
func (s *Store) owedSince(p Person) time.Time {
	if i := slices.IndexFunc(s.owed, func(m mark) bool { return m.Epoch == 0 && m.Person == p.ID }); i >= 0 {
		return time.Unix(s.owed[i].Asked, 0).UTC()
	}
	if s.pending.about(p.ID) {
		return time.Unix(s.pending.Entries[0].Time, 0).UTC()
	}
	return time.Time{}
}

// leavingSince is owedSince of somebody who is to leave the list, and not only to have their face erased.
func (s *Store) leavingSince(p Person) time.Time {
	stays := func(m mark) bool { return m.Person == p.ID && m.Reason == audit.FaceWithdrawn }
	if slices.ContainsFunc(s.owed, stays) || s.pending != nil && slices.Contains(s.pending.Faces, p.ID) {
		return time.Time{}
	}
	return s.owedSince(p)
}

// noteLeaving has those open nothing any more who are to leave the list. It is called after each change of owed and pending.
func (s *Store) noteLeaving() {
	leaving := make(map[template.PersonID]bool)
	note := func(id template.PersonID) {
		if !s.leavingSince(Person{ID: id}).IsZero() {
			leaving[id] = true
		}
	}
	for _, m := range s.owed {
		note(m.Person)
	}
	if s.pending != nil {
		for _, id := range s.pending.People {
			note(id)
		}
	}
	s.register.leave(leaving)
}

// barred reports whether the record of p matches no more: it is to be destroyed, or was perhaps and came back with an older copy.
func (s *Store) barred(p Person) bool {
	if s.state.Older != nil || !s.owedSince(p).IsZero() || s.pending.isLockdown() {
		return true
	}
	epoch := func(m mark) bool { return m.Epoch != 0 && p.Epoch != 0 && p.Epoch < m.Epoch }
	return slices.ContainsFunc(s.owed, epoch) || s.pending != nil && s.pending.Kind == epochIntent && s.isEarlier(p)
}

// stays refuses, with ErrOwed, to do anything about somebody who is to be erased.
func (s *Store) stays(p Person) error {
	if s.owedSince(p).IsZero() {
		return nil
	}
	return hint.Wrap(ErrOwed, "make room on the disk: the erasure is then done by itself")
}

// markOf returns the mark of the erasure of p.
func (s *Store) markOf(p Person, why audit.Reason, by audit.Actor) mark {
	return mark{Person: p.ID, Reason: why, By: by, Asked: s.now().Unix()}
}
