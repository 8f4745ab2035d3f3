package store_test

import (
	"testing"

	"facegate/store"
	"facegate/store/storetest"
)

// TestOutbox checks that messages stay, in order, through a restart and the rewriting of journal.db, until they are removed.
func TestOutbox(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	outbox := func() *store.Outbox {
		o, err := s.Outbox(3)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := outbox()
	for _, text := range []string{"one", "two", "three", "four"} {
		if err := o.Append([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RecordAccess(now); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(1, 0, 0)
	if n, err := s.Prune(); err != nil || n == 0 {
		t.Fatalf("%d entries pruned, %v", n, err)
	}
	for _, want := range []string{"two", "three", "four"} {
		s.Close()
		s = openAt(t, dir, &now)
		o = outbox()
		if text, ok := o.First(); !ok || string(text) != want {
			t.Errorf("first is %q, %t, want %q", text, ok, want)
		}
		if err := o.RemoveFirst(); err != nil {
			t.Fatal(err)
		}
	}
	if text, ok := o.First(); ok || o.RemoveFirst() != nil {
		t.Errorf("%q is left", text)
	}
}
