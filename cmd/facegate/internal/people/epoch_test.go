package people_test

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/embed"
)

// TestRenew gives one of two people a new template, of a sample that is used once.
func TestRenew(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	g := openRegister(t, s, gatetest.Terms(t, 0.001))
	one, two := face(1), face(2)
	for label, v := range map[string]embed.Vector{"one": one, "two": two} {
		if _, err := g.Enrol(request(label), slices.Clone(v)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.As(1000).BeginEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	renewed := func(sample embed.Vector, want int) {
		t.Helper()
		if err := g.Renew(whose(g, one), sample); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(sample, func(x float32) bool { return x != 0 }) {
			t.Error("the sample is left")
		}
		if got := s.Epochs().State().Renewed; got != want {
			t.Errorf("%d are renewed, want %d", got, want)
		}
		if !matches(g, one) || !matches(g, two) || g.Len() != 2 {
			t.Errorf("of %d people, one matches: %v, two: %v", g.Len(), matches(g, one), matches(g, two))
		}
	}
	sample := like(one, 0.9, 11)
	renewed(nil, 0)
	renewed(make(embed.Vector, len(one)), 0) // of no direction
	renewed(sample, 1)
	renewed(sample, 1) // zeros by now
	renewed(like(one, 0.9, 12), 1)
}

// TestRenewalFails checks that whoever cannot be renewed goes on as before, and is renewed the next time.
func TestRenewalFails(t *testing.T) {
	random := new(failing)
	s := openStore(t, gatetest.NewSite(t), random)
	g := openRegister(t, s, gatetest.Terms(t, 0.001))
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.As(1000).BeginEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	pass := func() error { return g.Renew(whose(g, face(1)), face(1)) }
	random.fail = true
	if err := pass(); err == nil || s.Epochs().State().Earlier != 1 || !matches(g, face(1)) {
		t.Errorf("without randomness: %v, %+v, matches: %v", err, s.Epochs().State(), matches(g, face(1)))
	}
	random.fail = false
	if err := pass(); err != nil || s.Epochs().State().Renewed != 1 || !matches(g, face(1)) {
		t.Errorf("the next time: %v, %+v, matches: %v", err, s.Epochs().State(), matches(g, face(1)))
	}
}

// TestMatchDoesNotAllocate, with one epoch or two.
func TestMatchDoesNotAllocate(t *testing.T) {
	g := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), gatetest.Terms(t, 0.001))
	for seed, label := range []string{"one", "two", "three"} {
		if _, err := g.Enrol(request(label), face(uint64(seed))); err != nil {
			t.Fatal(err)
		}
	}
	v := face(1)
	for epochs := 1; epochs <= 2; epochs++ {
		n := testing.AllocsPerRun(20, func() { g.Matcher().Match(v, time.Time{}) })
		if n != 0 {
			t.Errorf("%v allocations a match with %d epochs", n, epochs)
		}
		if _, err := g.As(1000).BeginEpoch(t.Context()); err != nil && epochs == 1 {
			t.Fatal(err)
		}
	}
}
