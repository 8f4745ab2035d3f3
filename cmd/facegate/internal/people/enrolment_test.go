package people_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/store"
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
		c := gatetest.Terms(t, 0.001)
		c.Profile.Jurisdiction = tt.law
		r := request("Ada")
		r.Witness, r.By = tt.witness, tt.by
		err := openRegister(t, s, c).Accepts(r)
		if (err == nil) != tt.ok || err != nil && (!errors.Is(err, people.ErrWitness) || hint.Of(err) == "") {
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
	c := gatetest.Terms(t, 0.001)
	c.Profile.Jurisdiction = law.EU
	r := request("Ada")
	r.Witness, r.By = "", audit.Actor(id)
	if err := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), c).Accepts(r); err != nil {
		t.Errorf("%s is no witness: %v", self.Username, err)
	}
}

// TestNobodyIsAWitness checks that root is not written down as one.
func TestNobodyIsAWitness(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	r := request("Ada")
	r.Witness, r.By = "", 0
	if _, err := openRegister(t, s, gatetest.Terms(t, 0.001)).Enrol(r, face(1)); err != nil {
		t.Fatal(err)
	}
	held, err := s.Members().Show("Ada")
	if err != nil || held.Person.Consent.Witness != "nobody, as in profile lab nobody consents" {
		t.Errorf("the witness is %q, %v", held.Person.Consent.Witness, err)
	}
}

// TestChildren checks who may be enrolled below the age at which they can consent.
func TestChildren(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	c := gatetest.Terms(t, 0.001)
	child := request("Ada")
	child.Guardian = "Li Na"
	if err := openRegister(t, s, c).Accepts(child); !errors.Is(err, people.ErrGuardian) || hint.Of(err) == "" {
		t.Errorf("the name of an adult's guardian: %v", err)
	}
	child.Age, child.Guardian = "under-14", ""
	if err := openRegister(t, s, c).Accepts(child); !errors.Is(err, people.ErrChild) || hint.Of(err) == "" {
		t.Errorf("Accepts: %v, hint %q", err, hint.Of(err))
	}
	c.Profile.MinorsAllowed = true
	if err := openRegister(t, s, c).Accepts(child); !errors.Is(err, people.ErrNoPass) || hint.Of(err) == "" {
		t.Errorf("Accepts where no pass can be shown: %v, hint %q", err, hint.Of(err))
	}
	c.Profile.Passes = true
	g := openRegister(t, s, c)
	if err := g.Accepts(child); !errors.Is(err, store.ErrGuardian) || hint.Of(err) == "" {
		t.Errorf("Accepts without a guardian: %v, hint %q", err, hint.Of(err))
	}
	child.Guardian = "Li Na"
	if err := g.Accepts(child); err != nil {
		t.Errorf("Accepts with a guardian: %v", err)
	}
	c.Profile.ChildAge, c.Profile.ChildLaw = 18, "740 ILCS 14/10"
	older := openRegister(t, s, c)
	child.Age = "minor"
	if err := older.Accepts(child); !errors.Is(err, store.ErrNoConsent) || !strings.Contains(hint.Of(err), "14-17") {
		t.Errorf("Accepts by an age of another law: %v, hint %q", err, hint.Of(err))
	}
	child.Age = "14-17"
	if err := older.Accepts(child); err != nil {
		t.Errorf("Accepts with a guardian under 18: %v", err)
	}
	child.Guardian = ""
	if err := older.Accepts(child); !errors.Is(err, store.ErrGuardian) || !strings.Contains(err.Error(), "under 18") {
		t.Errorf("Accepts without a guardian under 18: %v", err)
	}
	child.Age, child.Guardian, child.Language = "adult", "", "fr"
	if err := g.Accepts(child); !errors.Is(err, notice.ErrNone) || hint.Of(err) == "" {
		t.Errorf("Accepts on a notice in French: %v, hint %q", err, hint.Of(err))
	}
	child.Language, child.Notice = "zh", strings.Repeat("00", 32)
	if err := g.Accepts(child); !errors.Is(err, people.ErrNotice) || hint.Of(err) == "" {
		t.Errorf("Accepts on a notice that the gate does not have: %v, hint %q", err, hint.Of(err))
	}
	for _, n := range c.Notices {
		child.Language, child.Notice = string(n.Language), hex.EncodeToString(n.SHA256[:])
		if err := g.Accepts(child); err != nil {
			t.Errorf("Accepts on the notice in %s: %v", n.Language, err)
		}
	}
	child.Language, child.Notice, child.Age = "zh", "", ""
	if err := g.Accepts(child); !errors.Is(err, store.ErrNoConsent) {
		t.Errorf("Accepts without an age: %v", err)
	}
}
