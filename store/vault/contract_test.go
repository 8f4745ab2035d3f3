package vault

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// TestAgainstMap does random changes to a vault and to a map, and opens the vault again and again.
func TestAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "vault")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &machine{dir: dir, want: make(map[byte]string)}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"put":     m.put,
			"delete":  m.delete,
			"rewrite": m.rewrite,
			"open":    m.open,
			"":        m.check,
		})
		m.vault.Close()
	})
}

// A machine is a vault and what it is to hold.
type machine struct {
	dir   string
	vault *rig
	want  map[byte]string
	stamp uint64
}

var (
	ids   = rapid.ByteRange(0, 9)
	texts = rapid.StringN(0, 300, -1)
)

func (m *machine) open(t *rapid.T) {
	if m.vault != nil {
		if err := m.vault.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m.vault = newRig(m.dir)
	if err := m.vault.open(); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) put(t *rapid.T) {
	n, text := ids.Draw(t, "id"), texts.Draw(t, "text")
	m.stamp++
	c := m.vault.put(n, text)
	c.Stamp = m.stamp
	if err := m.vault.Commit(c); err != nil {
		t.Fatal(err)
	}
	m.want[n] = text
}

func (m *machine) delete(t *rapid.T) {
	n := ids.Draw(t, "id")
	if err := m.vault.Commit(Change{Dels: []Row{at(n)}}); err != nil {
		t.Fatal(err)
	}
	delete(m.want, n)
}

// rewrite drops one row and writes another.
func (m *machine) rewrite(t *rapid.T) {
	gone, n, text := ids.Draw(t, "gone"), ids.Draw(t, "id"), texts.Draw(t, "text")
	c := drop(gone)
	c.Puts = m.vault.put(n, text).Puts
	if err := m.vault.Rewrite(c); err != nil {
		t.Fatal(err)
	}
	delete(m.want, gone)
	m.want[n] = text
}

func (m *machine) check(t *rapid.T) {
	got := make(map[byte]string)
	if err := m.vault.EachValue(testTable, func(id [16]byte, plain []byte) error {
		got[id[0]] = string(plain)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, m.want) {
		t.Fatalf("got %v, want %v", got, m.want)
	}
	if h, err := m.vault.Head(); err != nil || h.Stamp != m.stamp {
		t.Fatalf("the stamp is %d, want %d: %v", h.Stamp, m.stamp, err)
	}
	if len(m.vault.mended) > 0 {
		t.Fatalf("mended %v", m.vault.mended)
	}
}

// A step is a change of a vault with the rows 1 to 3.
type step struct {
	do   func(*rig) error
	want map[byte]string // when it is done
}

var before = map[byte]string{1: "one", 2: "two", 3: "three"}

var steps = map[string]step{
	"commit": {
		func(r *rig) error { return r.Commit(r.put(4, "four")) },
		map[byte]string{1: "one", 2: "two", 3: "three", 4: "four"},
	},
	"delete": {
		func(r *rig) error { return r.Commit(Change{Dels: []Row{at(2)}}) }, map[byte]string{1: "one", 3: "three"},
	},
	"rewrite": {
		func(r *rig) error {
			c := drop(2)
			c.Puts = r.put(1, "another").Puts
			return r.Rewrite(c)
		}, map[byte]string{1: "another", 3: "three"},
	},
}

// three returns a vault with the rows 1 to 3.
func three(tb testing.TB, dir string) *rig {
	tb.Helper()
	r := mustOpen(tb, dir)
	for n, text := range before {
		must(tb, r.Commit(r.put(n, text)))
	}
	return r
}

// TestPowerCut opens a vault from the files as they lay before each sync of a change. It was done or not, nothing is damaged,
// and what a rewrite dropped is gone with the key when the rewrite was acknowledged.
func TestPowerCut(t *testing.T) {
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := three(t, dir)
			var cuts []map[string][]byte
			r.disk.Before = func(string) error {
				cuts = append(cuts, files(t, dir))
				return nil
			}
			must(t, step.do(r))
			cuts = append(cuts, files(t, dir))
			for n, cut := range cuts {
				again := mustOpen(t, lay(t, cut))
				must(t, again.Settle())
				got := again.content(t)
				if done := maps.Equal(got, step.want); !done && (n == len(cuts)-1 || !maps.Equal(got, before)) {
					t.Errorf("cut off before sync %d of %d: %v", n, len(cuts)-1, got)
				}
				if len(again.mended) > 0 {
					t.Errorf("cut off before sync %d: mended %v", n, again.mended)
				}
				rings, err := again.LoadRings()
				must(t, err)
				if keys := rings.Keys(); len(keys) != 2 || keys[0] != keys[1] {
					t.Errorf("cut off before sync %d: the keyrings hold %d keys", n, len(keys))
				}
				must(t, again.Commit(again.put(9, "nine")))
				must(t, again.Close())
			}
			if len(cuts) < 3 {
				t.Errorf("only %d syncs", len(cuts)-1)
			}
		})
	}
}

// TestFullDisk has each sync of a change fail, and then none. The change is done or not, and can be done again.
func TestFullDisk(t *testing.T) {
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			failed := 0
			for n := 0; ; n++ {
				r := three(t, t.TempDir())
				left := n
				r.disk.Before = func(string) error {
					if left--; left < 0 {
						return syscall.ENOSPC
					}
					return nil
				}
				err := step.do(r)
				if err == nil {
					break
				}
				failed++
				if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("sync %d: %v", n, err)
				}
				if got := r.content(t); !maps.Equal(got, before) && !maps.Equal(got, step.want) {
					t.Errorf("sync %d fails: %v", n, got)
				}
				r.disk.Before = nil
				must(t, step.do(r))
				if got := r.content(t); !maps.Equal(got, step.want) {
					t.Errorf("sync %d failed, and then: %v", n, got)
				}
				must(t, r.Close())
			}
			if failed < 2 {
				t.Errorf("%d failures", failed)
			}
		})
	}
}

// TestDamage damages each file of a vault, and then it with its copy.
func TestDamage(t *testing.T) {
	damages := map[string]func(data []byte) []byte{
		"gone":    func([]byte) []byte { return nil },
		"zeros":   func(data []byte) []byte { return make([]byte, len(data)) },
		"half":    func(data []byte) []byte { return data[:len(data)/2] },
		"flipped": func(data []byte) []byte { data[len(data)*2/3] ^= 1; return data },
	}
	dir := t.TempDir()
	must(t, three(t, dir).Close())
	whole := files(t, dir)
	for name, damage := range damages {
		for _, files := range [][]string{{"x.db"}, {"x.copy.db"}, {"x.key"}, {"x.copy.key"}, {"x.db", "x.copy.db"}, {"x.key", "x.copy.key"}} {
			t.Run(fmt.Sprint(name, files), func(t *testing.T) {
				if name == "flipped" && filepath.Ext(files[0]) == ".db" {
					t.Skip("most of a small database is empty pages")
				}
				laid := maps.Clone(whole)
				for _, file := range files {
					if laid[file] = damage(append([]byte(nil), whole[file]...)); laid[file] == nil {
						delete(laid, file)
					}
				}
				r := newRig(lay(t, laid))
				defer r.Close()
				rings, err := r.LoadRings()
				if err == nil {
					err = r.Open(rings)
				}
				if len(files) == 2 {
					if !errors.Is(err, ErrDamaged) {
						t.Errorf("got %v", err)
					}
					return
				}
				must(t, errors.Join(err, r.Settle()))
				if got := r.content(t); !maps.Equal(got, before) {
					t.Errorf("got %v", got)
				}
				if len(r.mended) != 1 || filepath.Base(r.mended[0].Path) != files[0] {
					t.Errorf("mended %v", r.mended)
				}
			})
		}
	}
}

// TestConcurrentUse changes and reads a vault from several sides at once.
func TestConcurrentUse(t *testing.T) {
	r := mustOpen(t, t.TempDir())
	var failed atomic.Int32
	done := make(chan bool)
	const users = 4
	for user := range byte(users) {
		go func() {
			defer func() { done <- true }()
			for n := range byte(8) {
				err := r.Commit(r.put(user*8+n, "row"))
				if n == 4 {
					err = errors.Join(err, r.Rewrite(Change{}))
				}
				_, read := r.GetValue(at(user * 8))
				if errors.Join(err, read) != nil {
					failed.Add(1)
				}
			}
		}()
	}
	for range users {
		<-done
	}
	if rows := r.content(t); len(rows) != 8*users || failed.Load() != 0 {
		t.Errorf("%d rows, %d failures", len(rows), failed.Load())
	}
}
