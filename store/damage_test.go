package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/storetest"
)

// slow reports whether the long form of a test is wanted.
func slow() bool { return os.Getenv("FACEGATE_SLOW") == "1" }

// sound returns the files of a store with enough people for trees of several levels, and what is in it.
func sound(tb testing.TB) (map[string][]byte, contents) {
	tb.Helper()
	dir := tb.TempDir()
	s := storetest.Open(tb, dir)
	mustEnrol(tb, s, upTo(60)...)
	c := mustRead(tb, s)
	s.Close()
	return files(tb, dir), c
}

// mustRefuseOrAgree opens and uses the store in dir. It must be refused as damaged, with a hint, or hold exactly want.
func mustRefuseOrAgree(t *testing.T, dir string, what string, want contents) (refused bool) {
	t.Helper()
	s, err := store.Open(storetest.Options(dir))
	if err == nil {
		defer s.Close()
		var got contents
		if got, err = read(s); err == nil {
			if d := diff(want, got); d != "" {
				t.Errorf("%s: wrong data (-want +got):\n%s", what, d)
			}
			return false
		}
	}
	if !errors.Is(err, store.ErrDamaged) || hint.Of(err) == "" {
		t.Errorf("%s: got %v with hint %q", what, err, hint.Of(err))
	}
	return true
}

// A bench has a sound store on it, of which one file at a time is exchanged for a damaged one.
type bench struct {
	t     *testing.T
	dir   string
	sound map[string][]byte
	want  contents
}

func newBench(t *testing.T) *bench {
	sound, want := sound(t)
	return &bench{t, lay(t, sound), sound, want}
}

// try exchanges the file name for data. Where the store is refused, no file may have been touched.
func (b *bench) try(name string, data []byte, what string, args ...any) (refused bool) {
	b.t.Helper()
	before := maps.Clone(b.sound)
	before[name] = data
	b.write(name, data)
	what = name + ": " + fmt.Sprintf(what, args...)
	refused = mustRefuseOrAgree(b.t, b.dir, what, b.want)
	after := files(b.t, b.dir)
	if refused && !maps.EqualFunc(before, after, bytes.Equal) {
		b.t.Errorf("%s: was refused, and files were changed", what)
	}
	for name, data := range b.sound {
		if !bytes.Equal(after[name], data) {
			b.write(name, data)
		}
	}
	return refused
}

func (b *bench) write(name string, data []byte) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func TestTruncatedFiles(t *testing.T) {
	b := newBench(t)
	for name, data := range b.sound {
		step := 1
		if len(data) > 4096 && !slow() {
			step = 1021
		}
		for n := 0; n < len(data); n += step {
			refused := b.try(name, data[:n], "cut to %d bytes", n)
			// The end of a database file is room to grow. A keyring has nothing to spare.
			if filepath.Ext(name) == ".key" && !refused {
				t.Errorf("%s cut to %d bytes was accepted", name, n)
			}
		}
	}
}

func TestZeroedPages(t *testing.T) {
	b := newBench(t)
	for name, data := range b.sound {
		refused := 0
		for _, size := range []int{16, 4096} {
			for at := 0; at < len(data); at += 4096 {
				zeroed := bytes.Clone(data)
				clear(zeroed[at:min(at+size, len(data))])
				if b.try(name, zeroed, "%d zeros at %d", size, at) {
					refused++
				}
			}
		}
		if refused == 0 {
			t.Errorf("%s: nothing was noticed", name)
		}
	}
}

func TestFlippedBits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := newBench(t)
	for name, data := range b.sound {
		flips := 60
		if slow() {
			flips = 100_000
		}
		refused := 0
		for i := range flips {
			at := rnd.IntN(len(data))
			if i%2 == 0 { // half of them where bbolt's own pages begin
				at = min(at/4096*4096+rnd.IntN(80), len(data)-1)
			}
			flipped := bytes.Clone(data)
			flipped[at] ^= 1 << rnd.IntN(8)
			if b.try(name, flipped, "byte %d is %#x instead of %#x", at, flipped[at], data[at]) {
				refused++
			}
		}
		t.Logf("%s: %d of %d noticed", name, refused, flips)
		if refused == 0 || filepath.Ext(name) == ".key" && refused != flips {
			t.Errorf("%s: %d of %d bit flips were noticed", name, refused, flips)
		}
	}
}

func TestMissingAndForeignFiles(t *testing.T) {
	own, want := sound(t)
	foreign, _ := sound(t)
	names := []string{"faces.db", "faces.key", "people.db", "people.key", "journal.db", "journal.key"}
	all := 1<<len(names) - 1
	// Every choice of files to lose but none and all.
	for lost := 1; lost < all; lost++ {
		t.Run(fmt.Sprintf("lost %06b", lost), func(t *testing.T) {
			left := maps.Clone(own)
			for i, name := range names {
				if lost>>i&1 == 1 {
					delete(left, name)
				}
			}
			dir := lay(t, left)
			if !mustRefuseOrAgree(t, dir, "lost files", want) {
				t.Error("was accepted")
			}
			if d := len(files(t, dir)); d != len(left) {
				t.Errorf("%d files, want %d: something was made anew", d, len(left))
			}
		})
	}
	// Every choice of files from another store under the same device key but none and all.
	for swapped := 1; swapped < all; swapped++ {
		t.Run(fmt.Sprintf("swapped %06b", swapped), func(t *testing.T) {
			mixed := maps.Clone(own)
			for i, name := range names {
				if swapped>>i&1 == 1 {
					mixed[name] = foreign[name]
				}
			}
			if !mustRefuseOrAgree(t, lay(t, mixed), "swapped files", want) {
				t.Error("was accepted")
			}
		})
	}
}

// A row of one store does not pass for a row of another, nor one person's for another's. bbolt sees nothing wrong.
func TestSwappedRows(t *testing.T) {
	for _, tt := range []struct{ name, table string }{
		{"faces.db", "records"}, {"people.db", "people"}, {"people.db", "consents"},
	} {
		t.Run(tt.table, func(t *testing.T) {
			files, want := sound(t)
			dir := lay(t, files)
			swapRows(t, filepath.Join(dir, tt.name), tt.table)
			if !mustRefuseOrAgree(t, dir, "two rows swapped", want) {
				t.Error("was accepted")
			}
		})
	}
}

func swapRows(t *testing.T, path, table string) {
	t.Helper()
	db, err := bolt.Open(path, 0, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bolt.Tx) error {
		rows := tx.Bucket([]byte(table))
		c := rows.Cursor()
		k1, v1 := c.First()
		k2, v2 := c.Next()
		v1, v2 = bytes.Clone(v1), bytes.Clone(v2)
		return errors.Join(rows.Put(k1, v2), rows.Put(k2, v1))
	}); err != nil {
		t.Fatal(err)
	}
}

// A store with nobody in it, and a file of no length: bbolt would take it for new.
func TestEmptyDatabaseIsNotNew(t *testing.T) {
	dir := t.TempDir()
	storetest.Open(t, dir).Close()
	sound := files(t, dir)
	for _, name := range []string{"faces.db", "people.db", "journal.db"} {
		damaged := maps.Clone(sound)
		damaged[name] = nil
		dir := lay(t, damaged)
		if !mustRefuseOrAgree(t, dir, name, contents{}) {
			t.Errorf("%s of no length was accepted", name)
		}
		if n := len(files(t, dir)[name]); n != 0 {
			t.Errorf("%s of no length was written to: %d bytes", name, n)
		}
	}
}
