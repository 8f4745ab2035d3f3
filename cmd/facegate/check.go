package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/cmd/facegate/internal/service"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
)

type configCheckCommand struct {
	configFlag
	User string `placeholder:"NAME" help:"Check what this user may read and write. Otherwise, for root, the user of the service."`
	jsonFlag
}

// Run checks as the user of the service would: root may read what that user may not. The check of another user is a process
// of its own.
func (c *configCheckCommand) Run(ctx context.Context, t terminal) error {
	unit, installed := service.Read(t.root())
	who, note, err := serviceUser(c.User, unit, installed)
	if err != nil {
		return err
	}
	if who != nil && who.Uid != strconv.Itoa(os.Geteuid()) {
		return c.as(ctx, t, who, unit)
	}
	cfg, source, err := c.parse()
	if err != nil {
		return err
	}
	found, err := daemon.Check(cfg, t.host(unit))
	if err != nil {
		return source.Place(err)
	}
	var notes []string
	for _, n := range found {
		notes = append(notes, n.String())
	}
	if note != "" {
		notes = append(notes, note)
	}
	if reason, todo := cfg.HolidaysPast(time.Now()); reason != "" {
		notes = append(notes, reason+"; "+todo)
	}
	notes = append(notes, unsaidNotes(cfg)...)
	if note := groupsNote(ctx, cfg); note != "" {
		notes = append(notes, note)
	}
	if c.JSON {
		for _, n := range notes {
			show.Fprintf(t.err, "note: %s\n", n)
		}
	}
	return c.print(t, map[string]any{"ok": true, "site": cfg.Site, "gate": cfg.Gate}, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is valid: gate %s of site %s\n", c.Config, cfg.Gate, cfg.Site)
		for _, n := range notes {
			show.Fprintf(w, "  note: %s\n", n)
		}
	})
}

// unsaidNotes says what is said in English at the door, because a file of words lacks it.
func unsaidNotes(c *configs.Config) (notes []string) {
	unsaid := c.Unsaid()
	for _, lang := range slices.Sorted(maps.Keys(unsaid)) {
		notes = append(notes, fmt.Sprintf("notice.languages.%s.words: said in English at the door: %s; facegate notice --words prints what to translate", lang, strings.Join(unsaid[lang], ", ")))
	}
	return notes
}

// groupsNote says which groups of the rules nobody is in, "" for none. Only the gate knows, if it runs: the records are closed to this
// command.
func groupsNote(ctx context.Context, c *configs.Config) string {
	groups := rulebook.Groups(c)
	if len(groups) == 0 {
		return ""
	}
	s, err := control.NewClient(c.Control.Socket).Status(ctx)
	if err != nil || !samePlace(s.StateDir, c.StateDir) {
		return fmt.Sprintf("rules: nobody may be in a group that they name (%s); facegate rules says so once the gate runs", strings.Join(groups, ", "))
	}
	empty := slices.DeleteFunc(groups, func(g string) bool { return slices.Contains(s.Groups, g) })
	if len(empty) == 0 {
		return ""
	}
	return fmt.Sprintf("rules: nobody is in a group that they name (%s); correct the name, or put people into it: facegate person group LABEL %s --ahead",
		strings.Join(empty, ", "), empty[0])
}

// as has another user check.
func (c *configCheckCommand) as(ctx context.Context, t terminal, who *user.User, unit service.Unit) error {
	config, err := filepath.Abs(c.Config)
	if err != nil {
		return err
	}
	args := []string{"config", "check", "--config", config}
	if c.JSON {
		args = append(args, "--json")
	}
	err = asUser(ctx, who, unit, raw(t.out), raw(t.err), args...) // it is escaped already
	if failed := new(exec.ExitError); errors.As(err, &failed) && failed.Exited() {
		return exit{code: failed.ExitCode()}
	}
	return hint.Wrap(err, "check with --user root, and see that %s may read what the configuration names", who.Username)
}
