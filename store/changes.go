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

// A change that takes more than one file is decided by one commit in one of them. Before that commit it has not happened; after
// it, it is carried out, whatever happens. What was cut off is finished by ready, which comes before every change and at Open.
//
//  1. An entry of the audit log, alone or with a change of people.db. It is decided by people.db, which keeps the last entries in
//     its state, and goes on in journal.db. Cut off, journal.db lacks entries, which catchUp adds.
//  2. An enrolment, and a renewal. The record comes to faces.db first, where it is nobody's, and people.db decides, as in 1.
//     Cut off before that, sweep removes the record at the next Open.
//  3. A recapture. The record comes to faces.db as in 2, and people.db decides with a burial and a debt in its state: tombstones, a
//     rewrite of faces.db without the former record, then the receipt with the entries in journal.db. Cut off, catchUp does both.
//  4. An erasure, of a person or of their face alone, and the end of an epoch. They are decided by an intent in journal.db:
//     tombstones, a rewrite of people.db, a rewrite of faces.db, then the entries and the receipt in the place of the intent.
//     Cut off, finish goes on: each step finds out whether it was done.
//  5. A lockdown. It is decided by an intent too, and destroys faces.db first. On a disk that takes no intent the keyring of
//     faces.db is overwritten with a lockedMark, which decides: ready then writes down what has happened.
//  6. A restore. The records come to faces.db as in 2, what is known of visitors' passes to journal.db, people.db decides, and the
//     tombstones follow as in 3.
//  7. A wipe. It is decided by the certificate in the place of the keyring of journal.db, and leaves nothing. Cut off, Open goes on.
//
// A credential that is revoked or replaced, and an office or operator that is removed, come to the tombstones as in 3. The tombstones
// are thus never ahead of the databases, but where an intent is there that says so: databases that know of less are older ones.
//
// Where 4 cannot be decided because the disk is full, a mark in the reserve remembers that it is owed: it says what was asked
// for, and EraseOwed begins it again. Whoever an intent or a mark is about does not match meanwhile.
//
// Why a recapture has a debt and no intent: an intent stands in journal.db, whose free pages keep its bytes until Prune. It may
// say by id who leaves, and must not hold what comes: a label, a consent, a credential. What comes is in people.db, in the same
// commit as the debt.

// An intent is a change of several databases that has been decided and is going to be carried out, whatever happens.
// To carry it out twice makes no difference.
type intent struct {
	Kind    string
	People  []template.PersonID // who leave people.db
	Faces   []template.PersonID // who stay, and whose templates and consents leave
	Reason  audit.Reason        // for which they do
	Count   time.Duration       // as in moment
	Entries []audit.Entry       // of the audit log
	Number  uint64              // see receipt.Receipt
	ID      [16]byte            // of the receipt
	Receipt []byte              // signed; none in a lockdown

	// The generations that the databases will be in.
	PeopleGeneration, FacesGeneration uint64
}

// The kinds of intents.
const (
	eraseIntent    = "erasure"
	lockdownIntent = "lockdown"
	epochIntent    = "end of an epoch"
)

func (i *intent) isLockdown() bool { return i != nil && i.Kind == lockdownIntent }

// about reports whether i erases a person, or the face of one.
func (i *intent) about(id template.PersonID) bool {
	return i != nil && (slices.Contains(i.People, id) || slices.Contains(i.Faces, id))
}

func (i *intent) at() moment { return moment{time.Unix(i.Entries[0].Time, 0), i.Count} }

// A step of an intent is done in one file. It finds out whether it was done, and to do it again makes no difference.
type step func(*Store, *intent) error

// stepsOf lists the steps of a kind of intent, each on disk before the next; ok is false for a kind that there is not.
func stepsOf(kind string) (steps []step, ok bool) {
	switch kind {
	case eraseIntent, epochIntent:
		return []step{(*Store).buryFor, (*Store).leave, (*Store).dropRecords, (*Store).conclude}, true
	case lockdownIntent: // the keys first: nobody can use a Code from then on
		return []step{(*Store).renewFaces, (*Store).buryFor, (*Store).leave, (*Store).conclude}, true
	}
	return nil, false
}

// carryOut writes i to journal.db and does it.
func (s *Store) carryOut(i *intent) error {
	row, err := s.putJournal(intentRow, i)
	if err != nil {
		return err
	}
	if err := s.journal.Commit(vault.Change{Puts: []vault.Put{row}}); err != nil {
		return errors.Join(err, s.load())
	}
	s.pending, s.leaving = i, nil
	for _, id := range slices.Concat(i.People, i.Faces) {
		s.leaving = append(s.leaving, s.register.byID[id])
	}
	s.noteLeaving()
	return s.finish()
}

func (s *Store) generations(i *intent) error {
	people, err := s.people.Generation()
	if err != nil {
		return err
	}
	faces, err := s.faces.Generation()
	i.PeopleGeneration, i.FacesGeneration = people+1, faces+1
	return err
}

// finish does what is left to do of the pending intent.
func (s *Store) finish() error {
	i := s.pending
	steps, ok := stepsOf(i.Kind)
	if !ok {
		return s.journal.Damaged(fmt.Errorf("a change of a kind that this version does not know was under way: %q", i.Kind))
	}
	for _, do := range steps {
		if err := do(s, i); err != nil {
			return err
		}
	}
	return nil
}

// buryFor is the step in the tombstones, before anything is erased that they are to remember.
func (s *Store) buryFor(i *intent) error {
	if left, err := s.hasLeft(i); left || err != nil {
		return err
	}
	at := s.after(i)
	if s.gone.At.Head == at {
		return nil
	}
	b := burial{Number: i.Number, Void: i.isLockdown()}
	bury := func(kind string, id [16]byte) {
		b.Gone = append(b.Gone, tombstone{s.across(kind, id), i.Number, i.Entries[0].Time, i.Reason})
	}
	for _, id := range slices.Concat(i.People, i.Faces) {
		if p := s.register.byID[id]; p.Consented() {
			bury("gone", p.Consent.ID)
		}
	}
	for _, id := range i.People {
		bury("left", id)
	}
	if i.Kind == epochIntent {
		b.Ended = s.state.Epoch - 1
	}
	return s.bury(b, s.gone.next(at))
}

// after returns the end of the audit log once i is done.
func (s *Store) after(i *intent) audit.Head {
	return state{Head: s.state.end(), Entries: i.Entries}.end()
}

// dropUnlinked writes faces.db anew without the records that belong to nobody, if it is not in that generation yet.
func (s *Store) dropUnlinked(generation uint64) error {
	if s.templatesGone() {
		return nil // with those of everybody, and a lockdown comes next
	}
	faces, err := s.faces.Generation()
	if err != nil || faces >= generation {
		return err
	}
	linked := s.linked()
	return s.faces.Rewrite(vault.Change{
		Drop:  func(row vault.Row) bool { return !linked[row.ID] },
		Stamp: s.state.Faces,
	})
}

// dropRecords is the step in faces.db of an intent that leaves some of the records.
func (s *Store) dropRecords(i *intent) error { return s.dropUnlinked(i.FacesGeneration) }

// hasLeft reports whether the step in people.db is done.
func (s *Store) hasLeft(i *intent) (bool, error) {
	people, err := s.people.Generation()
	return people >= i.PeopleGeneration, err
}

// conclude is the step in journal.db, and the last: the entries and the receipt take the place of the intent.
func (s *Store) conclude(i *intent) error {
	done := vault.Change{Dels: []vault.Row{stateRow(intentRow)}}
	if i.Receipt != nil {
		done.Puts = []vault.Put{s.journal.Value(vault.At(receiptsTable, i.ID), i.Receipt)}
	}
	s.counting.Lock()
	defer s.counting.Unlock()
	failed := s.failed.without(slices.Concat(i.People, i.Faces)...)
	row, err := s.putFailures(failed)
	if err != nil {
		return err
	}
	done.Puts = append(done.Puts, row)
	if err := s.extend(i.Entries, done); err != nil {
		return err
	}
	s.pending, s.leaving, s.failed = nil, nil, failed
	s.noteLeaving()
	return nil
}

// A debt is what a change of people.db leaves to be done in the other databases before it is acknowledged.
type debt struct {
	Faces   uint64   // the generation that faces.db is to be in
	ID      [16]byte // of the receipt
	Receipt []byte
}

// pay does to faces.db what d asks for, and returns what is to come to journal.db with the entries.
func (s *Store) pay(d *debt) (vault.Change, error) {
	if d == nil {
		return vault.Change{}, nil
	}
	if err := s.dropUnlinked(d.Faces); err != nil {
		return vault.Change{}, err
	}
	return vault.Change{Puts: []vault.Put{s.journal.Value(vault.At(receiptsTable, d.ID), d.Receipt)}}, nil
}

// A mark says what is owed: the erasure of a person, or the end of all epochs before one.
type mark struct {
	Person template.PersonID // zeros if it is about an epoch
	Epoch  uint32            // what is earlier is to end; 0 if it is about a person
	Reason audit.Reason
	By     audit.Actor
	Asked  int64 // Unix time in seconds
}

// apply changes people.db, by its commit or rewrite, together with the state next and the entries. A call of
// follow comes next.
func (s *Store) apply(write func(vault.Change) error, next state, entries []audit.Entry, c vault.Change) error {
	next.Head, next.Entries = s.head, entries
	if next.At = s.gone.At; next.Burial != nil {
		next.At = s.gone.next(next.end())
	}
	st, err := s.putState(next)
	if err != nil {
		return err
	}
	c.Puts, c.Stamp = append(c.Puts, st), entries[len(entries)-1].Seq
	if err := write(c); err != nil {
		return errors.Join(err, s.load()) // what a failed commit has left is for the disk to say
	}
	s.state, s.stale = next, false
	return nil
}

// record adds an entry to the log that comes with no other change.
func (s *Store) record(now time.Time, e audit.Entry) error {
	if err := s.ready(); err != nil {
		return err
	}
	return s.note(now, s.state, e)
}

// note makes next the state of a store that is ready, with an entry that says so.
func (s *Store) note(now time.Time, next state, e audit.Entry) error {
	entries, err := s.number(now, e)
	if err != nil {
		return err
	}
	if err := s.apply(s.people.Commit, next, entries, vault.Change{}); err != nil {
		return err
	}
	s.follow()
	return nil
}

// ready finishes what a crash or a failure has left half done, before anything else is changed.
func (s *Store) ready() error {
	for _, v := range s.vaults() {
		if err := v.Settle(); err != nil {
			return err
		}
	}
	if s.unread.Load() {
		if err := s.load(); err != nil {
			return err
		}
	}
	if s.pending != nil {
		if err := s.finish(); err != nil {
			return err
		}
	}
	if err := s.catchUp(); err != nil {
		return err
	}
	if s.unburied {
		if err := s.saveTombstones(s.gone); err != nil {
			return err
		}
	}
	if s.templatesGone() {
		if err := s.destroyTemplates(s.lockedBy); err != nil {
			return err
		}
	}
	return s.recordMended()
}

// catchUp changes the tombstones as people.db says, adds to journal.db the entries that it lacks, and pays the debt that came with them.
func (s *Store) catchUp() error {
	if b := s.state.Burial; b != nil {
		if err := s.bury(*b, s.state.At); err != nil {
			return err
		}
		s.state.Burial = nil
	}
	if s.head != s.state.end() {
		c, err := s.pay(s.state.Debt)
		if err != nil {
			return err
		}
		if err := s.extend(s.state.Entries, c); err != nil {
			return err
		}
	}
	s.state.Debt = nil
	return nil
}

// follow adds to journal.db the entries of a change that is on disk in people.db. Where that fails the change stands all
// the same, and the next one or the next Open tries again.
func (s *Store) follow() {
	if err := s.catchUp(); err != nil {
		s.log.Error("the audit log lags behind", "err", err)
	}
}

// intended reports whether entries, the last of people.db, are those of an intent. It is in journal.db until they are.
func intended(entries []audit.Entry) bool {
	switch e := entries[0]; e.Kind {
	case audit.LockedDown, audit.EpochEnded:
		return true
	case audit.Erased:
		return e.Reason != audit.Recaptured
	}
	return false
}
