package store

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/receipt"
	"facegate/store/vault"
)

func (s *Store) checkRecapture(e Enrolment, now time.Time) error {
	p, err := s.known(e.Label)
	if err != nil {
		return err
	}
	if err := s.stays(p); err != nil {
		return err
	}
	return s.permits(e, now)
}

// Recapture enrols somebody who is on the list already: who gave no face until now, or gives it again. It is by a new
// consent, with a new Code in another lane or epoch, which is how a Code of one person is revoked. The former consent ends,
// and is kept as that of somebody erased would be. The former record, if there is one, is erased as Erase does it, and the
// receipt says so; it is kept until Receipts.Fetched. From the moment the new record is the person's this is done: cut off,
// it is finished at the next Open or the next change. A new pass takes the place of the former one, which is dead then;
// without a new one, which scheme S2 needs, the former stays. If Recapture fails otherwise than refusing, the new record and
// pass may or may not be the person's.
//
// It refuses with ErrUnknown, ErrPass, ErrBound, ErrNoConsent, ErrGuardian, ErrStale, ErrExpiry or ErrLockdown.
func (s *Store) Recapture(e Enrolment) (Person, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	e = e.from(now)
	if err := s.ready(); err != nil {
		return Person{}, nil, err
	}
	if err := s.checkRecapture(e, now); err != nil {
		return Person{}, nil, err
	}
	old, _ := s.register.labelled(e.Label)
	p, err := s.successor(old, e, now)
	if err != nil {
		return Person{}, nil, err
	}
	next, entries, err := s.succession(old, p, e)
	if err != nil {
		return Person{}, nil, err
	}
	if err := s.succeed(old, p, e, next, entries); err != nil {
		return Person{}, nil, err
	}
	if err := s.catchUp(); err != nil {
		return Person{}, nil, err // the receipt is not true yet
	}
	if next.Debt == nil {
		return p, nil, nil
	}
	return p, next.Debt.Receipt, nil
}

// successor returns who takes the place of old by e: the same person under a new link, in the same groups, with the old pass if there
// is no new one.
func (s *Store) successor(old Person, e Enrolment, now time.Time) (Person, error) {
	p, err := s.newPerson(e, now)
	p.ID, p.subject, p.Groups = old.ID, old.subject, old.Groups
	kept := old.Credentials
	if former, ok := old.ownPass(); ok && e.Pass != nil {
		kept = old.without(former.ID).Credentials
	}
	for _, c := range kept {
		p = p.with(c)
	}
	return p, err
}

// succession decides everything about p taking the place of old.
func (s *Store) succession(old, p Person, e Enrolment) (next state, entries []audit.Entry, err error) {
	next = s.state
	enrolled := p.enrolled(e, old)
	if old.Record == (template.RecordID{}) { // nothing is left to be erased
		entries, err = s.number(s.now(), enrolled...)
		next.Faces = s.head.Seq + 1
		return next, entries, err
	}
	var i intent // for its generations
	next.Number++
	r := receipt.Receipt{Number: next.Number, Kind: receipt.Erasure, Reason: audit.Recaptured.String(), KeyStore: s.class}
	if err := errors.Join(s.describe(&r, []Person{old}, audit.Recaptured), s.generations(&i)); err != nil {
		return state{}, nil, err
	}
	r.Generations = receipt.Generations{People: i.PeopleGeneration, Faces: i.FacesGeneration}
	next.Debt = &debt{Faces: i.FacesGeneration}
	if _, err := io.ReadFull(s.rand, next.Debt.ID[:]); err != nil {
		return state{}, nil, fmt.Errorf("store: no randomness: %w", err)
	}
	r.ID = next.Debt.ID[:]
	erased := audit.Entry{Kind: audit.Erased, Reason: audit.Recaptured, Actor: e.By, Subject: p.subject, Count: 1}
	issued := audit.Entry{Kind: audit.ReceiptIssued, Actor: audit.Daemon}
	if entries, err = s.number(s.now(), slices.Concat([]audit.Entry{erased}, enrolled, []audit.Entry{issued})...); err != nil {
		return state{}, nil, err
	}
	former := tombstone{s.across("gone", old.Consent.ID), next.Number, entries[0].Time, audit.Recaptured}
	next.Burial = &burial{Number: next.Number, Gone: []tombstone{former}}
	next.Faces = entries[len(entries)-1].Seq
	if old.Epoch == next.Epoch {
		next.Lanes[old.Lane] = next.Faces
	}
	next.Debt.Receipt, err = s.issue(r, entries)
	return next, entries, err
}

// succeed writes p's record to faces.db, where it belongs to nobody yet, and then p in the place of old to people.db, which
// decides. The rest is next.Debt.
func (s *Store) succeed(old, p Person, e Enrolment, next state, entries []audit.Entry) error {
	record, err := s.putRecord(p, e)
	if err != nil {
		return err
	}
	if err := s.faces.Commit(vault.Change{Puts: []vault.Put{record}, Stamp: entries[0].Seq}); err != nil {
		return err
	}
	rows, err := s.putTerms(p)
	if err != nil {
		return err
	}
	credentials, drop, err := s.putCredentials(old, p)
	if err != nil {
		return err
	}
	near, marks, err := s.markNear(p, e)
	if err != nil {
		return err
	}
	rows = append(rows, marks...)
	ended := maps.Clone(s.ended)
	if old.Consented() {
		former := old.Consent.end(moment{time.Unix(entries[0].Time, 0), s.moment().Count}, audit.Recaptured)
		ended[former.ID] = moment{former.Ended, former.EndedCount}
		row, err := s.putConsent(former)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	keys, err := s.disownKeys(old, p)
	if err != nil {
		return err
	}
	next.Burial = next.Burial.and(keys)
	if err := s.apply(s.people.Rewrite, next, entries, vault.Change{Puts: append(rows, credentials...), Drop: among(drop)}); err != nil {
		return err
	}
	s.register.put(p)
	s.register.putAll(near)
	s.ended = ended
	return nil
}
