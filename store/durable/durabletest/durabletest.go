// Package durabletest has a disk that loses in a power cut all that a disk may lose, and one that a test can look into, slow
// down or break at each sync.
package durabletest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"facegate/store/durable"
)

// A Disk is durable.OS until PowerCut.
type Disk struct {
	durable.OS
	Full   error // returned where room is reserved, if it is not nil
	Broken error // returned by every write, if it is not nil

	mu    sync.Mutex
	files map[string]*file // that were made here, and may be lost
}

type file struct {
	named bool // in its folder, for ever
	kept  int  // bytes that are on disk for ever
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

// SyncDir implements durable.Disk.
func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, f := range d.files {
		f.named = f.named || filepath.Dir(path) == filepath.Clean(dir)
	}
	return d.OS.SyncDir(dir)
}

// PowerCut takes back what was not synced: the content of files, and files whose folder was not.
func (d *Disk) PowerCut(tb testing.TB) {
	tb.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, f := range d.files {
		var err error
		if f.named {
			err = os.Truncate(path, int64(f.kept))
		} else {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			tb.Fatal(err)
		}
	}
	d.files = nil
}

type handle struct {
	durable.Handle
	disk    *Disk
	path    string
	written int
}

func (h *handle) Write(data []byte) (int, error) {
	if h.disk.Broken != nil {
		return 0, h.disk.Broken
	}
	n, err := h.Handle.Write(data)
	h.written += n
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
	h.disk.files[h.path].kept = h.written
	return h.Handle.Sync()
}
