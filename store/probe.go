package store

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/store/durable"
	"facegate/store/vault"
)

// CheckFolder says, for the user who runs it, whether Open could use the folder dir, or make it where it is missing. It
// makes, changes and locks nothing. A disk that cannot be written to is no fault of the folder.
func CheckFolder(dir string) error {
	d, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return checkParent(dir)
	}
	if err == nil {
		err = errors.Join(vault.CheckFolder(d), d.Close())
	}
	if err == nil {
		err = writable(dir)
	}
	return hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "let the service's user own the folder, with mode 0700"))
}

// checkParent says whether dir could be made.
func checkParent(dir string) error {
	parent := filepath.Dir(dir)
	info, err := os.Stat(parent)
	switch {
	case errors.Is(err, os.ErrNotExist) && parent != dir:
		return checkParent(parent)
	case err == nil && !info.IsDir():
		err = fmt.Errorf("%s is not a folder", parent)
	case err == nil:
		err = writable(parent)
	}
	return hint.Wrap(err, "make the folder, as root: install -d -o USER -m 700 %s, where USER is the service's", dir)
}

func writable(dir string) error {
	err := unix.Access(dir, unix.W_OK|unix.X_OK)
	if err == nil || errors.Is(err, unix.EROFS) {
		return nil
	}
	return fmt.Errorf("nothing can be written in %s: %w", dir, err)
}

// CheckKeyrings says whether the databases in dir, with their keyrings in keyDir, are of the device key. Like CheckFolder it
// changes nothing, and a store that is open may be asked about.
func CheckKeyrings(dir, keyDir string, keys KeySource) error {
	device, err := keys.DeviceKey()
	if err != nil {
		return err
	}
	defer clear(device[:])
	var vaults []*vault.Vault
	for _, name := range []string{"people", "journal", "faces"} {
		vaults = append(vaults, vault.New(vault.Options{
			Dir: dir, KeyDir: keyDir, Name: name, Version: version, Wrap: wrappingKey(device, name), Disk: durable.OS{},
		}))
	}
	if err := checkOrigin(vaults[0], vaults[1]); err != nil {
		return err
	}
	for _, v := range vaults {
		if _, err := v.LoadRings(); err != nil {
			return err
		}
	}
	return nil
}

// checkOrigin refuses a store of another version, or of another device key. All its vaults say so; where it is one alone, that one is
// damaged.
func checkOrigin(vaults ...*vault.Vault) error {
	var errs []error
	for _, v := range vaults {
		_, err := v.LoadRings()
		errs = append(errs, err)
	}
	all := func(kind error) bool {
		return !slices.ContainsFunc(errs, func(err error) bool { return !errors.Is(err, kind) })
	}
	switch {
	case all(vault.ErrVersion):
		return hint.Wrap(fmt.Errorf("store: %w", ErrVersion),
			"start the facegate that it was made with; to begin anew with this one, wipe it and enrol people again: facegate wipe")
	case all(vault.ErrDamaged):
		return hint.Wrap(errs[0], "put the device key back that these records were made under, for nothing of them opens with this one; otherwise: %s",
			hint.Of(errs[0]))
	}
	return nil
}
