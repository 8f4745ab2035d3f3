package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/cmd/facegate/internal/service"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store/audit"
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
	who, note, err := c.user(unit, installed)
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
	notes, err := daemon.Check(cfg, t.root(), unit.Credential)
	if err != nil {
		return source.Place(err)
	}
	if note != "" {
		notes = append(notes, note)
	}
	if reason, todo := cfg.HolidaysPast(time.Now()); reason != "" {
		notes = append(notes, reason+"; "+todo)
	}
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

// self returns the name of who runs the command.
func self() string { return people.UserName(audit.Actor(os.Geteuid())) }

// user returns whom to check as, nil for whoever runs the command, which a note then says where it may matter.
func (c *configCheckCommand) user(unit service.Unit, installed bool) (who *user.User, note string, err error) {
	if os.Geteuid() != 0 {
		if c.User != "" && c.User != self() {
			return nil, "", hint.Wrap(fmt.Errorf("only root can check as %s", c.User), "run the command as root, or leave out --user")
		}
		if unit.User != self() {
			note = fmt.Sprintf("checked as %s; as root this command checks as %s, the user of the service", self(), unit.User)
		}
		return nil, note, nil
	}
	name := c.User
	if name == "" {
		name = unit.User
	}
	who, err = user.Lookup(name)
	switch {
	case err == nil:
		return who, "", nil
	case c.User == "" && !installed:
		return nil, fmt.Sprintf("checked as %s, because there is no user %s yet", self(), name), nil
	}
	return nil, "", hint.Wrap(fmt.Errorf("there is no user %s", name), "install the package, which makes it, or: useradd --system --no-create-home --groups video,gpio,input %s", name)
}

// as has another user check.
func (c *configCheckCommand) as(ctx context.Context, t terminal, who *user.User, unit service.Unit) error {
	credential, err := credentialOf(who, unit)
	if err != nil {
		return err
	}
	config, err := filepath.Abs(c.Config)
	if err != nil {
		return err
	}
	args := []string{"config", "check", "--config", config}
	if c.JSON {
		args = append(args, "--json")
	}
	// The file of this program may lie where that user has no way to.
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", raw(t.out), raw(t.err) // it is escaped already
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	err = cmd.Run()
	if failed := new(exec.ExitError); errors.As(err, &failed) && failed.Exited() {
		return exit{code: failed.ExitCode()}
	}
	return hint.Wrap(err, "check with --user root, and see that %s may read what the configuration names", who.Username)
}

// credentialOf returns who, with the groups of that user and those of the unit.
func credentialOf(who *user.User, unit service.Unit) (*syscall.Credential, error) {
	names := unit.Groups
	ids, err := who.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("the groups of %s: %w", who.Username, err)
	}
	for _, name := range names {
		if g, err := user.LookupGroup(name); err == nil {
			ids = append(ids, g.Gid)
		}
	}
	c := new(syscall.Credential)
	slices.Sort(ids)
	for _, id := range append([]string{who.Uid, who.Gid}, slices.Compact(ids)...) {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s has the number %q", who.Username, id)
		}
		c.Groups = append(c.Groups, uint32(n))
	}
	c.Uid, c.Gid, c.Groups = c.Groups[0], c.Groups[1], c.Groups[2:]
	return c, nil
}
