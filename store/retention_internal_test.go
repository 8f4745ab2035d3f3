package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"facegate/store/clock/clocktest"
	"facegate/store/durable"
)

// What was pruned is in no file, nor in the free pages of one.
func TestPrunedEntriesAreGone(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(dir)
	now := testNow()
	o.Clock = clocktest.Right(func() time.Time { return now })
	o.Retention.Records = 1000 * time.Hour
	s, err := Open(o)
	must(t, err)
	var states [][]byte
	for range 5 {
		must(t, s.Log().Access(now))
		sealed, err := s.people.Get(stateRow(peopleRow))
		must(t, err)
		states = append(states, sealed)
	}
	now = now.Add(2 * time.Hour)
	n, err := s.Retention().Prune()
	if must(t, err); n != 5 {
		t.Errorf("pruned %d", n)
	}
	must(t, s.Close())
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		must(t, err)
		for i, sealed := range states {
			if bytes.Contains(data, sealed) {
				t.Errorf("%s holds entry %d", filepath.Base(name), i)
			}
		}
	}
}

// Who is due is told even if the erasure fails half-way, since it may be finished with any change that comes next.
func TestEraseDueTellsOfHalf(t *testing.T) {
	o := testOptions(t.TempDir())
	now := testNow()
	o.Clock = clocktest.Right(func() time.Time { return now })
	s, err := Open(o)
	must(t, err)
	defer s.Close()
	p, err := s.Enrol(current(s, testEnrolment(0)))
	must(t, err)
	now = now.AddDate(3, 0, 0)
	tmp := s.faces.Databases()[0] + durable.Unfinished
	must(t, os.MkdirAll(filepath.Join(tmp, "x"), 0o700))
	ids, err := s.Retention().EraseDue()
	if err == nil || len(ids) != 1 || ids[0] != p.ID {
		t.Errorf("%d people: %v", len(ids), err)
	}
	must(t, os.RemoveAll(tmp))
	must(t, s.Log().Access(testNow()))
	if people, _ := s.People(); len(people) != 0 {
		t.Error("not finished")
	}
}
