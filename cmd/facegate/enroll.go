package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/delivery"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/show"
	"facegate/pipeline"
	"facegate/pipeline/template"
)

type enrollCommand struct {
	Label   string `arg:"" type:"label" help:"Name or number for the people list. It never leaves the gate."`
	Consent string `required:"" type:"reference" placeholder:"REF" help:"Where the person's consent is recorded, such as the number of the signed form."`
	Age     string `required:"" type:"age" placeholder:"AGE" help:"How old the person is: adult, minor (who can consent alone), under-14, and where a guardian consents for older ones the years between, such as 14-15 in eu and 14-17 in us-il. Under 14 the face opens the door together with a pass alone. Which ages there are comes from the profile."`

	Guardian string `type:"guardian" placeholder:"NAME" help:"Parent or guardian who consented for somebody who cannot alone."`
	Witness  string `type:"witness" placeholder:"NAME" help:"Who saw the consent. Otherwise you, by the name of your login, unless that is root or a number."`
	Lang     string `placeholder:"LANG" help:"Language of the notice that the person has read: en, zh, or another of the gate. Otherwise the first of it. What to do before the camera is said in it too."`
	Until    day    `placeholder:"DATE" help:"Day on which the consent ends, as 2027-11-26, if that is sooner than the term of the gate."`

	Again   bool   `help:"Capture somebody who is enrolled already, by a new consent. Their former template is erased, with a receipt."`
	Changed bool   `name:"changed-face" help:"With --again, do not compare with the former template: you have seen by a document that it is the person. It is noted in the audit log."`
	Former  string `name:"former-pass" placeholder:"FILE" help:"With --again where faces are compared 1:1: the person's present pass, so that the face can be compared. A file with the picture or the letters, or - for standard input."`
	Receipt string `placeholder:"FILE" help:"File to write that receipt to; it must not exist. Otherwise it is printed."`
	Pass    string `placeholder:"FILE" help:"Give the person a pass: a new PNG file for its QR code, or - to show it in the terminal. Where faces are compared 1:1 everybody gets one."`
	groupFlags
	gateFlags
	jsonFlag
}

func (c *enrollCommand) Run(ctx context.Context, t terminal) error {
	if c.Receipt != "" && !c.Again {
		return hint.Wrap(errors.New("there is no receipt for somebody who is new"), "leave out --receipt, or capture somebody with --again")
	}
	if (c.Changed || c.Former != "") && !c.Again {
		return hint.Wrap(errors.New("there is no former face of somebody who is new"),
			"leave out --changed-face and --former-pass, or capture somebody with --again")
	}
	if c.Again && len(c.Group) > 0 {
		return hint.Wrap(errors.New("whoever is captured again stays in their groups"), "leave out --group; facegate person group changes them")
	}
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	paper, err := delivery.NewPaper(t.newFiles(), c.Receipt)
	if err != nil {
		return err
	}
	sheet, err := c.sheet(ctx, g, t)
	if err != nil {
		return errors.Join(err, paper.Discard())
	}
	enrolled, err := c.capture(ctx, g, t, sheet != nil)
	if err != nil {
		return errors.Join(err, sheet.discard(), paper.Discard())
	}
	if sheet == nil && enrolled.Pass != (template.Token{}) {
		sheet = onScreen(t)
	}
	v := enrolment{Person: enrolled.Person, Former: enrolled.Former, Warned: enrolled.Warned}
	delivered := paper.Deliver(v.Receipt, c.fetched(ctx, t))
	if sheet != nil {
		if err := sheet.draw(enrolled.Pass); err != nil {
			return hint.Wrap(fmt.Errorf("%s is enrolled, but the pass was not written: %w", c.Label, errors.Join(err, delivered)),
				"issue a new one with facegate person pass or, if that is refused, capture the person with facegate enroll --again")
		}
		v.Pass = sheet.path
	}
	if delivered != nil {
		return fmt.Errorf("%s is captured again, but %w", c.Label, delivered)
	}
	return c.print(t, v, func(w *tabwriter.Writer) { c.write(w, v, sheet, paper) })
}

// capture has the gate capture the person, and shows what the camera sees.
func (c *enrollCommand) capture(ctx context.Context, g control.Running, t terminal, pass bool) (people.Enrolled, error) {
	request := people.EnrolRequest{
		Label: c.Label, Consent: c.Consent, Age: c.Age, Guardian: c.Guardian, Witness: cmp.Or(c.Witness, sudoer()), Language: c.Lang,
		Until: c.Until.Time, Again: c.Again, FaceChanged: c.Changed, Pass: pass,
		PassIfNeeded: !c.JSON && shows(t.out), Grouping: c.grouping(),
	}
	if c.Former != "" {
		token, err := readPass(c.Former, t)
		if err != nil {
			return people.Enrolled{}, err
		}
		request.FormerPass = token.Text()
		token.Clear()
	}
	return g.Enrol(ctx, request, c.coach(t))
}

// coach returns what shows how far a capture has come and what the person is to do: in one line that is written anew, with the seconds
// that are left, or in lines as they change where nothing can be written anew.
func (c *enrollCommand) coach(t terminal) func(people.Progress) {
	last, lines := "", 0
	return func(p people.Progress) {
		line := progressLine(p)
		switch {
		case c.JSON:
			line = jsonLine(p)
		case t.redraws:
			lines = rewrite(raw(t.err), []string{coachLine(p)}, lines)
			return
		}
		if line != last {
			show.Fprintln(t.err, line)
			last = line
		}
	}
}

// sudoer returns the login of who has become root by sudo, "" for others: root is nobody's name.
func sudoer() string {
	if os.Geteuid() != 0 {
		return ""
	}
	return os.Getenv("SUDO_USER")
}

// An enrolment is what came of a capture.
type enrolment struct {
	people.Person
	Pass   string `json:"pass,omitempty"`   // its file
	Former string `json:"former,omitempty"` // see people.Enrolled
	Warned string `json:"warned,omitempty"` // likewise
}

func (c *enrollCommand) write(w *tabwriter.Writer, e enrolment, sheet *sheet, paper *delivery.Paper) {
	show.Fprintf(w, "%s is enrolled until %s\n", e.Label, expiryOf(e.Person))
	if e.Provisional {
		show.Fprintln(w, "the clock is not known to be right: dates are set when it is, and facegate clock says what to do")
	}
	if e.Former != "" {
		show.Fprintln(w, e.Former)
	}
	if e.Warned != "" {
		show.Fprintln(w, e.Warned)
	}
	writeSecond(w, e.Person, sheet != nil)
	if e.Receipt != "" {
		writeDelivered(w, "the former template is erased", paper, e.Receipt)
	}
	if sheet != nil {
		sheet.drawn(w)
	}
}

// writeSecond says what somebody has to be told whose face opens nothing alone, and of whom else that may become true. It names
// nobody else: the gate does not keep who is near to whom.
func writeSecond(w *tabwriter.Writer, p people.Person, pass bool) {
	switch p.Second {
	case "":
		return
	case people.SecondAge:
		show.Fprintln(w, "under 14 a face opens no door alone: it opens together with this pass, and no stranger is compared with it")
		return
	}
	show.Fprintln(w, "the face is too near to that of somebody enrolled to be told from it, and nobody is told whose that is")
	show.Fprintln(w, "it opens the door together with a pass, card or PIN of this person, and never alone; so it will be of the other, "+
		"from some day of the next week on: facegate people lists whom it is so of")
	if !pass {
		show.Fprintf(w, "give them one if they have none: facegate person pass %s --png FILE, or a card\n", p.Label)
	}
}

// sheet returns what the person's pass is to be drawn on, nil if they get none. Where faces are compared 1:1, and under 14, they
// get one in any case, and nobody is captured whose pass would be lost.
func (c *enrollCommand) sheet(ctx context.Context, g control.Running, t terminal) (*sheet, error) {
	if n := youngest(c.Age); c.Pass == "" && (n < 0 || n >= law.FaceAloneFrom) {
		s, err := g.Status(ctx)
		if err != nil || s.Mode != law.OneToOne {
			return nil, err
		}
	}
	return newSheet("--pass", c.Pass, c.JSON, t)
}

// coachLine is for somebody who reads it aloud: how far it has come, what to do, and for how long there is time.
func coachLine(p people.Progress) string {
	return fmt.Sprintf("%d/%d  %s  (%d s)", p.Taken, p.Want, cmp.Or(p.Say, p.State), p.Left)
}

// progressLine says in one line what the camera sees, and what the person can do.
func progressLine(p people.Progress) string {
	line := fmt.Sprintf("%d of %d frames: ", p.Taken, p.Want)
	if p.Reason != "" {
		line += p.Reason
	} else {
		line += p.State
	}
	if todo := cmp.Or(p.Say, p.Advice); todo != "" && p.State != pipeline.Captured.String() {
		line += " - " + todo
	}
	return line
}
