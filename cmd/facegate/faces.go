package main

import (
	"context"
	"text/tabwriter"

	"facegate/configs/show"
)

type facesCommand struct {
	Off facesOffCommand `cmd:"" help:"Look at no face, and capture nobody, until faces are turned on again. It holds over a restart."`
	On  facesOnCommand  `cmd:"" help:"Look at faces again."`
}

type facesOffCommand struct {
	Reason string `type:"reason" placeholder:"TEXT" help:"Why, for those who read facegate status. Name nobody."`
	gateFlags
	jsonFlag
}

func (c *facesOffCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	if err := done(r.TurnFacesOff(ctx, c.Reason)); err != nil {
		return err
	}
	return c.print(t, map[string]bool{"faces": false}, func(w *tabwriter.Writer) {
		show.Fprintln(w, "faces are off: none is looked at and nobody is captured until facegate faces on; the other ways in stay")
	})
}

type facesOnCommand struct {
	gateFlags
	jsonFlag
}

func (c *facesOnCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	if err := done(r.TurnFacesOn(ctx)); err != nil {
		return err
	}
	return c.print(t, map[string]bool{"faces": true}, func(w *tabwriter.Writer) {
		show.Fprintln(w, "faces are on; facegate status says whether they open the door")
	})
}
