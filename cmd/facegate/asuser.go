package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/service"
	"facegate/configs/hint"
	"facegate/store/audit"
)

// self returns the name of who runs the command.
func self() string { return people.UserName(audit.Actor(os.Geteuid())) }

// serviceUser returns whom to check as, who is the user of the service unless another one is wanted, and nil for whoever runs the command,
// which a note then says where it may matter.
func serviceUser(wanted string, unit service.Unit, installed bool) (who *user.User, note string, err error) {
	if os.Geteuid() != 0 {
		if wanted != "" && wanted != self() {
			return nil, "", hint.Wrap(fmt.Errorf("only root can check as %s", wanted), "run the command as root, or leave out --user")
		}
		if unit.User != self() {
			note = fmt.Sprintf("checked as %s; as root this command checks as %s, the user of the service", self(), unit.User)
		}
		return nil, note, nil
	}
	name := cmp.Or(wanted, unit.User)
	who, err = user.Lookup(name)
	switch {
	case err == nil:
		return who, "", nil
	case wanted == "" && !installed:
		return nil, fmt.Sprintf("checked as %s, because there is no user %s yet", self(), name), nil
	}
	return nil, "", hint.Wrap(fmt.Errorf("there is no user %s", name), "install the package, which makes it, or: useradd --system --no-create-home --groups video,gpio,input %s", name)
}

// asUser carries out a command line of this program as another user, with the groups of the service.
func asUser(ctx context.Context, who *user.User, unit service.Unit, out, errs io.Writer, args ...string) error {
	credential, err := credentialOf(who, unit)
	if err != nil {
		return err
	}
	// The file of this program may lie where that user has no way to.
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	return cmd.Run()
}

// credentialOf returns who, with the groups of that user and those of the unit.
func credentialOf(who *user.User, unit service.Unit) (*syscall.Credential, error) {
	ids, err := who.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("the groups of %s: %w", who.Username, err)
	}
	for _, name := range unit.Groups {
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
