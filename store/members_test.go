package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

// grouped checks in which groups people are, in memory and by the groups.
func grouped(t *testing.T, when string, s *store.Store, want map[string][]string) {
	t.Helper()
	counts := make(map[string]int)
	for _, p := range mustRead(t, s).People {
		if !slices.Equal(p.Groups, want[p.Label]) || !slices.Equal(s.Members().Groups(p.ID), want[p.Label]) {
			t.Errorf("%s %s is in %q, want %q", when, p.Label, p.Groups, want[p.Label])
		}
		for _, g := range want[p.Label] {
			counts[g]++
		}
	}
	if got := s.Members().Grouped(); !maps.Equal(got, counts) {
		t.Errorf("%s the groups have %v, want %v", when, got, counts)
	}
}

// TestRegroup puts people into groups and takes them out: on the list from the first, with a face and without, over starts, a new
// capture and the end of a consent. Whoever is erased takes theirs along.
func TestRegroup(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	with := enrolment(0)
	with.Groups = []string{"staff"}
	zero, err := s.Enrol(current(s, with))
	must(t, err)
	mustEnrol(t, s, 1)
	joins := membership(2)
	joins.Groups = []string{"cleaners", "保洁员"}
	_, err = s.Join(joins)
	must(t, err)
	mustAddCard(t, s, 0, "zero", store.Terms{})
	want := map[string][]string{labelOf(0): {"staff"}, labelOf(2): joins.Groups}
	grouped(t, "from the first", s, want)

	p, err := s.Members().Regroup(labelOf(1), []string{"cleaners", "staff"}, 1000)
	if err != nil || !slices.Equal(p.Groups, []string{"cleaners", "staff"}) {
		t.Fatalf("%+v, %v", p, err)
	}
	want[labelOf(1)] = p.Groups
	grouped(t, "afterwards", s, want)
	f, err := s.Members().Show(labelOf(1))
	if last := f.Entries[len(f.Entries)-1]; err != nil || last.Kind != audit.Regrouped || last.Actor != 1000 || last.Count != 0 || last.Digest != [32]byte{} {
		t.Errorf("the log has %+v, %v", last, err)
	}
	_, err = s.Members().Regroup(labelOf(1), want[labelOf(1)], 1000)
	if again, _ := s.Members().Show(labelOf(1)); err != nil || len(again.Entries) != len(f.Entries) {
		t.Errorf("no change is noted: %v", err)
	}
	must(t, s.Close())
	s = mustOpen(t, dir)
	grouped(t, "opened again", s, want)

	_, _, err = s.Recapture(current(s, enrolment(0)))
	must(t, err)
	grouped(t, "captured again", s, want)
	_, err = s.Erase(store.ByLabel(labelOf(0)), audit.FaceWithdrawn, 1000)
	must(t, err)
	grouped(t, "without a face", s, want)
	_, err = s.Members().Relabel(labelOf(2), "Ann", 1000)
	must(t, err)
	want["Ann"] = want[labelOf(2)]
	grouped(t, "relabelled", s, want)
	_, err = s.Members().Regroup("Ann", nil, 1000)
	must(t, err)
	delete(want, "Ann")
	grouped(t, "in none", s, want)

	mustErase(t, s, labelOf(0))
	grouped(t, "one is erased", s, want)
	if g := s.Members().Groups(zero.ID); g != nil {
		t.Errorf("who is erased is in %q", g)
	}
	must(t, s.Close())
	storetest.MustCheck(t, dir)
}

// TestGroupsAreWords checks what can be a group, and that nothing else is kept.
func TestGroupsAreWords(t *testing.T) {
	given := []string{"staff", " Ku\u0308che", "cleaners", "staff"}
	clean, err := store.CleanGroups(given)
	if err != nil || !slices.Equal(clean, []string{"Küche", "cleaners", "staff"}) {
		t.Errorf("%q are %q, %v", given, clean, err)
	}
	long := func(n int) (groups []string) {
		for i := range n {
			groups = append(groups, fmt.Sprint(i, strings.Repeat("x", 30)))
		}
		return groups
	}
	if clean, err := store.CleanGroups(long(store.MaxGroups - 1)); err != nil || len(clean) != store.MaxGroups-1 {
		t.Errorf("%q, %v", clean, err)
	}
	s := storetest.Open(t, t.TempDir())
	mustEnrol(t, s, 0)
	for name, groups := range map[string][]string{
		"two words": {"night shift"}, "empty": {""}, "a separator": {"a,b"}, "a line break": {"a\nb"}, "too long": {strings.Repeat("x", 33)},
		"too many": {"a", "b", "c", "d", "e", "f", "g", "h", "i"}, "together too long": {strings.Repeat("保", 32), strings.Repeat("洁", 32), strings.Repeat("员", 32)},
	} {
		_, cleaned := store.CleanGroups(groups)
		_, regrouped := s.Members().Regroup(labelOf(0), groups, 1000)
		m, e := membership(1), current(s, enrolment(1))
		m.Groups, e.Groups = groups, groups
		_, joined := s.Join(m)
		_, enrolled := s.Enrol(e)
		for _, err := range []error{cleaned, regrouped, joined, enrolled} {
			if !errors.Is(err, store.ErrGroups) || hint.Of(err) == "" {
				t.Errorf("%s: %v, hint %q", name, err, hint.Of(err))
			}
		}
	}
	if _, err := s.Members().Regroup(labelOf(0), []string{"b", "a"}, 1000); !errors.Is(err, store.ErrGroups) {
		t.Errorf("out of order: %v", err)
	}
	if _, err := s.Members().Regroup(labelOf(1), []string{"a"}, 1000); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("of nobody: %v", err)
	}
	grouped(t, "after all that is refused", s, nil)
}

// TestNoFileTellsGroups checks that the rows of people have one length, in groups or not, and that the groups of before are as gone as
// somebody erased.
func TestNoFileTellsGroups(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	joins := membership(0)
	joins.Groups = []string{"cleaners", "night-shift"}
	_, err := s.Join(joins)
	must(t, err)
	mustJoin(t, s, 1)
	must(t, s.Close())
	before := rows(t, dir, "people.db", "people")
	lengths := make(map[int]bool)
	for _, row := range before {
		lengths[len(row)] = true
	}
	if len(before) != 2 || len(lengths) != 1 {
		t.Errorf("%d rows have the lengths %v", len(before), lengths)
	}
	s = mustOpen(t, dir)
	_, err = s.Members().Regroup(labelOf(0), nil, 1000)
	must(t, errors.Join(err, s.Close()))
	for name, data := range files(t, dir) {
		for _, row := range before {
			if bytes.Contains(data, row[len(row)-16:]) {
				t.Errorf("%s holds an old row", name)
			}
		}
		if bytes.Contains(data, []byte("night-shift")) {
			t.Errorf("%s names a group", name)
		}
	}
}
