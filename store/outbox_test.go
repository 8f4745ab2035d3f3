package store_test

import (
	"errors"
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
		if err := o.Append([]byte(text), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Log().Access(now); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(1, 0, 0)
	if n, err := s.Retention().Prune(); err != nil || n == 0 {
		t.Fatalf("%d entries pruned, %v", n, err)
	}
	for _, want := range []string{"two", "three", "four"} {
		s.Close()
		s = openAt(t, dir, &now)
		o = outbox()
		n, text, ok := o.Next()
		if !ok || string(text) != want {
			t.Errorf("the oldest is %q, %t, want %q", text, ok, want)
		}
		if err := errors.Join(o.Ack(n+1), o.Ack(n)); err != nil { // one that is not the oldest stays
			t.Fatal(err)
		}
	}
	if n, text, ok := o.Next(); ok || o.Ack(n) != nil {
		t.Errorf("%q is left", text)
	}
}

// TestOutboxMark checks that the newest mark outlives its message, a restart and the rewriting of journal.db, and that a store that
// was destroyed leaves none behind.
func TestOutboxMark(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	for round, want := range []string{"first", "second", "third"} {
		o, err := s.Outbox(2)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(o.Append([]byte("one"), []byte("earlier")), o.Append([]byte("two"), []byte(want))); err != nil {
			t.Fatal(err)
		}
		for n, _, ok := o.Next(); ok && round > 0; n, _, ok = o.Next() {
			if err := o.Ack(n); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Log().Access(now); err != nil {
			t.Fatal(err)
		}
		now = now.AddDate(1, 0, 0)
		if n, err := s.Retention().Prune(); err != nil || n == 0 {
			t.Fatalf("%d entries pruned, %v", n, err)
		}
		s.Close()
		s = openAt(t, dir, &now)
		if o, err = s.Outbox(2); err != nil || string(o.Mark()) != want {
			t.Fatalf("the mark is %q, want %q, error %v", o.Mark(), want, err)
		}
		s.Close()
		s = openAt(t, dir, &now)
	}
	if err := s.Wipe(func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openAt(t, dir, &now)
	if o, err := s.Outbox(2); err != nil || o.Mark() != nil {
		t.Errorf("after a wipe the mark is %q, error %v", o.Mark(), err)
	}
}
