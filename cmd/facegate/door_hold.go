package main

import (
	"context"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/show"
)

type doorHoldCommand struct {
	For    time.Duration `arg:"" name:"time" help:"For how long, such as 45m; door.max_open is the longest."`
	Reason string        `required:"" type:"reason" placeholder:"TEXT" help:"Why, for the log and facegate door status. Name nobody."`
	gateFlags
	jsonFlag
}

func (c *doorHoldCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	if err := g.HoldDoor(ctx, status.DoorHold{For: c.For, Reason: c.Reason}); err != nil {
		return err
	}
	until := time.Now().Add(c.For).Truncate(time.Second)
	return c.print(t, map[string]time.Time{"held_until": until}, func(w *tabwriter.Writer) {
		show.Fprintf(w, "the door is held open until %s, or facegate door release, or until the gate is stopped\n", until.Format(time.DateTime))
	})
}

type doorReleaseCommand struct {
	gateFlags
	jsonFlag
}

func (c *doorReleaseCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	if err := g.ReleaseDoor(ctx); err != nil {
		return err
	}
	return c.print(t, map[string]bool{"held": false}, func(w *tabwriter.Writer) {
		show.Fprintln(w, "the door is held open no more; facegate door status says whether it is locked")
	})
}
