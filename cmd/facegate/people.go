package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/show"
)

// expiryOf says when an enrolment ends.
func expiryOf(p people.Person) string {
	day := p.Expires.Format(time.DateOnly)
	if p.Provisional {
		day += " (provisional)"
	}
	return day
}

type peopleCommand struct {
	Form string `type:"reference" placeholder:"NUMBER" help:"Say what is held under the number of a form alone, also of whoever was erased since."`
	gateFlags
	jsonFlag
}

func (c *peopleCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	if c.Form != "" {
		f, err := r.Form(ctx, people.FormRequest{Number: c.Form})
		if err = done(err); err != nil {
			return err
		}
		return c.print(t, f, func(w *tabwriter.Writer) { writeForm(w, f) })
	}
	list, err := r.People(ctx)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, list, func(w *tabwriter.Writer) {
		writePeople(w, list)
		writeOwed(w, list)
	})
}

// writePeople writes a line for each person. Where nobody is in a group there is no column of groups.
func writePeople(w *tabwriter.Writer, list []people.Person) {
	grouped := slices.ContainsFunc(list, func(p people.Person) bool { return len(p.Groups) > 0 })
	line := func(label, enrolled, expires, groups, consent string) {
		show.Fprintf(w, "%s\t%s\t%s\t", label, enrolled, expires)
		if grouped {
			show.Fprintf(w, "%s\t", groups)
		}
		show.Fprintf(w, "%s\n", consent)
	}
	line("LABEL", "ENROLLED", "EXPIRES", "GROUPS", "CONSENT")
	for _, p := range list {
		line(p.Label, p.Enrolled.Format(time.DateOnly), expiryOf(p), strings.Join(p.Groups, ", "), consentOf(p))
	}
}

// writeOwed says of how many people the erasure is owed.
func writeOwed(w *tabwriter.Writer, all []people.Person) {
	n := 0
	for _, p := range all {
		if !p.Owed.IsZero() {
			n++
		}
	}
	if n > 0 {
		show.Fprintf(w, "erasures owed: %d; they are carried out as soon as the disk can be written to: facegate status says what is wrong with it\n", n)
	}
}

// consentOf says in one cell where a person's consent is recorded, and whether it lets them in.
func consentOf(p people.Person) string {
	switch {
	case !p.Owed.IsZero():
		return fmt.Sprintf("%s - to be erased, asked for on %s; does not match any more", p.Consent, p.Owed.Local().Format("2006-01-02 15:04 -07:00"))
	case p.NoFace:
		return p.Consent + " - no face: comes in by other ways"
	case !p.ConsentAgain && p.Second != "":
		return p.Consent + " - " + secondOf(p)
	case !p.ConsentAgain:
		return p.Consent
	}
	return fmt.Sprintf("%s - has to consent again (facegate enroll --again): this one was given under profile %s", p.Consent, p.ConsentProfile)
}

// secondOf says that a face opens the door together with something else alone, and why.
func secondOf(p people.Person) string {
	const asked = "asked for a pass, card or PIN with the face"
	if p.Second == people.SecondAge {
		return asked + ": under 14"
	}
	return asked + ": the face is near to another's, and whose is kept nowhere"
}

// person looks somebody up.
func (f gateFlags) person(ctx context.Context, t terminal, label string) (people.Person, error) {
	r, done, err := f.records(ctx, t)
	if err != nil {
		return people.Person{}, err
	}
	file, err := r.Show(ctx, label)
	return file.Person, done(err)
}

// whom tells a person from others of the same name.
func whom(p people.Person) string {
	return p.Label + ", " + paperwork(p)
}

// paperwork is what a person's form has of them, besides the name.
func paperwork(p people.Person) string {
	return fmt.Sprintf("form %s, enrolled %s, until %s", p.Consent, p.Enrolled.Format(time.DateOnly), expiryOf(p))
}
