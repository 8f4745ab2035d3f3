package store_test

import (
	"crypto/rand"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// A noKey is a device key that cannot be had.
type noKey struct{}

func (noKey) DeviceKey() ([32]byte, error) { return [32]byte{}, store.ErrKey }

func (noKey) Class() string { return "file" }

// broken are stores that do not open, or hardly, made of a sound one.
var broken = map[string]func(files map[string][]byte){
	"nothing wrong":         func(map[string][]byte) {},
	"people.db damaged":     func(f map[string][]byte) { clear(f["people.db"]); clear(f["people.copy.db"]) },
	"people.key damaged":    func(f map[string][]byte) { clear(f["people.key"]); clear(f["people.copy.key"]) },
	"journal.db gone":       func(f map[string][]byte) { delete(f, "journal.db"); delete(f, "journal.copy.db") },
	"journal.key gone":      func(f map[string][]byte) { delete(f, "journal.key"); delete(f, "journal.copy.key") },
	"faces.db damaged":      func(f map[string][]byte) { clear(f["faces.db"]); clear(f["faces.copy.db"]) },
	"first faces.key gone":  func(f map[string][]byte) { delete(f, "faces.key") },
	"second faces.key gone": func(f map[string][]byte) { delete(f, "faces.copy.key") },
	"everything empty": func(f map[string][]byte) {
		for name := range f {
			f[name] = nil
		}
	},
}

// mustHaveNoFaces checks that nothing is left of the templates or, with their databases put back, of the keys to them.
func mustHaveNoFaces(t *testing.T, dir string, before map[string][]byte) {
	t.Helper()
	left := files(t, dir)
	for name, data := range left {
		if strings.HasPrefix(name, "faces") && !strings.HasPrefix(string(data), "facegate locked down") {
			t.Errorf("%s is left, of %d bytes", name, len(data))
		}
		for _, ring := range []string{"faces.key", "faces.copy.key"} {
			if secret := before[ring]; len(secret) > 60 && strings.Contains(string(data), string(secret[40:60])) {
				t.Errorf("%s holds what was in %s", name, ring)
			}
		}
	}
	for _, name := range []string{"faces.db", "faces.copy.db"} {
		left[name] = before[name]
	}
	s, err := store.Open(storetest.Options(lay(t, left)))
	if err != nil {
		return
	}
	defer s.Close()
	if c := mustRead(t, s); len(c.Records) != 0 || !s.Lockdown().InForce() {
		t.Errorf("with the databases back %d people match, locked down %v", len(c.Records), s.Lockdown().InForce())
	}
}

func TestForceLockdown(t *testing.T) {
	sound := twenty(t)
	for name, edit := range broken {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(sound)
			for name, data := range before {
				before[name] = slices.Clone(data)
			}
			edit(before)
			dir := lay(t, before)
			if err := store.ForceLockdown(store.Place{Dir: dir, KeyDir: dir}, storetest.Now()); err != nil {
				t.Fatal(err)
			}
			mustHaveNoFaces(t, dir, before)
			s, err := store.Open(storetest.Options(dir))
			if err != nil {
				if !errors.Is(err, store.ErrDamaged) || name == "nothing wrong" || strings.Contains(name, "faces") {
					t.Errorf("then Open: %v", err)
				}
				return
			}
			defer s.Close()
			if c := mustRead(t, s); len(c.People) != 20 || len(c.Records) != 0 || !s.Lockdown().InForce() || s.Retention().Owed().Any() {
				t.Errorf("%d people, %d match, locked down %v, owed %+v", len(c.People), len(c.Records), s.Lockdown().InForce(), s.Retention().Owed())
			}
			if got := kinds(t, s); !slices.Contains(got, "templates-destroyed") {
				t.Errorf("the audit log says %v", got)
			}
			if err := s.Lockdown().End(1000); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Recapture(current(s, enrolment(3))); err != nil || s.Lockdown().InForce() {
				t.Errorf("captured again: %v", err)
			}
		})
	}
}

func TestForceWipe(t *testing.T) {
	sound := twenty(t)
	public := func() []byte { s := storetest.Open(t, lay(t, sound)); defer s.Close(); return s.Device().PublicKey }()
	for name, edit := range broken {
		for _, keys := range []store.KeySource{storetest.Key{1}, noKey{}} {
			t.Run(name+" "+keys.Class(), func(t *testing.T) {
				before := maps.Clone(sound)
				for name, data := range before {
					before[name] = slices.Clone(data)
				}
				edit(before)
				root := t.TempDir()
				at := store.Place{Dir: filepath.Join(root, "state"), KeyDir: filepath.Join(root, "keys")}
				if err := errors.Join(os.Mkdir(at.Dir, 0o700), os.Mkdir(at.KeyDir, 0o700)); err != nil {
					t.Fatal(err)
				}
				for name, data := range before {
					dir := at.Dir
					if ext := filepath.Ext(name); ext == ".key" || ext == ".list" {
						dir = at.KeyDir
					}
					if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				var certificate []byte
				key, err := store.ForceWipe(at, keys, storetest.Now(), rand.Reader, func(text []byte) error {
					certificate = text
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if n := len(files(t, at.Dir)) + len(files(t, at.KeyDir)); n != 0 {
					t.Errorf("%d files are left", n)
				}
				if keys == (noKey{}) {
					if certificate != nil || key != nil {
						t.Errorf("without the key: a certificate of %d bytes, and the key %x", len(certificate), key)
					}
					return
				}
				r, err := receipt.Verify(certificate, public)
				if err != nil || r.Kind != receipt.Wipe || r.Reason != receipt.Unopened || string(key) != string(public) {
					t.Errorf("the certificate: %+v, %v", r, err)
				}
				if _, err := store.ForceWipe(at, keys, storetest.Now(), rand.Reader, nil); !errors.Is(err, store.ErrNothing) {
					t.Errorf("again: %v", err)
				}
				if err := store.ForceLockdown(at, storetest.Now()); !errors.Is(err, store.ErrNothing) {
					t.Errorf("and lockdown: %v", err)
				}
			})
		}
	}
}

// TestForceWipeCutOff finds a wipe that was cut off without the device key: nothing is destroyed because a file says so.
func TestForceWipeCutOff(t *testing.T) {
	before := twenty(t)
	before["journal.key"] = []byte("facegate wiped 1\n")
	dir := lay(t, before)
	_, err := store.Open(storetest.Options(dir))
	if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "being wiped") || hint.Of(err) != "wipe it again: facegate wipe" {
		t.Errorf("Open: %v with hint %q", err, hint.Of(err))
	}
	if len(files(t, dir)) != len(before) {
		t.Error("something was destroyed")
	}
}

// TestForceInUse checks that a store that is open is left to whoever has it open.
func TestForceInUse(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 1)
	at := store.Place{Dir: dir, KeyDir: dir}
	keep := func([]byte) error { t.Error("a certificate"); return nil }
	if err := store.ForceLockdown(at, storetest.Now()); !errors.Is(err, store.ErrInUse) || hint.Of(err) == "" {
		t.Errorf("lockdown: %v", err)
	}
	if _, err := store.ForceWipe(at, storetest.Key{1}, storetest.Now(), rand.Reader, keep); !errors.Is(err, store.ErrInUse) {
		t.Errorf("wipe: %v", err)
	}
	mustHave(t, s, 1, 1)
}
