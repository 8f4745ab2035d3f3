package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Unfinished marks, at the end of its name, a file that is being written. What is left of one after a crash makes way for the
// next.
const Unfinished = ".tmp"

// NotElsewhere are the flags that keep an open from following a link, and from waiting for the other end of a pipe.
const NotElsewhere = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// Replace puts data, mode 0600, in the place of the file at path. After a crash the path holds the old content or the new,
// and the new once Replace has returned. The old content is overwritten where it lies. Flash storage may keep it all the same,
// which is why nothing is to lie there that is not sealed.
func Replace(d Disk, path string, data []byte) error {
	old, err := OpenOld(path)
	if err != nil {
		return err
	}
	if old != nil {
		defer old.Close()
	}
	tmp := path + Unfinished
	if err := Destroy(d, tmp); err != nil { // which a crash may have left
		return err
	}
	if err := writeSync(d, tmp, data); err != nil {
		return err
	}
	if err := renameSync(d, tmp, path); err != nil {
		return err
	}
	if old == nil {
		return nil
	}
	return zero(d, old)
}

// Copy makes a copy of the first n bytes of a file, which takes the place of what is at to. It is on disk when Copy returns.
func Copy(d Disk, from, to string, n int64) error {
	src, err := os.OpenFile(from, os.O_RDONLY|NotElsewhere, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	tmp := to + Unfinished
	f, err := createAnew(tmp)
	if err != nil {
		return err
	}
	defer f.Close()
	// Told that both are files, io would leave it to the file system, which may let them share their blocks.
	if _, err = io.CopyN(struct{ io.Writer }{f}, src, n); err == nil {
		err = d.Sync(tmp, f.Sync)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return renameSync(d, tmp, to)
}

// Overwrite makes data the content of the file at path, where that lies: it needs no room as long as data is no longer than
// a block. A crash may leave a mixture. Without a file it makes one.
func Overwrite(d Disk, path string, data []byte) error {
	f, err := OpenOld(path)
	if err == nil && f == nil {
		f, err = createAnew(path)
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
	return errors.Join(d.Sync(path, f.Sync), f.Truncate(int64(len(data))), d.Sync(path, f.Sync), d.SyncDir(filepath.Dir(path)))
}

// Destroy fills a file with zeros and removes it. It is no error if there is none. That its name is gone is on disk with the
// next SyncDir.
func Destroy(d Disk, path string) error {
	f, err := OpenOld(path)
	if err != nil {
		return err
	}
	if f == nil {
		return Remove(path)
	}
	defer f.Close()
	return errors.Join(zero(d, f), Remove(path))
}

// Remove removes a file, and no folder. It is no error if there is none.
func Remove(path string) error {
	if err := syscall.Unlink(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

// OpenOld opens a file that is to be overwritten. It returns nil if there is none, or something else: what a link leads to
// is not ours.
func OpenOld(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|NotElsewhere, 0)
}

// Mark makes an empty file at path, in the place of what an earlier attempt has left there. It is on disk when Mark returns.
func Mark(d Disk, path string) error {
	return errors.Join(writeSync(d, path, nil), d.SyncDir(filepath.Dir(path)))
}

// createAnew makes a file, mode 0600, in the place of what an earlier attempt has left there.
func createAnew(path string) (*os.File, error) {
	if err := Remove(path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func writeSync(d Disk, path string, data []byte) error {
	if err := Remove(path); err != nil {
		return err
	}
	h, err := d.Create(path)
	if err != nil {
		return err
	}
	if _, err := h.Write(data); err != nil {
		return errors.Join(err, h.Close())
	}
	return errors.Join(h.Sync(), h.Close())
}

// renameSync renames a file that is on disk, so that the new name is on disk too.
func renameSync(d Disk, from, to string) error {
	if err := d.Rename(from, to); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(to))
}

// zero fills a file with zeros.
func zero(d Disk, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(make([]byte, info.Size()), 0); err != nil {
		return err
	}
	return d.Sync(f.Name(), f.Sync)
}
