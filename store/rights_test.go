package store_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

func TestShow(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	people := mustEnrol(t, s, 0, 1)
	if _, err := s.Members().Relabel(people[0].Label, "Ann", 1000); err != nil {
		t.Fatal(err)
	}
	f, err := s.Members().Show("Ann")
	if err != nil {
		t.Fatal(err)
	}
	if f.Person.ID != people[0].ID || !f.Record || len(f.Entries) != 2 ||
		f.Entries[0].Kind != audit.Enrolled || f.Entries[1].Kind != audit.Relabelled {
		t.Errorf("got %+v", f)
	}
	if _, err := s.Members().Show("nobody"); !errors.Is(err, store.ErrUnknown) || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestRelabel(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	people := mustEnrol(t, s, 0, 1)
	for _, tt := range []struct {
		old, label string
		want       error
	}{
		{"nobody", "Ann", store.ErrUnknown},
		{labelOf(0), labelOf(1), store.ErrExists},
		{labelOf(0), labelOf(0), store.ErrExists},
		{labelOf(0), "a\nb", store.ErrLabel},
		{labelOf(0), strings.Repeat("x", 65), store.ErrLabel},
	} {
		if _, err := s.Members().Relabel(tt.old, tt.label, 1000); !errors.Is(err, tt.want) {
			t.Errorf("%q to %q: %v, want %v", tt.old, tt.label, err, tt.want)
		}
	}
	before := mustRead(t, s)
	s.Close()
	oldRows := rows(t, dir, "people.db", "people")
	s = storetest.Open(t, dir)
	if _, err := s.Members().Relabel(labelOf(0), "Ann", 1000); err != nil {
		t.Fatal(err)
	}
	before.People[0].Label = "Ann"
	slices.SortFunc(before.People, func(a, b store.Person) int { return strings.Compare(a.Label, b.Label) })
	if d := diff(before, mustRead(t, s)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	s.Retention().Seen(people[0].ID, storetest.Now().Add(oneDay))
	s.Close()
	if got := mustRead(t, storetest.Open(t, dir)).People[0]; got.Label != "Ann" || !got.LastSeen.After(before.People[0].LastSeen) {
		t.Errorf("after opening again: %+v", got)
	}
	// The old label is as gone as somebody erased.
	now := files(t, dir)
	for _, row := range oldRows {
		if bytes.Contains(now["people.db"], row[len(row)-16:]) {
			t.Error("people.db holds an old row")
		}
	}
}
