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
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
)

type testKey [32]byte

func (k testKey) DeviceKey() ([32]byte, error) { return k, nil }
func (testKey) Class() string                  { return "test" }

func testNow() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func testOptions(dir string) Options {
	return Options{
		Dir: dir, Keys: testKey{1}, Clock: clocktest.Right(testNow), Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Notices:   [][32]byte{{}},
		Retention: Retention{Idle: time.Hour, Access: time.Hour, Records: time.Hour},
		Lockout:   LockoutPolicy{DelayAfter: 5, Delay: time.Second, DisableAfter: 50},
	}
}

func testOpen(tb testing.TB, dir string) (*Store, error) {
	tb.Helper()
	return Open(testOptions(dir))
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
	e := Enrolment{Label: fmt.Sprint("person ", n), Expires: testNow().AddDate(1, 0, 0), Consent: Consent{
		Notice: Notice{Version: "1"}, Purpose: "door", Method: "paper", Witness: "clerk", Reference: "form", AgeBand: Adult, ChildAge: 14,
		Given: testNow(), Expires: testNow().AddDate(2, 0, 0),
	}}
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

// cutOff makes a store of three people, has it do cut and lie as it is then, and opens it again.
func cutOff(t *testing.T, cut func(s *Store, second Person) error) *Store {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir)
	var people []Person
	for n := range 3 {
		p, err := s.Enrol(testEnrolment(n))
		must(t, err)
		people = append(people, p)
	}
	must(t, cut(s, people[1]))
	must(t, s.Close())
	s = mustOpen(t, dir)
	t.Cleanup(func() { s.Close() })
	return s
}

// mustBe fails the test if s has not so many people and records, or anything in it is half done.
func mustBe(t *testing.T, s *Store, people, records int) {
	t.Helper()
	for _, tt := range []struct {
		v     *vault
		table string
		want  int
	}{{s.people, peopleTable, people}, {s.faces, recordsTable, records}, {s.people, consentsTable, 3}} {
		rows := 0
		must(t, tt.v.each(tt.table, func([16]byte, []byte) error { rows++; return nil }))
		if rows != tt.want {
			t.Errorf("%d %s, want %d", rows, tt.table, tt.want)
		}
	}
	if got, err := s.Records([32]byte{}); err != nil || len(got) != records {
		t.Errorf("%d records open, want %d: %v", len(got), records, err)
	}
	for _, v := range s.vaults() {
		rings, err := v.loadRings()
		must(t, err)
		if rings != (keyrings{ring: [2]keyring{{current: v.key}, {current: v.key}}}) {
			t.Errorf("a keyring of %s.db has not lost the key that it does not need", v.name)
		}
	}
	if row, err := s.journal.get(stateRow(intentRow)); err != nil || row != nil || s.pending != nil {
		t.Errorf("an intent is left: %v", err)
	}
	l, err := s.Audit()
	must(t, err)
	must(t, l.Verify(s.PublicKey()))
}

// save writes i to journal.db, and does not begin with it.
func save(s *Store, i *intent) error {
	row, err := s.putJournal(intentRow, i)
	s.pending = i
	return errors.Join(err, s.journal.commit(change{puts: []put{row}}))
}

// Each case stops an erasure of one of three after a step, as a power cut would.
func TestErasureCutOff(t *testing.T) {
	tests := []struct {
		name   string
		cut    func(s *Store, i *intent) error
		people int // afterwards
	}{
		{"before the intent", func(*Store, *intent) error { return nil }, 3},
		{"intent", func(s *Store, i *intent) error { return save(s, i) }, 2},
		{"new key in the keyring of people.db", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.people.saveRing(keyring{current: s.people.key, next: [32]byte{9}}))
		}, 2},
		{"new people.db half written", func(s *Store, i *intent) error {
			return errors.Join(save(s, i),
				s.people.saveRing(keyring{current: s.people.key, next: [32]byte{9}}),
				os.WriteFile(s.people.dbPaths()[0]+tmpSuffix, []byte("half"), 0o600))
		}, 2},
		{"new keyring half written", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), os.WriteFile(s.people.ringPaths()[0]+tmpSuffix, []byte("half"), 0o600))
		}, 2},
		{"new people.db in place", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.leave(i), s.people.saveRing(keyring{current: [32]byte{9}, next: s.people.key}))
		}, 2},
		{"people.db done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.leave(i)) }, 2},
		{"new key in the keyring of faces.db", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.leave(i), s.faces.saveRing(keyring{current: s.faces.key, next: [32]byte{9}}))
		}, 2},
		{"faces.db done", func(s *Store, i *intent) error {
			linked := errors.Join(save(s, i), s.leave(i))
			return errors.Join(linked, s.faces.rewrite(change{
				drop: func(row rowID) bool { return !s.linked()[row.id] }, stamp: s.state.Faces,
			}))
		}, 2},
		{"done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.finish()) }, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want []byte
			s := cutOff(t, func(s *Store, p Person) error {
				i, err := s.intend([]Person{p}, audit.Withdrawn, 1000)
				want = i.Receipt
				return errors.Join(err, tt.cut(s, i))
			})
			mustBe(t, s, tt.people, tt.people)
			receipts, err := s.Receipts()
			must(t, err)
			if tt.people == 3 {
				if len(receipts) != 0 {
					t.Error("there is a receipt for nothing")
				}
				return
			}
			if len(receipts) != 1 || !bytes.Equal(receipts[0], want) {
				t.Fatalf("%d receipts, or another one than was decided", len(receipts))
			}
			r, err := receipt.Verify(receipts[0], s.PublicKey())
			must(t, err)
			people, err := s.people.head()
			must(t, err)
			faces, err := s.faces.head()
			must(t, err)
			if got := (receipt.Generations{People: people.Generation, Faces: faces.Generation}); got != r.Generations {
				t.Errorf("generations %v, and the receipt says %v", got, r.Generations)
			}
			l, err := s.Audit()
			must(t, err)
			if e := l.Records[r.Audit.Seq-1]; e.Entry.Kind != audit.Erased || !bytes.Equal(e.Link[:], r.Audit.Link) {
				t.Errorf("the receipt points at %+v", e)
			}
		})
	}
}

// Each case stops a lockdown after a step.
func TestLockdownCutOff(t *testing.T) {
	tests := []struct {
		name string
		cut  func(s *Store, i *intent) error
		done bool
	}{
		{"before the intent", func(*Store, *intent) error { return nil }, false},
		{"intent", save, true},
		{"key overwritten", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), os.WriteFile(s.faces.ringPaths()[0], make([]byte, 123), 0o600))
		}, true},
		{"key removed", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), destroyFile(s.faces.ringPaths()[0]))
		}, true},
		{"faces.db removed", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.faces.destroy()) }, true},
		{"new faces.db", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.renewFaces(i)) }, true},
		{"people.db", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.renewFaces(i), s.leave(i))
		}, true},
		{"done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.finish()) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := cutOff(t, func(s *Store, _ Person) error {
				entries, err := s.number(testNow(), audit.Entry{Kind: audit.LockedDown, Count: 3})
				i := &intent{Kind: lockdownIntent, Entries: entries}
				return errors.Join(err, s.generations(i), tt.cut(s, i))
			})
			records := 3
			if tt.done {
				records = 0
			}
			mustBe(t, s, 3, records)
			if s.LockedDown() != tt.done {
				t.Errorf("locked down: %v", s.LockedDown())
			}
		})
	}
}

// Each case stops a wipe after a step. The next Open leaves nothing.
func TestWipeCutOff(t *testing.T) {
	for name, steps := range map[string][]func(*Store) error{
		"certificate written": nil,
		"faces gone":          {func(s *Store) error { return s.faces.destroy() }},
		"people gone":         {func(s *Store) error { return s.people.destroy() }},
		"people's key gone":   {func(s *Store) error { return os.Remove(s.people.ringPaths()[0]) }},
		"all but the certificate gone": {
			func(s *Store) error { return errors.Join(s.faces.destroy(), s.people.destroy(), s.journal.discard()) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			_, err := s.Enrol(testEnrolment(0))
			must(t, err)
			public := s.PublicKey()
			certificate, err := receipt.Sign(receipt.Receipt{
				ID: make([]byte, 16), Number: 1, Kind: receipt.Wipe, Time: "2026-03-01T12:00:00Z", Forms: []receipt.Salted{}, Records: []receipt.Salted{},
				Audit: receipt.Audit{Link: make([]byte, 32)},
			}, s.signer)
			must(t, err)
			must(t, replaceFile(s.journal.ringPaths()[0], append([]byte(wipedMagic), certificate...)))
			for _, step := range steps {
				must(t, step(s))
			}
			must(t, s.Close())
			_, err = testOpen(t, dir)
			var wiped *WipedError
			if !errors.As(err, &wiped) {
				t.Fatalf("got %v", err)
			}
			_, err = receipt.Verify(wiped.Certificate, public)
			must(t, err)
			if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
	// Who can write a file can delete it, and yet not have the device say that it was wiped.
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Close())
	must(t, os.WriteFile(s.journal.ringPaths()[0], []byte(wipedMagic+"{}"), 0o600))
	if _, err := testOpen(t, dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("a certificate that is none: %v", err)
	}
}

// Each case stops the creation of a store after a step.
func TestCreationCutOff(t *testing.T) {
	// unsettle puts the keyring of a vault back to where the database is there and nobody relies on it.
	unsettle := func(v *vault, key [32]byte) error { return v.saveRing(keyring{next: key}) }
	tests := []struct {
		name string
		cut  func(people, faces, journal *vault, keys [3][32]byte) error
	}{
		{"keyring of people.db written", func(people, faces, journal *vault, keys [3][32]byte) error {
			return errors.Join(faces.destroy(), journal.destroy(), people.discard(), unsettle(people, keys[0]))
		}},
		{"people.db written", func(people, faces, journal *vault, keys [3][32]byte) error {
			return errors.Join(faces.destroy(), journal.destroy(), unsettle(people, keys[0]))
		}},
		{"all written", func(people, faces, journal *vault, keys [3][32]byte) error {
			return errors.Join(unsettle(people, keys[0]), unsettle(faces, keys[1]), unsettle(journal, keys[2]))
		}},
		{"one settled", func(_, faces, journal *vault, keys [3][32]byte) error {
			return errors.Join(unsettle(faces, keys[1]), unsettle(journal, keys[2]))
		}},
		{"two settled", func(_, _, journal *vault, keys [3][32]byte) error { return unsettle(journal, keys[2]) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			keys := [3][32]byte{s.people.key, s.faces.key, s.journal.key}
			must(t, s.Close())
			for _, v := range s.vaults() {
				v.wrap = wrappingKey(testKey{1}, v.name)
			}
			must(t, tt.cut(s.people, s.faces, s.journal, keys))
			s = mustOpen(t, dir)
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

// people.db has the entries of a change that journal.db was not yet told of.
func TestLogCatchesUp(t *testing.T) {
	s := cutOff(t, func(s *Store, p Person) error {
		entries, err := s.number(testNow(), audit.Entry{Kind: audit.Access})
		return errors.Join(err, s.apply(s.people.commit, s.state, entries, change{}))
	})
	mustBe(t, s, 3, 3)
	l, err := s.Audit()
	must(t, err)
	if last := l.Records[len(l.Records)-1]; last.Entry.Kind != audit.Access {
		t.Errorf("the log ends with %+v", last.Entry)
	}
}

// Whoever opens one of the files, without the device key, finds nothing in it that can be read in another.
func TestNoFileLeadsToAnother(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for n := range 10 {
		_, err := s.Enrol(testEnrolment(n))
		must(t, err)
	}
	_, err := s.Erase("person 3", 1000)
	must(t, err)
	p, _ := enrolBound(t, s, 20)
	readable := make(map[*vault][][]byte) // what could be looked for in another: ids
	opened := make(map[*vault][]byte)     // all that it holds for who has its key
	for _, v := range s.vaults() {
		for _, table := range v.tables {
			must(t, v.eachValue(table.name, func(id [16]byte, plain []byte) error {
				if table.name != stateTable && table.name != entriesTable { // which count, and identify nothing
					readable[v] = append(readable[v], bytes.Clone(id[:]))
				}
				if table.name == recordsTable {
					h, err := template.ReadHeader(plain)
					must(t, err)
					readable[v] = append(readable[v], h.ConsentID[:])
				}
				opened[v] = append(append(opened[v], id[:]...), plain...)
				return nil
			}))
		}
	}
	readable[s.people] = append(readable[s.people], p.pass[:])
	ids := 0
	for _, one := range s.vaults() {
		for _, other := range s.vaults() {
			for _, id := range readable[other] {
				if ids++; one != other && bytes.Contains(opened[one], id) {
					t.Errorf("%s.db, opened, holds an id of %s.db: %x", one.name, other.name, id)
				}
			}
		}
	}
	if ids < 3*30 {
		t.Errorf("only %d ids were looked for", ids)
	}
	for _, v := range []*vault{s.faces, s.journal} {
		if bytes.Contains(opened[v], []byte("person ")) {
			t.Errorf("%s.db holds a label", v.name)
		}
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

// What was read of a consent, written again, is read as the same.
func FuzzDecodeConsent(f *testing.F) {
	row, err := testEnrolment(0).Consent.encode()
	must(f, err)
	f.Add(row)
	f.Add(bytes.Repeat([]byte{0xff}, consentSize))
	f.Add(row[1:])
	f.Fuzz(func(t *testing.T, row []byte) {
		c, err := decodeConsent([16]byte{1}, row)
		if (err == nil) != (len(row) == consentSize) {
			t.Fatalf("%d bytes: %v", len(row), err)
		}
		if err != nil {
			return
		}
		again, err := c.encode()
		must(t, err)
		if got, err := decodeConsent(c.ID, again); err != nil || got != c {
			t.Errorf("got %+v, want %+v: %v", got, c, err)
		}
	})
}

// Where bbolt panics at a file, the file is let go, so that it can be looked at and tried again.
func TestPanicOfBbolt(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Close())
	must(t, os.Truncate(s.faces.dbPaths()[0], 2*4096)) // the meta pages and nothing else
	for range 2 {
		if _, err := s.faces.openBolt(s.faces.dbPaths()[0], 0); !errors.Is(err, ErrDamaged) {
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
		defer db.close()
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
func crowd(b testing.TB, n int) (dir string) {
	b.Helper()
	dir = b.TempDir()
	s := mustOpen(b, dir)
	var people, faces change
	for i := range n {
		e := testEnrolment(i)
		p := Person{
			Label: e.Label, Consent: e.Consent, Scheme: e.scheme(), Epoch: 1, Lane: e.Lane, Enrolled: testNow(),
			LastSeen: testNow(), Expires: e.Expires,
		}
		binary.BigEndian.PutUint64(p.ID[:], uint64(i+1)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint64(p.link[:], uint64(i+1)*0xbf58476d1ce4e5b9)
		p.Record, p.Consent.ID = s.recordID(p.link), p.link
		person, err := s.putPerson(p)
		must(b, err)
		consent, err := s.putConsent(p.Consent)
		must(b, err)
		people.puts = append(people.puts, person, consent)
		record, err := s.putRecord(p, e)
		must(b, err)
		faces.puts = append(faces.puts, record)
	}
	must(b, errors.Join(s.people.commit(people), s.faces.commit(faces), s.Close()))
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
		e, err := s.Erase(testEnrolment(i).Label, 1000)
		must(b, err)
		if _, err := receipt.Verify(e.Receipt, s.PublicKey()); err != nil {
			b.Fatal(err)
		}
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

func BenchmarkLockdown(b *testing.B) {
	s := mustOpen(b, crowd(b, 10_000))
	defer s.Close()
	for b.Loop() {
		must(b, s.Lockdown(1000))
	}
}
