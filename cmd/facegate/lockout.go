package main

import (
	"context"
	"text/tabwriter"

	"facegate/configs/show"
)

type lockoutCommand struct {
	Reset lockoutResetCommand `cmd:"" help:"Let everybody in by every means again, such as the face, after too many failures in a row to be taken for them."`
}

type lockoutResetCommand struct {
	gateFlags
	jsonFlag
}

func (c *lockoutResetCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	if err := done(r.ResetLockout(ctx)); err != nil {
		return err
	}
	return c.print(t, map[string]bool{"reset": true}, func(w *tabwriter.Writer) { show.Fprintln(w, resetText) })
}

// resetText does not say that faces open the door: destroyed templates or match.mode may stand against it.
const resetText = "the failures in a row are forgotten; facegate status says whether faces open the door"
