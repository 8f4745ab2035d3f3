package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/configs/show"
)

type mqttForgetCommand struct {
	gateFlags
	yesFlag
	jsonFlag
}

// errKept means that a broker may still retain something of a gate that it was told to forget.
var errKept = errors.New("the broker has not shown that it forgets all")

func (c *mqttForgetCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.target(defaultConfig)
	if err != nil {
		return err
	}
	running, err := g.client(ctx)
	if err != nil && (g.config == nil || !errors.Is(err, control.ErrNotRunning)) {
		return err
	}
	stopped := err != nil
	if err := c.confirm(ctx, t, c.question(stopped)); err != nil {
		return err
	}
	f, err := c.forget(ctx, t, g, running, stopped)
	if err != nil {
		return err
	}
	return errors.Join(c.print(t, f, func(w *tabwriter.Writer) { c.write(w, f, stopped) }), kept(f))
}

func (c *mqttForgetCommand) question(stopped bool) question {
	about := []string{
		"Home Assistant and others lose the gate with what was made of it there: names, automations, history",
		"a running gate is silent about its state until it is started again; it goes on telling events",
	}
	if stopped {
		about[1] = "the session of the gate at the broker ends as well"
	}
	return question{"this removes all that the broker retains of this gate", about, "y"}
}

// forget has the gate do it, or does it in the place of a stopped one.
func (c *mqttForgetCommand) forget(ctx context.Context, t terminal, g target, r control.Running, stopped bool) (status.Forgotten, error) {
	if stopped {
		return daemon.ForgetMQTT(ctx, g.config, newLog(t.err, slog.LevelWarn))
	}
	return r.ForgetMQTT(ctx)
}

func (c *mqttForgetCommand) write(w *tabwriter.Writer, f status.Forgotten, stopped bool) {
	for _, topic := range f.Removed {
		show.Fprintf(w, "removed\t%s\n", topic)
	}
	for _, topic := range f.Kept {
		show.Fprintf(w, "not removed\t%s\n", topic)
	}
	for _, topic := range f.Untold {
		show.Fprintf(w, "not told\t%s: discovery is off, this gate may not write there, and the broker has shown nothing\n", topic)
	}
	if !stopped {
		show.Fprintln(w, "the gate says nothing that is retained until it is started again; to have it stay away set "+
			"mqtt.home_assistant.discovery to false, or another broker, before that")
	}
}

// kept returns what to do about topics that were not removed, nil if there are none.
func kept(f status.Forgotten) error {
	if len(f.Kept) == 0 {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%w: %s", errKept, strings.Join(f.Kept, ", ")),
		"let this gate's user read and write these topics in the broker's access list, and give the command again; where nothing was "+
			"ever said on them there is nothing to remove")
}
