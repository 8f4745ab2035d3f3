package update

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"facegate/configs/hint"
	"facegate/store/durable"
)

// CheckCopy is Check of a copy, which it makes in a folder that nobody else can change, so that what is installed later is what was
// checked. The file at path is read once. A package that is refused leaves no copy.
func (m Machine) CheckCopy(path, folder string) (Release, error) {
	if err := safe(folder); err != nil {
		return Release{}, err
	}
	r, f, err := m.listed(path)
	if err != nil {
		return Release{}, err
	}
	defer f.Close()
	r.Copy = filepath.Join(folder, filepath.Base(path))
	if err := m.keep(&r, f); err != nil {
		return Release{}, err
	}
	return r, durable.OS{}.SyncDir(folder)
}

// keep makes the copy of f at r.Copy, if it may be installed on m.
func (m Machine) keep(r *Release, f *os.File) error {
	unfinished := r.Copy + durable.Unfinished
	if err := durable.Remove(unfinished); err != nil { // which an earlier attempt has left
		return copying(err)
	}
	to, err := os.OpenFile(unfinished, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return copying(err)
	}
	defer os.Remove(unfinished)
	defer to.Close()
	if err := r.read(f, copyWriter{to}); err != nil {
		return err
	}
	if err := m.fits(r, to); err != nil {
		return err
	}
	return copying(finish(to, r.Copy))
}

// finish gives what is written to a file its name, if it is on the disk.
func finish(to *os.File, name string) error {
	if err := errors.Join(to.Chmod(0o644), to.Sync()); err != nil { // apt reads it as another user
		return err
	}
	return os.Rename(to.Name(), name)
}

// A copyWriter tells a copy that cannot be written from a package that cannot be read.
type copyWriter struct{ to io.Writer }

func (w copyWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	return n, copying(err)
}

func copying(err error) error {
	return hint.Wrap(about("copy the package", err), "make room in the folder of the copy, or name another one")
}

// safe returns why others than root and this user could change what is in a folder, or put another one in its place, if they could.
func safe(folder string) error {
	if err := safeItself(folder, 0); err != nil {
		return err
	}
	at, err := filepath.EvalSymlinks(folder)
	if err == nil {
		at, err = filepath.Abs(at)
	}
	if err != nil {
		return hint.Wrap(about("the folder of the copy", err), "name a folder that is there, such as /root")
	}
	for at != "/" {
		at = filepath.Dir(at)
		// In a sticky folder nobody renames what is somebody else's (inode(7)).
		if err := safeItself(at, os.ModeSticky); err != nil {
			return err
		}
	}
	return nil
}

// safeItself is safe of one folder and not of those above. Others may write to it if it has the mode excused.
func safeItself(folder string, excused os.FileMode) error {
	info, err := os.Stat(folder)
	if err != nil {
		return hint.Wrap(about("the folder of the copy", err), "name a folder that is there, such as /root")
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		err = fmt.Errorf("%w: %s is no folder", ErrFolder, folder)
	case info.Mode().Perm()&0o022 != 0 && info.Mode()&excused == 0:
		err = fmt.Errorf("%w: they may write to %s (mode %#o)", ErrFolder, folder, info.Mode().Perm())
	case !ok || owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		err = fmt.Errorf("%w: %s belongs to somebody else", ErrFolder, folder)
	}
	return hint.Wrap(err, "name a folder of your own, such as /root")
}
