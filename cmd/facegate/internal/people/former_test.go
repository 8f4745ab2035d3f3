package people_test

import (
	"crypto/rand"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/pipeline/embed"
	"facegate/store"
	"facegate/store/audit"
)

// again asks for a capture of somebody who is enrolled.
func again(label string) people.EnrolRequest {
	r := request(label)
	r.Again = true
	return r
}

// mustRefuse checks that somebody else is turned away, that this tells no score, and that it changes nothing.
func mustRefuse(t *testing.T, s *store.Store, g *people.Register, r people.EnrolRequest, v embed.Vector) {
	t.Helper()
	before, err := s.People()
	if err != nil {
		t.Fatal(err)
	}
	enrolled, err := g.Enrol(r, v)
	if !errors.Is(err, people.ErrSomebodyElse) || !strings.Contains(hint.Of(err), "--changed-face") {
		t.Fatalf("somebody else is captured as %s: %+v, %v", r.Label, enrolled, err)
	}
	if regexp.MustCompile(`[0-9]`).MatchString(err.Error() + hint.Of(err)) {
		t.Errorf("the refusal has a number in it: %v, %s", err, hint.Of(err))
	}
	after, err := s.People()
	if err != nil || len(before) != len(after) {
		t.Fatal(err)
	}
	for i := range before {
		if before[i].Record != after[i].Record || before[i].Consent.ID != after[i].Consent.ID {
			t.Errorf("%s was changed by it", before[i].Label)
		}
	}
}

// said counts the entries that say that a face has changed.
func said(t *testing.T, s *store.Store, label string) (n int) {
	t.Helper()
	f, err := s.Members().Show(label)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range f.Entries {
		if e.Kind == audit.FaceChanged && e.Actor == 1000 {
			n++
		}
	}
	return n
}

// TestSomebodyElse captures people again, with their own face and with another, wherever their former template is.
func TestSomebodyElse(t *testing.T) {
	site := gatetest.NewSite(t)
	s := openStore(t, site, rand.Reader)
	c := gatetest.Terms(t, 0.001)
	g := openRegister(t, s, c)
	mustEnrol := func(r people.EnrolRequest, v embed.Vector, former string) {
		t.Helper()
		r.By = 1000
		e, err := g.Enrol(r, v)
		if err != nil || !strings.Contains(e.Former, former) || (former == "") != (e.Former == "") {
			t.Fatalf("%s: %q, %v, want %q", r.Label, e.Former, err, former)
		}
	}
	mustEnrol(request("one"), face(1), "")
	mustEnrol(request("two"), face(2), "")
	mustRefuse(t, s, g, again("one"), face(7))
	mustRefuse(t, s, g, again("one"), like(face(1), 0.2, 8))
	if !matches(g, face(1)) {
		t.Error("who was to be captured again does not match any more")
	}
	mustEnrol(again("one"), like(face(1), 0.9, 9), "the face is that of the former template")

	changed := again("one")
	changed.FaceChanged = true
	if said(t, s, "one") != 0 {
		t.Error("a face has changed, says the log, before anybody did")
	}
	mustEnrol(changed, face(7), "not compared: it has changed")
	if said(t, s, "one") != 1 || said(t, s, "two") != 0 {
		t.Errorf("%d entries say that the face has changed", said(t, s, "one"))
	}
	first := request("new")
	first.FaceChanged = true
	mustEnrol(first, face(5), "")
	if said(t, s, "new") != 0 {
		t.Error("the face of somebody new has changed, says the log")
	}

	if _, err := g.As(1000).BeginEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, s, g, again("one"), face(8)) // the template is of the earlier epoch
	mustEnrol(again("one"), like(face(7), 0.9, 3), "the face is that of the former template")

	other := c
	other.Profile.Mode = law.OneToOne // in which templates of 1:N match nobody
	g = openRegister(t, s, other)
	mustRefuse(t, s, g, again("two"), face(8))

	other = c
	other.ModelID[0] ^= 1
	g = openRegister(t, s, other)
	mustEnrol(again("two"), face(8), "not compared: there is no former template to compare with: it was made with another network")

	g = openRegister(t, s, c)
	if _, err := g.As(1000).Lockdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Lockdown().End(1000); err != nil {
		t.Fatal(err)
	}
	mustEnrol(again("one"), face(8), "it was destroyed")
}

// TestSomebodyElseOneToOne does the same where a template opens with the person's pass alone.
func TestSomebodyElseOneToOne(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	g := openRegister(t, s, inMode(t, law.OneToOne))
	passes := map[string]string{}
	for seed, label := range []string{"one", "two"} {
		e, err := g.Enrol(request(label), face(uint64(seed+1)))
		if err != nil {
			t.Fatal(err)
		}
		passes[label] = e.Pass.Text()
	}
	by := func(pass string) people.EnrolRequest {
		r := again("one")
		r.FormerPass = pass
		return r
	}
	mustRefuse(t, s, g, by(passes["one"]), face(7))
	for _, pass := range []string{passes["two"], "AAAA"} {
		if err := g.Accepts(by(pass)); err == nil || hint.Of(err) == "" {
			t.Errorf("another pass is accepted: %v", err)
		}
	}
	if err := g.Accepts(by(passes["one"])); err != nil {
		t.Errorf("the person's own pass: %v", err)
	}
	e, err := g.Enrol(by(passes["one"]), like(face(1), 0.9, 4))
	if err != nil || e.Former != "the face is that of the former template" {
		t.Fatalf("%q, %v", e.Former, err)
	}
	if err := g.Accepts(by(passes["one"])); !errors.Is(err, store.ErrPass) {
		t.Errorf("the former pass: %v", err)
	}
	e, err = g.Enrol(by(""), face(7))
	if err != nil || !strings.Contains(e.Former, "opens with the person's pass alone") {
		t.Errorf("%q, %v", e.Former, err)
	}
	if slices.Contains([]string{passes["one"], passes["two"]}, e.Pass.Text()) {
		t.Error("a pass was issued twice")
	}
}
