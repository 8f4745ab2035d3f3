package vault

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"facegate/configs/hint"
	"facegate/store/durable"
)

// A database is an open bbolt file.
type database struct {
	path   string
	bolt   *bolt.DB
	file   *os.File
	broken error // what bbolt panicked with: it may hold its own locks for ever, and is left alone
}

// close closes a database, if there is one.
func (d *database) close() error {
	switch {
	case d == nil:
		return nil
	case d.broken != nil:
		// It stays mapped. The mapping alone would keep the lock.
		return errors.Join(syscall.Flock(int(d.file.Fd()), syscall.LOCK_UN), d.file.Close())
	}
	return d.bolt.Close()
}

// openBolt opens a database that has passed checkPages or, with os.O_CREATE, makes one. On a disk that cannot be written to, one that
// is there is opened to be read.
func (v *Vault) openBolt(path string, flags int) (*database, error) {
	d := &database{path: path}
	err := v.guard(d, func() error {
		if flags&os.O_CREATE != 0 {
			return v.disk.Sync(path, func() error { return d.open(os.O_RDWR | flags) })
		}
		err := d.open(os.O_RDWR | flags)
		if errors.Is(err, syscall.EROFS) {
			err = d.open(os.O_RDONLY | flags)
		}
		return err
	})
	switch {
	case err == nil:
		return d, nil
	case errors.Is(err, ErrDamaged):
		return nil, errors.Join(err, d.close())
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, hint.Wrap(fmt.Errorf("store: %s.db: %w", v.name, ErrInUse), "close the tool that has it open")
	}
	return nil, v.Failed(err)
}

// open opens the file of d with these flags.
func (d *database) open(flags int) (err error) {
	d.bolt, err = bolt.Open(d.path, 0o600, &bolt.Options{
		Timeout:      lockTimeout,
		FreelistType: bolt.FreelistMapType,
		MaxSize:      maxSize,
		ReadOnly:     flags&os.O_RDWR == 0,
		OpenFile: func(path string, _ int, mode os.FileMode) (_ *os.File, err error) {
			// bbolt's own flags would make a new database where one is missing.
			d.file, err = os.OpenFile(path, flags|durable.NotElsewhere, mode)
			return d.file, err
		},
	})
	return err
}

// read runs f in a transaction that changes nothing.
func (v *Vault) read(d *database, f func(*bolt.Tx) error) error {
	return v.guard(d, func() error { return d.bolt.View(f) })
}

// update runs f in a transaction that is on disk when update returns, and may be even if it fails.
func (v *Vault) update(d *database, f func(*bolt.Tx) error) error {
	err := v.guard(d, func() error {
		return v.disk.Sync(d.path, func() error { return d.bolt.Update(f) })
	})
	if err == nil || errors.Is(err, ErrDamaged) {
		return err
	}
	return v.Failed(err)
}

// guard runs f, which uses the bbolt of d. bbolt panics, or reads outside its file, where the file has been damaged since
// it was checked.
func (v *Vault) guard(d *database, f func() error) error {
	if d.broken != nil {
		return v.Damaged(d.broken)
	}
	panicked, err := recovered(f)
	if panicked {
		d.broken = fmt.Errorf("bbolt: %w", err)
		return v.Damaged(d.broken)
	}
	return err
}

// recovered runs f, and returns as an error what it panics with, bad memory included: a mapped file has some where it was
// cut off, or where the disk cannot be read.
func recovered(f func() error) (panicked bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			panicked, err = true, fmt.Errorf("%v", r)
		}
	}()
	return false, f()
}
