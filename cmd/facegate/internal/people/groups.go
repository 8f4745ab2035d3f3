package people

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/store"
)

// ErrGroup says that nobody can be put into a group by which the door opens to nobody.
var ErrGroup = errors.New("no rule of this gate is for the group")

// A Grouping says in which groups somebody is to be.
type Grouping struct {
	Groups []string `json:"groups,omitempty"` // names that the rules of the door have
	Ahead  bool     `json:"ahead,omitempty"`  // others are taken as well: the rules are going to name them
}

// CleanGroups brings the names into their one form, or says what of them cannot be kept.
func (g *Grouping) CleanGroups() error {
	clean, err := store.CleanGroups(g.Groups)
	if err == nil {
		g.Groups = clean
	}
	return err
}

// A GroupsRequest asks for somebody to be in these groups, and in no other one, from now on.
type GroupsRequest struct {
	Label string `json:"label"`
	Grouping
}

// Clean brings what people typed into its one form, or says what of it cannot be kept.
func (r *GroupsRequest) Clean() error {
	if err := CleanLabel(&r.Label); err != nil {
		return err
	}
	return r.CleanGroups()
}

// SetGroups implements Records. The next attempt of the person is weighed by the new groups.
func (b bound) SetGroups(_ context.Context, r GroupsRequest) (Person, error) {
	if err := r.Clean(); err != nil {
		return Person{}, err
	}
	p, err := b.store.Person(r.Label)
	if err != nil {
		return Person{}, err
	}
	if err := b.named(r.Grouping, p.Groups); err != nil {
		return Person{}, err
	}
	if p, err = b.store.Members().Regroup(r.Label, r.Groups, b.by); err != nil {
		return Person{}, err
	}
	return b.listed(p), nil
}

// named refuses groups that no rule of the door names, but for those that somebody is in already. A name that was mistyped would
// keep them out without a word.
func (r *Register) named(g Grouping, already []string) error {
	for _, name := range g.Groups {
		switch {
		case slices.Contains(already, name):
		case name == attempt.Visitors:
			return hint.Wrap(fmt.Errorf("%w %s", ErrGroup, name),
				"it is the group of those who have a visitor's pass, and no member of the house is in it: choose another name")
		case !g.Ahead && !slices.Contains(r.terms.Groups, name):
			return hint.Wrap(fmt.Errorf("%w %s", ErrGroup, name), "%s", r.adviceGroup())
		}
	}
	return nil
}

func (r *Register) adviceGroup() string {
	known := "they name no group"
	if len(r.terms.Groups) > 0 {
		known = "they name " + strings.Join(r.terms.Groups, ", ")
	}
	return "give a group that rules in the configuration name (" + known + "), or say with --ahead that they are going to name this one"
}

// Grouped returns the groups that somebody is in, in order. It waits for no disk.
func (r *Register) Grouped() []string { return slices.Sorted(maps.Keys(r.store.Members().Grouped())) }

// Nobody returns those of groups that nobody is in, in their order. Visitors are on no list, and their group is none of them. It waits
// for no disk.
func (r *Register) Nobody(groups []string) (empty []string) {
	people := r.store.Members().Grouped()
	for _, g := range groups {
		if g != attempt.Visitors && people[g] == 0 {
			empty = append(empty, g)
		}
	}
	return empty
}
