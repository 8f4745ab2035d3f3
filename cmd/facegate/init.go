package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/interview"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/service"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store"
	"facegate/store/durable"
	"facegate/store/tpm"
)

type initCommand struct {
	Profile          *string `placeholder:"NAME" help:"Whose law the gate stands under: cn, eu, us-il, or lab, where nobody is enrolled who exists."`
	Site             *string `placeholder:"NAME" help:"Name of the building."`
	Gate             *string `placeholder:"NAME" help:"Name of this gate in the building."`
	Alternatives     *string `placeholder:"WAYS" help:"The other ways in, with commas: key, intercom, qr, card, pin."`
	Camera           *string `placeholder:"PATH" help:"The camera, as camera list names it, or a recording."`
	Bundle           *string `placeholder:"NAME" help:"The networks, as models list names them."`
	Line             *string `placeholder:"NAME" help:"GPIO line of the relay, as door lines names it; NAME@CHIP where two chips have it; sim for none."`
	Kind             *string `placeholder:"KIND" help:"What holds the door shut: strike, maglock or turnstile."`
	Fail             *string `placeholder:"HOW" help:"What the door is without the gate: secure is locked, safe is unlocked."`
	Level            *string `placeholder:"LEVEL" help:"Level of the line at which the relay pulls in: high or low."`
	Broker           *string `placeholder:"URL" help:"MQTT broker; several with commas."`
	MQTTUser         *string `name:"mqtt-user" placeholder:"NAME" help:"User of the gate at the broker; none for no account."`
	MQTTPasswordFile *string `name:"mqtt-password-file" placeholder:"FILE" help:"File with its password; none for no password."`
	MQTTCAFile       *string `name:"mqtt-ca-file" placeholder:"FILE" help:"File with the authority of the broker's certificate; none for those of the system."`

	TestDoor bool `help:"Test the door too where nobody is asked: it is unlocked for one pulse."`
	Untested bool `help:"Test nothing, as for another machine than this one."`
	Yes      bool `help:"Change a configuration that is there without asking. The former one is kept beside it."`
	configFlag
	jsonFlag
}

// given returns the answers that flags have given.
func (c *initCommand) given() map[string]string {
	all := map[string]string{}
	for name, answer := range map[string]*string{
		"profile": c.Profile, "site": c.Site, "gate": c.Gate, "alternatives": c.Alternatives, "camera": c.Camera, "bundle": c.Bundle,
		"line": c.Line, "kind": c.Kind, "fail": c.Fail, "level": c.Level, "broker": c.Broker, "mqtt-user": c.MQTTUser,
		"mqtt-password-file": c.MQTTPasswordFile, "mqtt-ca-file": c.MQTTCAFile,
	} {
		if answer != nil {
			all[name] = *answer
		}
	}
	return all
}

// Run asks for what the gate has to be told, writes it and the device key, and says what is still missing.
func (c *initCommand) Run(ctx context.Context, t terminal) error {
	text, err := c.former()
	if err != nil {
		return err
	}
	i := interview.Interview{Name: c.Config, Text: cmp.Or(string(text), string(configs.Reference())), Given: c.given(), Talk: c.talk(t)}
	unit, installed := service.Read(t.root())
	who, _, err := serviceUser("", unit, installed)
	if err != nil {
		return err
	}
	i.Machine = &initMachine{t: t, who: who, unit: unit, door: c.TestDoor, untested: c.Untested, asks: i.Talk.Ask != nil}
	r, err := i.Run(ctx)
	if err != nil {
		return err
	}
	place := place{c.Config, who, t.newFiles()}
	done := initDone{Config: c.Config}
	if r.Text != string(text) {
		if err := c.agreed(ctx, t, text, r); err != nil {
			return err
		}
		if err := c.unchanged(text); err != nil {
			return err
		}
		if done.Former, err = place.put(text, r.Text); err != nil {
			return err
		}
		done.Written = true
	}
	if done.Key, err = place.key(r.Draft.Config, unit); err != nil {
		return err
	}
	done.tell(r)
	return c.print(t, done, func(w *tabwriter.Writer) { done.write(w) })
}

// former returns the text of the configuration that is there, nil for none. Where none can be written nobody is asked anything.
func (c *initCommand) former() ([]byte, error) {
	text, err := c.read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	dir := filepath.Dir(c.Config)
	for ; errors.Is(unix.Access(dir, unix.F_OK), unix.ENOENT); dir = filepath.Dir(dir) {
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return nil, hint.Wrap(fmt.Errorf("write %s: %w", c.Config, err), "give the command as root: sudo facegate init")
	}
	return text, nil
}

// talk is with whoever sits at the terminal.
func (c *initCommand) talk(t terminal) interview.Talk {
	say := func(line string) { show.Fprintln(t.err, line) }
	if !t.asks || c.JSON {
		return interview.Talk{Say: say}
	}
	say("Enter takes the answer in brackets, ? explains, < goes back. Nothing is written before the end.")
	return interview.Talk{Say: say, Ask: func(ctx context.Context, prompt string) (string, error) {
		show.Fprintf(t.err, "%s", prompt)
		return t.readLine(ctx)
	}}
}

// agreed asks before a configuration that is there is changed.
func (c *initCommand) agreed(ctx context.Context, t terminal, former []byte, r interview.Result) error {
	if former == nil || c.Yes {
		return nil
	}
	const advice = "give the same command with --yes if that is meant"
	if !t.asks || c.JSON {
		return hint.Wrap(fmt.Errorf("%w: %s is there already, and would be changed", errUnconfirmed, c.Config), advice)
	}
	show.Fprintf(t.err, "%s changes:\n", c.Config)
	for _, s := range r.Changed {
		show.Fprintf(t.err, "  %s: %s\n", s.Key, s.Value)
	}
	yes, err := t.yesOrNo(ctx, "Write it? The former one is kept beside it.")
	if err == nil && !yes {
		err = hint.Wrap(errUnconfirmed, "the configuration is as it was; give the command again to change it")
	}
	return err
}

// errMeanwhile says that a file is another one than that which the answers are about.
var errMeanwhile = errors.New("was changed meanwhile")

// unchanged refuses to write over what somebody else has written while questions were asked.
func (c *initCommand) unchanged(former []byte) error {
	now, err := c.former()
	if err == nil && !bytes.Equal(now, former) {
		err = hint.Wrap(fmt.Errorf("%s %w", c.Config, errMeanwhile), "give the same command again, which begins with what is there now")
	}
	return err
}

// An initDone is what came of it all.
type initDone struct {
	Config  string     `json:"config"`
	Written bool       `json:"written"`          // it was changed
	Former  string     `json:"former,omitempty"` // where the one before is kept
	Key     string     `json:"key,omitempty"`    // the device key that was made
	Missing []owed     `json:"missing"`          // what the gate does not start without
	Notes   []string   `json:"notes"`
	Next    []nextStep `json:"next"`
}

// An owed is something that the configuration has to say yet.
type owed struct {
	Key  string `json:"key"`
	Says string `json:"says"`
	Law  string `json:"law,omitempty"`
	Todo string `json:"todo"`
}

// A nextStep is a command to be given.
type nextStep struct {
	Command string `json:"command"`
	Why     string `json:"why"`
}

// tell says what is missing and next.
func (d *initDone) tell(r interview.Result) {
	d.Missing, d.Notes = []owed{}, []string{}
	for _, f := range r.Draft.Faults {
		d.Missing = append(d.Missing, owed{f.Key, f.Message, f.Law, todoOf(f.Key)})
	}
	for _, part := range []interview.Part{interview.Camera, interview.Door, interview.Broker} {
		if v := r.Verdicts[part]; v != interview.Well {
			d.Notes = append(d.Notes, fmt.Sprintf("the %s %s: %s", part, map[interview.Verdict]string{
				interview.Unwell: "is not well", interview.Untested: "was not tested",
			}[v], testOf(part)))
		}
	}
	if reason, todo := r.Draft.Door.ShutsIn(); reason != "" {
		d.Notes = append(d.Notes, reason+"; "+todo)
	}
	if r.Verdicts[interview.Networks] != interview.Well {
		d.Next = append(d.Next, nextStep{fetchOf(r.Draft.Config), "brings the networks"})
	}
	if len(d.Missing) > 0 {
		d.Next = append(d.Next, nextStep{"sudoedit " + d.Config, "to write what is missing"})
	}
	d.Next = append(d.Next,
		nextStep{"sudo facegate config check && sudo systemctl restart facegate", "starts the gate"},
		nextStep{"sudo adduser NAME facegate", "who may use the command line, from their next login on"},
		nextStep{"facegate enroll NAME --consent FORM-NUMBER --age adult", "of whoever stands before the camera"})
}

// fetchOf is the command that brings the networks of a configuration.
func fetchOf(c *configs.Config) string {
	fetch := "sudo facegate models fetch --bundle " + string(c.Vision.Bundle)
	if c.Vision.Bundle == configs.Registry {
		fetch = "sudo apt install npm && sudo facegate models fetch"
	}
	if usual := configs.Defaults().Vision.ModelsDir; c.Vision.ModelsDir != usual {
		fetch += " --dir " + c.Vision.ModelsDir
	}
	return fetch
}

// testOf is the command that tests a part.
func testOf(p interview.Part) string {
	return map[interview.Part]string{
		interview.Camera: "facegate camera test", interview.Door: "facegate door test", interview.Broker: "facegate mqtt test",
	}[p]
}

// todoOf says what to do about a key that has to be written yet.
func todoOf(key string) string {
	section, _, _ := strings.Cut(key, ".")
	switch {
	case key == "notice.sign_installed":
		return "put up the sign where people read it before the camera sees them, and write true"
	case section == "assessment":
		return "have the assessment made (us-il: publish the policy), and write its id, date and version; facegate policy prints what it is about"
	case section == "notice":
		return "have whoever answers for the data write what people are told; leave out a language that is not spoken; facegate notice prints it"
	}
	return "write it, or give facegate init again"
}

func (d *initDone) write(w *tabwriter.Writer) {
	switch {
	case d.Former != "":
		show.Fprintf(w, "%s is written; the former one is %s\n", d.Config, d.Former)
	case d.Written:
		show.Fprintf(w, "%s is written\n", d.Config)
	default:
		show.Fprintf(w, "%s stays as it is\n", d.Config)
	}
	if d.Key != "" {
		show.Fprintf(w, "%s is the new device key: without it nobody who is enrolled can be recognised; keep no copy on this disk\n", d.Key)
	}
	for _, n := range d.Notes {
		show.Fprintf(w, "note: %s\n", n)
	}
	d.writeMissing(w)
	show.Fprintln(w, "Next:")
	for _, n := range d.Next {
		show.Fprintf(w, "  %s\t# %s\n", n.Command, n.Why)
	}
}

// writeMissing writes what is missing, with the advice after the last that it is for.
func (d *initDone) writeMissing(w *tabwriter.Writer) {
	if len(d.Missing) == 0 {
		show.Fprintln(w, "Nothing is missing by law that a configuration can say.")
		return
	}
	show.Fprintln(w, "Still missing, and without it the gate does not start:")
	for i, m := range d.Missing {
		law := ""
		if m.Law != "" {
			law = " [" + m.Law + "]"
		}
		show.Fprintf(w, "  %s: %s%s\n", m.Key, m.Says, law)
		if i+1 == len(d.Missing) || d.Missing[i+1].Todo != m.Todo {
			show.Fprintf(w, "    to do: %s\n", m.Todo)
		}
	}
}

// key makes the device key, unless there is one, or records that no other opens, or systemd brings it.
func (p place) key(c *configs.Config, unit service.Unit) (made string, err error) {
	if _, err := os.Lstat(c.KeyFile); !errors.Is(err, fs.ErrNotExist) || opening.Holds(c) || unit.Credential {
		return "", nil
	}
	if err := os.MkdirAll(filepath.Dir(c.KeyFile), 0o755); err != nil {
		return "", err
	}
	create := store.CreateKeyFile
	if c.TPM != "" {
		create = tpm.Chip(c.TPM).CreateKey
	}
	if err := create(p.disk, c.KeyFile, rand.Reader); err != nil {
		return "", err
	}
	uid, gid := p.ids()
	return c.KeyFile, p.own(c.KeyFile, uid, gid)
}

// formerSuffix is that of the configuration before the last change.
const formerSuffix = ".former"

// put writes the configuration, and keeps the one before it beside it. A new one may be read by the group of the service; one that was
// there is as open as it was.
func (p place) put(former []byte, text string) (kept string, err error) {
	if err := os.MkdirAll(filepath.Dir(p.path), 0o755); err != nil {
		return "", err
	}
	mode, uid, gid := p.rights()
	if former != nil {
		kept = p.path + formerSuffix
		if err := p.publish(kept, former, mode, uid, gid); err != nil {
			return "", err
		}
	}
	return kept, p.publish(p.path, []byte(text), mode, uid, gid)
}

// publish puts data in the place of what is at path, and only once it is open to whom it is for.
func (p place) publish(path string, data []byte, mode fs.FileMode, uid, gid int) error {
	ready := path + ".new"
	if err := durable.Publish(p.disk, ready, data, mode); err != nil {
		return err
	}
	if err := p.own(ready, uid, gid); err != nil {
		return errors.Join(err, p.disk.Remove(ready))
	}
	if err := p.disk.Rename(ready, path); err != nil {
		return errors.Join(err, p.disk.Remove(ready))
	}
	return p.disk.SyncDir(filepath.Dir(path))
}
