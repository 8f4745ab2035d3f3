package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	bolt "go.etcd.io/bbolt"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

var (
	model  = [32]byte{0xaa}
	unseen = cmpopts.IgnoreUnexported(store.Person{}, store.Template{}, store.Credential{})
)

// codeOf returns a Code that is the same for every call with n, and for no other.
func codeOf(n int) (c template.Code) {
	rnd := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range c {
		c[i] = rnd.Uint64()
	}
	return c
}

func labelOf(n int) string { return fmt.Sprintf("Zhang-%03d", n) }

func enrolment(n int) store.Enrolment {
	c := storetest.Consent()
	c.Reference = fmt.Sprintf("Consent/2026/%03d", n)
	return store.Enrolment{
		Label: labelOf(n), Consent: c, ModelID: model,
		Made: template.Made{Scheme: template.SchemeS1, Epoch: 1, Lane: uint8(n % template.Lanes), Code: codeOf(n)}, Expires: storetest.Now().AddDate(1, 0, n), By: 1000,
	}
}

func mustEnrol(tb testing.TB, s *store.Store, ns ...int) (people []store.Person) {
	tb.Helper()
	for _, n := range ns {
		p, err := s.Enrol(current(s, enrolment(n)))
		if err != nil {
			tb.Fatal(err)
		}
		people = append(people, p)
	}
	return people
}

func mustErase(tb testing.TB, s *store.Store, label string) {
	tb.Helper()
	if _, err := s.Erase(store.ByLabel(label), audit.Requested, 1000); err != nil {
		tb.Fatal(err)
	}
}

func upTo(n int) []int {
	ns := make([]int, n)
	for i := range ns {
		ns[i] = i
	}
	return ns
}

// contents is all that a store tells: who is in it, and each person's Code.
type contents struct {
	People  []store.Person
	Records map[template.PersonID]template.Record
}

func read(s *store.Store) (contents, error) {
	people, err := s.People()
	if err != nil {
		return contents{}, err
	}
	records, err := s.Templates().Records(model)
	if err != nil {
		return contents{}, err
	}
	c := contents{people, make(map[template.PersonID]template.Record)}
	for _, r := range records {
		c.Records[r.Person] = r
	}
	return c, nil
}

func mustRead(tb testing.TB, s *store.Store) contents {
	tb.Helper()
	c, err := read(s)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func diff(a, b contents) string {
	if reflect.DeepEqual(a, b) { // a hundred times as fast
		return ""
	}
	return cmp.Diff(a, b, unseen, cmpopts.EquateEmpty())
}

// files returns the content of every file in dir by name.
func files(tb testing.TB, dir string) map[string][]byte {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	m := make(map[string][]byte)
	for _, e := range entries {
		if m[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			tb.Fatal(err)
		}
	}
	return m
}

// lay writes files into a new directory.
func lay(tb testing.TB, files map[string][]byte) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func TestEnrolledPeopleAreThereAfterwards(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	var want contents
	want.Records = make(map[template.PersonID]template.Record)
	for n := range 20 {
		p := mustEnrol(t, s, n)[0]
		e := enrolment(n)
		e.Consent.ID = p.Consent.ID
		today := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		want.People = append(want.People, store.Person{
			ID: p.ID, Label: e.Label, Reference: e.Consent.Reference, Enrolled: today, Expires: e.Expires,
			Template: store.Template{Record: p.Record, Scheme: template.SchemeS1, Epoch: 1, Lane: e.Lane, Consent: e.Consent},
		})
		want.Records[p.ID] = template.Record{ID: p.Record, Person: p.ID, Epoch: 1, Lane: e.Lane, Code: e.Code}
	}
	if d := diff(want, mustRead(t, s)); d != "" {
		t.Errorf("before closing (-want +got):\n%s", d)
	}
	s.Close()
	if d := diff(want, mustRead(t, storetest.Open(t, dir))); d != "" {
		t.Errorf("after opening again (-want +got):\n%s", d)
	}
}

func TestEnrolRefuses(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustEnrol(t, s, 0)
	tests := []struct {
		name string
		edit func(*store.Enrolment)
		want error
	}{
		{"no label", func(e *store.Enrolment) { e.Label = "" }, store.ErrLabel},
		{"label too long", func(e *store.Enrolment) { e.Label = strings.Repeat("x", 65) }, store.ErrLabel},
		{"label of two lines", func(e *store.Enrolment) { e.Label = "a\nb" }, store.ErrLabel},
		{"label not UTF-8", func(e *store.Enrolment) { e.Label = "\xff" }, store.ErrLabel},
		{"label in use", func(e *store.Enrolment) { e.Label = labelOf(0) }, store.ErrExists},
		{"no consent", func(e *store.Enrolment) { e.Consent = store.Consent{} }, store.ErrNoConsent},
		{"no notice version", func(e *store.Enrolment) { e.Consent.Notice.Version = "" }, store.ErrNoConsent},
		{"no purpose", func(e *store.Enrolment) { e.Consent.Purpose = "" }, store.ErrNoConsent},
		{"no method", func(e *store.Enrolment) { e.Consent.Method = "" }, store.ErrNoConsent},
		{"no witness", func(e *store.Enrolment) { e.Consent.Witness = "" }, store.ErrNoConsent},
		{"blank reference", func(e *store.Enrolment) { e.Consent.Reference = " \t" }, store.ErrNoConsent},
		{"reference too long", func(e *store.Enrolment) { e.Consent.Reference = strings.Repeat("x", 129) }, store.ErrNoConsent},
		{"method of two lines", func(e *store.Enrolment) { e.Consent.Method = "a\nb" }, store.ErrNoConsent},
		{"no age", func(e *store.Enrolment) { e.Consent.AgeBand = 0 }, store.ErrNoConsent},
		{"no such age", func(e *store.Enrolment) { e.Consent.AgeBand = 4 }, store.ErrNoConsent},
		{"child alone", func(e *store.Enrolment) { e.Consent.AgeBand = store.Child }, store.ErrGuardian},
		{"child of 17 alone", func(e *store.Enrolment) { e.Consent.AgeBand, e.Consent.ChildAge = store.Child, 18 }, store.ErrGuardian},
		{"minor where minors cannot", func(e *store.Enrolment) { e.Consent.AgeBand, e.Consent.ChildAge = store.Minor, 18 }, store.ErrNoConsent},
		{"no age of consent", func(e *store.Enrolment) { e.Consent.ChildAge = 0 }, store.ErrNoConsent},
		{"age of consent beyond any law", func(e *store.Enrolment) { e.Consent.ChildAge = 19 }, store.ErrNoConsent},
		{"guardian's name too long", func(e *store.Enrolment) { e.Consent.Guardian = strings.Repeat("x", 65) }, store.ErrNoConsent},
		{"consent not given", func(e *store.Enrolment) { e.Consent.Given = time.Time{} }, store.ErrNoConsent},
		{"consent of tomorrow", func(e *store.Enrolment) { e.Consent.Given = storetest.Now().Add(24 * time.Hour) }, store.ErrNoConsent},
		{"consent for ever", func(e *store.Enrolment) { e.Consent.Expires = time.Time{} }, store.ErrNoConsent},
		{"consent expired", func(e *store.Enrolment) { e.Consent.Expires = storetest.Now() }, store.ErrNoConsent},
		{"consent to another notice", func(e *store.Enrolment) { e.Consent.Notice.Hash = [32]byte{1} }, store.ErrStale},
		{"no expiry", func(e *store.Enrolment) { e.Expires = time.Time{} }, store.ErrExpiry},
		{"expired", func(e *store.Enrolment) { e.Expires = storetest.Now() }, store.ErrExpiry},
		{"no such lane", func(e *store.Enrolment) { e.Lane = template.Lanes }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := enrolment(1)
			tt.edit(&e)
			_, err := s.Enrol(e)
			if err == nil || tt.want != nil && (!errors.Is(err, tt.want) || hint.Of(err) == "") {
				t.Errorf("got %v with hint %q, want %v", err, hint.Of(err), tt.want)
			}
		})
	}
	if c := mustRead(t, s); len(c.People) != 1 || len(c.Records) != 1 {
		t.Errorf("what was refused left %d people and %d records", len(c.People), len(c.Records))
	}
	for _, label := range []string{strings.Repeat("x", 64), "张伟", "Ann O'Neill (3b)"} {
		e := enrolment(1)
		e.Label = label
		if _, err := s.Enrol(e); err != nil {
			t.Errorf("%q: %v", label, err)
		}
	}
}

// rows returns the rows of a table of the database name as they lie in its file.
func rows(tb testing.TB, dir, name, table string) (m map[[16]byte][]byte) {
	tb.Helper()
	db, err := bolt.Open(filepath.Join(dir, name), 0, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	m = make(map[[16]byte][]byte)
	if err := db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(table)).ForEach(func(id, row []byte) error {
			m[[16]byte(id)] = bytes.Clone(row)
			return nil
		})
	}); err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestRecordsOfOneModel(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustEnrol(t, s, 0)
	if records, err := s.Templates().Records([32]byte{0xbb}); err != nil || len(records) != 0 {
		t.Errorf("another model has records %v, %v", records, err)
	}
}

func TestNextLane(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	lanes := func(label string) map[uint8]bool {
		seen := map[uint8]bool{}
		for range 500 {
			lane, err := s.Templates().NextLane(label)
			if err != nil {
				t.Fatal(err)
			}
			seen[lane] = true
		}
		return seen
	}
	if n := len(lanes("new")); n != template.Lanes {
		t.Errorf("somebody new gets one of %d lanes", n)
	}
	p := mustEnrol(t, s, 5)[0]
	if seen := lanes(p.Label); seen[p.Lane] || len(seen) != template.Lanes-1 {
		t.Errorf("enrolled in lane %d: lanes %v", p.Lane, seen)
	}
	mustErase(t, s, p.Label)
	if seen := lanes(p.Label); seen[p.Lane] || len(seen) != template.Lanes-1 {
		t.Errorf("erased from lane %d: lanes %v", p.Lane, seen)
	}
}

func TestKeysAreSeparate(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	o := storetest.Options(t.TempDir())
	o.Keys = storetest.Key{2}
	other, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if s.Device().ID == other.Device().ID {
		t.Error("two devices share an id")
	}
	seen := map[[32]byte]bool{}
	for _, keys := range [][template.Lanes][32]byte{
		s.Templates().Keys(1, model), s.Templates().Keys(2, model), s.Templates().Keys(1, [32]byte{0xbb}),
		other.Templates().Keys(1, model),
	} {
		for _, key := range keys {
			if seen[key] {
				t.Error("two rotations share a key")
			}
			seen[key] = true
		}
	}
	if first := s.Templates().Keys(1, model); first != s.Templates().Keys(1, model) {
		t.Error("keys change from call to call")
	}
}

// Nothing that names a person or comes from a face is readable in any file.
func TestNothingInTheClear(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(20)...)
	mustErase(t, s, labelOf(3))
	s.Close()
	for name, data := range files(t, dir) {
		for n := range 20 {
			e := enrolment(n)
			poison := [][]byte{[]byte(e.Label), []byte(e.Consent.Reference), []byte(e.Consent.Witness)}
			for _, w := range e.Code {
				poison = append(poison, binary.LittleEndian.AppendUint64(nil, w), binary.BigEndian.AppendUint64(nil, w))
			}
			for _, p := range poison {
				if bytes.Contains(data, p) {
					t.Errorf("%s holds %q in the clear", name, p)
				}
			}
		}
	}
	// The two databases have no id in common, so that neither leads to the other.
	now := files(t, dir)
	s = storetest.Open(t, dir)
	for _, p := range mustRead(t, s).People {
		if bytes.Contains(now["faces.db"], p.ID[:]) || bytes.Contains(now["people.db"], p.Record[:]) {
			t.Error("an id of one database is readable in the other")
		}
	}
}

// A faultyReader fails from the read number left on.
type faultyReader struct {
	io.Reader
	left int
}

func (r *faultyReader) Read(b []byte) (int, error) {
	if r.left--; r.left < 0 {
		return 0, errors.New("no more")
	}
	return r.Reader.Read(b)
}

// An erasure or enrolment that fails at any point can be repeated, and after a restart has happened or has not.
func TestFailureAtEveryPoint(t *testing.T) {
	tests := []struct {
		name string
		do   func(*store.Store) error
	}{
		{"erase", func(s *store.Store) error {
			_, err := s.Erase(store.ByLabel(labelOf(1)), audit.Requested, 1000)
			return err
		}},
		{"enrol", func(s *store.Store) error { _, err := s.Enrol(current(s, enrolment(9))); return err }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for point := 0; ; point++ {
				dir := t.TempDir()
				s := storetest.Open(t, dir)
				mustEnrol(t, s, 0, 1, 2)
				before := mustRead(t, s)
				s.Close()

				o := storetest.Options(dir)
				faulty := &faultyReader{o.Rand, point}
				o.Rand = faulty
				s, err := store.Open(o)
				if err != nil {
					t.Fatal(err)
				}
				if tt.do(s) == nil {
					s.Close()
					if point == 0 {
						t.Fatal("nothing failed")
					}
					return
				}
				crashed := lay(t, files(t, dir))
				faulty.left = 1 << 20
				if err := tt.do(s); err != nil {
					t.Errorf("repeated after failure at read %d: %v", point, err)
				}
				after := mustRead(t, s)
				s.Close()
				if d := diff(after, mustRead(t, storetest.Open(t, dir))); d != "" {
					t.Errorf("point %d: opened again (-want +got):\n%s", point, d)
				}
				got := mustRead(t, storetest.Open(t, crashed))
				if len(got.People) != len(got.Records) ||
					len(got.People) != len(before.People) && len(got.People) != len(after.People) {
					t.Errorf("point %d: after a crash %d people and %d records", point, len(got.People), len(got.Records))
				}
			}
		})
	}
}

// openAt opens the store in dir with a clock that the test sets.
func openAt(tb testing.TB, dir string, now *time.Time) *store.Store {
	tb.Helper()
	o := storetest.Options(dir)
	o.Clock = clocktest.Right(func() time.Time { return *now })
	s, err := store.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// kinds returns what is in the audit log of s, which must verify.
func kinds(tb testing.TB, s *store.Store) (kinds []string) {
	tb.Helper()
	l, err := s.Log().Read()
	if err != nil {
		tb.Fatal(err)
	}
	if err := l.Verify(); err != nil {
		tb.Error(err)
	}
	for _, r := range l.Records {
		if r.Entry == nil {
			kinds = append(kinds, "-")
			continue
		}
		kinds = append(kinds, r.Entry.Kind.String())
	}
	return kinds
}

func mustSay(tb testing.TB, s *store.Store, want ...string) {
	tb.Helper()
	if d := cmp.Diff(want, kinds(tb, s)); d != "" {
		tb.Errorf("the audit log (-want +got):\n%s", d)
	}
}

func TestNextLaneSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	seen := make(map[uint8]bool)
	for n := range template.Lanes {
		lane, err := s.Templates().NextLane("new")
		if err != nil {
			t.Fatal(err)
		}
		if seen[lane] {
			t.Errorf("lane %d again, before all others had an erasure", lane)
		}
		seen[lane] = true
		e := enrolment(n)
		e.Lane = lane
		if _, err := s.Enrol(e); err != nil {
			t.Fatal(err)
		}
		mustErase(t, s, e.Label)
		s.Close()
		s = storetest.Open(t, dir)
	}
}

func mustAudit(tb testing.TB, s *store.Store) audit.Log {
	tb.Helper()
	l, err := s.Log().Read()
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// made returns a Code as it would be made in the current epoch of s.
func made(s *store.Store, lane uint8, c template.Code) template.Made {
	return template.Made{Scheme: template.SchemeS1, Epoch: s.Epochs().State().Current, Lane: lane, Code: c}
}

// current returns e with its Code made in the current epoch of s.
func current(s *store.Store, e store.Enrolment) store.Enrolment {
	e.Made = made(s, e.Lane, e.Code)
	return e
}
