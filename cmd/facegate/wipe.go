package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/delivery"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/systime"
	"facegate/cmd/facegate/internal/wipe"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store"
	"facegate/store/durable"
	"facegate/store/tpm"
)

type wipeCommand struct {
	Certificate string `required:"" placeholder:"FILE" help:"File to write the certificate to, or - to print it; the file must not exist."`
	yesFlag
	configFlag
	jsonFlag
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
	gate := c.gate(cfg, t)
	done, err := gate.Wipe(func(text []byte) error {
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
	err = gate.DestroyKey(&done)
	return errors.Join(c.print(t, done, func(w *tabwriter.Writer) { c.write(w, cfg, done, gate.Keys.Class()) }), err)
}

// gate returns what is wiped.
func (c *wipeCommand) gate(cfg *configs.Config, t terminal) wipe.Stopped {
	g := wipe.Stopped{
		Place: opening.Place(cfg), Keys: opening.Keys(cfg), Now: time.Now, Rand: rand.Reader,
		Open: func(keep func([]byte) error) (*store.Store, error) {
			return opening.Stopped(cfg, systime.New(), newLog(t.err, slog.LevelWarn), keep)
		},
	}
	if g.Keys.Class() != "credential" {
		g.KeyFile = cfg.KeyFile
	}
	if cfg.TPM != "" {
		g.ForgetKey = tpm.Chip(cfg.TPM).Key(cfg.KeyFile).Forget
	}
	return g
}

// confirmed asks whether this gate is meant: the answer is its name.
func (c *wipeCommand) confirmed(ctx context.Context, t terminal, cfg *configs.Config) error {
	about := []string{
		fmt.Sprintf("all records in %s, their keys in %s, and what is remembered in %s", cfg.StateDir, cfg.KeysDir, cfg.AnchorDir), "the device key: no receipt can be signed any more",
		"not what the broker retains of the gate, which names nobody: facegate mqtt forget removes it, before this",
	}
	if !c.Yes && opening.Holds(cfg) {
		if s, err := stopped(cfg, t); err == nil {
			e := people.Stopped(s, people.Terms{Profile: cfg.Profile()}).Epoch()
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
	f, err := durable.Create(t.newFiles(), c.Certificate, delivery.Room)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("make the file for the certificate: %w", err),
			"name a new file, in a folder with room, or - to print it; nothing is destroyed")
	}
	return f, nil
}

func (c *wipeCommand) write(w *tabwriter.Writer, cfg *configs.Config, done wipe.Done, class string) {
	where := ""
	if done.Certificate != "" && c.Certificate != standard {
		where = ", certificate: " + c.Certificate
	}
	show.Fprintf(w, "everything that the gate kept in %s, %s and %s is destroyed%s\n", cfg.StateDir, cfg.KeysDir, cfg.AnchorDir, where)
	switch {
	case done.KeyDestroyed:
		show.Fprintf(w, "the device key %s is destroyed\n", cfg.KeyFile)
	case class == "credential":
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
