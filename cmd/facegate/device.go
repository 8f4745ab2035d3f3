package main

import (
	"context"
	"text/tabwriter"

	"facegate/configs/show"
)

type deviceCommand struct {
	Pubkey pubkeyCommand `cmd:"" help:"Print the public key that verifies receipts of this device."`
}

type pubkeyCommand struct {
	gateFlags
	jsonFlag
}

func (c *pubkeyCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	d, err := r.Device(ctx)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, d, func(w *tabwriter.Writer) { show.Fprintln(w, d.PublicKey) })
}
