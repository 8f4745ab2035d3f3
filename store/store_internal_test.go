package store

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"facegate/pipeline/template"
	"facegate/store/clock/clocktest"
	"facegate/store/durable/durabletest"
	"facegate/store/vault"
)

type testKey [32]byte

func (k testKey) DeviceKey() ([32]byte, error) { return k, nil }

func (testKey) Class() string { return "test" }

func testNow() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func testOptions(dir string) Options {
	return Options{
		Dir: dir, Keys: testKey{1}, Clock: clocktest.Right(testNow), Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Disk:      new(durabletest.Watched),
		Notices:   [][32]byte{{}},
		Retention: RetentionPolicy{Idle: time.Hour, Access: time.Hour, Records: time.Hour},
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
	e.Scheme, e.Epoch, e.Lane = template.SchemeS1, 1, uint8(n%template.Lanes)
	e.Code[0] = uint64(n)
	return e
}

// tablesOf returns the vaults of s with their tables.
func tablesOf(s *Store) map[*vault.Vault][]string {
	return map[*vault.Vault][]string{
		s.people:  {peopleTable, consentsTable, stateTable},
		s.faces:   {recordsTable},
		s.journal: {entriesTable, treeTable, receiptsTable, outboxTable, stateTable},
	}
}

// count returns how many rows there are in a table.
func count(tb testing.TB, v *vault.Vault, table string) (rows int) {
	tb.Helper()
	must(tb, v.Each(table, func([16]byte, []byte) error { rows++; return nil }))
	return rows
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// made returns a Code as it would be made in the current epoch of s.
func made(s *Store, lane uint8, c template.Code) template.Made {
	return template.Made{Scheme: template.SchemeS1, Epoch: s.Epochs().State().Current, Lane: lane, Code: c}
}

// current returns e with its Code made in the current epoch of s.
func current(s *Store, e Enrolment) Enrolment {
	e.Made = made(s, e.Lane, e.Code)
	return e
}
