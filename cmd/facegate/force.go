package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store"
	"facegate/store/durable"
)

// place returns where the store of a gate is.
func place(c *configs.Config) store.Place { return store.Place{Dir: c.StateDir, KeyDir: c.KeysDir} }

// force destroys every template of a store that does not open.
func (c *destroyCommand) force(t terminal, u *unopenedError) error {
	if err := store.ForceLockdown(place(u.config), time.Now()); err != nil {
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

type wipeCommand struct {
	Certificate string `required:"" placeholder:"FILE" help:"File to write the certificate to, or - to print it; the file must not exist."`
	yesFlag
	configFlag
	jsonFlag
}

// A wiping is what came of a wipe.
type wiping struct {
	Certificate  string `json:"certificate"`      // "" if there is none
	PublicKey    string `json:"public_key"`       // that verifies it
	KeyDestroyed bool   `json:"key_destroyed"`    // the device key is
	Undone       string `json:"undone,omitempty"` // why the certificate does not say how much there was, or there is none
}

// Run leaves nothing of the store and, where it is a file, of the device key. The gate must not be running.
func (c *wipeCommand) Run(ctx context.Context, t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if err := c.confirmed(ctx, t, cfg); err != nil {
		return err
	}
	paper, err := c.paper(t)
	if err != nil {
		return err
	}
	var done wiping
	err = done.wipe(cfg, t, func(text []byte) error {
		done.Certificate = string(text)
		if paper == nil {
			return nil
		}
		return hint.Wrap(paper.Keep(text), "make room for the certificate, and wipe again")
	})
	if done.Certificate == "" {
		err = errors.Join(err, paper.Discard())
	}
	if err != nil {
		if done.Certificate != "" {
			show.Fprintf(t.err, "certificate: %s\nkey of the device: %s\n", strings.TrimSpace(done.Certificate), done.PublicKey)
		}
		return err
	}
	class := opening.Keys(cfg).Class()
	if class == "file" {
		// Its user may overwrite the key and still not be allowed to remove it from the folder. The rest is done by now, and
		// is to be told: without the public key nobody could check the certificate any more.
		if err = store.DestroyKeyFile(cfg.KeyFile); err != nil {
			err = hint.Wrap(err, "everything else is done; destroy the device key as root: shred -u %s", cfg.KeyFile)
		}
		done.KeyDestroyed = err == nil
	}
	return errors.Join(c.print(t, done, func(w *tabwriter.Writer) { c.write(w, cfg, done, class) }), err)
}

// confirmed asks whether this gate is meant: the answer is its name.
func (c *wipeCommand) confirmed(ctx context.Context, t terminal, cfg *configs.Config) error {
	about := []string{
		fmt.Sprintf("all records in %s and their keys in %s", cfg.StateDir, cfg.KeysDir), "the device key: no receipt can be signed any more",
	}
	if !c.Yes && opening.Holds(cfg) {
		if s, err := openRecords(cfg, t); err == nil {
			e := people.Stopped(s, cfg.Profile()).Epoch()
			about = append(about, fmt.Sprintf("enrolled: %d", e.Renewed+e.Earlier+e.Foreign+e.None))
			if err := s.Close(); err != nil {
				return err
			}
		}
	}
	return c.confirm(ctx, t, question{fmt.Sprintf("this destroys all that gate %s of %s holds", cfg.Gate, cfg.Site), about, cfg.Gate})
}

// paper makes the file for the certificate, before anything is destroyed. There is none if it is to be printed.
func (c *wipeCommand) paper(t terminal) (*durable.File, error) {
	if c.Certificate == standard {
		return nil, nil
	}
	f, err := durable.Create(t.newFiles(), c.Certificate, paperRoom)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("make the file for the certificate: %w", err),
			"name a new file, in a folder with room, or - to print it; nothing is destroyed")
	}
	return f, nil
}

func (c *wipeCommand) write(w *tabwriter.Writer, cfg *configs.Config, done wiping, class string) {
	where := ""
	if done.Certificate != "" && c.Certificate != standard {
		where = ", certificate: " + c.Certificate
	}
	show.Fprintf(w, "everything that the gate kept in %s and %s is destroyed%s\n", cfg.StateDir, cfg.KeysDir, where)
	switch {
	case done.KeyDestroyed:
		show.Fprintf(w, "the device key %s is destroyed\n", cfg.KeyFile)
	case class != "file":
		show.Fprintf(w, "the device key is a %s: destroy it where it is kept\n", class)
	}
	switch {
	case done.Certificate == "":
		show.Fprintf(w, "there is no certificate: nothing could be signed: %s\n", done.Undone)
		return
	case done.Undone != "":
		show.Fprintf(w, "the certificate does not say how much there was: %s\n", done.Undone)
	}
	if c.Certificate == standard {
		io.WriteString(w, done.Certificate)
	}
	show.Fprintf(w, "check it with: facegate receipt verify %s --key %s\n", c.Certificate, done.PublicKey)
}

// wipe wipes the store, or finishes a wipe that was cut off, and hands keep the certificate, if there is one. A store that
// does not open is destroyed as well.
func (d *wiping) wipe(cfg *configs.Config, t terminal, keep func(certificate []byte) error) error {
	s, err := openToWipe(cfg, t, keep)
	cut, unopened := new(store.WipedError), new(unopenedError)
	switch {
	case err == nil:
		d.PublicKey = hex.EncodeToString(s.Device().PublicKey)
		return errors.Join(s.Wipe(keep), s.Close())
	case errors.Is(err, store.ErrInUse):
		return hint.Wrap(err, "stop the gate first: systemctl stop facegate")
	case errors.As(err, &cut):
		d.PublicKey = hex.EncodeToString(cut.PublicKey)
		return cut.Unkept
	case !errors.As(err, &unopened):
		return err
	}
	public, forced := store.ForceWipe(place(cfg), opening.Keys(cfg), time.Now(), rand.Reader, keep)
	if errors.Is(forced, store.ErrNothing) {
		return hint.Wrap(err, "nothing of the gate is left in %s and %s, so that there is nothing to wipe", cfg.StateDir, cfg.KeysDir)
	}
	d.PublicKey, d.Undone = hex.EncodeToString(public), err.Error()
	return forced
}
