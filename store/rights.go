package store

import (
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// A File is everything that is held of one person, but for the Code itself.
type File struct {
	Person  Person
	Record  bool          // whether there is a Code
	Entries []audit.Entry // of the audit log
}

// Show returns what is held of the person enrolled under label (PIPL 45, GDPR 15). It refuses with ErrUnknown.
func (m Members) Show(label string) (File, error) {
	s := m.s
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.known(label)
	if err != nil {
		return File{}, err
	}
	l, err := s.entries()
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
