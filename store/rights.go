package store

import (
	"errors"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// A File is everything that is held of one person, but for the Code itself.
type File struct {
	Person  Person
	Record  bool          // whether there is a Code
	Entries []audit.Entry // of the audit log
}

// Show returns what is held of the person enrolled under label (PIPL 45, GDPR 15). It refuses with ErrUnknown.
func (s *Store) Show(label string) (File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.known(label)
	if err != nil {
		return File{}, err
	}
	l, err := s.audit()
	if err != nil {
		return File{}, err
	}
	p = p.told(s.look())
	p.Owed = s.owedSince(p)
	f := File{Person: p, Record: p.Record != (template.RecordID{})}
	for _, r := range l.Records {
		if r.Entry != nil && r.Entry.Subject == p.subject {
			f.Entries = append(f.Entries, *r.Entry)
		}
	}
	return f, nil
}

// Relabel corrects a label (PIPL 46, GDPR 16). The old one is erased as a person would be: no file holds it afterwards. It
// refuses with ErrUnknown, ErrOwed, ErrLabel, ErrExists or ErrAlike.
func (s *Store) Relabel(old, label string, by audit.Actor) (Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return Person{}, err
	}
	p, err := s.known(old)
	if err != nil {
		return Person{}, err
	}
	if err := s.stays(p); err != nil {
		return Person{}, err
	}
	if err := s.free(label, p.ID); errors.Is(err, ErrExists) {
		return Person{}, hint.Wrap(err, "choose another label: this one is somebody else's")
	} else if err != nil {
		return Person{}, err
	}
	p.Label, p.looks = label, looksOf(label)
	row, err := s.putPerson(p)
	if err != nil {
		return Person{}, err
	}
	entries, err := s.number(s.now(), audit.Entry{Kind: audit.Relabelled, Actor: by, Subject: p.subject})
	if err != nil {
		return Person{}, err
	}
	if err := s.apply(s.people.Rewrite, s.state, entries, vault.Change{Puts: []vault.Put{row}}); err != nil {
		return Person{}, err
	}
	s.register.put(p)
	s.follow()
	return p, nil
}
