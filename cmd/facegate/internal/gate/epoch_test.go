package gate_test

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/store"
)

// visit has a person of testdata come to the door in pictures that they were not enrolled from, and go. It returns
// whether they were let in.
func (b *bench) visit(person string) bool {
	b.t.Helper()
	passages := b.show(gatetest.Hold(gatetest.Clip(b.t, "people/"+person)[3:6], time.Second)...)
	b.clock.advance(6 * time.Second) // longer than rearm
	b.show(gatetest.Corridor(b.t))
	for _, p := range passages {
		if p.Report.State == pipeline.Granted && !p.Opened.IsZero() {
			return true
		}
	}
	return false
}

func (b *bench) mustEpochs(want store.EpochState) {
	b.t.Helper()
	if got := b.store.Epochs().State(); got != want {
		b.t.Errorf("the epochs are %+v, want %+v", got, want)
	}
}

// TestEpoch changes the rotations of a running gate: who passes is let in before, during and after it with nothing to do,
// who does not is not, and has to be captured again.
func TestEpoch(t *testing.T) {
	site := gatetest.NewSite(t)
	o := defaults()
	b := start(t, site, o)
	everybody := []string{"p01", "p02", "p04", "p09"}
	for _, person := range everybody {
		b.mustEnrol(person)
	}
	before, err := b.store.People()
	if err != nil {
		t.Fatal(err)
	}
	passing := everybody[:3]
	lets := func(when string, all []string, want bool) {
		t.Helper()
		for _, person := range all {
			if got := b.visit(person); got != want {
				t.Errorf("%s: %s is let in: %v", when, person, got)
			}
		}
	}
	lets("before", passing, true)
	b.mustEpochs(store.EpochState{Current: 1, Renewed: 4})
	if _, err := b.gallery.As(1000).BeginEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.mustEpochs(store.EpochState{Current: 2, Earlier: 4})
	lets("during", passing, true) // and they are renewed by it
	b.mustEpochs(store.EpochState{Current: 2, Renewed: 3, Earlier: 1})
	lets("renewed", passing, true)
	after, err := b.store.People()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range before {
		renewed := slices.Contains(passing, p.Label)
		if (p.Record != after[i].Record) != renewed || p.ID != after[i].ID || !p.Expires.Equal(after[i].Expires) {
			t.Errorf("%s, renewed %v: %+v became %+v", p.Label, renewed, p, after[i])
		}
	}
	b.stop()

	b = start(t, site, o) // halfway, too, it is a gate like any other
	if _, err := b.gallery.As(1000).BeginEpoch(t.Context()); !errors.Is(err, store.ErrEpoch) {
		t.Errorf("a third epoch begins: %v", err)
	}
	if e, err := b.gallery.As(1000).EndEpoch(t.Context()); e.Ended != 1 || err != nil {
		t.Errorf("EndEpoch = %+v, %v", e, err)
	}
	lets("after", passing, true)
	lets("after", []string{"p09"}, false)
	b.mustEpochs(store.EpochState{Current: 2, Renewed: 3, Recordless: 1})
	again := request("p09")
	again.Again = true
	if p, err := b.enrol(again, gatetest.Pose(t, "p09")); err != nil || p.Receipt != "" {
		t.Fatalf("captured again: %+v, %v", p, err)
	}
	lets("captured again", []string{"p09"}, true)
	b.mustEpochs(store.EpochState{Current: 2, Renewed: 4})
}

// TestNoRenewal checks who is not renewed: who is not let in, and who does not match with room to spare.
func TestNoRenewal(t *testing.T) {
	earlier := store.EpochState{Current: 2, Earlier: 1}
	begin := func(t *testing.T) *bench {
		b := start(t, gatetest.NewSite(t), defaults())
		b.mustEnrol("p01")
		if _, err := b.gallery.As(1000).BeginEpoch(t.Context()); err != nil {
			t.Fatal(err)
		}
		return b
	}
	t.Run("the door does not open", func(t *testing.T) {
		b := begin(t)
		b.line.Fail(errors.New("the relay is on fire"))
		if passages := b.show(gatetest.Arrival(t)...); count(passages, pipeline.Granted) == 0 {
			t.Fatal("nobody was to be let in")
		}
		b.mustEpochs(earlier)
		b.line.Fail(nil)
	})
	t.Run("a stranger", func(t *testing.T) {
		b := begin(t)
		b.show(gatetest.Clip(t, "walk/s02")[30:70]...)
		b.mustEpochs(earlier)
	})
	t.Run("a print", func(t *testing.T) {
		b := begin(t)
		b.show(gatetest.Hold(gatetest.Clip(t, "spoof")[:1], 2*time.Second)...)
		b.mustEpochs(earlier)
	})
}

// TestRenew gives one of two people a new template, of a sample that is used once.
func TestRenew(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	g := openGallery(t, s, galleryConfig(t, 0.001, time.Now))
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
	g := openGallery(t, s, galleryConfig(t, 0.001, time.Now))
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
	g := openGallery(t, openStore(t, gatetest.NewSite(t), rand.Reader), galleryConfig(t, 0.001, time.Now))
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
