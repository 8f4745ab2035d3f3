package store_test

import (
	"errors"
	"testing"

	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

func mustBackup(t *testing.T, s *store.Store) store.BackedUp {
	t.Helper()
	b, err := s.Backup(1000)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// backedUp makes a store of four people, a backup of it, and erases the second, who is in the backup, with a receipt.
func backedUp(t *testing.T) (o store.Options, b store.BackedUp, receipt []byte) {
	t.Helper()
	o = apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, upTo(5)...)
	mustErase(t, s, labelOf(4))
	b = mustBackup(t, s)
	if b.People != 4 || b.Number != 1 {
		t.Errorf("a backup of %d people after number %d", b.People, b.Number)
	}
	e, err := s.Erase(store.ByLabel(labelOf(1)), audit.Withdrawn, 1000)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return o, b, e.Receipt
}

// TestBackupWaitsForDates checks that no date of a doubtful clock gets into a backup, where nothing would say so.
func TestBackupWaitsForDates(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	s := openOn(t, t.TempDir(), machine)
	mustEnrol(t, s, 0)
	machine.Ahead(-20 * 365 * oneDay)
	for _, step := range []func(){func() {}, func() { mustErase(t, s, labelOf(0)) }} {
		step()
		if _, err := s.Backup(1000); !errors.Is(err, store.ErrDates) {
			t.Errorf("the error is %v", err)
		}
	}
	machine.Ahead(0)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	_, err := s.Backup(1000)
	must(t, err)
}
