package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/delivery"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/show"
	"facegate/store/audit"
)

type eraseCommand struct {
	Label   string `arg:"" optional:"" type:"label" help:"Label from the people list."`
	Pass    string `placeholder:"FILE" help:"Instead of a label: a picture of the person's own pass (PNG or JPEG), or a file with the letters that its QR code says, or - for standard input."`
	Receipt string `placeholder:"FILE" help:"File to write the receipt to; it must not exist. Otherwise it is printed."`
	yesFlag
	gateFlags
	jsonFlag
}

// Validate tells kong whether one person is named.
func (c *eraseCommand) Validate() error {
	if (c.Label == "") == (c.Pass == "") {
		return errors.New("give a label or --pass, one of the two")
	}
	return nil
}

func (c *eraseCommand) Run(ctx context.Context, t terminal) error {
	return c.erase(ctx, t, audit.Requested)
}

type withdrawCommand struct {
	KeepMember bool `name:"keep-member" help:"Withdraw the face alone: template and consent are erased, and the person stays on the list with pass, cards and PIN. Without it everything is erased."`
	eraseCommand
}

func (c *withdrawCommand) Run(ctx context.Context, t terminal) error {
	if c.KeepMember {
		return c.erase(ctx, t, audit.FaceWithdrawn)
	}
	return c.erase(ctx, t, audit.Withdrawn)
}

func (c *eraseCommand) erase(ctx context.Context, t terminal, why audit.Reason) error {
	person, err := c.confirmed(ctx, t, why)
	if err != nil {
		return err
	}
	paper, err := delivery.NewPaper(t.newFiles(), c.Receipt)
	if err != nil {
		return err
	}
	e, err := c.remove(ctx, t, why)
	if err != nil {
		return errors.Join(err, paper.Discard())
	}
	gone := cmp.Or(c.Label, "the owner of the pass") + " is erased and does not match any more"
	if why == audit.FaceWithdrawn {
		gone = "the face of " + cmp.Or(c.Label, "the owner of the pass") + " is erased, who stays on the list without one"
	}
	if err := paper.Deliver(e.Receipt, c.fetched(ctx, t)); err != nil {
		return fmt.Errorf("%s, but %w", gone, err)
	}
	v := erased{e, person.Consent, person.Enrolled, person.Expires}
	return c.print(t, v, func(w *tabwriter.Writer) {
		if person.Label != "" {
			gone += " (" + paperwork(person) + ")"
		}
		writeDelivered(w, gone, paper, e.Receipt)
	})
}

// An erased is what facegate erase prints as JSON.
type erased struct {
	people.Erasure
	Form     string    `json:"form,omitempty"`
	Enrolled time.Time `json:"enrolled,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
}

// confirmed asks whether the right person is named, and returns who it is: nobody where that is not known, because they
// are named by their pass.
func (c *eraseCommand) confirmed(ctx context.Context, t terminal, why audit.Reason) (people.Person, error) {
	what, destroyed := "this erases %s for good", "destroyed: label, consent, template, pass, cards and PIN, and the key of every older copy"
	if why == audit.FaceWithdrawn {
		what, destroyed = "this erases the face of %s for good", "destroyed: consent and template, and the key of every older copy; "+
			"kept: label, term, pass, cards and PIN"
	}
	if c.Pass != "" {
		return people.Person{}, c.confirm(ctx, t, question{fmt.Sprintf(what, "the owner of the pass"), []string{destroyed}, "y"})
	}
	p, err := c.person(ctx, t, c.Label)
	if err != nil && !c.Yes { // otherwise the erasure itself is tried
		return people.Person{}, err
	}
	return p, c.confirm(ctx, t, question{fmt.Sprintf(what, "one person"), []string{whom(p), destroyed}, "y"})
}

// remove erases the person by label or by pass.
func (c *eraseCommand) remove(ctx context.Context, t terminal, why audit.Reason) (people.Erasure, error) {
	who := people.Who{Label: c.Label}
	if c.Pass != "" {
		token, err := readPass(c.Pass, t)
		if err != nil {
			return people.Erasure{}, err
		}
		defer token.Clear()
		who = people.Who{Pass: token}
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return people.Erasure{}, err
	}
	e, err := r.Erase(ctx, who, why)
	return e, done(err)
}

// writeDelivered says what is erased, and where the receipt of it is.
func writeDelivered(w *tabwriter.Writer, erased string, paper *delivery.Paper, text string) {
	if paper != nil {
		show.Fprintf(w, "%s, receipt: %s (check it with: facegate receipt verify)\n", erased, paper.Path())
		return
	}
	show.Fprintln(w, erased)
	show.Fprintln(w, strings.TrimSuffix(text, "\n"))
	show.Fprintln(w, "the gate keeps this receipt until it is fetched: facegate receipt fetch DIR")
}
