package store_test

import (
	"testing"
	"time"

	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

func TestAssess(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	first := store.Assessment{ID: "PIPIA-7", Date: "2026-02-01", Version: "1"}
	second := store.Assessment{ID: "PIPIA-7", Date: "2026-03-01", Version: "2"}
	for i, step := range []struct {
		assessment store.Assessment
		basis      byte
		due        bool
		entry      string // "" for none
	}{
		{first, 1, false, "assessed"},
		{first, 1, false, ""},
		{first, 2, true, "reassessment-due"},
		{first, 2, true, ""},
		{first, 3, true, "reassessment-due"},
		{first, 1, false, "assessed"}, // what it covers is back
		{first, 2, true, "reassessment-due"},
		{second, 2, false, "assessed"},
		{second, 1, true, "reassessment-due"},
		{first, 1, false, "assessed"},
	} {
		before := kinds(t, s)
		due, err := s.Compliance().Assess(step.assessment, [32]byte{step.basis})
		if err != nil || due != step.due {
			t.Errorf("step %d: due %v, %v", i, due, err)
		}
		if step.entry != "" {
			before = append(before, step.entry)
		}
		mustSay(t, s, before...)
		s.Close()
		s = storetest.Open(t, dir)
	} // An incident calls for another assessment, however little has changed.
	if err := s.Lockdown().Begin(1000); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		assessment store.Assessment
		due        bool
	}{{first, true}, {first, true}, {second, false}, {second, false}} {
		if due, err := s.Compliance().Assess(step.assessment, [32]byte{1}); err != nil || due != step.due {
			t.Errorf("after a lockdown, by version %s: due %v, %v", step.assessment.Version, due, err)
		}
	}
}

func TestFiling(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	open := func(at int) *store.Store {
		t.Helper()
		o := storetest.Options(dir)
		o.Clock, o.FilingAt = clocktest.Right(func() time.Time { return now }), at
		s, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(3)
	mustEnrol(t, s, 0, 1)
	if at := s.Compliance().Filing(); !at.IsZero() {
		t.Errorf("reached on %v", at)
	}
	now = now.Add(oneDay)
	mustEnrol(t, s, 2)
	want := now.Truncate(oneDay)
	now = now.Add(oneDay)
	mustEnrol(t, s, 3)
	mustErase(t, s, labelOf(0))
	mustErase(t, s, labelOf(1))
	mustEnrol(t, s, 0, 1)
	for range 2 {
		if at := s.Compliance().Filing(); !at.Equal(want) {
			t.Errorf("reached on %v, want %v", at, want)
		}
		s.Close()
		s = open(3)
	}
	said := 0
	for _, r := range mustAudit(t, s).Records {
		if r.Entry.Kind == audit.FilingReached {
			if said++; r.Entry.Count != 3 {
				t.Errorf("reached with %d people", r.Entry.Count)
			}
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
	s.Close()
	// A gate that comes under this duty with so many people enrolled has reached the number when it is next opened.
	dir = t.TempDir()
	s = open(0)
	mustEnrol(t, s, 0, 1, 2, 3)
	if !s.Compliance().Filing().IsZero() {
		t.Error("reached, without a duty")
	}
	s.Close()
	s = open(3)
	defer s.Close()
	if at := s.Compliance().Filing(); !at.Equal(now.Truncate(oneDay)) {
		t.Errorf("reached on %v", at)
	}
}
