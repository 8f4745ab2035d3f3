package main

import (
	"context"
	"errors"
	"strings"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/show"
)

// groupFlags say in which groups somebody new is.
type groupFlags struct {
	Group []string `placeholder:"NAME" help:"Put the person into this group, which rules of the door name. It may be given several times."`
	Ahead bool     `help:"Take a group too that no rule names yet."`
}

func (f groupFlags) grouping() people.Grouping {
	return people.Grouping{Groups: f.Group, Ahead: f.Ahead}
}

type groupCommand struct {
	Label  string   `arg:"" type:"label" help:"Label from the people list."`
	Groups []string `arg:"" optional:"" name:"group" help:"All groups that the person is in from now on. Without one it is said which they are."`
	None   bool     `help:"Take the person out of all groups."`
	Ahead  bool     `help:"Take a group too that no rule of the gate names yet."`
	gateFlags
	jsonFlag
}

func (c *groupCommand) Run(ctx context.Context, t terminal) error {
	if c.None && len(c.Groups) > 0 {
		return hint.Wrap(errors.New("the person cannot be in a group and in none"), "name groups, or give --none")
	}
	p, err := c.put(ctx, t)
	if err != nil {
		return err
	}
	return c.print(t, p, func(w *tabwriter.Writer) { show.Fprintf(w, "%s is in %s\n", p.Label, groupsOf(p)) })
}

// put puts the person into the groups that are named, or asks in which they are.
func (c *groupCommand) put(ctx context.Context, t terminal) (people.Person, error) {
	if !c.None && len(c.Groups) == 0 {
		return c.person(ctx, t, c.Label)
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return people.Person{}, err
	}
	p, err := r.SetGroups(ctx, people.GroupsRequest{Label: c.Label, Grouping: people.Grouping{Groups: c.Groups, Ahead: c.Ahead}})
	return p, done(err)
}

// groupsOf says in which groups somebody is.
func groupsOf(p people.Person) string {
	switch len(p.Groups) {
	case 0:
		return "no group"
	case 1:
		return "the group " + p.Groups[0]
	}
	return "the groups " + strings.Join(p.Groups, ", ")
}
