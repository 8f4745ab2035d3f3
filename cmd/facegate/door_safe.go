package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/driven"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/gpio"
)

type doorSafeCommand struct {
	configFlag
	jsonFlag
}

// A released says what was made safe.
type released struct {
	Safe    []string `json:"safe"`              // the lines
	Door    string   `json:"door"`              // what it is now, as it is wired: locked or free
	Refused string   `json:"refused,omitempty"` // why the configuration was not asked for all that it says
}

// Run releases the lines that the gate has driven, as it has left word of, and those that its configuration names. It needs
// neither networks nor records, and of the configuration no more than what says which lines the door has: somebody may have
// spoilt it while the gate was running.
func (c *doorSafeCommand) Run(t terminal) error {
	lines, refused, err := c.lines(t)
	if err != nil {
		return err
	}
	r := released{Door: "locked", Safe: []string{}}
	if lines[0].Safe {
		r.Door = "free"
	}
	var errs []error
	for _, l := range inOne(lines) {
		name, err := daemon.Release(l)
		if err != nil {
			errs = append(errs, aboutHeld(err))
			continue
		}
		r.Safe = append(r.Safe, name)
	}
	if refused != nil {
		r.Refused = faults(refused)[0]
	}
	return errors.Join(append(errs, c.print(t, r, func(w *tabwriter.Writer) { r.write(w, len(errs) == 0) }))...)
}

func (r released) write(w *tabwriter.Writer, whole bool) {
	for _, name := range r.Safe {
		show.Fprintf(w, "%s is at its safe level\n", name)
	}
	if whole {
		show.Fprintf(w, "the relay is released, and the door is %s\n", r.Door)
	}
	if r.Refused != "" {
		show.Fprintf(w, "the gate would not start with its configuration: %s\n", show.Plain(r.Refused))
	}
}

// lines returns the lines of the gate: as it has left word of them, and as its configuration says. A configuration that is
// refused, for the reason that is returned too, is asked only where the gate has left no word.
func (c *doorSafeCommand) lines(t terminal) (lines []driven.Lines, refused, err error) {
	cfg, refused := c.load()
	if refused != nil {
		cfg = c.salvage()
	}
	path, err := filepath.Abs(c.Config)
	if err != nil {
		return nil, refused, err
	}
	kept, err := left(cfg, path, usualSocket(t))
	switch {
	case err == nil:
		lines = append(lines, kept)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if cfg != nil && (refused == nil || len(lines) == 0) {
		lines = append(lines, daemon.Outputs(cfg, path))
	}
	if len(lines) == 0 {
		return nil, refused, errors.Join(hint.Wrap(refused, "lock the door by hand, and correct the configuration: %s", hint.Of(refused)), err)
	}
	noteStop(cmp.Or(lines[0].Socket, usualSocket(t)))
	return lines, refused, nil
}

// salvage returns what can be used of a configuration that is refused, nil if nothing can.
func (c *doorSafeCommand) salvage() *configs.Config {
	text, err := c.read()
	if err != nil {
		return nil
	}
	if cfg, ok := configs.Salvage(text); ok {
		return cfg
	}
	return nil
}

// left returns the lines that the gate has left word of: beside its socket or, where the configuration does not say any more
// where that was, in the folder that systemd names.
func left(cfg *configs.Config, path, usual string) (driven.Lines, error) {
	if cfg != nil {
		if l, err := driven.Of(cfg.Control.Socket); !errors.Is(err, fs.ErrNotExist) {
			return l, err
		}
	}
	return driven.In(cmp.Or(os.Getenv("RUNTIME_DIRECTORY"), filepath.Dir(usual)), path)
}

// inOne returns every line once.
func inOne(lines []driven.Lines) (all []driven.Line) {
	for _, l := range lines {
		for _, line := range l.All() {
			if !slices.Contains(all, line) {
				all = append(all, line)
			}
		}
	}
	return all
}

// aboutHeld says what to do where somebody else holds a line.
func aboutHeld(err error) error {
	if errors.Is(err, gpio.ErrInUse) {
		return hint.Wrap(fmt.Errorf("left as it is: %w", err), "a gate that runs keeps its door itself; stop it first: systemctl stop facegate")
	}
	return err
}
