package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"facegate/pipeline/template"
)

type testKey [32]byte

func (k testKey) DeviceKey() ([32]byte, error) { return k, nil }
func (testKey) Class() string                  { return "test" }

func testNow() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func testOpen(tb testing.TB, dir string) (*Store, error) {
	tb.Helper()
	return Open(Options{Dir: dir, Keys: testKey{1}, Now: testNow, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
}

func mustOpen(tb testing.TB, dir string) *Store {
	tb.Helper()
	s, err := testOpen(tb, dir)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func testEnrolment(n int) Enrolment {
	e := Enrolment{Label: fmt.Sprint("person ", n), ConsentRef: "form", Expires: testNow().AddDate(1, 0, 0)}
	e.Lane = uint8(n % template.Lanes)
	e.Code[0] = uint64(n)
	return e
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Each case stops an erasure of person 1, of three, after a step, as a power cut would.
func TestErasureCutOff(t *testing.T) {
	tests := []struct {
		name   string
		cut    func(s *Store, stay func([16]byte) bool) error
		people int // afterwards
	}{
		{"before it began", func(*Store, func([16]byte) bool) error { return nil }, 3},
		{"new key in the keyring of people.db", func(s *Store, _ func([16]byte) bool) error {
			return s.people.saveRing(keyring{current: s.people.key, next: [32]byte{9}})
		}, 3},
		{"new people.db half written", func(s *Store, _ func([16]byte) bool) error {
			return errors.Join(
				s.people.saveRing(keyring{current: s.people.key, next: [32]byte{9}}),
				os.WriteFile(s.people.dbPath()+tmpSuffix, []byte("half"), 0o600))
		}, 3},
		{"new keyring half written", func(s *Store, _ func([16]byte) bool) error {
			return os.WriteFile(s.people.ringPath()+tmpSuffix, []byte("half"), 0o600)
		}, 3},
		{"new people.db in place", func(s *Store, stay func([16]byte) bool) error {
			return s.people.replace(stay)
		}, 2},
		{"people.db done", func(s *Store, stay func([16]byte) bool) error {
			return s.people.rewrite(stay)
		}, 2},
		{"new key in the keyring of faces.db", func(s *Store, stay func([16]byte) bool) error {
			return errors.Join(s.people.rewrite(stay), s.faces.saveRing(keyring{current: s.faces.key, next: [32]byte{9}}))
		}, 2},
		{"new faces.db in place", func(s *Store, stay func([16]byte) bool) error {
			return errors.Join(s.people.rewrite(stay), s.faces.replace(stay))
		}, 2},
		{"done", func(s *Store, stay func([16]byte) bool) error {
			return errors.Join(s.people.rewrite(stay), s.faces.rewrite(stay))
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			var gone Person
			for n := range 3 {
				p, err := s.Enrol(testEnrolment(n))
				must(t, err)
				if n == 1 {
					gone = p
				}
			}
			must(t, tt.cut(s, func(id [16]byte) bool { return id != gone.ID && id != gone.Record }))
			must(t, s.Close())

			s = mustOpen(t, dir)
			defer s.Close()
			people, err := s.People()
			must(t, err)
			records, err := s.Records([32]byte{})
			must(t, err)
			if len(people) != tt.people || len(records) != tt.people {
				t.Errorf("%d people and %d records, want %d", len(people), len(records), tt.people)
			}
			for _, v := range s.vaults() {
				ring, err := v.loadRing()
				must(t, err)
				if ring != (keyring{current: v.key}) {
					t.Errorf("%s.key has not lost the key that it does not need", v.name)
				}
				rows := 0
				must(t, v.each(func([16]byte, []byte) error { rows++; return nil }))
				if rows != tt.people {
					t.Errorf("%s.db has %d rows, want %d", v.name, rows, tt.people)
				}
			}
		})
	}
}

// Each case stops the creation of a store after a step.
func TestCreationCutOff(t *testing.T) {
	tests := []struct {
		name string
		cut  func(people, faces *vault) error
	}{
		{"keyring of people.db written", func(people, _ *vault) error {
			return people.saveRing(keyring{next: [32]byte{9}})
		}},
		{"people.db written", func(people, _ *vault) error { return people.replace(nil) }},
		{"both written", func(people, faces *vault) error {
			return errors.Join(people.replace(nil), faces.replace(nil))
		}},
		{"one settled", func(people, faces *vault) error {
			return errors.Join(people.replace(nil), faces.replace(nil), people.settle())
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			people := &vault{dir: dir, name: "people", wrap: wrappingKey(testKey{1}, "people"), rand: rand.Reader}
			faces := &vault{dir: dir, name: "faces", wrap: wrappingKey(testKey{1}, "faces"), rand: rand.Reader}
			must(t, tt.cut(people, faces))
			must(t, errors.Join(people.close(), faces.close()))
			s := mustOpen(t, dir)
			_, err := s.Enrol(testEnrolment(0))
			must(t, errors.Join(err, s.Close()))
			s = mustOpen(t, dir)
			defer s.Close()
			if people, _ := s.People(); len(people) != 1 {
				t.Errorf("%d people", len(people))
			}
		})
	}
}

// A value that was sealed in one place opens in no other.
func TestSealedValueIsBoundToItsLabel(t *testing.T) {
	sealed, err := sealValue([32]byte{1}, rand.Reader, "here", []byte("value"))
	must(t, err)
	if plain, err := openValue([32]byte{1}, "here", sealed); err != nil || string(plain) != "value" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := openValue([32]byte{1}, "there", sealed); err == nil {
		t.Error("it opens under another label")
	}
	if _, err := openValue([32]byte{2}, "here", sealed); err == nil {
		t.Error("it opens under another key")
	}
	for n := range sealed {
		if _, err := openValue([32]byte{1}, "here", sealed[:n]); err == nil {
			t.Errorf("it opens when cut to %d bytes", n)
		}
	}
}

// Where bbolt panics at a file, the file is let go, so that it can be looked at and tried again.
func TestPanicOfBbolt(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Close())
	must(t, os.Truncate(s.faces.dbPath(), 2*4096)) // the meta pages and nothing else
	for range 2 {
		if _, err := s.faces.openBolt(s.faces.dbPath(), 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("got %v", err)
		}
	}
}

// A file that checkPages passes neither makes bbolt panic nor leads it outside the file.
func FuzzCheckPages(f *testing.F) {
	f.Add([]byte{})
	for _, n := range []int{0, 1, 40} {
		dir := f.TempDir()
		db, err := bolt.Open(filepath.Join(dir, "x.db"), 0o600, nil)
		must(f, err)
		must(f, db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("rows"))
			for i := range n {
				key := binary.BigEndian.AppendUint64(nil, uint64(i))
				err = errors.Join(err, b.Put(key, bytes.Repeat([]byte{byte(i)}, 300)))
			}
			return err
		}))
		must(f, db.Close())
		data, err := os.ReadFile(filepath.Join(dir, "x.db"))
		must(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkPages(data) != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "x.db")
		must(t, os.WriteFile(path, data, 0o600))
		v := &vault{name: "x"}
		db, err := v.openBolt(path, 0)
		must(t, err)
		defer db.Close()
		v.db = db
		must(t, v.view(func(tx *bolt.Tx) error {
			for err := range tx.Check() {
				// Pages that no one uses are a waste and no danger.
				if !bytes.Contains([]byte(err.Error()), []byte("unreachable unfreed")) {
					t.Error(err)
				}
			}
			return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
				return b.ForEach(func(_, _ []byte) error { return nil })
			})
		}))
	})
}

// crowd makes a store of n people in one commit a database.
func crowd(b *testing.B, n int) (dir string) {
	b.Helper()
	dir = b.TempDir()
	s := mustOpen(b, dir)
	rows := func(v *vault, row func(i int) ([16]byte, []byte, error)) {
		must(b, v.update(v.db, func(tx *bolt.Tx) error {
			for i := range n {
				id, row, err := row(i)
				if err := errors.Join(err, tx.Bucket([]byte(rowsBucket)).Put(id[:], row)); err != nil {
					return err
				}
			}
			return v.putCount(tx, v.key, uint64(n))
		}))
	}
	person := func(i int) Person {
		e := testEnrolment(i)
		p := Person{Label: e.Label, ConsentRef: e.ConsentRef, Lane: e.Lane, Enrolled: testNow(), Expires: e.Expires}
		binary.BigEndian.PutUint64(p.ID[:], uint64(i)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint64(p.Record[:], uint64(i)*0xbf58476d1ce4e5b9)
		return p
	}
	rows(s.people, func(i int) ([16]byte, []byte, error) {
		row, err := sealPerson(s.people.key, rand.Reader, person(i))
		return person(i).ID, row, err
	})
	rows(s.faces, func(i int) ([16]byte, []byte, error) {
		row, err := template.Seal(s.faces.key, rand.Reader, s.header(person(i), [32]byte{}), testEnrolment(i).Code)
		return person(i).Record, row, err
	})
	must(b, s.Close())
	return dir
}

func BenchmarkOpen(b *testing.B) {
	dir := crowd(b, 10_000)
	for b.Loop() {
		s := mustOpen(b, dir)
		records, err := s.Records([32]byte{})
		must(b, err)
		if len(records) != 10_000 {
			b.Fatalf("%d records", len(records))
		}
		must(b, s.Close())
	}
}

func BenchmarkErase(b *testing.B) {
	s := mustOpen(b, crowd(b, 10_000))
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		_, err := s.Erase(testEnrolment(i).Label)
		must(b, err)
	}
}

func BenchmarkEnrol(b *testing.B) {
	s := mustOpen(b, crowd(b, 10_000))
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		_, err := s.Enrol(testEnrolment(10_000 + i))
		must(b, err)
	}
}
