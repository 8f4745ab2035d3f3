package main

import (
	"context"
	"encoding/json"
	"time"

	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/show"
)

type doorWatchCommand struct {
	For time.Duration `default:"2m" placeholder:"TIME" help:"End it sooner than after two minutes."`
	gateFlags
	jsonFlag
}

func (c *doorWatchCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	last := time.Duration(-1)
	return forTime(ctx, c.For, func(ctx context.Context) error {
		return g.WatchDoor(ctx, func(m status.DoorMoment) {
			c.show(t, m, last)
			last = m.Up
		})
	})
}

// show prints a moment, with the time since the one before, which was at last.
func (c *doorWatchCommand) show(t terminal, m status.DoorMoment, last time.Duration) {
	if c.JSON {
		json.NewEncoder(t.out).Encode(m)
		return
	}
	since := time.Duration(0)
	if last >= 0 {
		since = max(m.Up-last, 0)
	}
	show.Fprintf(t.out, "%8.3f s  %s\n", since.Seconds(), doortrial.Moment(m))
	if m.Hint != "" {
		show.Fprintf(t.out, "            to do: %s\n", m.Hint)
	}
}
