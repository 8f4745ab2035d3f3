package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/show"
)

// A personAddCommand puts somebody on the list who gives no face. It needs no camera, and works on a stopped gate too.
type personAddCommand struct {
	Label     string `arg:"" type:"label" help:"Name or number for the people list. It never leaves the gate."`
	Reference string `required:"" type:"reference" placeholder:"REF" help:"Where what was agreed with the person is kept, such as the number of the contract."`
	Until     day    `required:"" placeholder:"DATE" help:"Day on which the person's right to the door ends, as 2027-11-26."`
	Pass      string `placeholder:"FILE" help:"Give the person a pass: a new PNG file for its QR code, or - to show it in the terminal."`
	groupFlags
	gateFlags
	jsonFlag
}

func (c *personAddCommand) Run(ctx context.Context, t terminal) error {
	var s *sheet
	if c.Pass != "" {
		var err error
		if s, err = newSheet("--pass", c.Pass, c.JSON, t); err != nil {
			return err
		}
	}
	joined, err := c.join(ctx, t, s != nil)
	if err != nil {
		return errors.Join(err, s.discard())
	}
	v := enrolment{Person: joined.Person}
	if s != nil {
		if err := s.draw(joined.Pass); err != nil {
			return hint.Wrap(fmt.Errorf("%s is on the list, but the pass was not written: %w", c.Label, err),
				"issue a new one with: facegate person pass %s", c.Label)
		}
		v.Pass = s.path
	}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is on the list until %s, without a face\n", v.Label, expiryOf(v.Person))
		if s != nil {
			s.drawn(w)
		}
	})
}

func (c *personAddCommand) join(ctx context.Context, t terminal, pass bool) (people.Joined, error) {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return people.Joined{}, err
	}
	joined, err := r.Join(ctx, people.JoinRequest{
		Label: c.Label, Reference: c.Reference, Until: c.Until.Time, Pass: pass, Grouping: c.grouping(),
	})
	return joined, done(err)
}
