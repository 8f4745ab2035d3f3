package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store"
)

type destroyCommand struct {
	End bool `help:"Let people be captured again after that."`
	yesFlag
	gateFlags
	jsonFlag
}

func (c *destroyCommand) Run(ctx context.Context, t terminal) error {
	if c.End {
		return c.end(ctx, t)
	}
	if err := c.confirmAll(ctx, t, "this destroys every template at once"); err != nil {
		return err
	}
	r, done, err := c.records(ctx, t)
	if u := new(opening.UnopenedError); errors.As(err, &u) {
		return c.force(t, u)
	}
	if err != nil {
		return err
	}
	f, err := r.Lockdown(ctx)
	if err = done(err); err != nil {
		return err
	}
	v := struct {
		TemplatesDestroyed bool `json:"templates_destroyed"`
		people.Facts
	}{true, f}
	return c.print(t, v, func(w *tabwriter.Writer) { writeFacts(w, f) })
}

// confirmAll asks before something that concerns everybody: the answer is how many they are.
func (c *destroyCommand) confirmAll(ctx context.Context, t terminal, what string) error {
	e, err := (&epochStatusCommand{gateFlags: c.gateFlags}).ask(ctx, t)
	if u := new(opening.UnopenedError); errors.As(err, &u) {
		return c.confirm(ctx, t, question{what, []string{"how many they are is not known: " + err.Error()}, "y"})
	}
	if err != nil && !c.Yes { // otherwise it is tried all the same
		return err
	}
	all := e.Renewed + e.Earlier + e.Foreign + e.None
	if err == nil && all == 0 {
		return nil
	}
	return c.confirm(ctx, t, question{what, []string{
		fmt.Sprintf("enrolled: %d; no face opens the door any more, and each of them has to be captured again", all),
		"to let no face in for now, and lose nothing: facegate faces off",
	}, strconv.Itoa(all)})
}

func (c *destroyCommand) end(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	if err := done(r.EndLockdown(ctx)); err != nil {
		return err
	}
	return c.print(t, map[string]bool{"templates_destroyed": false}, func(w *tabwriter.Writer) {
		show.Fprintln(w, "people can be captured again: those who were enrolled, with facegate enroll LABEL --again")
	})
}

// writeFacts says what a report to the authority needs.
func writeFacts(w *tabwriter.Writer, f people.Facts) {
	show.Fprintln(w, "every template is destroyed: no face opens the door; the other ways in stay")
	show.Fprintln(w, "for a report to the authority (PIPL Art. 57; GDPR Art. 33, within 72 hours):")
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "%s\t%s\n", name, show.Sprintf(format, args...))
	}
	row("when", "%s", f.Time.Format(time.RFC3339))
	row("people", "%d enrolled; %d templates destroyed, of which %d opened with the person's pass alone", f.People, f.Templates, f.Bound)
	row("held of each", "a label, the day they were last let in, and a consent: notice, form number, witness, age band")
	row("", "%d names of guardians; %d consents of people erased before, without a label", f.Guardians, f.Former)
	row("", "%d marks that a face is near to another's, without whose", f.Near)
	row("never held", "pictures, face vectors, the comings and goings of a person")
	row("device key", "%s", map[bool]string{
		true:  "in a plain file: whoever had this disk had it, and could turn templates of the 1:N scheme back into faces",
		false: "in a " + keyStore(f.KeyStore),
	}[f.KeyStore == "file"])
	row("audit log", "%d leaves, root %s", f.AuditSize, f.AuditRoot)
	row("device", "%s", f.Device)
	if f.Undone != "" {
		row("not done yet", "%s", f.Undone)
	}
}

// force destroys every template of a store that does not open.
func (c *destroyCommand) force(t terminal, u *opening.UnopenedError) error {
	g, err := c.target(defaultConfig)
	if err != nil {
		return err
	}
	if err := store.ForceLockdown(opening.Place(g.config), time.Now()); err != nil {
		return hint.Wrap(errors.Join(err, u), "%s", cmp.Or(hint.Of(err), hint.Of(u)))
	}
	v := struct {
		TemplatesDestroyed bool   `json:"templates_destroyed"`
		Undone             string `json:"undone"`
	}{true, u.Error()}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintln(w, "every template is destroyed: no face opens the door")
		show.Fprintf(w, "not done: the records do not open, and do not say so yet: %s\n", u.Error())
		show.Fprintln(w, "the gate knows of it, and writes it down, as soon as it starts")
		if advice := hint.Of(u); advice != "" {
			show.Fprintf(w, "to do: %s\n", advice)
		}
	})
}
