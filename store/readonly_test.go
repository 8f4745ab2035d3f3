package store_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/storetest"
)

// TestReadOnlyDisk opens a store whose disk cannot be written to: everybody is there, and whatever changes it says why it does not.
func TestReadOnlyDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m,mode=700"); err != nil {
		t.Skip("not permitted to mount: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(disk, "state")
	s := storetest.Open(t, dir)
	if _, err := s.Enrol(current(s, enrolment(0))); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || s.ReadOnly() {
		t.Fatal(err, s.ReadOnly())
	}

	remount(syscall.MS_RDONLY)
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Person(labelOf(0)); err != nil || !s.ReadOnly() {
		t.Errorf("Person: %v; read-only: %v", err, s.ReadOnly())
	}
	if records, err := s.Templates().Records(enrolment(0).ModelID); err != nil || len(records) != 1 {
		t.Errorf("Records: %d, %v", len(records), err)
	}
	if _, err := s.Join(membership(1)); !errors.Is(err, syscall.EROFS) || hint.Of(err) == "" {
		t.Errorf("Join = %v, to do %q", err, hint.Of(err))
	}
	s.Close()

	remount(0)
	s, err = store.Open(storetest.Options(dir))
	if err != nil || s.ReadOnly() {
		t.Fatal(err)
	}
	if _, err := s.Join(membership(1)); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
