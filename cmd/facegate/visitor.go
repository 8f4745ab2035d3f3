package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	qr "facegate/pipeline/template/pass"
	"facegate/pipeline/visitor"
)

// A visitorCommand deals with passes of visitors, who are on no list. Those of people on the list are a personCommand's.
type visitorCommand struct {
	Issue  visitorIssueCommand  `cmd:"" help:"Issue a pass to a visitor: a sheet to print (PDF), a picture (PNG), or in the terminal. It needs the key of the office, and no gate."`
	List   visitorListCommand   `cmd:"" help:"List what a gate keeps of visitors' passes, or with --key what an office has issued that is not over yet."`
	Revoke visitorRevokeCommand `cmd:"" help:"Have a visitor's pass open nothing any more at this gate."`
	Show   visitorShowCommand   `cmd:"" help:"Say what a visitor's pass is for, and whether it opens this gate now. It is not used by that."`
	Key    officeKeyCommand     `cmd:"" help:"Make the key of an office, or register offices whose passes open this gate."`
}

type visitorListCommand struct {
	Key string `placeholder:"FILE" help:"Private key of an office: list what it has issued, on the machine where it is."`
	gateFlags
	jsonFlag
}

func (c *visitorListCommand) Run(ctx context.Context, t terminal) error {
	if c.Key != "" {
		l, err := readLedger(c.Key)
		if err != nil {
			return err
		}
		l = l.since(time.Now())
		return c.print(t, l, func(w *tabwriter.Writer) { l.write(w) })
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	v, err := r.Visits(ctx)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, v, func(w *tabwriter.Writer) { writeVisits(w, v) })
}

func writeVisits(w *tabwriter.Writer, v people.Visits) {
	show.Fprintf(w, "this gate\t%s\n", v.Gate)
	for _, g := range v.Groups {
		show.Fprintf(w, "group\t%s\n", g)
	}
	for _, o := range v.Offices {
		show.Fprintf(w, "office\t%s, since %s\n", o.Name, o.Since.Format(time.DateOnly))
	}
	if len(v.Offices) == 0 {
		show.Fprintf(w, "offices\tnone: no visitor's pass opens this gate (facegate pass key add NAME FILE)\n")
	}
	for _, p := range v.Passes {
		show.Fprintf(w, "pass\t%s\t%s\n", p.Number, keptOf(p))
	}
	show.Fprintf(w, "passes that open any number of times, and were not revoked, are not listed: the gate knows nothing of them\n")
}

// keptOf says in words what a gate keeps of a pass.
func keptOf(v people.Visit) string {
	what := fmt.Sprintf("used %d times", v.Used)
	switch {
	case v.ByNumber:
		what = "revoked by its number alone, and never shown here"
	case v.Revoked:
		what = "revoked"
	case v.Used == 1:
		what = "used once"
	}
	switch {
	case v.Until.IsZero():
		return what + ", kept until the clock is right (facegate clock)"
	case v.ByNumber:
		return what + ", forgotten after " + minute(v.Until) + ", when no pass with this number can be valid"
	}
	return what + ", forgotten after " + minute(v.Until)
}

// minute tells a time at which a pass begins or ends, by the clock on the wall.
func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04 -07:00") }

type visitorRevokeCommand struct {
	Number string `arg:"" optional:"" help:"Number on the sheet, and in the list of the office: 20 letters."`
	Pass   string `placeholder:"FILE" help:"The pass itself: its picture, or a file with the letters of its code; - for standard input. The gate then forgets it as soon as it is over."`
	gateFlags
	jsonFlag
}

// Validate says what the command lacks.
func (c *visitorRevokeCommand) Validate() error {
	if (c.Number == "") == (c.Pass == "") {
		return errors.New("give the number of the pass or --pass")
	}
	return nil
}

func (c *visitorRevokeCommand) Run(ctx context.Context, t terminal) error {
	q := people.Revocation{Number: c.Number}
	if c.Pass != "" {
		var err error
		if q.Pass, err = readVisitorPass(c.Pass, t); err != nil {
			return err
		}
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	v, err := r.RevokeVisit(ctx, q)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "pass %s opens nothing at this gate any more; revoke it at each other gate that it is for\n", v.Number)
	})
}

type visitorShowCommand struct {
	File string `arg:"" help:"The pass: its picture, or a file with the letters of its code; - for standard input."`
	gateFlags
	jsonFlag
}

func (c *visitorShowCommand) Run(ctx context.Context, t terminal) error {
	text, err := readVisitorPass(c.File, t)
	if err != nil {
		return err
	}
	v, err := c.shown(ctx, t, text)
	if err != nil {
		return err
	}
	return c.print(t, v, func(w *tabwriter.Writer) { writeShown(w, v) })
}

// shown asks the gate about a pass. On a machine without a gate it says what stands in the pass.
func (c *visitorShowCommand) shown(ctx context.Context, t terminal, text string) (people.ShownVisit, error) {
	r, done, err := c.records(ctx, t)
	if errors.Is(err, errNoGate) {
		p, err := visitor.Parse(text)
		return people.ShownVisit{
			Number: p.Number().String(), From: p.From, Until: p.Until(), Uses: p.Uses, Left: p.Uses,
			Why: "no gate is named", Todo: "name one with --config or --socket to have the signature checked, and what is left of it",
		}, err
	}
	if err != nil {
		return people.ShownVisit{}, err
	}
	v, err := r.ShowVisit(ctx, text)
	return v, done(err)
}

func writeShown(w *tabwriter.Writer, v people.ShownVisit) {
	show.Fprintf(w, "number\t%s\n", v.Number)
	show.Fprintf(w, "office\t%s\n", cmp.Or(v.Office, "not known here"))
	show.Fprintf(w, "for\t%s\n", cmp.Or(v.Door, "not known here"))
	show.Fprintf(w, "from\t%s\n", minute(v.From))
	show.Fprintf(w, "until\t%s\n", minute(v.Until))
	show.Fprintf(w, "how often\t%s\n", usesOf(v.Uses))
	if v.Opens {
		show.Fprintf(w, "now\tit opens this gate\n")
		return
	}
	show.Fprintf(w, "now\tit opens nothing here: %s; to do: %s\n", v.Why, v.Todo)
}

// usesOf says how often a pass opens.
func usesOf(n int) string {
	switch n {
	case 0:
		return "any number of times"
	case 1:
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// readVisitorPass reads the text of a visitor's pass from a file or, for standard, from standard input: a picture of its code, or its
// letters in any case and grouping.
func readVisitorPass(path string, t terminal) (string, error) {
	in := t.in
	if path != standard {
		f, err := file.Open(path, maxPassFile)
		if err != nil {
			return "", hint.Wrap(fmt.Errorf("read the pass: %w", err), "%s",
				cmp.Or(hint.Of(err), "name the picture or the file with the letters of the pass, or - for standard input"))
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPassFile))
	if err != nil {
		return "", fmt.Errorf("read the pass: %w", err)
	}
	said, err := qr.Text(data)
	text := visitor.Letters(said)
	if err == nil {
		_, err = visitor.Parse(text)
	}
	if err != nil {
		return "", hint.Wrap(fmt.Errorf("read the pass: %w", err), "take a sharp picture with nothing but the code and its white margin, or type "+
			"the %d letters that it says; a pass of a person on the list has 32, and belongs to: facegate person", visitor.TextSize)
	}
	return text, nil
}
