package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// MaxGroups is in how many groups a person can be.
const MaxGroups = 8

// groupsSize is how many bytes the groups of a person have together, with a separator between two: eight words of the greatest
// length, in a script of one byte a letter, and fewer in others.
const groupsSize = 255

// separator stands between two groups in a row. It is in no word.
const separator = ","

// ErrGroups says that a person cannot be in groups of these names.
var ErrGroups = errors.New("nobody can be in these groups")

// CleanGroups returns the names of groups in their one form: each a word (text.WordFault) that the rules of a door may name, in order,
// and once. It refuses with ErrGroups.
func CleanGroups(groups []string) (clean []string, err error) {
	for _, g := range groups {
		word, err := text.Clean(g)
		if err != nil {
			return nil, badText(ErrGroups, err)
		}
		if fault := text.WordFault(word); fault != "" {
			return nil, hint.Wrap(fmt.Errorf("store: %w: %q %s", ErrGroups, word, fault), "give the name of a group as the rules of the door have it: facegate rules")
		}
		clean = append(clean, word)
	}
	slices.Sort(clean)
	clean = slices.Compact(clean)
	switch n := len(strings.Join(clean, separator)); {
	case len(clean) > MaxGroups:
		return nil, tooMuch("they are %d", len(clean))
	case n > groupsSize:
		return nil, tooMuch("their names have %d bytes together", n)
	}
	return clean, nil
}

func tooMuch(format string, n int) error {
	return hint.Wrap(fmt.Errorf("store: %w: "+format, ErrGroups, n),
		"a person is in %d groups at the most, whose names have %d bytes together: give groups that mean the same one name", MaxGroups, groupsSize)
}

// checkGroups refuses what CleanGroups would, or would change.
func checkGroups(groups []string) error {
	clean, err := CleanGroups(groups)
	if err == nil && !slices.Equal(clean, groups) {
		err = hint.Wrap(fmt.Errorf("store: %w: %q are not in their one form", ErrGroups, groups), "give each once, and in order")
	}
	return err
}

// Members are the people on the list as their site knows them: by a label, and by the groups that the rules of its door name.
type Members struct{ s *Store }

// Members returns the people on the list.
func (s *Store) Members() Members { return Members{s} }

// Relabel corrects a label (PIPL 46, GDPR 16). The old one is erased as a person would be: no file holds it afterwards. It
// refuses with ErrUnknown, ErrOwed, ErrLabel, ErrExists or ErrAlike.
func (m Members) Relabel(old, label string, by audit.Actor) (Person, error) {
	return m.change(old, audit.Relabelled, by, func(p *Person) error {
		if err := m.s.free(label, p.ID); errors.Is(err, ErrExists) {
			return hint.Wrap(err, "choose another label: this one is somebody else's")
		} else if err != nil {
			return err
		}
		p.Label, p.looks = label, looksOf(label)
		return nil
	})
}

// Regroup puts the person enrolled under label into groups, and takes them out of all others. No file holds the old ones
// afterwards. groups are as CleanGroups returns them. It refuses with ErrUnknown, ErrOwed or ErrGroups.
func (m Members) Regroup(label string, groups []string, by audit.Actor) (Person, error) {
	return m.change(label, audit.Regrouped, by, func(p *Person) error {
		p.Groups = slices.Clone(groups)
		return checkGroups(groups)
	})
}

// change writes the person enrolled under label as edit makes them, with an entry of the audit log. Where edit changes nothing there
// is none.
func (m Members) change(label string, what audit.Kind, by audit.Actor, edit func(*Person) error) (Person, error) {
	s := m.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return Person{}, err
	}
	p, err := s.known(label)
	if err != nil {
		return Person{}, err
	}
	if err := s.stays(p); err != nil {
		return Person{}, err
	}
	old := p
	if err := edit(&p); err != nil {
		return Person{}, err
	}
	if p.Label == old.Label && slices.Equal(p.Groups, old.Groups) {
		return old, nil
	}
	row, err := s.putPerson(p)
	if err != nil {
		return Person{}, err
	}
	entries, err := s.number(s.now(), audit.Entry{Kind: what, Actor: by, Subject: p.subject})
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

// Groups returns those of a person, none of whom is not on the list, or is to be erased. They are not to be changed. It waits for no
// disk.
func (m Members) Groups(person template.PersonID) []string {
	p, _, leaving := m.s.register.named(person)
	if leaving {
		return nil
	}
	return p.Groups
}

// Grouped returns, by name, in how many people there are of each group that somebody is in. It waits for no disk.
func (m Members) Grouped() map[string]int { return m.s.register.grouped() }

// Len returns how many people are on the list. It waits for no disk.
func (m Members) Len() int { return m.s.register.len() }
