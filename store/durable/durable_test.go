package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"facegate/store/durable"
	"facegate/store/durable/durabletest"
)

func TestWriteOutlivesAPowerCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	disk := new(durabletest.Disk)
	if err := durable.Write(disk, path, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	disk.PowerCut(t)
	if data, err := os.ReadFile(path); err != nil || string(data) != "kept" {
		t.Errorf("after a power cut: %q, %v", data, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestCreateOutlivesAPowerCut checks that the file is there before anything is done for which it was made.
func TestCreateOutlivesAPowerCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	disk := new(durabletest.Disk)
	f, err := durable.Create(disk, path, 100)
	if err != nil {
		t.Fatal(err)
	}
	disk.PowerCut(t)
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("after a power cut: %v, %v", info, err)
	}
	if err := f.Discard(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("discarded: %v", err)
	}
	if err := (*durable.File)(nil).Discard(); err != nil {
		t.Error(err)
	}
}

// TestPowerCutTakes checks that the disk of the other tests loses what is not synced.
func TestPowerCutTakes(t *testing.T) {
	disk, dir := new(durabletest.Disk), t.TempDir()
	unnamed, unwritten := filepath.Join(dir, "unnamed"), filepath.Join(dir, "unwritten")
	for _, path := range []string{unwritten, unnamed} {
		h, err := disk.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if _, err := h.Write([]byte("lost")); err != nil {
			t.Fatal(err)
		}
		if path == unwritten {
			err = disk.SyncDir(dir)
		} else {
			err = h.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	disk.PowerCut(t)
	if _, err := os.Stat(unnamed); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that was not synced: %v", err)
	}
	if data, err := os.ReadFile(unwritten); err != nil || len(data) != 0 {
		t.Errorf("content that was not synced: %q, %v", data, err)
	}
}

func TestNothingIsTouched(t *testing.T) {
	dir := t.TempDir()
	there, link := filepath.Join(dir, "there"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(there, []byte("old"), 0o600), os.Symlink(filepath.Join(dir, "none"), link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{there, link} {
		if err := durable.Write(durable.OS{}, path, []byte("new")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if data, err := os.ReadFile(there); err != nil || string(data) != "old" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the end of a link: %v", err)
	}
}

// TestNoRoom checks that a file for which there is no room is not there.
func TestNoRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	disk := &durabletest.Disk{Full: syscall.ENOSPC}
	if _, err := durable.Create(disk, path, 100); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
}

// TestCreateWithoutRoom makes a file of which nobody knows how long it will be.
func TestCreateWithoutRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	f, err := durable.Create(durable.OS{}, path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Keep([]byte("kept")); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "kept" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestPublishOutlivesAPowerCut checks that the old file or the new one is there, whatever moment the power goes at.
func TestPublishOutlivesAPowerCut(t *testing.T) {
	for _, old := range []string{"", "old"} {
		path := filepath.Join(t.TempDir(), "file")
		if old != "" {
			if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		disk := new(durabletest.Disk)
		cut := &cutBefore{Disk: disk, tb: t, dir: filepath.Dir(path)}
		if err := durable.Publish(cut, path, []byte("new"), 0o644); !errors.Is(err, errCut) {
			t.Errorf("%q: %v", old, err)
		}
		if data, err := os.ReadFile(path); string(data) != old || errors.Is(err, fs.ErrNotExist) != (old == "") {
			t.Errorf("the power went before the folder was synced: %q, %v", data, err)
		}
		if err := durable.Publish(disk, path, []byte("new"), 0o644); err != nil {
			t.Fatal(err)
		}
		disk.PowerCut(t)
		data, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(data) != "new" || info.Mode().Perm() != 0o644 {
			t.Errorf("after a power cut: %q, %v, %v", data, err, statErr)
		}
	}
}

var errCut = errors.New("the power went")

// A cutBefore is a disk whose power goes before the first sync of a folder.
type cutBefore struct {
	*durabletest.Disk
	tb  testing.TB
	dir string
}

func (c *cutBefore) SyncDir(dir string) error {
	if dir != c.dir {
		return c.Disk.SyncDir(dir)
	}
	c.PowerCut(c.tb)
	return errCut
}

// TestReplaceOutlivesAPowerCut checks that what is replaced is there until the new file is, by its name.
func TestReplaceOutlivesAPowerCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	disk := new(durabletest.Disk)
	for _, text := range []string{"first", "second"} {
		if err := durable.Replace(disk, path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		disk.PowerCut(t)
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("after a power cut: %q, %v", data, err)
		}
	}
	cut := &cutBefore{Disk: disk, tb: t, dir: filepath.Dir(path)}
	if err := durable.Replace(cut, path, []byte("third")); !errors.Is(err, errCut) {
		t.Errorf("cut off: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "second" {
		t.Errorf("the power went before the folder was synced: %q, %v", data, err)
	}
}

// TestSettle checks that a file which another attempt has left, and not synced, outlives a power cut.
func TestSettle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "left")
	disk := new(durabletest.Disk)
	h, err := disk.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.Write([]byte("left")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Settle(disk, path); err != nil {
		t.Fatal(err)
	}
	disk.PowerCut(t)
	if data, err := os.ReadFile(path); err != nil || string(data) != "left" {
		t.Errorf("after a power cut: %q, %v", data, err)
	}
}

// TestMakeFolderOutlivesAPowerCut checks that every folder on the way is on disk.
func TestMakeFolderOutlivesAPowerCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "c")
	disk := new(durabletest.Disk)
	for range 2 {
		if err := durable.MakeFolder(disk, path); err != nil {
			t.Fatal(err)
		}
		disk.PowerCut(t)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("after a power cut: %v, %v", info, err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if err := durable.MakeFolder(disk, path); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
