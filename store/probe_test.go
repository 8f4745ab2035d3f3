package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/storetest"
)

func TestCheckFolder(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"own", "shared", "own/below"} {
		if err := os.Mkdir(path(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(path("shared"), 0o777), os.WriteFile(path("file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		ok   bool
	}{
		{"own", true},
		{"own/below", true},
		{"missing", true},
		{"missing/for/long", true},
		{"shared", false},
		{"file", false},
		{"file/below", false},
	} {
		err := store.CheckFolder(path(test.name))
		if (err == nil) != test.ok || err != nil && hint.Of(err) == "" {
			t.Errorf("%s: %v, to do %q; want ok = %t", test.name, err, hint.Of(err), test.ok)
		}
	}
	if _, err := os.Stat(path("missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a check made a folder: %v", err)
	}
}

// TestCheckKeyrings asks about a store that is open.
func TestCheckKeyrings(t *testing.T) {
	dir := t.TempDir()
	keys := storetest.Options(dir).Keys
	if err := store.CheckKeyrings(dir, dir, keys); err != nil {
		t.Errorf("a store that is not there yet: %v", err)
	}
	storetest.Open(t, dir)
	if err := store.CheckKeyrings(dir, dir, keys); err != nil {
		t.Errorf("an open store: %v", err)
	}
	other := filepath.Join(t.TempDir(), "other.key")
	if err := os.WriteFile(other, bytes.Repeat([]byte{9}, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	keys = store.KeyFile(other)
	if err := store.CheckKeyrings(dir, dir, keys); !errors.Is(err, store.ErrDamaged) || hint.Of(err) == "" {
		t.Errorf("another device key: %v, to do %q", err, hint.Of(err))
	}
	keys = store.KeyFile(other + ".not")
	if err := store.CheckKeyrings(dir, dir, keys); !errors.Is(err, store.ErrKey) {
		t.Errorf("no device key: %v", err)
	}
}
