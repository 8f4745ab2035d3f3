package store

import (
	"fmt"
	"io"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// A Membership is what it takes to put somebody on the list who gives no face. They come in by what Credentials gives them.
type Membership struct {
	Label     string              // not in use, nor like one in use; see LabelLine
	Groups    []string            // as CleanGroups returns them
	Reference string              // where the site keeps what was agreed; see ReferenceLine
	Expires   time.Time           // when the right to the door ends; kept to the second
	Term      time.Duration       // as in Enrolment
	Pass      *template.TokenKeys // of the person's own pass, of which the index is kept; nil for none
	By        audit.Actor
}

// Join puts somebody on the list who gives no face: without a template, and without a consent to one. Whoever is on the list
// that way is listed, shown, expires and is erased like everybody else, and gives their face later, if they want to, by
// Recapture. It refuses with ErrLabel, ErrExists, ErrAlike, ErrGroups, ErrReference, ErrPass or ErrExpiry.
func (s *Store) Join(m Membership) (Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if err := s.ready(); err != nil {
		return Person{}, err
	}
	if m.Term != 0 {
		m.Expires = limit(now, m.Term, m.Expires)
	}
	if err := s.checkMember(m, now); err != nil {
		return Person{}, err
	}
	p, err := s.newMember(m.Label, m.Reference, m.Expires, m.Term, now)
	p.Groups = slices.Clone(m.Groups)
	if err == nil {
		p, err = s.withPass(p, m.Pass)
	}
	if err != nil {
		return Person{}, err
	}
	entries := []audit.Entry{{Kind: audit.Joined, Actor: m.By, Subject: p.subject}}
	if m.Pass != nil {
		entries = append(entries, audit.Entry{Kind: audit.PassIssued, Actor: m.By, Subject: p.subject})
	}
	if entries, err = s.number(now, entries...); err != nil {
		return Person{}, err
	}
	rows, err := s.putAll(p)
	if err != nil {
		return Person{}, err
	}
	if err := s.apply(s.people.Commit, s.state, entries, vault.Change{Puts: rows}); err != nil {
		return Person{}, err
	}
	s.register.put(p)
	s.follow()
	return p.shown(s.look()), nil
}

// checkMember says why nobody can be put on the list by m.
func (s *Store) checkMember(m Membership, now time.Time) error {
	if err := s.free(m.Label, template.PersonID{}); err != nil {
		return err
	}
	if err := checkGroups(m.Groups); err != nil {
		return err
	}
	if m.Reference == "" {
		return hint.Wrap(fmt.Errorf("store: %w", ErrReference), "say where what was agreed is kept, such as the number of the contract")
	}
	if err := ReferenceLine.Check(m.Reference); err != nil {
		return badText(ErrReference, err)
	}
	if err := s.unheld(m.Pass); err != nil {
		return err
	}
	return s.checkExpiry(m.Expires, now)
}

// newMember returns somebody who has a term at the door and nothing else yet, under ids of their own.
func (s *Store) newMember(label, reference string, expires time.Time, term time.Duration, now time.Time) (Person, error) {
	p := Person{
		Label: label, Reference: reference, looks: looksOf(label), Enrolled: day(now),
		Expires: expires.UTC().Truncate(time.Second), began: s.moment().Count,
	}
	if p.began != 0 {
		p.Provisional, p.term, p.until = true, term, p.Expires
		if p.Expires.Equal(limit(now, term, time.Time{})) {
			p.until = time.Time{}
		}
		if !s.look().Right() {
			s.log.Warn("somebody is enrolled by a clock that is not known to be right, and has provisional dates", "clock", now,
				"hint", "facegate clock says what to do")
		}
	}
	for _, id := range [][]byte{p.ID[:], p.subject[:]} {
		if _, err := io.ReadFull(s.rand, id); err != nil {
			return Person{}, fmt.Errorf("store: no randomness: %w", err)
		}
	}
	return p, nil
}

// withPass returns p with the pass that k comes from as their own; nil is none.
func (s *Store) withPass(p Person, k *template.TokenKeys) (Person, error) {
	if k == nil {
		return p, nil
	}
	c, err := s.newPass(k)
	c.Issued = day(s.now())
	return p.given(c), err
}

// putAll returns the puts of all rows of p, who is new.
func (s *Store) putAll(p Person) ([]vault.Put, error) {
	puts, err := s.putTerms(p)
	if err != nil {
		return nil, err
	}
	credentials, _, err := s.putCredentials(Person{}, p)
	return append(puts, credentials...), err
}
