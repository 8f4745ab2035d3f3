package vault

import (
	"crypto/rand"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/store/durable/durabletest"
	"facegate/store/vault/vaulttest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" { // which is to have the disk
		durabletest.InMemory()
	}
	os.Exit(m.Run())
}

const testTable = "rows"

// A rig is a vault in a folder, and what it has told.
type rig struct {
	*Vault
	disk   *durabletest.Watched
	mended []Fault
}

// newRig returns the vault in dir, which is not open.
func newRig(dir string) *rig {
	r := &rig{disk: new(durabletest.Watched)}
	r.Vault = New(Options{
		Dir: dir, KeyDir: dir, Name: "x", Tables: []string{testTable, "others"}, Wrap: [32]byte{1}, Rand: rand.Reader, Disk: r.disk,
		Mended: func(f Fault) { r.mended = append(r.mended, f) }, Reopened: func() {},
	})
	return r
}

// open opens the vault, or makes it where there is none.
func (r *rig) open() error {
	rings, err := r.LoadRings()
	if err != nil {
		return err
	}
	if !rings.InUse() {
		return errors.Join(r.Make(1, Change{}), r.Settle())
	}
	return r.Open(rings)
}

// mustOpen opens the vault in dir, and closes it at the end of the test.
func mustOpen(tb testing.TB, dir string) *rig {
	tb.Helper()
	r := newRig(dir)
	must(tb, r.open())
	tb.Cleanup(func() { r.Close() })
	return r
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func at(n byte) Row { return At(testTable, [16]byte{n}) }

// put returns the change that writes a row.
func (r *rig) put(n byte, text string) Change {
	return Change{Puts: []Put{r.Value(at(n), []byte(text))}}
}

// drop returns the change that leaves a row out of a rewrite.
func drop(n byte) Change { return Change{Drop: func(row Row) bool { return row == at(n) }} }

// content returns what the vault holds, by id.
func (r *rig) content(tb testing.TB) map[byte]string {
	tb.Helper()
	rows := make(map[byte]string)
	must(tb, r.EachValue(testTable, func(id [16]byte, plain []byte) error {
		rows[id[0]] = string(plain)
		return nil
	}))
	return rows
}

// files returns the content of every file in dir.
func files(tb testing.TB, dir string) map[string][]byte {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	must(tb, err)
	all := make(map[string][]byte)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		must(tb, err)
		all[e.Name()] = data
	}
	return all
}

// lay puts files in a folder of their own.
func lay(tb testing.TB, files map[string][]byte) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	for name, data := range files {
		must(tb, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return dir
}

// Where bbolt panics at a file, the file is let go, so that it can be looked at and tried again.
func TestPanicOfBbolt(t *testing.T) {
	r := mustOpen(t, t.TempDir())
	must(t, r.Close())
	must(t, os.Truncate(r.Databases()[0], 2*4096)) // the meta pages and nothing else
	for range 2 {
		if _, err := r.openBolt(r.Databases()[0], 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("got %v", err)
		}
	}
}

// A rewrite is not acknowledged if the disk that it was on first goes while it is being copied.
func TestNoRewriteTakenBackIsAcknowledged(t *testing.T) {
	r := mustOpen(t, t.TempDir())
	must(t, r.Commit(r.put(1, "one")))
	must(t, r.Commit(r.put(2, "two")))
	must(t, r.replace(drop(1)))
	sealed, err := r.sealedHead(r.db)
	must(t, err)
	vaulttest.Rot(t, r, r.Databases()[r.lead], testTable)
	if err := r.land(sealed); !errors.Is(err, errLost) {
		t.Errorf("the rewrite is gone, and: %v", err)
	}
	if h, err := r.lastHead(); err != nil || h.Generation != 1 || h.Counts[0] != 2 {
		t.Errorf("the head is %+v: %v", h, err)
	}
}

// What is found damaged while the vault is open is mended by whatever comes upon it.
func TestDamageWhileOpen(t *testing.T) {
	for name, do := range map[string]func(*rig) error{
		"mending": func(r *rig) error {
			return errors.Join(r.Mending(func() error { return r.EachValue(testTable, func([16]byte, []byte) error { return nil }) }), r.Settle())
		},
		"rewrite": func(r *rig) error { return r.Rewrite(Change{}) },
	} {
		r := mustOpen(t, t.TempDir())
		must(t, r.Commit(r.put(1, "one")))
		vaulttest.Rot(t, r, r.Databases()[0], testTable)
		if err := do(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := r.content(t); got[1] != "one" || len(r.mended) != 1 {
			t.Errorf("%s: %v, mended %v", name, got, r.mended)
		}
	}
}

// A vault whose keyring was supplanted takes no change, which would put the keyring back.
func TestSupplanted(t *testing.T) {
	dir := t.TempDir()
	r := mustOpen(t, dir)
	must(t, r.Supplant([]byte("something else")))
	for name, err := range map[string]error{
		"commit": r.Commit(r.put(1, "new")), "rewrite": r.Rewrite(Change{}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := string(files(t, dir)["x.key"]); got != "something else" {
		t.Errorf("in the place of the keyring is %q", got)
	}
}

// What is destroyed does not open, and leaves nothing but what was to be left.
func TestDestroy(t *testing.T) {
	for name, destroy := range map[string]func(*rig) error{
		"": func(r *rig) error { return r.Destroy() },
		"left": func(r *rig) error {
			left, err := r.DestroyLeaving([]byte("left"))
			if !left {
				t.Error("nothing was left")
			}
			return err
		},
	} {
		dir := t.TempDir()
		r := mustOpen(t, dir)
		must(t, r.Rewrite(r.put(1, "row")))
		must(t, destroy(r))
		left := files(t, dir)
		if string(left["x.key"]) != name || len(left) != len(name)/len("left") {
			t.Errorf("%q: %d files are left", name, len(left))
		}
		if g, err := r.Generation(); g != 2 || err != nil || !r.Destroyed() || r.IsOpen() {
			t.Errorf("generation %d: %v", g, err)
		}
		if err := r.Commit(r.put(1, "row")); err == nil {
			t.Error("a change of what was destroyed")
		}
	}
}

// Two vaults wait for one another in nothing: one is written to while the other waits for a disk.
func TestVaultsDoNotWaitForOneAnother(t *testing.T) {
	slow, quick := mustOpen(t, t.TempDir()), mustOpen(t, t.TempDir())
	must(t, slow.Commit(slow.put(1, "row")))
	reached, goOn, done := make(chan bool), make(chan bool), make(chan error)
	slow.disk.Before = func(path string) error {
		if strings.HasSuffix(path, "x.db.tmp") {
			reached <- true
			<-goOn
			slow.disk.Before = nil
		}
		return nil
	}
	go func() { done <- slow.Rewrite(drop(1)) }()
	<-reached
	for n := range byte(10) {
		must(t, quick.Commit(quick.put(n, "row")))
	}
	select {
	case err := <-done:
		t.Fatalf("the rewrite did not wait: %v", err)
	default:
	}
	close(goOn)
	must(t, <-done)
	if rows := quick.content(t); len(rows) != 10 {
		t.Errorf("%d rows", len(rows))
	}
}

// A vault of another version says so, and so does one of which the version alone is damaged.
func TestVersion(t *testing.T) {
	dir := t.TempDir()
	r := newRig(dir)
	r.version = 7
	must(t, errors.Join(r.open(), r.Close()))
	for version, want := range map[uint]error{6: ErrVersion, 7: nil, 8: ErrVersion} {
		other := newRig(dir)
		other.version = version
		if _, err := other.LoadRings(); !errors.Is(err, want) || want != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}
