package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// replaceFile puts data, mode 0600, in the place of the file at path. After a crash the path holds the old content or
// the new, and the new once replaceFile has returned. The old content is overwritten where it lies: flash storage may
// keep it all the same, which is why nothing lies there that is not sealed.
func replaceFile(path string, data []byte) error {
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		defer old.Close()
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
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

// tmpSuffix marks a file that is being written. What is left of one after a crash makes way for the next.
const tmpSuffix = ".tmp"

// copyFile makes a copy of the first n bytes of a file, which takes the place of what is at to. It is on disk when copyFile
// returns.
func copyFile(from, to string, n int64) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	tmp := to + tmpSuffix
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
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
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
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

// lockDir keeps every other process out of dir until the file that it returns is closed.
func lockDir(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		d.Close()
		return nil, fmt.Errorf("%w: %s: %w", ErrInUse, dir, err)
	}
	return d, nil
}

// destroyFile overwrites a file and removes it. It is no error if there is none.
func destroyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(overwrite(f), removeFile(path))
}

// removeFile removes a file. It is no error if there is none.
func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
