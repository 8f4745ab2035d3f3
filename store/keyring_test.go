package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"facegate/store"
	"facegate/store/storetest"
)

// apart returns the options of a store whose keyrings are in a folder of their own.
func apart(t *testing.T) store.Options {
	t.Helper()
	root := t.TempDir()
	o := storetest.Options(filepath.Join(root, "state"))
	o.KeyDir = filepath.Join(root, "keys")
	return o
}

func mustOpenApart(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		storetest.MustCheck(t, o.Dir)
		storetest.MustCheck(t, o.KeyDir)
	})
	return s
}

// putBack makes dir hold what files were copied from it.
func putBack(t *testing.T, dir string, copied map[string][]byte) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	for name, data := range copied {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKeyringsApart keeps the databases in one folder and their keys in the other, each for the owner alone.
func TestKeyringsApart(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0, 1)
	mustErase(t, s, labelOf(0))
	want := mustRead(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for dir, suffixes := range map[string][]string{o.Dir: {".db"}, o.KeyDir: {".key", ".list"}} {
		for name := range files(t, dir) {
			if !slices.Contains(suffixes, filepath.Ext(name)) && name != reserveFile {
				t.Errorf("%s holds %s", dir, name)
			}
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v, %v", dir, info.Mode(), err)
		}
	}
	if d := diff(want, mustRead(t, mustOpenApart(t, o))); d != "" {
		t.Error(d)
	}
}

// TestCopyOfTheDatabases puts a copy of the folder of databases back, which brings back nobody who was erased since: it
// does not open.
func TestCopyOfTheDatabases(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := files(t, o.Dir)
	s = mustOpenApart(t, o)
	mustErase(t, s, labelOf(0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	putBack(t, o.Dir, old)
	if _, err := store.Open(o); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("after an erasure: %v", err)
	}
	o.KeyDir = filepath.Join(t.TempDir(), "none")
	if _, err := store.Open(o); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("without keyrings: %v", err)
	}
}

// TestFolderOfKeyringsOthersMayWriteTo is refused as that of the databases is.
func TestFolderOfKeyringsOthersMayWriteTo(t *testing.T) {
	o := apart(t)
	if err := errors.Join(os.Mkdir(o.KeyDir, 0o700), os.Chmod(o.KeyDir, 0o777)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(o); !errors.Is(err, store.ErrFolder) {
		t.Errorf("got %v", err)
	}
	if err := os.Chmod(o.KeyDir, 0o700); err != nil {
		t.Fatal(err)
	}
	mustOpenApart(t, o)
	if _, err := store.Open(o); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second time: %v", err)
	}
}

// TestDatabasesAndKeyringsPutBack finds the list of what was erased ahead of them, and erases again.
func TestDatabasesAndKeyringsPutBack(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dbs, keys := files(t, o.Dir), files(t, o.KeyDir)
	s = mustOpenApart(t, o)
	mustErase(t, s, labelOf(0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	now := files(t, o.KeyDir)
	for _, name := range []string{"erased.list", "erased.copy.list"} {
		keys[name] = now[name]
	}
	putBack(t, o.Dir, dbs)
	putBack(t, o.KeyDir, keys)
	mustBeOlder(t, mustOpenApart(t, o), store.Older{From: 0, To: 1}, 1)
}
