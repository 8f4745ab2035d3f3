package camera_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline"
	"facegate/store"
)

// visit has a person of testdata come to the door in pictures that they were not enrolled from, and go. It returns
// whether they were let in.
func (b *bench) visit(person string) bool {
	b.t.Helper()
	passages := b.show(gatetest.Hold(gatetest.Clip(b.t, "people/"+person)[3:6], time.Second)...)
	b.leave()
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
	b.settle()
	// They are renewed beside the frames.
	gatetest.Eventually(b.t, fmt.Sprintf("the epochs are %+v", want), func() bool { return b.store.Epochs().State() == want })
}

// TestEpoch changes the rotations of a running gate: who passes is let in before, during and after it with nothing to do,
// who does not is not, and has to be captured again.
func TestEpoch(t *testing.T) {
	site := gatetest.NewSite(t).FixKey(t)
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
	for i := range passing { // and they are renewed by it, one at a time: who comes while another is renewed has to come again
		lets("during", passing[i:i+1], true)
		b.mustEpochs(store.EpochState{Current: 2, Renewed: i + 1, Earlier: 3 - i})
	}
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
	b.leave()
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
