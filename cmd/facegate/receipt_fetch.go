package main

import (
	"context"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/delivery"
	"facegate/configs/show"
)

type receiptFetchCommand struct {
	Dir string `arg:"" help:"Folder to write them to, one file each."`
	gateFlags
	jsonFlag
}

func (c *receiptFetchCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	receipts, err := r.Receipts(ctx)
	if err != nil {
		return done(err)
	}
	files, err := delivery.Collect(t.newFiles(), c.Dir, receipts, func(id string) error { return r.Fetched(ctx, id) })
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, files, func(w *tabwriter.Writer) {
		for _, path := range files {
			show.Fprintln(w, path)
		}
		show.Fprintf(w, "%d receipts fetched\n", len(files))
	})
}
