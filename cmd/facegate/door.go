package main

import (
	"text/tabwriter"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/configs/show"
)

type doorCommand struct {
	Status doorStatusCommand `cmd:"" help:"Say how the door is: what is wired, what each line says, why the door is open, what is wrong and what to do."`
	Test   doorTestCommand   `cmd:"" help:"Give one pulse of the door, time it, and say what is wired wrongly; on a terminal with questions. It is noted with your name, told to the broker, and bounded: a rest of three pulses, 30 pulses and 5 minutes an hour."`
	Watch  doorWatchCommand  `cmd:"" help:"Show for two minutes what the door does and what its lines say. It is noted with your name, and bounded: ten times an hour, tests with it."`
	Safe   doorSafeCommand   `cmd:"" help:"Force the relay to its safe level, with the gate stopped. systemd calls this after every stop."`
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
