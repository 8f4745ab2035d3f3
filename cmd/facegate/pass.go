package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"facegate/configs/hint"
	"facegate/configs/show"
)

// standard names standard input or output where a file can be named.
const standard = "-"

// errShow means that a pass would be lost, because there is nowhere to show it.
var errShow = errors.New("there is no terminal to show the pass in")

// shows reports whether w is a terminal.
func shows(w io.Writer) bool {
	f, ok := raw(w).(*os.File)
	return ok && isTerminal(f)
}

// maxPassFile bounds, in bytes, what is read as a pass.
const maxPassFile = 16 << 20

type passCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	PNG   string `name:"png" placeholder:"FILE" help:"File for the picture of the pass; it must not exist. Otherwise the pass is shown in the terminal."`
	yesFlag
	gateFlags
	jsonFlag
}

// Run issues a new pass. The old one is dead once the gate has answered, so that the sheet has to be there before.
func (c *passCommand) Run(ctx context.Context, t terminal) error {
	s, err := newSheet("--png", c.PNG, c.JSON, t)
	if err != nil {
		return err
	}
	if err := c.confirmed(ctx, t); err != nil {
		return errors.Join(err, s.discard())
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return errors.Join(err, s.discard())
	}
	token, err := r.IssuePass(ctx, c.Label)
	if err = done(err); err != nil {
		return errors.Join(err, s.discard())
	}
	if err := s.draw(token); err != nil {
		return hint.Wrap(fmt.Errorf("the old pass of %s is dead, and the new one was not written: %w", c.Label, err),
			"issue another one with the same command")
	}
	return c.print(t, map[string]string{"label": c.Label, "pass": s.path}, func(w *tabwriter.Writer) {
		s.drawn(w)
		show.Fprintf(w, "any older pass of %s is dead\n", c.Label)
	})
}

// confirmed asks whether the pass that the person may have is to die.
func (c *passCommand) confirmed(ctx context.Context, t terminal) error {
	p, err := c.person(ctx, t, c.Label)
	if err != nil {
		return err
	}
	return c.confirm(ctx, t, question{"this gives a person a new pass, and any older one is dead at once", []string{whom(p)}, "y"})
}
