package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"facegate/configs/hint"
)

// replaceFile puts data, mode 0600, in the place of the file at path. After a crash the path holds the old content or
// the new, and the new once replaceFile has returned. The old content is overwritten where it lies: flash storage may
// keep it all the same, which is why nothing lies there that is not sealed.
func replaceFile(path string, data []byte) error {
	old, err := openOld(path)
	if err != nil {
		return err
	}
	if old != nil {
		defer old.Close()
	}
	tmp := path + tmpSuffix
	if err := destroyFile(tmp); err != nil { // which a crash may have left
		return err
	}
	if err := writeSync(tmp, data); err != nil {
		return err
	}
	if err := renameSync(tmp, path); err != nil {
		return err
	}
	if old == nil {
		return nil
	}
	return overwrite(old)
}

// openOld opens a file that is to be overwritten. It returns nil if there is none, or something else: what a link leads to
// is not ours.
func openOld(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|notElsewhere, 0)
}

// notElsewhere are the flags that keep an open from following a link, and from waiting for the other end of a pipe.
const notElsewhere = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// create makes a file, mode 0600, in the place of what an earlier attempt has left there.
func create(path string) (*os.File, error) {
	if err := removeFile(path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// tmpSuffix marks a file that is being written. What is left of one after a crash makes way for the next.
const tmpSuffix = ".tmp"

// copyFile makes a copy of the first n bytes of a file, which takes the place of what is at to. It is on disk when copyFile
// returns.
func copyFile(from, to string, n int64) error {
	src, err := os.OpenFile(from, os.O_RDONLY|notElsewhere, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	tmp := to + tmpSuffix
	f, err := create(tmp)
	if err != nil {
		return err
	}
	defer f.Close()
	// Told that both are files, io would leave it to the file system, which may let them share their blocks.
	if _, err = io.CopyN(struct{ io.Writer }{f}, src, n); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return renameSync(tmp, to)
}

func writeSync(path string, data []byte) error {
	f, err := create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// renameSync renames a file that is on disk, so that the new name is on disk too.
func renameSync(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// overwriteWith makes data the content of the file at path, where that lies: it needs no room as long as data is no longer than
// a block. A crash may leave a mixture. Without a file it makes one.
func overwriteWith(path string, data []byte) error {
	f, err := openOld(path)
	if err == nil && f == nil {
		f, err = create(path)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	padded := append(data, make([]byte, max(0, info.Size()-int64(len(data))))...)
	if _, err := f.WriteAt(padded, 0); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Truncate(int64(len(data))), f.Sync(), syncDir(filepath.Dir(path)))
}

// overwrite fills a file with zeros.
func overwrite(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(make([]byte, info.Size()), 0); err != nil {
		return err
	}
	return f.Sync()
}

// lockDirs makes the folders where they are missing, and keeps every other process out of them until unlock.
func lockDirs(dirs ...string) (locks []*os.File, err error) {
	for _, dir := range slices.Compact(dirs) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, hint.Wrap(errors.Join(fmt.Errorf("store: %w", err), unlock(locks)),
				"make the folder, as root: install -d -o USER -m 700 %s, where USER is the service's", dir)
		}
		lock, err := lockDir(dir)
		if err != nil {
			advice := cmp.Or(hint.Of(err), "let the service's user own the folder, and run this as that user")
			if errors.Is(err, ErrInUse) {
				advice = "stop the other facegate, or ask it through its control socket"
			}
			return nil, hint.Wrap(errors.Join(fmt.Errorf("store: %w", err), unlock(locks)), "%s", advice)
		}
		locks = append(locks, lock)
	}
	return locks, nil
}

// unlock lets other processes in.
func unlock(locks []*os.File) (err error) {
	for _, lock := range locks {
		err = errors.Join(err, lock.Close())
	}
	return err
}

func flock(d *os.File, dir string) error {
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
	if err := checkDir(d); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := flock(d, dir); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func checkDir(d *os.File) error {
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

// destroyFile overwrites a file and removes it. It is no error if there is none.
func destroyFile(path string) error {
	f, err := openOld(path)
	if err != nil {
		return err
	}
	if f == nil {
		return removeFile(path)
	}
	defer f.Close()
	return errors.Join(overwrite(f), removeFile(path))
}

// removeFile removes a file, and no folder. It is no error if there is none.
func removeFile(path string) error {
	if err := syscall.Unlink(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}
