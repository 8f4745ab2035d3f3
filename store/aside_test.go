package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"facegate/store"
	"facegate/store/storetest"
)

// otherKey is the key of another device.
type otherKey struct{ storetest.Key }

func (otherKey) DeviceKey() ([32]byte, error) { return [32]byte{42}, nil }

// TestKeyringsOfAnotherKey gives a gate whose databases are gone another device key, and then all back that was there.
func TestKeyringsOfAnotherKey(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0, 1)
	mustErase(t, s, labelOf(0))
	want := mustRead(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	databases, keyrings := files(t, o.Dir), files(t, o.KeyDir)
	own := o.Keys

	// With the databases there, nothing is moved.
	o.Keys = otherKey{}
	if _, err := store.Open(o); !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("with another key: %v", err)
	}
	putBack(t, o.Dir, nil)
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	mustEnrol(t, s, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(o.KeyDir, "other-1")
	for name, data := range keyrings {
		if now, err := os.ReadFile(filepath.Join(aside, name)); err != nil || !bytes.Equal(now, data) {
			t.Errorf("%s is not what it was: %v", name, err)
		}
	}
	s, err = store.Open(o) // once more: they stay
	if err != nil {
		t.Fatal(err)
	}
	mustHave(t, s, 1, 1)
	s.Close()

	// What a technician is told to do brings everybody back.
	o.Keys = own
	putBack(t, o.Dir, databases)
	putBack(t, o.KeyDir, keyrings)
	if d := diff(want, mustRead(t, mustOpenApart(t, o))); d != "" {
		t.Error(d)
	}
}

// TestWipeDestroysWhatWasSetAside leaves nothing of the former keyrings either.
func TestWipeDestroysWhatWasSetAside(t *testing.T) {
	o := apart(t)
	if err := mustOpenApart(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	o.Keys = otherKey{}
	putBack(t, o.Dir, nil)
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Wipe(func([]byte) error { return nil }), s.Close()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(o.KeyDir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
