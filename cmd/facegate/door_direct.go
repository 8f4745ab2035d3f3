package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/signals"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/gpio/door"
	"facegate/store"
)

// What keeps a door from being tested without its gate.
var (
	errRunning  = errors.New("the gate is running, and holds the lines of the door")
	errNoWiring = errors.New("the lines of the door are in the configuration, and none is named")
)

// direct tests a door without its gate, which must not be running: a board that is being wired has no people, no networks and no
// key yet. Whatever signal comes, the door is locked before the command ends.
func (c *doorTestCommand) direct(ctx context.Context, t terminal) (err error) {
	g, err := c.target(defaultConfig)
	if err != nil {
		return err
	}
	if g.config == nil {
		return hint.Wrap(errNoWiring, "name it with --config FILE, in the place of --socket")
	}
	if _, err := control.NewClient(g.socket).Status(ctx); err == nil {
		return hint.Wrap(errRunning, "leave out --direct, or stop the gate first: systemctl stop facegate")
	} else if !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	log := newLog(t.err, slog.LevelWarn)
	ctx, stop := signals.Heed(ctx, log)
	defer stop()
	book, err := openHandBook(g.config, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, book.close()) }()
	lines, err := daemon.OpenWiring(g.config.Door)
	if err != nil {
		return err
	}
	defer func() {
		if left := lines.Close(); left != nil { // which is worse than whatever was found
			err = hint.Wrap(left, "the door may be open: run facegate door safe, and check the wiring")
		}
	}()
	bench, err := doortrial.NewBench(door.Parts{
		Relay: lines.Relay, Inputs: lines.Inputs, Signals: lines.Signals, Settings: daemon.DoorSettings(g.config.Door), Log: log,
	}, book.before, book.note)
	if err != nil {
		return err
	}
	return bench.During(ctx, func(ctx context.Context) error { return c.test(ctx, t, bench) })
}

// A handBook is where openings by hand are noted while the gate is stopped. A gate without records has none.
type handBook struct {
	store  *store.Store // nil if there are no records
	before []time.Time  // openings within the hour
}

// openHandBook opens that of a gate. Where the records cannot be opened, or are another user's, the door can be tested all the
// same: it is being repaired, by somebody who may drive its lines.
func openHandBook(c *configs.Config, t terminal) (b handBook, err error) {
	if !opening.Holds(c) {
		return b, nil
	}
	b.store, err = stopped(c, t)
	if unopened := new(opening.UnopenedError); errors.As(err, &unopened) || errors.Is(err, opening.ErrOwner) {
		show.Fprintln(t.err, fmt.Sprintf("the pulse will not be in the audit log: %v", err))
		return handBook{}, nil
	}
	if err != nil {
		return b, err
	}
	b.before, err = b.store.Log().Openings(time.Now().Add(-time.Hour))
	if err != nil {
		return handBook{}, errors.Join(err, b.close())
	}
	return b, nil
}

// note notes an opening for whoever has given the command.
func (b handBook) note(now time.Time) error {
	if b.store == nil {
		return nil
	}
	return b.store.Log().Opened(now, me())
}

func (b handBook) close() error {
	if b.store == nil {
		return nil
	}
	return b.store.Close()
}
