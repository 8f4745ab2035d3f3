package store_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// TestRecapture revokes the record of one of three.
func TestRecapture(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	e := enrolment(1)
	e.Consent.AgeBand, e.Consent.Guardian = store.Child, "Zhang Min"
	old, err := s.Enrol(e)
	if err != nil {
		t.Fatal(err)
	}
	mustEnrol(t, s, 0, 2)
	s.Close()
	faces, people := rows(t, dir, "faces.db", "records"), rows(t, dir, "people.db", "people")
	before := files(t, dir)
	s = openAt(t, dir, &now)
	now = now.Add(10 * oneDay)

	e = enrolment(1)
	e.Code, e.Consent.Reference = codeOf(100), "Consent/2026/again"
	if e.Lane, err = s.Templates().NextLane(e.Label); err != nil || e.Lane == old.Lane {
		t.Fatalf("lane %d, %v", e.Lane, err)
	}
	for _, tt := range []struct {
		edit func(*store.Enrolment)
		want error
	}{
		{func(e *store.Enrolment) { e.Label = "nobody" }, store.ErrUnknown},
		{func(e *store.Enrolment) { e.Consent.Witness = "" }, store.ErrNoConsent},
		{func(e *store.Enrolment) { e.Consent.Notice.Hash = [32]byte{1} }, store.ErrStale},
		{func(e *store.Enrolment) { e.Expires = now }, store.ErrExpiry},
	} {
		e := e
		e.Again = true
		tt.edit(&e)
		_, _, err := s.Recapture(e)
		if !errors.Is(err, tt.want) || !errors.Is(s.Check(e), tt.want) || hint.Of(err) == "" {
			t.Errorf("got %v, want %v", err, tt.want)
		}
	}
	p, signed, err := s.Recapture(e)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != old.ID || p.Record == old.Record || p.Consent.ID == old.Consent.ID || p.Lane != e.Lane ||
		!p.Enrolled.Equal(now.Truncate(oneDay)) {
		t.Errorf("got %+v, was %+v", p, old)
	}
	r, err := receipt.Verify(signed, s.Device().PublicKey)
	if err != nil || r.Reason != "recaptured" || r.Erased != (receipt.Counts{Templates: 1, Consents: 1, Guardians: 1}) ||
		r.Generations != (receipt.Generations{People: 2, Faces: 2}) {
		t.Errorf("the receipt says %+v, %v", r, err)
	}
	want := receipt.Commit([16]byte(r.Records[0].Salt), faces[old.Record])
	if d := cmp.Diff([]receipt.Salted{want}, r.Records); d != "" {
		t.Error("the receipt does not commit to the record that was erased")
	}
	consent := old.Consent
	consent.Ended, consent.Why, consent.Guardian = now, audit.Recaptured, ""
	for range 2 {
		c := mustRead(t, s)
		if r := c.Records[p.ID]; r.Code != codeOf(100) || r.Lane != e.Lane || len(c.Records) != 3 || len(c.People) != 3 {
			t.Errorf("%d people, %d records, that of the person is %+v", len(c.People), len(c.Records), r)
		}
		if d := cmp.Diff([]store.Consent{consent}, endedConsents(t, s)); d != "" {
			t.Errorf("the former consent (-want +got):\n%s", d)
		}
		if f, err := s.Members().Show(e.Label); err != nil || len(f.Entries) != 3 || f.Person.Consent.Reference != e.Consent.Reference {
			t.Errorf("shown %+v, %v", f, err)
		}
		if receipts, err := s.Receipts().All(); err != nil || len(receipts) != 1 || !bytes.Equal(receipts[0], signed) {
			t.Errorf("%d receipts, %v", len(receipts), err)
		}
		s.Close()
		s = openAt(t, dir, &now)
	}
	mustSay(t, s, "created", "enrolled", "enrolled", "enrolled", "erased", "enrolled", "receipt-issued")
	// Nobody else gets the lane that was revoked, before all others have seen a revocation.
	for range 100 {
		if lane, err := s.Templates().NextLane("somebody else"); err != nil || lane == old.Lane {
			t.Fatalf("lane %d, %v", lane, err)
		}
	}
	s.Close()
	for name, data := range files(t, dir) {
		for _, row := range people {
			if bytes.Contains(data, row[len(row)-16:]) {
				t.Errorf("%s holds an old row of people.db", name)
			}
		}
		if row := faces[old.Record]; bytes.Contains(data, row[len(row)-64:]) || bytes.Contains(data, old.Record[:]) {
			t.Errorf("%s holds the record that was revoked", name)
		}
	}
	mixed := files(t, dir)
	mixed["faces.db"], mixed["faces.copy.db"] = before["faces.db"], before["faces.copy.db"]
	if _, err := store.Open(storetest.Options(lay(t, mixed))); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("an old faces.db opens with the present key: %v", err)
	}
}

// TestRecaptureAfterLockdown is the way back for those whose records are gone.
func TestRecaptureAfterLockdown(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 0, 1)
	if err := s.Lockdown().Begin(1000); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Recapture(current(s, enrolment(0))); !errors.Is(err, store.ErrLockdown) {
		t.Errorf("during a lockdown: %v", err)
	}
	if err := s.Lockdown().End(1000); err != nil {
		t.Fatal(err)
	}
	if _, signed, err := s.Recapture(current(s, enrolment(0))); err != nil || signed != nil {
		t.Errorf("%v, with a receipt of %d bytes", err, len(signed))
	}
	for range 2 {
		mustHave(t, s, 2, 1)
		if n := s.Retention().Former(); n != 1 {
			t.Errorf("%d consents have ended", n)
		}
		s.Close()
		s = storetest.Open(t, dir)
	}
}
