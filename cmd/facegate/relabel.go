package main

import (
	"context"
	"text/tabwriter"

	"facegate/configs/show"
)

type relabelCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	To    string `arg:"" type:"label" help:"The correct one."`
	gateFlags
	jsonFlag
}

func (c *relabelCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	p, err := r.Relabel(ctx, c.Label, c.To)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, p, func(w *tabwriter.Writer) { show.Fprintf(w, "%s is now %s\n", c.Label, p.Label) })
}
