package store_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

const oneDay = 24 * time.Hour

func TestIdlePeopleAreErased(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	people := mustEnrol(t, s, 0, 1, 2)
	now = now.Add(100 * oneDay)
	before := files(t, dir)
	for _, at := range []time.Time{now, now.Add(time.Hour), now.Add(-oneDay)} {
		s.Retention().Seen(people[1].ID, at)
	}
	s.Retention().Seen(template.PersonID{1}, now) // somebody unknown
	if !maps.EqualFunc(before, files(t, dir), bytes.Equal) {
		t.Error("somebody was seen, and something was written at once")
	}
	s.Close()
	s = openAt(t, dir, &now)
	if got, want := mustRead(t, s).People[1].LastSeen, now.Truncate(oneDay); !got.Equal(want) {
		t.Errorf("last seen %v, want %v: the day and no more", got, want)
	}
	for _, step := range []struct {
		days   int // since the enrolment
		people int // left
	}{{180, 3}, {181, 1}, {280, 1}, {281, 0}, {1000, 0}} {
		now = storetest.Now().Add(time.Duration(step.days) * oneDay)
		if _, err := s.Retention().EraseDue(); err != nil {
			t.Fatal(err)
		}
		if got := mustRead(t, s).People; len(got) != step.people {
			t.Errorf("after %d days: %d people, want %d", step.days, len(got), step.people)
		}
	}
	for _, c := range endedConsents(t, s) {
		if c.Why != audit.Idle {
			t.Errorf("ended because %v", c.Why)
		}
	}
}

func TestPruneKeepsTheChain(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	access := func(n int) {
		for range n {
			if err := s.Log().Access(now); err != nil {
				t.Fatal(err)
			}
		}
	}
	prune := func(want int) {
		t.Helper()
		if n, err := s.Retention().Prune(); n != want || err != nil {
			t.Errorf("pruned %d, want %d: %v", n, want, err)
		}
	}
	access(2)
	mustEnrol(t, s, 0)
	access(1)
	prune(0)
	mustSay(t, s, "created", "access", "access", "enrolled", "access")
	now = now.Add(30*oneDay - time.Second)
	access(1)
	prune(0)
	now = now.Add(time.Second)
	prune(3)
	prune(0)
	mustSay(t, s, "created", "-", "-", "enrolled", "-", "access", "pruned")
	s.Close()
	s = openAt(t, dir, &now)
	mustSay(t, s, "created", "-", "-", "enrolled", "-", "access", "pruned")
	now = now.Add((3*365 - 30) * oneDay)
	prune(3) // created, enrolled, access
	mustSay(t, s, "pruned", "pruned")
	s.Close()
	s = openAt(t, dir, &now)
	access(1)
	mustSay(t, s, "pruned", "pruned", "access")
}

// A consent stays when the person goes, without what leads to the person.
func TestConsentOutlivesThePerson(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	e := enrolment(0)
	e.Consent.AgeBand, e.Consent.Guardian = store.Child, "Zhang Min"
	p, err := s.Enrol(e)
	if err != nil {
		t.Fatal(err)
	}
	mustEnrol(t, s, 1)
	now = now.Add(oneDay)
	erased, err := s.Erase(store.ByLabel(p.Label), audit.Withdrawn, 1000)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify(erased.Receipt, s.Device().PublicKey)
	if err != nil || r.Reason != "withdrawn" || r.Erased.Guardians != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	want := p.Consent
	want.Ended, want.Why, want.Guardian = now, audit.Withdrawn, ""
	s.Close()
	s = openAt(t, dir, &now)
	if d := cmp.Diff([]store.Consent{want}, endedConsents(t, s)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	now = now.Add(3*365*oneDay - time.Second)
	if _, err := s.Retention().Prune(); err != nil || s.Retention().Former() != 1 {
		t.Errorf("%d consents are left before their time, %v", s.Retention().Former(), err)
	}
	now = now.Add(time.Second)
	if _, err := s.Retention().Prune(); err != nil || s.Retention().Former() != 0 {
		t.Errorf("%d consents are left, %v", s.Retention().Former(), err)
	}
	s.Close()
	s = openAt(t, dir, &now)
	if n := s.Retention().Former(); n != 0 || len(mustRead(t, s).People) != 1 {
		t.Errorf("after opening again: %d consents", n)
	}
}

func endedConsents(t *testing.T, s *store.Store) []store.Consent {
	t.Helper()
	consents, err := s.Retention().Ended()
	if err != nil {
		t.Fatal(err)
	}
	return consents
}

func TestExpiry(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	o := storetest.Options(dir)
	o.Clock = clocktest.Right(func() time.Time { return now })
	o.Retention.Idle = 10 * 365 * 24 * time.Hour
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	people := mustEnrol(t, s, upTo(5)...) // the person n expires a year and n days from now
	now = now.AddDate(1, 0, 2)
	if c := mustRead(t, s); len(c.People) != 5 || len(c.Records) != 2 {
		t.Errorf("%d people and %d records, want 5 and 2", len(c.People), len(c.Records))
	}
	got, err := s.Retention().EraseDue()
	if err != nil {
		t.Fatal(err)
	}
	want := []template.PersonID{people[0].ID, people[1].ID, people[2].ID}
	compare := func(a, b template.PersonID) int { return bytes.Compare(a[:], b[:]) }
	slices.SortFunc(got, compare)
	slices.SortFunc(want, compare)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("erased (-want +got):\n%s", d)
	}
	if c := mustRead(t, s); len(c.People) != 2 || len(c.Records) != 2 {
		t.Errorf("%d people and %d records, want 2 and 2", len(c.People), len(c.Records))
	}
	if got, err := s.Retention().EraseDue(); got != nil || err != nil {
		t.Errorf("again: %v, %v", got, err)
	}
}
