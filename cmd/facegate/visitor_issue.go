package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/visitsheet"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/show"
	qr "facegate/pipeline/template/pass"
	"facegate/pipeline/visitor"
)

// What a pass cannot be issued without.
var (
	errPlace   = errors.New("the pass needs a gate or a group")
	errEnds    = errors.New("the pass needs an end")
	errNotices = errors.New("the sheet needs the notice of the gate")
)

// visitorIssueCommand issues a pass. Everything that can fail is tried before the pass is in the list of the office.
type visitorIssueCommand struct {
	Key   string `required:"" placeholder:"FILE" help:"Private key of the office."`
	Gate  string `placeholder:"SITE/GATE" help:"The gate that it opens, by site and gate of its configuration."`
	Group string `placeholder:"NAME" help:"Or all gates of this group, as in passes.groups of their configuration."`

	From  moment        `placeholder:"TIME" help:"From when it opens, as 2026-11-27T08:00, at most 90 days ahead. Otherwise from now on."`
	Until moment        `placeholder:"TIME" help:"Until when."`
	For   time.Duration `placeholder:"DURATION" help:"Or for how long, as 8h. At most 45 days."`
	Uses  int           `default:"1" help:"How often it opens each gate, 1 to 15 (${default}); 0: any number of times."`
	Note  string        `type:"note" placeholder:"TEXT" help:"Kept with the number in the list of the office until the pass is over; not in the pass."`

	PDF    string   `name:"pdf" placeholder:"FILE" help:"New file for a sheet to print, with the code 8 cm wide, and the notice of the gate."`
	Text   string   `placeholder:"FILE" help:"New file for what the sheet says as plain text, for a program that reads it aloud, or for large print. The code is not in it."`
	PNG    string   `name:"png" placeholder:"FILE" help:"New file for the picture of the code. Without it and --pdf the code is shown in the terminal."`
	Notice []string `sep:"none" placeholder:"FILE" help:"Notice for the sheet, as facegate notice prints it, in a file .en.md or .zh.md; once for each language. Otherwise that of --config."`
	Config string   `placeholder:"FILE" help:"Configuration of the gate, for its notice (/etc/facegate/facegate.yaml)."`
	fontFlag
	jsonFlag
}

// An issued pass is what the command answers.
type issued struct {
	entry
	PDF  string `json:"pdf,omitempty"`
	Text string `json:"text,omitempty"`
	PNG  string `json:"png,omitempty"`
}

// Validate says what the command cannot do.
func (c *visitorIssueCommand) Validate() error {
	if c.PDF == standard || c.Text == standard {
		return errors.New("--pdf and --text take a file")
	}
	return nil
}

func (c *visitorIssueCommand) Run(_ context.Context, t terminal) error {
	key, err := readOfficeKey(c.Key)
	if err != nil {
		return err
	}
	defer clear(key)
	door, err := c.door()
	if err != nil {
		return err
	}
	now := time.Now()
	p, err := c.terms(now)
	if err != nil {
		return err
	}
	text, err := visitor.Sign(key, door, p)
	if err != nil {
		return hint.Wrap(err, "correct --from, --until, --for or --uses")
	}
	signed, err := visitor.Parse(text)
	if err != nil {
		return err
	}
	e := entry{signed.Number().String(), door.String(), door.IsGroup(), signed.From, signed.Until(), signed.Uses, c.Note}
	return c.deliver(t, text, e, now)
}

// door returns what the pass is for.
func (c *visitorIssueCommand) door() (visitor.Door, error) {
	site, gate, both := strings.Cut(c.Gate, "/")
	switch {
	case (c.Gate == "") == (c.Group == ""):
		return visitor.Door{}, hint.Wrap(errPlace, "give --gate SITE/GATE, or --group NAME; facegate pass list says at a gate what it is")
	case c.Group != "":
		return visitor.Group(c.Group), nil
	case !both || site == "" || gate == "" || strings.Contains(gate, "/"):
		return visitor.Door{}, hint.Wrap(fmt.Errorf("%w: %q is not a site and a gate", errPlace, c.Gate), "write both as in the configuration: --gate SITE/GATE")
	}
	return visitor.Gate(site, gate), nil
}

// terms returns the pass that is asked for, without key and door.
func (c *visitorIssueCommand) terms(now time.Time) (visitor.Pass, error) {
	from := c.From.Time
	if from.IsZero() {
		from = now
	}
	p := visitor.Pass{From: from.Truncate(time.Minute), Length: c.For, Uses: c.Uses}
	if c.Until.IsZero() == (c.For == 0) {
		return p, hint.Wrap(errEnds, "give --until TIME, as 2026-11-27T18:00, or --for DURATION, as 8h")
	}
	if !c.Until.IsZero() {
		p.Length = c.Until.Sub(p.From)
	}
	if !p.Until().After(now) {
		return p, hint.Wrap(fmt.Errorf("%w in the future", errEnds), "it would be over already: correct --from, --until or --for")
	}
	if p.From.After(now.Add(visitor.MaxAhead)) {
		return p, hint.Wrap(fmt.Errorf("%w: it begins too far ahead", visitor.ErrTerms),
			"issue it in the %d days before it begins: gates forget after that what was revoked by its number", visitor.MaxAhead/(24*time.Hour))
	}
	var err error
	p.Serial, err = visitor.NewSerial(rand.Reader)
	return p, err
}

// deliver draws the pass, notes it in the list of the office and hands it out, in this order: what is handed out is on the list.
func (c *visitorIssueCommand) deliver(t terminal, text string, e entry, now time.Time) (err error) {
	picture, err := qr.Draw(text)
	if err != nil {
		return err
	}
	pdf, words, err := c.sheet(t, text, picture, e, now)
	if err != nil {
		return err
	}
	var png, page, spoken *sheet
	defer func() {
		if err != nil {
			err = errors.Join(err, png.discard(), page.discard(), spoken.discard())
		}
	}()
	if c.PDF != "" {
		if page, err = newSheet("--pdf", c.PDF, c.JSON, t); err != nil {
			return err
		}
	}
	if c.Text != "" {
		if spoken, err = newSheet("--text", c.Text, c.JSON, t); err != nil {
			return err
		}
	}
	if c.PNG != "" || c.PDF == "" {
		if png, err = newSheet("--png", c.PNG, c.JSON, t); err != nil {
			return err
		}
	}
	if err := appendLedger(t.newFiles(), c.Key, e, now); err != nil {
		return err
	}
	if err := errors.Join(page.keep(pdf, text), spoken.keep(words, text), png.keep(picture, text)); err != nil {
		return hint.Wrap(fmt.Errorf("pass %s was not written: %w", e.Number, err), "issue another one; this one is with nobody")
	}
	return c.print(t, issued{e, c.PDF, c.Text, c.PNG}, func(w *tabwriter.Writer) { c.tell(w, e) })
}

func (c *visitorIssueCommand) tell(w *tabwriter.Writer, e entry) {
	for _, path := range []string{c.PDF, c.PNG} {
		if path != "" && path != standard {
			show.Fprintf(w, "pass: in %s\n", path)
		}
	}
	if c.Text != "" {
		show.Fprintf(w, "what the sheet says: in %s\n", c.Text)
	}
	show.Fprintf(w, "number: %s, for %s, from %s until %s, %s\n", e.Number, e.Door, minute(e.From), minute(e.Until), usesOf(e.Uses))
	if e.Group && e.Uses > 0 {
		show.Fprintf(w, "each gate of the group counts by itself: they know nothing of each other\n")
	}
}

// sheet returns the sheet to print, and what it says as plain text; nil for what is not asked for.
func (c *visitorIssueCommand) sheet(t terminal, text string, picture []byte, e entry, now time.Time) (pdf, words []byte, err error) {
	if c.PDF == "" && c.Text == "" {
		return nil, nil, nil
	}
	notices, err := c.notices()
	if err != nil {
		return nil, nil, err
	}
	s := visitsheet.Sheet{
		Picture: picture, Margin: qr.Margin(text), Number: e.Number, Door: e.Door, Group: e.Group, From: e.From.Local(), Until: e.Until.Local(),
		Uses: e.Uses, Notices: notices, Made: now,
	}
	var plain, page bytes.Buffer
	if err := visitsheet.WriteText(&plain, s); err != nil || c.PDF == "" {
		return nil, plain.Bytes(), err
	}
	fonts, err := c.fonts(t)
	if err != nil {
		return nil, nil, err
	}
	err = visitsheet.Write(&page, s, fonts)
	return page.Bytes(), plain.Bytes(), err
}

// notices returns the notice of the gate in its languages, from files or from its configuration.
func (c *visitorIssueCommand) notices() ([]notice.Text, error) {
	if len(c.Notice) == 0 {
		cfg, err := configFlag{cmp.Or(c.Config, defaultConfig)}.load()
		if err != nil {
			return nil, hint.Wrap(fmt.Errorf("%w: %w", errNotices, err), "name the configuration of the gate with --config, or what facegate notice has printed "+
				"there with --notice FILE.en.md")
		}
		return cfg.Particulars().Texts()
	}
	var texts []notice.Text
	for _, name := range c.Notice {
		lang := notice.Language(strings.TrimPrefix(path.Ext(strings.TrimSuffix(name, path.Ext(name))), "."))
		if lang != notice.English && lang != notice.Chinese {
			return nil, hint.Wrap(fmt.Errorf("%w: nobody can tell the language of %s", errNotices, name), "let its name end with .en.md or .zh.md")
		}
		text, err := file.Read(name, maxNotice)
		if err != nil {
			return nil, hint.Wrap(fmt.Errorf("%w: %w", errNotices, err), "%s", cmp.Or(hint.Of(err), "name what facegate notice has printed"))
		}
		texts = append(texts, notice.Text{Language: lang, Text: string(text)})
	}
	return texts, nil
}

// maxNotice bounds, in bytes, what is read as a notice.
const maxNotice = 256 << 10

// keep writes the pass with a text: to the disk where s is a file, whose content is data, and otherwise in the terminal.
func (s *sheet) keep(data []byte, text string) error {
	switch {
	case s == nil:
		return nil
	case s.file == nil:
		return qr.DrawTerminal(raw(s.out), text)
	}
	return s.file.Keep(data)
}
