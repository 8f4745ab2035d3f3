package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/durable"
)

func testMarks(n int) (owed []mark) {
	for i := range n {
		owed = append(owed, mark{
			Person: template.PersonID{byte(i), byte(i >> 8), 1}, Reason: audit.Withdrawn, By: 1000, Asked: testNow().Unix() + int64(i),
		})
	}
	return owed
}

func testReserve(dir string) *reserve { return newReserve(dir, [32]byte{1}, rand.Reader, durable.OS{}) }

// TestReserve keeps few and many marks, always in a file of one length, which is overwritten in place.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	r := testReserve(dir)
	if owed, err := r.load(); err != nil || owed != nil || r.made {
		t.Fatalf("none: %v, %v", owed, err)
	}
	must(t, r.save(nil))
	first, err := os.Stat(r.path)
	must(t, err)
	for _, n := range []int{1, 0, maxOwed, 3} {
		owed := testMarks(n)
		must(t, r.save(owed))
		info, err := os.Stat(r.path)
		must(t, err)
		if !os.SameFile(first, info) || info.Size() != first.Size() || info.Mode().Perm() != 0o600 {
			t.Errorf("%d marks: another file, of %d bytes and mode %v", n, info.Size(), info.Mode())
		}
		again := testReserve(dir)
		if got, err := again.load(); err != nil || !slices.Equal(got, owed) || !again.made {
			t.Errorf("%d marks: got %d, %v", n, len(got), err)
		}
	}
	if err := r.save(testMarks(maxOwed + 1)); !errors.Is(err, errReserveFull) {
		t.Errorf("too many: %v", err)
	}
	if got, err := testReserve(dir).load(); err != nil || len(got) != 3 {
		t.Errorf("too many left %d, %v", len(got), err)
	}
}

// TestReserveDamaged damages the one, the other and both of what the reserve holds twice.
func TestReserveDamaged(t *testing.T) {
	dir := t.TempDir()
	r := testReserve(dir)
	must(t, r.save(testMarks(2)))
	sound, err := os.ReadFile(r.path)
	must(t, err)
	must(t, r.save(testMarks(5)))
	newer, err := os.ReadFile(r.path)
	must(t, err)
	for _, tt := range []struct {
		name string
		data []byte
		want int
		ok   bool
	}{
		{"as it is", newer, 5, true},
		{"the power went between the two", slices.Concat(newer[:slotSize], sound[slotSize:]), 5, true},
		{"the power went in the first", slices.Concat(newer[:slotSize/2], sound[slotSize/2:]), 2, true},
		{"the power went in the second", slices.Concat(newer[:slotSize+50], sound[slotSize+50:]), 5, true},
		{"cut off in the second", newer[:slotSize+50], 5, true},
		{"both damaged", make([]byte, len(newer)), 0, false},
		{"both exchanged", slices.Concat(newer[slotSize:], newer[:slotSize]), 0, false},
		{"cut off in the first", newer[:50], 0, false},
		{"empty", nil, 0, false},
		{"too long", append(bytes.Clone(newer), 0), 0, false},
	} {
		must(t, os.WriteFile(r.path, tt.data, 0o600))
		again := testReserve(dir)
		got, err := again.load()
		if len(got) != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: %d marks, %v", tt.name, len(got), err)
		}
		// What comes is kept all the same.
		must(t, again.save(testMarks(7)))
		if got, err := testReserve(dir).load(); err != nil || len(got) != 7 {
			t.Errorf("%s: then %d marks, %v", tt.name, len(got), err)
		}
	}
	if got, err := newReserve(dir, [32]byte{2}, rand.Reader, durable.OS{}).load(); err == nil {
		t.Errorf("another device reads %d marks", len(got))
	}
}

// TestMarkAlone starts with a mark, and without any intent in the journal, and with marks of somebody who is not there.
func TestMarkAlone(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	var people []Person
	for n := range 3 {
		p, err := s.Enrol(current(s, testEnrolment(n)))
		must(t, err)
		people = append(people, p)
	}
	for _, m := range []mark{s.markOf(people[1], audit.Withdrawn, 1000), {Person: template.PersonID{9}, By: 1000, Asked: 1}} {
		if err := s.owe(m, syscall.ENOSPC); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	must(t, s.Close())
	s = mustOpen(t, dir)
	defer func() { s.Close() }()
	if records, err := s.Templates().Records([32]byte{}); err != nil || len(records) != 2 || s.Retention().Owed().People != 1 || s.pending != nil {
		t.Errorf("%d match, %v; owed %+v", len(records), err, s.Retention().Owed())
	}
	if erased, err := s.Retention().EraseOwed(); err != nil || len(erased) != 1 || erased[0] != people[1].ID || s.Retention().Owed().Any() {
		t.Errorf("erased %v, %v; owed %+v", erased, err, s.Retention().Owed())
	}
	must(t, s.Close())
	s = mustOpen(t, dir)
	if records, err := s.Templates().Records([32]byte{}); err != nil || len(records) != 2 || s.Retention().Owed().Any() {
		t.Errorf("then %d match, %v; owed %+v", len(records), err, s.Retention().Owed())
	}
}
