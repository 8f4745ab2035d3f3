package pipeline_test

import (
	"testing"
	"time"

	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/pipeline/crowd"
)

// TestCrowdOfThoseLetIn lets people pass, and strangers come between. Who is let in counts, once a passage, and nobody else.
func TestCrowdOfThoseLetIn(t *testing.T) {
	s := settings()
	s.Crowd = new(crowd.Gauge)
	d := newDoor(t, s, "abc")
	d.gallery.Rules.Crowding = func(int) float64 { return -0.5 } // beside which everybody is in a crowd
	for n := range crowd.Passages {
		d.run(8, stranger)
		if level := s.Crowd.Level(); level != crowd.Unknown {
			t.Fatalf("after %d passages the place is %q", n, level)
		}
		d.now = d.now.Add(10 * time.Second)
		d.untilGranted(20, "a", anna)
		d.run(3, anna) // who lingers
		d.now = d.now.Add(10 * time.Second)
	}
	if level := s.Crowd.Level(); level != crowd.MuchMore {
		t.Errorf("after %d passages the place is %q", crowd.Passages, level)
	}
}

// TestAlike shows somebody who is Anna as far as the score goes, in a place too crowded for it. From outside it is a stranger to
// the last frame, and it counts against nobody.
func TestAlike(t *testing.T) {
	crowded := func() *door {
		s := settings()
		s.Attempts = pipeline.Attempts{Wary: 3, Rest: 30 * time.Second, Flood: 50}
		d := newDoor(t, s, "abc")
		d.gallery.Rules.Crowding, d.gallery.Rules.Beta = func(int) float64 { return -0.5 }, 1
		return d
	}
	near, plain := crowded(), crowded()
	likeness := stranger.with(func(a *actor) { a.who, a.like = 'a', 0.65 })
	ends := 0
	for i := range 200 {
		r, want := near.see(likeness), plain.see(stranger)
		if r.State != want.State || r.Person != want.Person || len(r.Ended) != len(want.Ended) {
			t.Fatalf("frame %d: %+v, and of a stranger %+v", i, r, want)
		}
		for j, e := range r.Ended {
			ends++
			if e.Finding != attempt.Alike || e.Person != person('a') || want.Ended[j].Finding != attempt.Unknown {
				t.Errorf("frame %d: %+v, and of a stranger %+v", i, e, want.Ended[j])
			}
		}
	}
	if ends < 5 {
		t.Errorf("%d attempts ended", ends)
	}
	near.run(3)
	near.untilGranted(40, "a", anna)
}
