package vault

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"facegate/configs/hint"
	"facegate/store/durable"
)

// LockFolders makes the folders where they are missing, so that a power cut does not take them back, and keeps every other
// process out of them until Unlock.
func LockFolders(disk durable.Disk, dirs ...string) (locks []*os.File, err error) {
	for _, dir := range slices.Compact(dirs) {
		if err := durable.MakeFolder(disk, dir); err != nil {
			return nil, hint.Wrap(errors.Join(fmt.Errorf("store: %w", err), Unlock(locks)),
				"make the folder, as root: install -d -o USER -m 700 %s, where USER is the service's", dir)
		}
		lock, err := lockDir(dir)
		if err != nil {
			advice := cmp.Or(hint.Of(err), "let the service's user own the folder, and run this as that user")
			if errors.Is(err, ErrInUse) {
				advice = "stop the other facegate, or ask it through its control socket"
			}
			return nil, hint.Wrap(errors.Join(fmt.Errorf("store: %w", err), Unlock(locks)), "%s", advice)
		}
		locks = append(locks, lock)
	}
	return locks, nil
}

// Unlock lets other processes in.
func Unlock(locks []*os.File) (err error) {
	for _, lock := range locks {
		err = errors.Join(err, lock.Close())
	}
	return err
}

// Hold keeps every other process out of the folder dir, open as d, until d is closed. It refuses with ErrInUse.
func Hold(d *os.File, dir string) error {
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInUse, dir, err)
	}
	return nil
}

// lockDir keeps every other process out of dir until the file that it returns is closed. It refuses a folder in which
// others could put something in the place of our files.
func lockDir(dir string) (*os.File, error) {
	d, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := CheckFolder(d); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := Hold(d, dir); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// CheckFolder refuses, with ErrFolder, a folder in which others could put something in the place of our files.
func CheckFolder(d *os.File) error {
	info, err := d.Stat()
	if err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 {
		return hint.Wrap(fmt.Errorf("%w: others may write to %s (mode %#o)", ErrFolder, d.Name(), perm),
			"make sure that nobody has put anything there, and run: chmod 0700 %s", d.Name())
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		return hint.Wrap(fmt.Errorf("%w: %s belongs to user %d, and this program runs as user %d", ErrFolder, d.Name(), owner,
			os.Geteuid()), "let the service's user own the folder, and run this as that user")
	}
	return nil
}
