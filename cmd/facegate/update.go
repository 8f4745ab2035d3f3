package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/update"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
)

type updateCommand struct {
	Check bool   `required:"" help:"Check the file, and install nothing. To install it: apt install ./FILE"`
	File  string `arg:"" help:"Package of a release, such as facegate_1.2.0_arm64.deb, with SHA256SUMS and SHA256SUMS.sig beside it."`
	Copy  string `placeholder:"DIR" help:"Copy the file into this folder first, such as /root, and check the copy, so that nothing else is installed than what was checked."`
	Key   string `default:"/usr/share/facegate/release.pub" placeholder:"FILE" help:"Keys of releases (${default}), as ssh-keygen -Y verify takes them."`
	jsonFlag
}

// maxKeys is how long a file with keys of releases may be, in bytes.
const maxKeys = 64 << 10

// Run says whether the package is a release that may be installed here.
func (c *updateCommand) Run(t terminal) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	installed, err := update.Installed(t.root())
	if err != nil {
		return hint.Wrap(err, "see what is wrong with /var/lib/dpkg/status")
	}
	m := update.Machine{Keys: keys, Arch: runtime.GOARCH, Installed: installed}
	r, err := c.check(m)
	if err != nil {
		return err
	}
	return c.print(t, r, func(w *tabwriter.Writer) { c.write(w, r) })
}

// check checks the file, or a copy of it if that was asked for.
func (c *updateCommand) check(m update.Machine) (update.Release, error) {
	if c.Copy == "" {
		return m.Check(c.File)
	}
	folder, err := filepath.Abs(c.Copy)
	if err != nil {
		return update.Release{}, err
	}
	return m.CheckCopy(c.File, folder)
}

func (c *updateCommand) write(w *tabwriter.Writer, r update.Release) {
	show.Fprintf(w, "%s is facegate %s for %s, signed with the key %s\n", c.File, r.Version, r.Arch, r.SignedBy)
	if r.Installed == "" {
		show.Fprintf(w, "no package of facegate is installed here, so it replaces none\n")
	} else {
		show.Fprintf(w, "it replaces version %s\n", r.Installed)
	}
	path := r.Copy
	if path == "" {
		show.Fprintf(w, "whoever can change it from now on changes what is installed: check a copy of what is on a stick (--copy /root)\n")
		path = c.File
	}
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	show.Fprintf(w, "install it with: apt install %s\n", path)
}

// keys returns the keys of releases.
func (c *updateCommand) keys() ([]byte, error) {
	keys, err := file.ReadShared(c.Key, maxKeys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Wrap(fmt.Errorf("%w: there is no %s", update.ErrKeys, c.Key),
			"the installed package was made without a key: get the keys from whoever releases facegate, and name their file by --key")
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the keys of releases: %w", err), "%s",
			cmp.Or(hint.Of(err), fmt.Sprintf("let this user read %s", c.Key)))
	}
	return keys, nil
}
