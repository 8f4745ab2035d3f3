package main

import (
	"context"
	"errors"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/doortrial"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/gpio/door/diagnose"
)

type doorTestCommand struct {
	Direct bool `help:"Test the door of a stopped gate, without people and networks: as on a board that is being wired."`
	Yes    bool `help:"Ask nothing, and give the pulse at once."`
	gateFlags
	jsonFlag
}

func (c *doorTestCommand) Run(ctx context.Context, t terminal) error {
	if c.Direct {
		return c.direct(ctx, t)
	}
	g, err := c.running(ctx)
	if errors.Is(err, control.ErrNotRunning) {
		return hint.Wrap(err, "%s\nto test the door without the gate: facegate door test --direct", hint.Of(err))
	}
	if err != nil {
		return err
	}
	return c.test(ctx, t, g)
}

// test leads through the test of a door, and prints what came of it. With findings it fails.
func (c *doorTestCommand) test(ctx context.Context, t terminal, d doortrial.Door) error {
	report, err := doortrial.Run(ctx, d, c.talk(t))
	if err != nil {
		return err
	}
	if err := c.print(t, report, func(w *tabwriter.Writer) { writeTrial(w, report) }); err != nil {
		return err
	}
	if !report.OK() {
		return exit{code: exitFailed}
	}
	return nil
}

// talk is with who has given the command.
func (c *doorTestCommand) talk(t terminal) doortrial.Talk {
	if !t.asks || c.Yes || c.JSON {
		return doortrial.Talk{Say: func(string) {}}
	}
	return doortrial.Talk{
		Say: func(text string) { show.Fprintln(t.err, text) },
		Ask: func(ctx context.Context, question string) (bool, error) { return t.yesOrNo(ctx, question) },
	}
}

var errNoAnswer = errors.New("neither yes nor no was answered")

// yesOrNo asks until it is told y or n.
func (t terminal) yesOrNo(ctx context.Context, question string) (bool, error) {
	for range 3 {
		show.Fprintf(t.err, "%s [y/n] ", question)
		answer, err := t.readLine(ctx)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
	}
	return false, hint.Wrap(errNoAnswer, "give the command again, and answer y or n; --yes asks nothing")
}

// writeTrial says what came of a test in the order in which it was seen.
func writeTrial(w *tabwriter.Writer, r doortrial.Report) {
	if r.NoPulse != "" {
		show.Fprintf(w, "no pulse was given, because the door is open: %s\n", r.NoPulse)
	}
	if r.Pulse != nil {
		show.Fprintf(w, "the door was unlocked for %v by the relay on %s\n", r.Pulse.Pulse.Round(10*time.Millisecond), r.Pulse.Line)
	}
	if r.Unseen != "" {
		show.Fprintf(w, "what contact and button did was not seen: %s\n", r.Unseen)
	}
	if r.Opened > 0 {
		show.Fprintf(w, "it was opened %v after the start\n", r.Opened.Round(10*time.Millisecond))
	}
	if r.Closed > 0 {
		show.Fprintf(w, "it was shut again %v after the start\n", r.Closed.Round(10*time.Millisecond))
	}
	if r.Exit {
		show.Fprintln(w, "the exit button opened it")
	}
	for _, f := range r.Findings {
		writeFinding(w, f)
	}
	if r.OK() && r.Opened == 0 {
		show.Fprintln(w, "Did the door open?")
	}
}

func writeFinding(w *tabwriter.Writer, f diagnose.Finding) {
	mark := "wrong"
	if f.Maybe {
		mark = "look"
	}
	show.Fprintf(w, "%s: %s\n  to do: %s\n", mark, f.What, f.Todo)
}
