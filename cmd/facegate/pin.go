package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/show"
)

type pinCommand struct {
	Set    pinSetCommand    `cmd:"" help:"Give a person a PIN. It is typed twice, or drawn; the one before is dead at once."`
	Duress pinDuressCommand `cmd:"" help:"Give a person a second PIN, which opens the door as well and raises a silent alarm."`
	Remove pinRemoveCommand `cmd:"" help:"Take the PIN from a person, and with it the number and the PIN for duress."`
	Number pinNumberCommand `cmd:"" help:"Print the number that a person types before the PIN."`
}

var (
	errNoSecret = errors.New("there is no terminal to type a PIN in")
	errMistyped = errors.New("the two are not the same, and nothing was done")
)

// generateFlag has the gate draw a PIN.
type generateFlag struct {
	Generate bool `help:"Draw a PIN at random, and print it this once. What people think of is guessed sooner."`
}

type pinSetCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	generateFlag
	gateFlags
	jsonFlag
}

func (c *pinSetCommand) Run(ctx context.Context, t terminal) error {
	given, err := c.set(ctx, t, c.gateFlags, people.PINRequest{Label: c.Label})
	if err != nil {
		return err
	}
	defer clear(given.PIN)
	return c.print(t, toldPIN(c.Label, given), func(w *tabwriter.Writer) {
		writeDrawn(w, given)
		show.Fprintf(w, "%s has the number %s, and types %s*PIN# at a keypad; any older PIN is dead\n", c.Label, given.Number, given.Number)
	})
}

type pinDuressCommand struct {
	Label  string `arg:"" type:"label" help:"Label from the people list."`
	Remove bool   `help:"Take it from the person. The usual PIN stays."`
	generateFlag
	gateFlags
	jsonFlag
}

func (c *pinDuressCommand) Run(ctx context.Context, t terminal) error {
	if c.Remove {
		if err := c.remove(ctx, t, c.Label, true); err != nil {
			return err
		}
		return c.print(t, map[string]string{"label": c.Label}, func(w *tabwriter.Writer) {
			show.Fprintf(w, "%s has no PIN for duress\n", c.Label)
		})
	}
	given, err := c.set(ctx, t, c.gateFlags, people.PINRequest{Label: c.Label, Duress: true})
	if err != nil {
		return err
	}
	defer clear(given.PIN)
	return c.print(t, toldPIN(c.Label, given), func(w *tabwriter.Writer) {
		writeDrawn(w, given)
		show.Fprintf(w, "%s has a PIN for duress: it opens the door as the usual one does, and raises a silent alarm\n", c.Label)
	})
}

// toldPIN is what a program is told of a PIN: its digits if they were drawn.
func toldPIN(label string, given people.PINGiven) map[string]string {
	v := map[string]string{"label": label, "number": given.Number}
	if given.PIN != nil {
		v["pin"] = string(given.PIN)
	}
	return v
}

func writeDrawn(w *tabwriter.Writer, given people.PINGiven) {
	if given.PIN != nil {
		show.Fprintf(w, "PIN: %s, shown this once and kept nowhere; give it to the person alone\n", string(given.PIN))
	}
}

// set gives the person of r a PIN that somebody types, or that the gate draws.
func (f generateFlag) set(ctx context.Context, t terminal, g gateFlags, r people.PINRequest) (given people.PINGiven, err error) {
	if !f.Generate {
		if r.PIN, err = t.typePIN(ctx); err != nil {
			return people.PINGiven{}, err
		}
		defer clear(r.PIN)
	}
	records, done, err := g.records(ctx, t)
	if err != nil {
		return people.PINGiven{}, err
	}
	given, err = records.SetPIN(ctx, r)
	return given, done(err)
}

// remove takes a PIN from a person.
func (f gateFlags) remove(ctx context.Context, t terminal, label string, duress bool) error {
	r, done, err := f.records(ctx, t)
	if err != nil {
		return err
	}
	return done(r.RemovePIN(ctx, label, duress))
}

type pinRemoveCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	yesFlag
	gateFlags
	jsonFlag
}

func (c *pinRemoveCommand) Run(ctx context.Context, t terminal) error {
	p, err := c.person(ctx, t, c.Label)
	if err != nil {
		return err
	}
	q := question{"this takes the PIN from a person, with their number and any PIN for duress", []string{whom(p)}, "y"}
	if err := c.confirm(ctx, t, q); err != nil {
		return err
	}
	if err := c.remove(ctx, t, c.Label, false); err != nil {
		return err
	}
	return c.print(t, map[string]string{"label": c.Label}, func(w *tabwriter.Writer) { show.Fprintf(w, "%s has no PIN\n", c.Label) })
}

type pinNumberCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	New   bool   `help:"Draw another one. The one before is nobody's at once."`
	gateFlags
	jsonFlag
}

func (c *pinNumberCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	ask := r.Number
	if c.New {
		ask = r.Renumber
	}
	n, err := ask(ctx, c.Label)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, map[string]string{"label": c.Label, "number": n}, func(w *tabwriter.Writer) { show.Fprintln(w, n) })
}

// typePIN has a PIN typed twice, unseen. It is to be cleared after use.
func (t terminal) typePIN(ctx context.Context) ([]byte, error) {
	if !t.asks {
		return nil, hint.Wrap(errNoSecret, "give the command in a terminal, or have one drawn with --generate; arguments and pipes are seen by others")
	}
	pin, err := t.readUnseen(ctx, "PIN: ")
	if err != nil {
		return nil, err
	}
	again, err := t.readUnseen(ctx, "once more: ")
	defer clear(again)
	if err == nil && subtle.ConstantTimeCompare(pin, again) != 1 {
		err = hint.Wrap(errMistyped, "give the command again, and type the same digits twice")
	}
	if err == nil && len(pin) == 0 {
		err = hint.Wrap(errNoSecret, "type the digits, or have a PIN drawn with --generate")
	}
	if err != nil {
		clear(pin)
		return nil, err
	}
	return pin, nil
}

// readUnseen asks for a line that the terminal does not show.
func (t terminal) readUnseen(ctx context.Context, ask string) (line []byte, err error) {
	shown, err := t.hide()
	if err != nil {
		return nil, fmt.Errorf("have the terminal hide what is typed: %w", err)
	}
	defer func() {
		err = errors.Join(err, shown())
		show.Fprintln(t.err)
	}()
	show.Fprintf(t.err, "%s", ask)
	return t.readBytes(ctx)
}

// hide has the terminal show nothing of what is typed, until shown is called.
func (t terminal) hide() (shown func() error, err error) {
	file, ok := t.in.(*os.File)
	if !ok { // it shows nothing
		return func() error { return nil }, nil
	}
	before, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	return func() error { return unix.IoctlSetTermios(int(file.Fd()), unix.TCSETS, before) },
		unix.IoctlSetTermios(int(file.Fd()), unix.TCSETSF, &hidden) // and forgets what was typed too soon
}
