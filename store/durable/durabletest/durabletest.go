// Package durabletest has a disk that loses in a power cut all that a disk may lose, and one that a test can look into, slow
// down or break at each sync.
package durabletest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"facegate/store/durable"
)

// A Disk is durable.OS until PowerCut.
type Disk struct {
	durable.OS
	Full   error // returned where room is reserved, if it is not nil
	Broken error // returned by every write, if it is not nil

	mu      sync.Mutex
	files   map[string]*file // that were made here, and may be lost
	folders map[string]bool  // likewise; whether each has its name for ever
	renames []rename         // that may be taken back
}

type file struct {
	named bool  // in its folder, for ever
	kept  int64 // bytes that are on disk for ever
}

// A rename is what a name was given to, and what had it.
type rename struct {
	from, to string
	old      []byte // nil for nothing
}

// A Watched is durable.OS with something before each sync.
type Watched struct {
	durable.OS

	// Before, if it is not nil, is called by whoever syncs before each sync of the file or folder at path. If it returns an
	// error, that is the error of the sync, which is not done. It may wait, look at the files as they are, and be called by
	// several at once.
	Before func(path string) error
}

// Create implements durable.Disk.
func (w *Watched) Create(path string) (durable.Handle, error) {
	h, err := w.OS.Create(path)
	if err != nil {
		return nil, err
	}
	return watchedHandle{h, w, path}, nil
}

// SyncDir implements durable.Disk.
func (w *Watched) SyncDir(dir string) error {
	return w.Sync(dir, func() error { return w.OS.SyncDir(dir) })
}

// Sync implements durable.Disk.
func (w *Watched) Sync(path string, sync func() error) error {
	if w.Before != nil {
		if err := w.Before(path); err != nil {
			return err
		}
	}
	return sync()
}

type watchedHandle struct {
	durable.Handle
	disk *Watched
	path string
}

func (h watchedHandle) Sync() error { return h.disk.Sync(h.path, h.Handle.Sync) }

// Create implements durable.Disk.
func (d *Disk) Create(path string) (durable.Handle, error) {
	h, err := d.OS.Create(path)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files == nil {
		d.files = make(map[string]*file)
	}
	d.files[path] = new(file)
	return &handle{Handle: h, disk: d, path: path}, nil
}

// Mkdir implements durable.Disk.
func (d *Disk) Mkdir(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.folders == nil {
		d.folders = make(map[string]bool)
	}
	d.folders[path] = false
	return d.OS.Mkdir(path)
}

// Rename implements durable.Disk.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, err := os.ReadFile(to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.OS.Rename(from, to); err != nil {
		return err
	}
	d.renames = append(d.renames, rename{from, to, old})
	return nil
}

// SyncDir implements durable.Disk.
func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := func(path string) bool { return filepath.Dir(path) == filepath.Clean(dir) }
	d.renames = slices.DeleteFunc(d.renames, func(r rename) bool {
		f, made := d.files[r.from]
		if !in(r.to) {
			return false
		}
		if made {
			delete(d.files, r.from)
			d.files[r.to] = f
		}
		return true
	})
	for path, f := range d.files {
		f.named = f.named || in(path)
	}
	for path := range d.folders {
		d.folders[path] = d.folders[path] || in(path)
	}
	return d.OS.SyncDir(dir)
}

// Sync implements durable.Disk.
func (d *Disk) Sync(path string, sync func() error) error {
	if err := sync(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f, made := d.files[path]
	if !made {
		return nil
	}
	info, err := os.Stat(path)
	if err == nil {
		f.kept = info.Size()
	}
	return err
}

// PowerCut takes back what was not synced: the content of files, and the names of files and folders.
func (d *Disk) PowerCut(tb testing.TB) {
	tb.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range slices.Backward(d.renames) {
		err := os.Rename(r.to, r.from)
		if r.old != nil {
			err = errors.Join(err, os.WriteFile(r.to, r.old, 0o600))
		}
		mustBeDone(tb, err)
	}
	for path, f := range d.files {
		if f.named {
			mustBeDone(tb, os.Truncate(path, f.kept))
		} else {
			mustBeDone(tb, os.Remove(path))
		}
	}
	for path, named := range d.folders {
		if !named {
			mustBeDone(tb, os.RemoveAll(path))
		}
	}
	d.files, d.folders, d.renames = nil, nil, nil
}

// mustBeDone fails the test for an error, but for that of what is not there any more.
func mustBeDone(tb testing.TB, err error) {
	tb.Helper()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tb.Fatal(err)
	}
}

type handle struct {
	durable.Handle
	disk    *Disk
	path    string
	written int64
}

func (h *handle) Write(data []byte) (int, error) {
	if h.disk.Broken != nil {
		return 0, h.disk.Broken
	}
	n, err := h.Handle.Write(data)
	h.written += int64(n)
	return n, err
}

func (h *handle) Reserve(size int64) error {
	if h.disk.Full != nil {
		return h.disk.Full
	}
	return h.Handle.Reserve(size)
}

func (h *handle) Sync() error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if f, ok := h.disk.files[h.path]; ok {
		f.kept = h.written
	}
	return h.Handle.Sync()
}
