package gate_test

import (
	"crypto/rand"
	"errors"
	"os"
	"os/user"
	"strconv"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gate"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/store/audit"
)

// TestWitness checks that a consent has a witness with a name, where there is somebody who consents.
func TestWitness(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	for _, tt := range []struct {
		witness string
		by      audit.Actor
		law     law.Jurisdiction
		ok      bool
	}{
		{"Li Na", 0, law.EU, true},
		{"", 0, law.EU, false},
		{"root", 1000, law.EU, false},
		{"", 4_000_000_000, law.EU, false}, // who has no name on this machine
		{"1000", 1000, law.CN, false},
		{"user 7", 1000, law.CN, false},
		{"7 of 9", 1000, law.CN, true},
		{"", 0, law.Lab, true},
		{"root", 0, law.Lab, false},
	} {
		c := galleryConfig(t, 0.001, time.Now)
		c.Profile.Jurisdiction = tt.law
		r := request("Ada")
		r.Witness, r.By = tt.witness, tt.by
		err := openGallery(t, s, c).Accepts(r)
		if (err == nil) != tt.ok || err != nil && (!errors.Is(err, gate.ErrWitness) || hint.Of(err) == "") {
			t.Errorf("%+v: %v, hint %q", tt, err, hint.Of(err))
		}
	}
}

// TestWitnessIsWhoAsks checks that a login with a name is a witness.
func TestWitnessIsWhoAsks(t *testing.T) {
	self, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	id, err := strconv.Atoi(self.Uid)
	if err != nil || id == 0 {
		t.Skip(os.ErrInvalid)
	}
	c := galleryConfig(t, 0.001, time.Now)
	c.Profile.Jurisdiction = law.EU
	r := request("Ada")
	r.Witness, r.By = "", audit.Actor(id)
	if err := openGallery(t, openStore(t, gatetest.NewSite(t), rand.Reader), c).Accepts(r); err != nil {
		t.Errorf("%s is no witness: %v", self.Username, err)
	}
}

// TestNobodyIsAWitness checks that root is not written down as one.
func TestNobodyIsAWitness(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	r := request("Ada")
	r.Witness, r.By = "", 0
	if _, err := openGallery(t, s, galleryConfig(t, 0.001, time.Now)).Enrol(r, face(1)); err != nil {
		t.Fatal(err)
	}
	held, err := s.Show("Ada")
	if err != nil || held.Person.Consent.Witness != "nobody, as in profile lab nobody consents" {
		t.Errorf("the witness is %q, %v", held.Person.Consent.Witness, err)
	}
}
