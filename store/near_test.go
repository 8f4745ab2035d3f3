package store_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

// nearTo is the enrolment of somebody whose face is near to that of others.
func nearTo(n int, others ...store.Person) store.Enrolment {
	e := enrolment(n)
	e.Near = true
	for _, p := range others {
		e.NearTo = append(e.NearTo, p.ID)
	}
	return e
}

// dayOf is the day of t.
func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// TestNear marks somebody who turns out to be near to another at once, and the other within a week, and keeps nothing of who is
// near to whom.
func TestNear(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	all := mustEnrol(t, s, 0, 1)
	eve, err := s.Enrol(nearTo(2, all[0]))
	must(t, err)
	if !eve.Near.Before(dayOf(now)) || eve.Near.IsZero() {
		t.Errorf("who is near to somebody is marked from %v on", eve.Near)
	}
	standings := s.Templates().Standings()
	began := standings[all[0].ID].Near
	if in := began.Sub(dayOf(now)); in < oneDay || in > 7*oneDay || !dayOf(began).Equal(began) {
		t.Errorf("the other is marked from %v on", began)
	}
	want := map[template.PersonID]store.Standing{eve.ID: {Near: eve.Near}, all[0].ID: {Near: began}}
	if diff := cmp.Diff(want, standings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	held, err := s.Members().Show(labelOf(0))
	must(t, err)
	if n := len(held.Entries); n != 1 {
		t.Errorf("the audit log has %d entries of the other, who was enrolled and nothing else", n)
	}
	if _, err := s.Enrol(nearTo(3, all[0])); err != nil || !s.Templates().Standings()[all[0].ID].Near.Equal(began) {
		t.Errorf("near to a second one the mark begins on %v, %v", s.Templates().Standings()[all[0].ID].Near, err)
	}
	s.Close()
	s = openAt(t, dir, &now)
	if diff := cmp.Diff(want, without(s.Templates().Standings(), labelled(t, s, 3))); diff != "" {
		t.Errorf("after opening again -want +got:\n%s", diff)
	}

	mustErase(t, s, labelOf(2)) // who they are near to is kept nowhere, so that the mark stays
	mustErase(t, s, labelOf(3))
	if diff := cmp.Diff(map[template.PersonID]store.Standing{all[0].ID: {Near: began}}, s.Templates().Standings()); diff != "" {
		t.Errorf("after the erasures -want +got:\n%s", diff)
	}
	e := enrolment(0)
	e.Code, e.Lane = codeOf(100), 5
	if _, _, err := s.Recapture(e); err != nil || len(s.Templates().Standings()) != 0 {
		t.Errorf("a capture has judged anew: %v, %v", s.Templates().Standings(), err)
	}
	e.Near, e.NearTo, e.Lane, e.Code = true, []template.PersonID{all[0].ID, all[1].ID, {9}}, 6, codeOf(101)
	_, _, err = s.Recapture(e)
	must(t, err)
	got := s.Templates().Standings()
	if at := got[all[0].ID].Near; len(got) != 2 || !at.Before(dayOf(now)) || at.IsZero() || !got[all[1].ID].Near.After(now) {
		t.Errorf("captured again, near to another: %v", got)
	}
	if err := s.Lockdown().Begin(1000); err != nil || len(s.Templates().Standings()) != 0 {
		t.Errorf("of templates that were destroyed there is %v, %v", s.Templates().Standings(), err)
	}
}

// without returns all but one.
func without(all map[template.PersonID]store.Standing, p store.Person) map[template.PersonID]store.Standing {
	delete(all, p.ID)
	return all
}

// labelled returns the person with a label.
func labelled(t *testing.T, s *store.Store, n int) store.Person {
	t.Helper()
	p, err := s.Person(labelOf(n))
	must(t, err)
	return p
}

// TestNearOnAnyDay checks that the mark of the other begins on no day in particular.
func TestNearOnAnyDay(t *testing.T) {
	now := storetest.Now()
	s := openAt(t, t.TempDir(), &now)
	others := mustEnrol(t, s, upTo(60)...)
	_, err := s.Enrol(nearTo(100, others...))
	must(t, err)
	days := map[time.Time]int{}
	for _, standing := range s.Templates().Standings() {
		days[standing.Near]++
	}
	if len(days) < 5 { // 60 throws of a die with seven faces
		t.Errorf("the marks of 60 people begin on %d days", len(days))
	}
}

// TestNearByAWrongClock checks that no mark waits for a day that a wrong clock has told.
func TestNearByAWrongClock(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	machine.Ahead(12 * 365 * oneDay)
	s := openOn(t, t.TempDir(), machine)
	p, err := s.Enrol(forTerm(0))
	must(t, err)
	e := forTerm(1)
	e.Near, e.NearTo = true, []template.PersonID{p.ID}
	_, err = s.Enrol(e)
	must(t, err)
	for _, standing := range s.Templates().Standings() {
		if standing.Near.IsZero() || !standing.Near.Before(storetest.Now().AddDate(-1, 0, 0)) {
			t.Errorf("a mark begins on %v", standing.Near)
		}
	}
}

// TestNearWithoutRandomness marks nobody, and enrols nobody.
func TestNearWithoutRandomness(t *testing.T) {
	o := storetest.Options(t.TempDir())
	left := &scarce{n: 1 << 20}
	o.Rand = left
	s, err := store.Open(o)
	must(t, err)
	defer s.Close()
	p, err := s.Enrol(enrolment(0))
	must(t, err)
	e := nearTo(1, p)
	left.n = 16 + 16 + 16 + 16 // the ids of the person
	if _, err := s.Enrol(e); err == nil {
		t.Error("enrolled")
	}
	left.n = 1 << 20
	if all, err := s.People(); err != nil || len(all) != 1 || len(s.Templates().Standings()) != 0 {
		t.Errorf("%d people, standings %v, %v", len(all), s.Templates().Standings(), err)
	}
}

// A scarce source of randomness runs dry.
type scarce struct{ n int }

func (l *scarce) Read(p []byte) (int, error) {
	if l.n -= len(p); l.n < 0 {
		return 0, errors.New("no randomness is left")
	}
	return rand.Read(p)
}

// TestAges checks which ages go with the age below which a guardian consents, and what a face of each is worth.
func TestAges(t *testing.T) {
	for _, tt := range []struct {
		band     store.AgeBand
		ages     []uint8 // below which a guardian consents, where there can be such a person
		guardian bool
		standing store.Standing
	}{
		{store.Adult, []uint8{1, 13, 14, 16, 18}, false, store.Standing{}},
		{store.Minor, []uint8{1, 13, 14, 16}, false, store.Standing{Young: true}},
		{store.Child, []uint8{1, 13, 14, 16, 18}, true, store.Standing{Young: true, Second: true}},
		{store.Youth, []uint8{16, 18}, true, store.Standing{Young: true}},
		{store.ChildAlone, []uint8{1, 13}, false, store.Standing{Young: true, Second: true}},
	} {
		for _, age := range []uint8{0, 1, 13, 14, 16, 18, 19} {
			s := storetest.Open(t, t.TempDir())
			e := enrolment(0)
			e.Consent.AgeBand, e.Consent.ChildAge, e.Consent.Guardian = tt.band, age, "Zhang Min"
			possible := false
			for _, a := range tt.ages {
				possible = possible || a == age
			}
			p, err := s.Enrol(e)
			if possible != (err == nil) || err != nil && (!errors.Is(err, store.ErrNoConsent) || hint.Of(err) == "") {
				t.Errorf("band %d, where a guardian consents under %d: %v", tt.band, age, err)
			}
			if err == nil && p.Standing() != tt.standing {
				t.Errorf("band %d is worth %+v", tt.band, p.Standing())
			}
			e = enrolment(1)
			e.Consent.AgeBand, e.Consent.ChildAge = tt.band, age
			if err := s.Check(e); possible && errors.Is(err, store.ErrGuardian) != tt.guardian {
				t.Errorf("band %d without a guardian: %v", tt.band, err)
			}
		}
	}
	if store.AgeBand(0).Under18() || store.AgeBand(0).Under14() || store.AgeBand(0).Guardian() {
		t.Error("who gives no face has an age")
	}
}

// TestMarksStayInABackup checks that neither ages nor marks are lost with the store.
func TestMarksStayInABackup(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	ann := mustEnrol(t, s, 0)[0]
	e := nearTo(1, ann)
	e.Consent.AgeBand, e.Consent.Guardian = store.Child, "Zhang Min"
	_, err := s.Enrol(e)
	must(t, err)
	mustEnrol(t, s, 2)
	mustErase(t, s, labelOf(2)) // of which the receipt vouches for what was erased
	want := s.Templates().Standings()
	b, err := s.Backup(1000)
	must(t, err)
	s.Close()
	o := storetest.Options(t.TempDir())
	mustRestore(t, o, b.Data, store.Proof{Last: b.Number})
	s, err = store.Open(o)
	must(t, err)
	defer s.Close()
	if diff := cmp.Diff(want, s.Templates().Standings()); diff != "" || len(want) != 2 {
		t.Errorf("-want +got:\n%s", diff)
	}
}
