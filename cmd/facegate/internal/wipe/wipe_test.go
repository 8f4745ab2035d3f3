package wipe_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/wipe"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// stopped is a gate with one person in dir, whose device key is a file besides.
func stopped(t *testing.T, dir string) wipe.Stopped {
	t.Helper()
	o := storetest.Options(filepath.Join(dir, "state"))
	o.KeyDir = filepath.Join(dir, "keys")
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	c := storetest.Consent()
	if _, err := s.Enrol(store.Enrolment{Label: "Ada", Consent: c, Expires: c.Expires, Made: template.Made{Scheme: template.SchemeS1, Epoch: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "device.key")
	if err := os.WriteFile(key, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	return wipe.Stopped{
		Place: store.Place{Dir: o.Dir, KeyDir: o.KeyDir}, Keys: o.Keys, KeyFile: key, Now: storetest.Now, Rand: rand.Reader,
		Open: func(keep func([]byte) error) (*store.Store, error) {
			o.Wiped = keep
			s, err := store.Open(o)
			if err != nil && !errors.As(err, new(*store.WipedError)) {
				err = &opening.UnopenedError{Err: err}
			}
			return s, err
		},
	}
}

// certified checks the certificate of a wipe.
func certified(t *testing.T, done wipe.Done, people uint32) {
	t.Helper()
	key, err := hex.DecodeString(done.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify([]byte(done.Certificate), key)
	if err != nil || r.Kind != receipt.Wipe || r.Erased.People != people {
		t.Errorf("the certificate says %+v, %v", r, err)
	}
}

// TestWipe wipes a gate whose certificate cannot be kept at first, and destroys the device key last.
func TestWipe(t *testing.T) {
	dir := t.TempDir()
	g := stopped(t, dir)
	full := errors.New("no space left on device")
	done, err := g.Wipe(func([]byte) error { return full })
	if !errors.Is(err, full) || done.Certificate == "" {
		t.Errorf("wiped %+v, %v", done, err)
	}
	if done, err = g.Wipe(func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	certified(t, done, 1)
	if _, err := os.Stat(g.KeyFile); err != nil || done.KeyDestroyed {
		t.Errorf("the key went with the store: %v", err)
	}
	if err := g.DestroyKey(&done); err != nil || !done.KeyDestroyed {
		t.Errorf("destroyed: %v, %v", done.KeyDestroyed, err)
	}
	if _, err := os.Stat(g.KeyFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key is left: %v", err)
	}
}

// TestWipeOfWhatDoesNotOpen destroys a store that is damaged, whose certificate says that nobody knows how much there was.
func TestWipeOfWhatDoesNotOpen(t *testing.T) {
	g := stopped(t, t.TempDir())
	for _, name := range []string{"people.db", "people.copy.db"} {
		if err := os.WriteFile(filepath.Join(g.Dir, name), []byte("no database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	done, err := g.Wipe(func([]byte) error { return nil })
	if err != nil || done.Undone == "" {
		t.Fatalf("wiped %+v, %v", done, err)
	}
	certified(t, done, 0)
}
