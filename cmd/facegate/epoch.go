package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/show"
)

type epochCommand struct {
	Begin  epochBeginCommand  `cmd:"" help:"Begin a new epoch. People are moved there as they pass; nobody has to do anything. Not where faces are compared 1:1."`
	End    epochEndCommand    `cmd:"" help:"Destroy the templates of earlier epochs. Who has not passed has to be captured again."`
	Status epochStatusCommand `cmd:"" help:"Say how many people are in which epoch, and how many have no template."`
}

type epochStatusCommand struct {
	gateFlags
	jsonFlag
}

func (c *epochStatusCommand) Run(ctx context.Context, t terminal) error {
	e, err := c.ask(ctx, t)
	if err != nil {
		return err
	}
	return c.print(t, e, func(w *tabwriter.Writer) { writeEpoch(w, e) })
}

func (c *epochStatusCommand) ask(ctx context.Context, t terminal) (people.Epoch, error) {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return people.Epoch{}, err
	}
	v, err := r.Epoch(ctx)
	return v, done(err)
}

type epochBeginCommand struct {
	gateFlags
	jsonFlag
}

func (c *epochBeginCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	e, err := r.BeginEpoch(ctx)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, e, func(w *tabwriter.Writer) { writeEpoch(w, e) })
}

type epochEndCommand struct {
	yesFlag
	gateFlags
	jsonFlag
}

func (c *epochEndCommand) Run(ctx context.Context, t terminal) error {
	if err := c.confirmed(ctx, t); err != nil {
		return err
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	e, err := r.EndEpoch(ctx)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, e, func(w *tabwriter.Writer) {
		show.Fprintf(w, "earlier epochs have ended, %d templates destroyed\n", e.Ended)
		writeEpoch(w, e)
	})
}

// confirmed asks whether those are to lose their template who are in an earlier epoch: the answer is how many they are.
func (c *epochEndCommand) confirmed(ctx context.Context, t terminal) error {
	e, err := (&epochStatusCommand{gateFlags: c.gateFlags}).ask(ctx, t)
	if err != nil {
		return err
	}
	left := e.Earlier + e.Foreign
	if left == 0 {
		return nil
	}
	return c.confirm(ctx, t, question{"this ends the earlier epochs, and destroys what is left of their templates", []string{
		fmt.Sprintf("not seen since the new epoch began: %d; each of them has to be captured again", left),
	}, strconv.Itoa(left)})
}

func writeEpoch(w *tabwriter.Writer, e people.Epoch) {
	show.Fprintf(w, "epoch %s\n", epochLine(e))
	if e.Earlier > 0 {
		show.Fprintln(w, "  to do: wait until those in an earlier epoch have passed, then: facegate epoch end")
	}
	if e.Foreign+e.None > 0 {
		show.Fprintln(w, "  to do: facegate enroll LABEL --again for those who cannot match; "+
			"facegate person show LABEL says whether there is a template")
	}
}

// epochLine says in one line who is where.
func epochLine(e people.Epoch) string {
	parts := []string{fmt.Sprintf("%d: %d people in it", e.Number, e.Renewed)}
	for _, p := range []struct {
		n    int
		text string
	}{
		{e.Earlier, "still in an earlier one"}, {e.Foreign, "captured with another embedder"}, {e.None, "without a template"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	return strings.Join(parts, ", ")
}
