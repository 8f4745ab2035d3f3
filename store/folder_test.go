package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// TestFolderOthersMayWriteTo is refused: they could put anything in the place of a file of ours.
func TestFolderOthersMayWriteTo(t *testing.T) {
	for _, mode := range []os.FileMode{0o777, 0o770, 0o702, os.ModeSticky | 0o777} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(storetest.Options(dir))
		if !errors.Is(err, store.ErrFolder) || !strings.Contains(hint.Of(err), "chmod 0700 "+dir) {
			t.Errorf("%v: %v; to do: %s", mode, err, hint.Of(err))
		}
		if left := files(t, dir); len(left) > 0 {
			t.Errorf("%v: a store was made in it: %d files", mode, len(left))
		}
	}
}

// TestFolderOfAnotherUser is refused, even where root may do everything.
func TestFolderOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(storetest.Options(dir)); !errors.Is(err, store.ErrFolder) || hint.Of(err) == "" {
		t.Errorf("%v; to do: %s", err, hint.Of(err))
	}
}

// TestLinksAreNotFollowed puts a link to a foreign file at every name that the store writes to.
func TestLinksAreNotFollowed(t *testing.T) {
	foreign := filepath.Join(t.TempDir(), "foreign")
	const content = "nothing of the store's"
	if err := os.WriteFile(foreign, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 0, 1, 2)
	want := mustRead(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	plant := func(name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.RemoveAll(path), os.Symlink(foreign, path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, vault := range []string{"people", "faces", "journal"} {
		for _, name := range []string{".copy.db", ".copy.key", ".copy.db.tmp", ".key.tmp", ".copy.key.tmp"} {
			plant(vault + name)
		}
	}
	s = storetest.Open(t, dir)
	if d := diff(want, mustRead(t, s)); d != "" {
		t.Error(d)
	}
	for _, vault := range []string{"people", "faces"} { // which an erasure writes anew
		for _, name := range []string{".db.tmp", ".copy.db.tmp", ".key.tmp", ".copy.key.tmp"} {
			plant(vault + name)
		}
	}
	mustErase(t, s, labelOf(0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(foreign); err != nil || string(data) != content {
		t.Errorf("the foreign file holds %q, %v", data, err)
	}
	for name := range files(t, dir) {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s is %v, %v", name, info.Mode(), err)
		}
	}
}

// TestPipesAndGiants stand where the files of a store are. It does not wait for them, and reads none of them.
func TestPipesAndGiants(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"giant": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := storetest.Open(t, dir)
			mustEnrol(t, s, 0)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{"people.key", "people.copy.key", "faces.db", "faces.copy.db"} {
				path := filepath.Join(dir, file)
				if err := errors.Join(os.Rename(path, path+".aside"), put(path)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := store.Open(storetest.Options(dir)); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("got %v", err)
			}
			for _, file := range []string{"people.key", "people.copy.key", "faces.db", "faces.copy.db"} {
				path := filepath.Join(dir, file)
				if err := errors.Join(os.RemoveAll(path), os.Rename(path+".aside", path)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What is acknowledged in a folder that the store has made must not go with the folder.
func TestFoldersOutliveAPowerCut(t *testing.T) {
	root := t.TempDir()
	o := storetest.Options(filepath.Join(root, "var", "facegate"))
	o.KeyDir = filepath.Join(root, "var", "keys")
	disk := new(durabletest.Disk)
	o.Disk = disk
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	mustEnrol(t, s, 0)
	disk.PowerCut(t)
	s.Close()
	if s, err = store.Open(o); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustHave(t, s, 1, 1)
}
