package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/show"
)

type personCommand struct {
	Add      personAddCommand  `cmd:"" help:"Put somebody on the list who gives no face, and comes in by a pass, a card or a PIN."`
	Show     personShowCommand `cmd:"" help:"Show all that is held of a person. There is no picture, and the template is not shown."`
	Relabel  relabelCommand    `cmd:"" help:"Correct the label of a person."`
	Group    groupCommand      `cmd:"" help:"Put a person into groups that the rules of the door name, or say in which they are. It counts at once, and no group leaves the gate."`
	Pass     passCommand       `cmd:"" help:"Issue a new pass to a person. The old one is dead at once."`
	Withdraw withdrawCommand   `cmd:"" help:"Erase a person who withdraws their consent, or with --keep-member their face alone, and give them the receipt."`
}

type personShowCommand struct {
	Label  string `arg:"" type:"label" help:"Label from the people list."`
	Letter bool   `help:"Answer the person's request for access: a letter that says in words what is held, why and until when."`
	Lang   string `placeholder:"LANG" help:"Language of the letter: en or zh. Otherwise that of the notice that the person has read. In another one the letter is in English."`
	gateFlags
	jsonFlag
}

func (c *personShowCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	f, err := r.Show(ctx, c.Label)
	if err = done(err); err != nil {
		return err
	}
	if c.Letter {
		return c.letter(t, f)
	}
	return c.print(t, f, func(w *tabwriter.Writer) { writePerson(w, f) })
}

// letter prints f as an answer to the person, in the terms of the configuration.
func (c *personShowCommand) letter(t terminal, f people.File) error {
	g, err := c.target(defaultConfig)
	if err != nil {
		return err
	}
	cfg := g.config
	if cfg == nil {
		return hint.Wrap(errors.New("a letter says what the configuration says, and only a socket is named"),
			"name the configuration of this gate: --config FILE")
	}
	notices, err := cfg.Particulars().Texts()
	if err != nil {
		return err
	}
	lang := notices[0].Language
	for _, n := range notices {
		if hex.EncodeToString(n.SHA256[:]) == f.Agreed.NoticeSHA256 {
			lang = n.Language
		}
	}
	if c.Lang != "" {
		lang = notice.Language(c.Lang)
	}
	var text strings.Builder
	if err := letter.Access(&text, lang, time.Local, time.Now(), f, cfg.Particulars()); err != nil {
		return err
	}
	return c.print(t, map[string]string{"letter": text.String()}, func(w *tabwriter.Writer) { io.WriteString(w, text.String()) })
}

// seen tells the day on which somebody was last let in.
func seen(day time.Time) string {
	if day.IsZero() {
		return "never"
	}
	return day.Format(time.DateOnly)
}

func writePerson(w *tabwriter.Writer, f people.File) {
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "%s\t%s\n", name, show.Sprintf(format, args...))
	}
	row("label", "%s", f.Label)
	row("enrolled", "%s, until %s", f.Enrolled.Format(time.DateOnly), expiryOf(f.Person))
	row("last let in", "%s", seen(f.LastSeen))
	row("groups", "%s", cmp.Or(strings.Join(f.Groups, ", "), "none"))
	for _, b := range f.Barred {
		row(b.Means, "opens nothing, %s, because somebody tried too often to be taken for this person (facegate lockout reset)", b.For)
	}
	row("template", "%s", templateLine(f))
	if f.Second != "" {
		row("", "%s", secondOf(f.Person))
	}
	row("pass", "%s", map[bool]string{true: "one, of which the gate knows an id alone", false: "none"}[f.Pass])
	for _, c := range f.Credentials {
		row("way in", "%s", wayIn(c))
	}
	if f.NoFace {
		row("agreement", "%s", f.Consent)
	} else {
		writeConsent(row, f)
	}
	for _, e := range f.Entries {
		doubt := map[bool]string{true: ", by a clock that was not known to be right"}[e.Doubted]
		row("audit log", "%s: %s%s", e.Time.Local().Format("2006-01-02 15:04:05 -07:00"), e.Kind, doubt)
	}
}

// wayIn says in one line what a person comes in by besides the face, and for how long.
func wayIn(c people.Credential) string {
	line := c.Kind
	if c.Number != "" {
		line += " with the number " + c.Number
	}
	if c.Duress {
		line += ", and one for duress"
	}
	if c.Class != "" {
		line += " " + c.ID + " (" + c.Class + ")"
	}
	if c.Visitor {
		line += " for a visitor"
	}
	line += ", since " + c.Issued.Format(time.DateOnly)
	if !c.From.IsZero() {
		line += ", from " + c.From.Local().Format("2006-01-02 15:04 -07:00")
	}
	if !c.Until.IsZero() {
		line += ", until " + c.Until.Local().Format("2006-01-02 15:04 -07:00")
	}
	if c.Uses > 0 {
		line += fmt.Sprintf(", %d of %d uses left", c.Left, c.Uses)
	}
	return line
}

// writeConsent says what a person who gives their face has agreed to.
func writeConsent(row func(name, format string, args ...any), f people.File) {
	a := f.Agreed
	row("consent", "%s, to notice %s, %s until %s", a.Method, a.NoticeVersion, a.Given.Format(time.DateOnly), a.Expires.Format(time.DateOnly))
	if f.ConsentAgain {
		row("", "given under profile %s, which is not that of the gate: the person has to consent again", a.Profile)
	}
	row("", "purpose: %s", a.Purpose)
	row("", "form: %s, witness: %s", f.Consent, a.Witness)
	row("", "age: %s, where a guardian consents for who is under %d", a.Age, a.ChildAge)
	if a.Guardian != "" {
		row("", "guardian: %s", a.Guardian)
	}
}

// templateLine says in one line how a template is protected.
func templateLine(f people.File) string {
	switch {
	case f.NoFace:
		return "none: the person gives no face"
	case !f.Template:
		return "none"
	case f.Scheme == "S2":
		return "one keyed code that opens with the person's pass alone (S2, 1:1)"
	}
	return fmt.Sprintf("one keyed code, in lane %d of epoch %d (S1, 1:N)", f.Lane, f.Epoch)
}
