package main

import (
	"context"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/configs/show"
)

type doorCommand struct {
	Test doorTestCommand `cmd:"" help:"Give one pulse of the door, on the running gate. It is noted with your name, told to the broker, and bounded: a rest of three pulses, 30 pulses and 5 minutes an hour."`
	Safe doorSafeCommand `cmd:"" help:"Force the relay to its safe level, with the gate stopped. systemd calls this after every stop."`
}

type doorTestCommand struct {
	gateFlags
	jsonFlag
}

func (c *doorTestCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	r, err := g.TestDoor(ctx)
	if err != nil {
		return err
	}
	return c.print(t, r, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s was active for %v. Did the door open?\n", r.Line, r.Pulse.Round(time.Millisecond))
	})
}

type doorSafeCommand struct {
	configFlag
	jsonFlag
}

func (c *doorSafeCommand) Run(t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	noteStop(cfg.Control.Socket)
	line, err := daemon.OpenLine(cfg.Door)
	if err != nil {
		return err
	}
	if err := line.Close(); err != nil {
		return err
	}
	return c.print(t, map[string]string{"safe": line.String()}, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is at its safe level\n", line)
	})
}
