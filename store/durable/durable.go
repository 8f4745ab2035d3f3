// Package durable makes, replaces and destroys files so that a power cut does not take it back: neither what is in a file nor,
// in its folder, the name of the file. POSIX promises the name after a sync of the folder alone (fsync(2)).
//
// A File is made with its room before something is done that cannot be undone, and is kept or discarded when that is over.
//
// Every sync goes through a Disk. A test that hands down one of durabletest can make each of them wait or fail, look at the files
// before it, and cut the power.
package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A Disk is what files are made on.
type Disk interface {
	// Create makes a file of mode 0600 at path. It is fs.ErrExist if there is anything at path, be it a link to nothing.
	Create(path string) (Handle, error)

	// Mkdir makes a folder of mode 0700 at path. It is fs.ErrExist if there is anything at path.
	Mkdir(path string) error

	// Rename gives the file at from the name to, in the place of what has it.
	Rename(from, to string) error

	// Remove removes the file at path.
	Remove(path string) error

	// SyncDir has the names in the folder dir on the disk when it returns.
	SyncDir(dir string) error

	// Sync calls sync, which has a change of the file at path on the disk when it returns: its own sync or the commit of a
	// database, which syncs twice.
	Sync(path string, sync func() error) error
}

// A Handle is an open file of a Disk.
type Handle interface {
	io.WriteCloser

	// Reserve takes room for size bytes, where the file system can.
	Reserve(size int64) error

	// Truncate cuts the file off, or gives back what was reserved beyond size.
	Truncate(size int64) error

	// Sync has the content on the disk when it returns.
	Sync() error
}

// OS is the Disk of the operating system.
type OS struct{}

// Create implements Disk.
func (OS) Create(path string) (Handle, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return handle{f}, nil
}

// Mkdir implements Disk.
func (OS) Mkdir(path string) error { return os.Mkdir(path, 0o700) }

// Rename implements Disk.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements Disk.
func (OS) Remove(path string) error { return os.Remove(path) }

// Sync implements Disk.
func (OS) Sync(_ string, sync func() error) error { return sync() }

// SyncDir implements Disk.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

type handle struct{ *os.File }

func (h handle) Reserve(size int64) error {
	if size == 0 {
		return nil // fallocate(2) takes that for a mistake
	}
	err := unix.Fallocate(int(h.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil // as on NFS before version 4.2
	}
	if err != nil {
		return fmt.Errorf("reserve %d bytes in %s: %w", size, h.Name(), err)
	}
	return nil
}

// A File is a new file that is empty until Keep.
type File struct {
	disk   Disk
	path   string
	handle Handle
}

// Create makes an empty file at path, with room for size bytes. It is on disk when Create returns. A file that exists is
// never touched.
func Create(d Disk, path string, size int64) (*File, error) {
	h, err := d.Create(path)
	if err != nil {
		return nil, err
	}
	f := &File{d, path, h}
	if err := errors.Join(h.Reserve(size), h.Sync(), d.SyncDir(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, nil
}

// Path returns the path that the file was created at.
func (f *File) Path() string { return f.path }

// Keep makes data the content of the file. It is on disk when Keep returns. A file that cannot be kept is there still, for
// Discard.
func (f *File) Keep(data []byte) error {
	if _, err := f.handle.Write(data); err != nil {
		return err
	}
	if err := errors.Join(f.handle.Truncate(int64(len(data))), f.handle.Sync()); err != nil {
		return err
	}
	return f.handle.Close()
}

// Discard removes the file. There is nothing to discard of nil.
func (f *File) Discard() error {
	if f == nil {
		return nil
	}
	f.handle.Close() // nothing that was written to it counts
	return errors.Join(f.disk.Remove(f.path), f.disk.SyncDir(filepath.Dir(f.path)))
}

// Write makes a file with data at path. It is on disk when Write returns, and not there if that fails.
func Write(d Disk, path string, data []byte) error {
	f, err := Create(d, path, int64(len(data)))
	if err != nil {
		return err
	}
	if err := f.Keep(data); err != nil {
		return errors.Join(err, f.Discard())
	}
	return nil
}

// Settle has a file, which somebody else may have written, and its name on the disk when it returns.
func Settle(d Disk, path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|NotElsewhere, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(d.Sync(path, f.Sync), d.SyncDir(filepath.Dir(path)))
}

// Publish puts data in the place of what is at path, for others to read as mode says. After a power cut the old file is there
// or the new one, and the new one once Publish has returned.
func Publish(d Disk, path string, data []byte, mode os.FileMode) error {
	tmp := path + Unfinished
	if err := Remove(tmp); err != nil { // which an earlier attempt has left
		return err
	}
	h, err := d.Create(tmp)
	if err != nil {
		return err
	}
	_, err = h.Write(data)
	err = errors.Join(err, h.Sync(), h.Close())
	if err == nil {
		err = os.Chmod(tmp, mode)
	}
	if err == nil {
		err = d.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, d.Remove(tmp))
	}
	return d.SyncDir(filepath.Dir(path))
}

// MakeFolder makes a folder of mode 0700, and those that it lies in, where they are missing. They are on disk when it returns.
func MakeFolder(d Disk, path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &os.PathError{Op: "mkdir", Path: path, Err: unix.ENOTDIR}
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	parent := filepath.Dir(path)
	if err := MakeFolder(d, parent); err != nil {
		return err
	}
	if err := d.Mkdir(path); err != nil {
		return err
	}
	return d.SyncDir(parent)
}
