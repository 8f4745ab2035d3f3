package main

import (
	"context"
	"fmt"
	"runtime"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/evaluate/passes"
)

type evalPassesCommand struct {
	Showings int       `default:"10" placeholder:"N" help:"How often a pass is shown under each condition at each distance (${default})."`
	Sides    []float64 `default:"5,8" placeholder:"CM" help:"Sizes of the printed code, without its margin (${default})."`
	Media    []string  `default:"paper,phone" enum:"paper,phone" help:"What shows the code: paper, phone (${default})."`
	Kinds    []string  `default:"token,visitor" enum:"token,visitor" help:"What the code holds: token, visitor (${default})."`
	Seed     uint64    `default:"1" help:"The same seed draws the same pictures (${default})."`
	jsonFlag
}

// Run measures how often a pass is read that is held to the camera, on drawings.
func (c *evalPassesCommand) Run(ctx context.Context, t terminal) error {
	if c.Showings < 1 {
		return hint.Wrap(fmt.Errorf("--showings %d", c.Showings), "a pass is shown once or more")
	}
	tables, err := c.tables()
	if err != nil {
		return err
	}
	bar := newBar(t.err, int64(len(tables)*len(tables[0].Cells)), "conditions")
	defer bar.Finish()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, table := range tables {
		for cell := range table.Cells {
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				defer bar.Add(1)
				return table.Fill(cell, c.Showings, c.Seed)
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, table := range tables {
		table.Sum()
	}
	return c.print(t, tables, func(w *tabwriter.Writer) {
		show.Fprintf(w, "Percentage of passes that are read within a second of being held up, 5 pictures of 640x480 at 60 degrees.\n\n")
		for _, table := range tables {
			table.Write(w)
		}
	})
}

func (c *evalPassesCommand) tables() (tables []*passes.Table, err error) {
	for _, kind := range c.Kinds {
		for _, medium := range c.Media {
			for _, side := range c.Sides {
				if side < 1 || side > 30 {
					return nil, hint.Wrap(fmt.Errorf("--sides %g", side), "a code is 1 to 30 cm wide")
				}
				tables = append(tables, passes.NewTable(passes.Kind(kind), passes.Medium(medium), side))
			}
		}
	}
	return tables, nil
}
