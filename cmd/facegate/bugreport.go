package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/bugreport"
	"facegate/configs"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store/durable"
)

type bugreportCommand struct {
	File string `arg:"" help:"New text file for the report. Read it before you send it."`
	Log  string `placeholder:"FILE" help:"Take the log from this file, or from standard input with -. Otherwise from journalctl -u facegate."`
	gateFlags
	jsonFlag
}

// reportedPage is what a page of a report holds.
type reportedPage struct {
	Title string `json:"title"`
	Lines int    `json:"lines"`
}

// reported is what came of a bugreport.
type reported struct {
	File     string         `json:"file"`
	Pages    []reportedPage `json:"pages"`
	TakenOut int            `json:"taken_out"` // texts
	Sought   int            `json:"sought"`    // forms of names, keys and addresses, of which none is in the report
	Unsought string         `json:"unsought,omitempty"`
}

// Run tells what will be in the file before there is one, and makes none if the report has anything secret in it.
func (c *bugreportCommand) Run(ctx context.Context, t terminal) error {
	lines, logErr := c.log(ctx, t)
	cfg, faults := c.configuration()
	secrets, unsought := c.secrets(ctx, t, cfg)
	r := bugreport.New(secrets)
	tellProgram(r.Page("program"))
	tellMachine(r.Page("machine"), t.root(), cfg)
	tellConfiguration(r.Page("configuration"), cfg, faults)
	c.examined(ctx, t, r.Page("doctor"))
	c.status(ctx, r.Page("status"))
	log := r.Page("log")
	if logErr != nil {
		log.Sentence("not read", show.Plain(logErr.Error()))
	}
	log.Log(lines)
	v := reported{File: c.File, TakenOut: r.TakenOut(), Sought: len(secrets)}
	if unsought != nil {
		v.Unsought = show.Plain(unsought.Error())
	}
	for _, p := range r.Pages {
		v.Pages = append(v.Pages, reportedPage{p.Title, p.Lines()})
	}
	if !c.JSON {
		v.list(t.out)
	}
	text, err := r.Text()
	if err != nil {
		return hint.Wrap(err, "tell the makers of facegate this line and nothing else; the doctor's advice works without a report")
	}
	if err := durable.Write(t.newFiles(), c.File, text); err != nil {
		return hint.Wrap(fmt.Errorf("write the report: %w", err), "name a new file, in a folder with room")
	}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is written, for its owner alone; read it before you send it\n", c.File)
	})
}

// list says what the report holds.
func (v reported) list(w io.Writer) {
	for _, p := range v.Pages {
		show.Fprintf(w, "%s: %d lines\n", p.Title, p.Lines)
	}
	show.Fprintf(w, "taken out: %d texts; looked for: %d forms of names, keys and addresses\n", v.TakenOut, v.Sought)
	if v.Unsought != "" {
		show.Fprintf(w, "not looked for: the names that the records hold (%s); they are taken out all the same\n", v.Unsought)
	}
}

// log returns the last lines of the log.
func (c *bugreportCommand) log(ctx context.Context, t terminal) ([]string, error) {
	const most, largest = 2000, 16 << 20
	var text []byte
	var err error
	switch c.Log {
	case "":
		text, err = exec.CommandContext(ctx, "journalctl", "--unit=facegate", "--output=cat", "--no-pager", fmt.Sprint("--lines=", most)).Output()
	case "-":
		text, err = io.ReadAll(io.LimitReader(t.in, largest))
	default:
		text, err = file.Read(c.Log, largest)
	}
	if err != nil || len(text) == 0 {
		return nil, err
	}
	return bugreport.Lines(string(text), most), nil
}

// configuration reads the configuration as far as it can be read, and says what is wrong with it.
func (c *bugreportCommand) configuration() (*configs.Config, []error) {
	f := configFlag{cmp.Or(c.Config, defaultConfig)}
	cfg, err := f.load()
	if err == nil {
		return cfg, nil
	}
	faults := parts(err)
	if text, err := f.read(); err == nil {
		if d, err := configs.ReadDraft(f.Config, string(text)); err == nil {
			cfg = d.Config
		}
	}
	return cfg, faults
}

// tellConfiguration writes the configuration key by key. Everybody may read what the reference has.
func tellConfiguration(p *bugreport.Page, cfg *configs.Config, faults []error) {
	for _, err := range faults {
		var fault *configs.Error
		if errors.As(err, &fault) {
			p.Sentence(fmt.Sprintf("fault at line %d", fault.Line), fault.Message)
		} else {
			p.Sentence("fault", show.Plain(err.Error()))
		}
	}
	if cfg == nil {
		p.Say("it cannot be read")
		return
	}
	reference := map[string]bool{"": true}
	for _, word := range strings.FieldsFunc(string(configs.Reference()), func(r rune) bool { return strings.ContainsRune(" \n,;:.()[]{}\"'#", r) }) {
		reference[word] = true
	}
	usual := map[string]bool{}
	for _, text := range bugreport.Texts(configs.Defaults()) {
		usual[text] = true
	}
	p.Values(cfg, "yaml", bugreport.Public{
		Word: func(s string) bool { return reference[s] }, Text: func(s string) bool { return usual[s] },
	})
}

// examined writes what the doctor finds.
func (c *bugreportCommand) examined(ctx context.Context, t terminal, p *bugreport.Page) {
	found, err := (&doctorCommand{configFlag: configFlag{cmp.Or(c.Config, defaultConfig)}}).examine(ctx, t)
	if err != nil {
		p.Sentence("not examined", show.Plain(err.Error()))
		return
	}
	p.Values(found, "json", bugreport.Public{Word: func(string) bool { return true }, Text: bugreport.Says})
}

// status writes how the running gate is.
func (c *bugreportCommand) status(ctx context.Context, p *bugreport.Page) {
	g, err := c.running(ctx)
	if err == nil {
		s, asked := g.Status(ctx)
		if err = asked; err == nil {
			p.Values(s, "json", bugreport.Public{Word: func(string) bool { return true }, Text: bugreport.Says})
			return
		}
	}
	p.Sentence("not known", show.Plain(err.Error()))
}

// tellProgram writes which facegate this is.
func tellProgram(p *bugreport.Page) {
	v := versionOf()
	p.Foreign("version", v.Version)
	p.Foreign("go", v.Go)
	p.Foreign("system", v.System)
}

// readable returns a small file of the machine without what is around its text, "" if it cannot be read.
func readable(root fs.FS, path string) string {
	text, err := fs.ReadFile(root, path)
	if err != nil || len(text) > 4096 {
		return ""
	}
	return strings.Trim(string(text), "\x00 \n\t")
}

// hostName is what the machine is called.
func hostName() string {
	name, _ := os.Hostname()
	return name
}
