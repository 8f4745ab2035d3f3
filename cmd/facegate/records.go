package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/show"
	"facegate/store"
	"facegate/store/audit"
)

var errOwner = errors.New("the records belong to another user")

// An unopenedError says that the store of a stopped gate does not open: it is damaged, or its key is not there. It belongs to
// this user, and no other process has it open.
type unopenedError struct {
	err    error
	config *configs.Config
}

func (u *unopenedError) Error() string { return u.err.Error() }
func (u *unopenedError) Unwrap() error { return u.err }

// openRecords opens the store of a gate that is not running, as its own user alone: the service could not read files that
// another one has written.
func openRecords(c *configs.Config, t terminal) (*store.Store, error) {
	return openToWipe(c, t, nil)
}

// openToWipe is openRecords of a store that is to be wiped; see opening.StoreToWipe.
func openToWipe(c *configs.Config, t terminal, keep func(certificate []byte) error) (*store.Store, error) {
	if _, err := os.Stat(c.StateDir); err != nil {
		err = hint.Wrap(fmt.Errorf("open the records: %w", err), "correct state_dir, or start the gate once to make it")
		return nil, &unopenedError{err, c}
	}
	if err := checkOwner(c.StateDir, c.KeysDir); err != nil {
		return nil, err
	}
	s, err := opening.StoreToWipe(c, systime.New(), newLog(t.err, slog.LevelWarn), keep)
	if errors.Is(err, store.ErrInUse) {
		return nil, hint.Wrap(err, "the gate is running, and nothing answers at %s: restart it if its configuration has changed since, or "+
			"name its socket with --socket; if it is another command that uses the records, wait for its end", c.Control.Socket)
	}
	if err != nil {
		return nil, &unopenedError{err, c}
	}
	return s, nil
}

// checkOwner refuses folders of records, where they are there, that belong to another user.
func checkOwner(dirs ...string) error {
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			continue // as the store will find
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
			return hint.Wrap(fmt.Errorf("%w: %s", errOwner, dir), "run the command as that user: sudo -u %s facegate ...",
				people.UserName(audit.Actor(owner)))
		}
	}
	return nil
}

// me is who changes the records of a gate that is not running.
func me() audit.Actor { return audit.Actor(os.Getuid()) }

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

type withdrawCommand struct{ eraseCommand }

func (c *withdrawCommand) Run(ctx context.Context, t terminal) error {
	return c.erase(ctx, t, audit.Withdrawn)
}

func (c *eraseCommand) erase(ctx context.Context, t terminal, why audit.Reason) error {
	person, err := c.confirmed(ctx, t)
	if err != nil {
		return err
	}
	paper, err := newPaper(t, c.Receipt)
	if err != nil {
		return err
	}
	e, err := c.remove(ctx, t, why)
	if err != nil {
		return errors.Join(err, paper.Discard())
	}
	who := cmp.Or(c.Label, "the owner of the pass")
	if err := c.deliver(ctx, t, paper, e.Receipt); err != nil {
		return fmt.Errorf("%s is erased and does not match any more, but %w", who, err)
	}
	v := erased{e, person.Consent, person.Enrolled, person.Expires}
	return c.print(t, v, func(w *tabwriter.Writer) {
		gone := who + " is erased and does not match any more"
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
func (c *eraseCommand) confirmed(ctx context.Context, t terminal) (people.Person, error) {
	const destroyed = "destroyed: label, consent, template and pass, and the key of every older copy"
	if c.Pass != "" {
		return people.Person{}, c.confirm(ctx, t, question{"this erases the owner of the pass for good", []string{destroyed}, "y"})
	}
	p, err := c.person(ctx, t, c.Label)
	if err != nil && !c.Yes { // otherwise the erasure itself is tried
		return people.Person{}, err
	}
	return p, c.confirm(ctx, t, question{"this erases one person for good", []string{whom(p), destroyed}, "y"})
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

type deviceCommand struct {
	Pubkey pubkeyCommand `cmd:"" help:"Print the public key that verifies receipts of this device."`
}

type pubkeyCommand struct {
	gateFlags
	jsonFlag
}

func (c *pubkeyCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	d, err := r.Device(ctx)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, d, func(w *tabwriter.Writer) { show.Fprintln(w, d.PublicKey) })
}

type personCommand struct {
	Show     personShowCommand `cmd:"" help:"Show all that is held of a person. There is no picture, and the template is not shown."`
	Relabel  relabelCommand    `cmd:"" help:"Correct the label of a person."`
	Pass     passCommand       `cmd:"" help:"Issue a new pass to a person. The old one is dead at once."`
	Withdraw withdrawCommand   `cmd:"" help:"Erase a person who withdraws their consent, and give them the receipt."`
}

type personShowCommand struct {
	Label  string `arg:"" type:"label" help:"Label from the people list."`
	Letter bool   `help:"Answer the person's request for access: a letter that says in words what is held, why and until when."`
	Lang   string `enum:",en,zh" default:"" help:"Language of the letter: en or zh. Otherwise that of the notice that the person has read."`
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
	a := f.Agreed
	row("label", "%s", f.Label)
	row("enrolled", "%s, until %s", f.Enrolled.Format(time.DateOnly), expiryOf(f.Person))
	row("last let in", "%s", seen(f.LastSeen))
	if f.Barred != "" {
		row("face", "opens nothing, %s, because somebody tried too often to be taken for this person (facegate lockout reset)", f.Barred)
	}
	row("template", "%s", templateLine(f))
	row("pass", "%s", map[bool]string{true: "one, of which the gate knows an id alone", false: "none"}[f.Pass])
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
	for _, e := range f.Entries {
		doubt := map[bool]string{true: ", by a clock that was not known to be right"}[e.Doubted]
		row("audit log", "%s entry %d: %s%s", e.Time.Local().Format("2006-01-02 15:04:05 -07:00"), e.Seq, e.Kind, doubt)
	}
}

// templateLine says in one line how a template is protected.
func templateLine(f people.File) string {
	switch {
	case !f.Template:
		return "none"
	case f.Scheme == "S2":
		return "one keyed code that opens with the person's pass alone (S2, 1:1)"
	}
	return fmt.Sprintf("one keyed code, in lane %d of epoch %d (S1, 1:N)", f.Lane, f.Epoch)
}

type relabelCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	To    string `arg:"" type:"label" help:"The correct one."`
	gateFlags
	jsonFlag
}

func (c *relabelCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	p, err := r.Relabel(ctx, c.Label, c.To)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, p, func(w *tabwriter.Writer) { show.Fprintf(w, "%s is now %s\n", c.Label, p.Label) })
}

type policyCommand struct {
	configFlag
	jsonFlag
}

func (c *policyCommand) Run(t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := cfg.Policy().Write(&text); err != nil {
		return err
	}
	return c.print(t, map[string]string{"policy": text.String()}, func(w *tabwriter.Writer) { io.WriteString(w, text.String()) })
}

type noticeCommand struct {
	Lang string `enum:"en,zh" default:"en" help:"Language: en or zh (${default})."`
	configFlag
	jsonFlag
}

func (c *noticeCommand) Run(t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	n, err := cfg.Particulars().Text(notice.Language(c.Lang))
	if err != nil {
		return err
	}
	v := struct {
		Language notice.Language `json:"language"`
		Version  string          `json:"version"`
		SHA256   string          `json:"sha256"`
		Text     string          `json:"text"`
	}{n.Language, n.Version, hex.EncodeToString(n.SHA256[:]), n.Text}
	return c.print(t, v, func(w *tabwriter.Writer) { io.WriteString(w, n.Text) })
}

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
	if u := new(unopenedError); errors.As(err, &u) {
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
	if u := new(unopenedError); errors.As(err, &u) {
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
	if err := done(r.Reopen(ctx)); err != nil {
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
	row("never held", "pictures, face vectors, the comings and goings of a person")
	row("device key", "%s", map[bool]string{
		true:  "in a plain file: whoever had this disk had it, and could turn templates of the 1:N scheme back into faces",
		false: "in a " + f.KeyStore,
	}[f.KeyStore == "file"])
	row("audit log", "entry %d, %s", f.AuditSeq, f.AuditLink)
	row("device", "%s", f.Device)
	if f.Undone != "" {
		row("not done yet", "%s", f.Undone)
	}
}

type lockoutCommand struct {
	Reset lockoutResetCommand `cmd:"" help:"Let everybody's face open the door again, after too many failures in a row to be taken for them."`
}

type lockoutResetCommand struct {
	gateFlags
	jsonFlag
}

func (c *lockoutResetCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	if err := done(r.ResetLockout(ctx)); err != nil {
		return err
	}
	return c.print(t, map[string]bool{"reset": true}, func(w *tabwriter.Writer) { show.Fprintln(w, resetText) })
}

// resetText does not say that faces open the door: destroyed templates or match.mode may stand against it.
const resetText = "the failures in a row are forgotten; facegate status says whether faces open the door"
