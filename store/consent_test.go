package store_test

import (
	"errors"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/storetest"
)

func TestNewNoticeMakesConsentsStale(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 0)
	s.Close()
	o := storetest.Options(dir)
	o.Notices = [][32]byte{{0xdd}, {0xee}}
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(enrolment(1)); !errors.Is(err, store.ErrStale) || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
	if c := mustRead(t, s); len(c.Records) != 1 {
		t.Error("who was enrolled before does not match any more")
	}
	for _, hash := range o.Notices {
		e := enrolment(1)
		e.Consent.Notice.Hash = hash
		if err := s.Check(e); err != nil {
			t.Error(err)
		}
	}
	o = storetest.Options(t.TempDir())
	o.Notices = nil
	s, err = store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(enrolment(1)); !errors.Is(err, store.ErrStale) {
		t.Errorf("without a notice: %v", err)
	}
}

func TestEnrolmentEndsWithTheConsent(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	e := enrolment(0)
	e.Consent.Expires = storetest.Now().AddDate(0, 1, 0)
	p, err := s.Enrol(e)
	if err != nil || !p.Expires.Equal(e.Consent.Expires) {
		t.Errorf("expires %v, %v", p.Expires, err)
	}
	e = enrolment(1)
	e.Consent.AgeBand, e.Consent.Guardian = store.Child, "Zhang Min"
	if _, err := s.Enrol(e); err != nil {
		t.Errorf("a child with a guardian: %v", err)
	}
}

// openUnder opens a store under the rules of a profile.
func openUnder(t *testing.T, dir, profile string) *store.Store {
	t.Helper()
	o := storetest.Options(dir)
	o.Profile = profile
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestConsentOfAnotherProfile lets nobody match, whatever their scheme, until they consent again or the profile is back.
func TestConsentOfAnotherProfile(t *testing.T) {
	dir := t.TempDir()
	s := openUnder(t, dir, "lab")
	mustEnrol(t, s, 0, 1)
	pass := enrolment(2)
	pass.Pass = keysOf(t, s, 2)
	_, err := s.Enrol(pass)
	if err := errors.Join(err, enrolBound(s, 4)); err != nil {
		t.Fatal(err)
	}
	matching := func(s *store.Store, records, bound, again int) {
		t.Helper()
		c := mustRead(t, s)
		ids, err := s.Templates().Bound(model)
		if len(c.People) != 4 || len(c.Records) != records || len(ids) != bound || err != nil || s.Compliance().ConsentAgain() != again {
			t.Errorf("%d people, %d records, %d bound, %d to consent again, %v; want %d, %d and %d",
				len(c.People), len(c.Records), len(ids), s.Compliance().ConsentAgain(), err, records, bound, again)
		}
	}
	matching(s, 3, 1, 0)
	mustClaim(t, s, 2, 4)
	s.Close()

	s = openUnder(t, dir, "eu")
	matching(s, 0, 0, 4)
	mustClaim(t, s)
	p := mustRead(t, s).People[0]
	if p.Consent.Profile != "lab" || !s.Compliance().NeedsConsent(p) {
		t.Errorf("the consent is of profile %q", p.Consent.Profile)
	}
	if err := s.Epochs().Begin(1000); err != nil {
		t.Fatal(err)
	}
	if _, renewed, err := s.Epochs().Renew(p.ID, model, made(s, 0, codeOf(0))); renewed || err != nil {
		t.Errorf("a template was renewed without a consent, %v", err)
	}
	again := current(s, enrolment(0))
	again.Lane++
	if p, _, err = s.Recapture(again); err != nil || p.Consent.Profile != "eu" || s.Compliance().NeedsConsent(p) {
		t.Errorf("after another consent: profile %q, %v", p.Consent.Profile, err)
	}
	matching(s, 1, 0, 3)
	mustErase(t, s, labelOf(1)) // what is to be erased needs no consent
	mustEnrol(t, s, 1)
	matching(s, 2, 0, 2)
	s.Close()

	s = openUnder(t, dir, "lab")
	matching(s, 1, 1, 2)
	mustClaim(t, s, 2, 4)
}
