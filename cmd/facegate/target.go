package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
)

// gateFlags name the one gate that a command is about: by its socket, or by a configuration, of which control.socket is
// asked. Where both are given they have to belong together. No gate ever takes the place of another.
type gateFlags struct {
	Socket string `placeholder:"PATH" help:"Control socket of the gate. Otherwise control.socket of the configuration."`
	Config string `placeholder:"FILE" help:"Configuration of the gate (/etc/facegate/facegate.yaml). Together with --socket the two have to belong together."`
}

// What is wrong with the gate that flags name.
var (
	errNoGate    = errors.New("no gate is named")
	errOtherGate = errors.New("socket and configuration are of two gates")
)

// A target is the gate that flags name.
type target struct {
	socket string
	file   string          // of the configuration
	config *configs.Config // nil if the gate was named by its socket alone
}

// target reads the flags. usual is the configuration of a machine with one gate.
func (f gateFlags) target(usual string) (target, error) {
	if f.Socket != "" && f.Config == "" {
		return target{socket: f.Socket}, nil
	}
	c, err := f.load(usual)
	switch {
	case f.Config == "" && errors.Is(err, fs.ErrNotExist):
		return target{}, hint.Wrap(fmt.Errorf("%w, and there is no %s", errNoGate, usual),
			"name the gate with --config FILE, or a running one with --socket PATH (usually /run/facegate/control.sock)")
	case err != nil:
		return target{}, hint.Wrap(err, "%s; or name a running gate with --socket PATH alone", hint.Of(err))
	}
	return target{cmp.Or(f.Socket, c.Control.Socket), cmp.Or(f.Config, usual), c}, nil
}

// load reads the configuration that is named or usual.
func (f gateFlags) load(usual string) (*configs.Config, error) {
	return configFlag{cmp.Or(f.Config, usual)}.load()
}

// client returns the way into the running gate. The error is control.ErrNotRunning if nothing answers, and errOtherGate if
// another gate than that of the configuration does.
func (g target) client(ctx context.Context) (*control.Client, error) {
	c := control.NewClient(g.socket)
	s, err := c.Status(ctx)
	switch {
	case g.config == nil:
		return c, err
	case errors.Is(err, control.ErrNotRunning) && !samePlace(g.socket, g.config.Control.Socket):
		return nil, g.other(ctx, "nothing")
	case err != nil:
		return nil, err
	case !samePlace(s.StateDir, g.config.StateDir):
		return nil, g.other(ctx, nameOf(s))
	}
	return c, nil
}

// nameOf returns how a gate is told from others.
func nameOf(s status.Status) string {
	return fmt.Sprintf("gate %s of %s (records in %s)", s.Gate, s.Site, s.StateDir)
}

// other says which gate answers where.
func (g target) other(ctx context.Context, here string) error {
	c, there, advice := g.config, "nothing", "correct --socket, or leave it out"
	if s, err := control.NewClient(c.Control.Socket).Status(ctx); err == nil {
		there = nameOf(s)
		if samePlace(s.StateDir, c.StateDir) {
			advice = "the gate is running, ask it: --socket " + c.Control.Socket
		}
	}
	named := fmt.Sprintf("%s is of gate %s of %s (records in %s)", g.file, c.Gate, c.Site, c.StateDir)
	if samePlace(g.socket, c.Control.Socket) {
		return hint.Wrap(fmt.Errorf("%w: %s, and at its socket %s answers %s", errOtherGate, named, g.socket, here),
			"restart the gate if its configuration has changed, or give each gate a control.socket of its own")
	}
	return hint.Wrap(fmt.Errorf("%w: %s, at whose socket %s answers %s; at %s answers %s", errOtherGate,
		named, c.Control.Socket, there, g.socket, here), "%s", advice)
}

// samePlace reports whether two paths lead to the same place, which need not be there yet.
func samePlace(a, b string) bool {
	return sameFile(a, b) || filepath.Base(a) == filepath.Base(b) && sameFile(filepath.Dir(a), filepath.Dir(b))
}

func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// running returns what the gate does while it runs, as it has to.
func (f gateFlags) running(ctx context.Context) (control.Running, error) {
	g, err := f.target(defaultConfig)
	if err != nil {
		return nil, err
	}
	return g.client(ctx)
}

// records returns the records of the gate: by way of its socket while it runs and, while it does not and its configuration
// is known, from its files. done gives them back, and is called with what came of the question, which it returns.
func (f gateFlags) records(ctx context.Context, t terminal) (r people.Records, done func(error) error, err error) {
	g, err := f.target(defaultConfig)
	if err != nil {
		return nil, nil, err
	}
	client, err := g.client(ctx)
	switch {
	case err == nil:
		return client, func(err error) error { return err }, nil
	case !errors.Is(err, control.ErrNotRunning):
		return nil, nil, err
	case g.config == nil:
		return nil, nil, hint.Wrap(err, "start it (systemctl start facegate), correct --socket, or name the configuration of a stopped gate: "+
			"--config FILE")
	}
	s, err := stopped(g.config, t)
	if err != nil {
		return nil, nil, err
	}
	c := g.config
	witnesses, err := daemon.Witnesses(c)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	register := people.Stopped(s, people.Terms{
		Profile: c.Profile(), Doors: people.Doors(c.Site, c.Gate, c.Passes.Groups), Groups: rulebook.Groups(c), Witnesses: witnesses,
	})
	return register.As(me()), func(err error) error { return errors.Join(err, s.Close()) }, nil
}

// stopped opens the records of a gate that is not running.
func stopped(c *configs.Config, t terminal) (*store.Store, error) {
	return opening.Stopped(c, systime.New(), newLog(t.err, slog.LevelWarn), nil)
}

// me is who changes the records of a gate that is not running.
func me() audit.Actor { return audit.Actor(os.Getuid()) }

// fetched tells the gate that it need not keep the receipt with this id.
func (f gateFlags) fetched(ctx context.Context, t terminal) func(id string) error {
	return func(id string) error {
		r, done, err := f.records(ctx, t)
		if err != nil {
			return err
		}
		return done(r.Fetched(ctx, id))
	}
}
