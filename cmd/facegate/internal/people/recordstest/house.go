package recordstest

import (
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/law"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

// A House has the records of a gate in a folder of its own, and no camera: whoever is captured is somebody new.
type House struct {
	Store    *store.Store
	Register *people.Register
}

// Open opens the records of a gate that nobody is enrolled at. They are closed, and checked, when the test ends.
func Open(t testing.TB) House {
	t.Helper()
	dir := t.TempDir()
	o := storetest.Options(dir)
	o.Clock = clocktest.Right(time.Now)
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Epochs().UseModel([32]byte{1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		storetest.MustCheck(t, dir)
	})
	return House{s, people.Stopped(s, people.Terms{
		Profile: law.Profile{Mode: law.OneToMany}, Doors: people.Doors("lime court", "north", []string{"yard"}), Groups: []string{"cleaners", "staff"},
		Witnesses: []note.Verifier{auditor().Verifier()},
	})}
}

// Accepts says why a capture would be refused.
func (h House) Accepts(r people.EnrolRequest) error { return h.Store.Check(h.enrolment(r)) }

// Enrol captures somebody.
func (h House) Enrol(r people.EnrolRequest) (people.Enrolled, error) {
	e := h.enrolment(r)
	if r.Again {
		p, text, err := h.Store.Recapture(e)
		listed := people.Listed(p)
		listed.Receipt = string(text)
		return people.Enrolled{Person: listed}, err
	}
	var pass template.Token
	if r.Pass {
		var err error
		if pass, e.Pass, err = h.Store.Credentials().DrawPass(); err != nil {
			return people.Enrolled{}, err
		}
	}
	p, err := h.Store.Enrol(e)
	return people.Enrolled{Person: people.Listed(p), Pass: pass}, err
}

func (h House) enrolment(r people.EnrolRequest) store.Enrolment {
	c := storetest.Consent()
	c.Reference, c.Given, c.Expires = r.Consent, time.Time{}, time.Time{}
	return store.Enrolment{
		Label: r.Label, Groups: r.Groups, Consent: c, ModelID: [32]byte{1}, Term: 24 * time.Hour, By: r.By, Again: r.Again,
		Made: template.Made{Scheme: template.SchemeS1, Epoch: h.Store.Epochs().State().Current, Code: template.Code{1}},
	}
}
