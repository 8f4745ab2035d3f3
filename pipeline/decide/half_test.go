package decide_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/pipeline/decide"
	"facegate/pipeline/track"
)

// TestHalfIsToldAsUnknown draws frames of somebody whose face lets nobody in alone. Whatever they score, each is answered as that of
// a stranger is, at the same frame. What differs is that somebody is named who may have shown half, and that they have tried
// nothing once that was said.
func TestHalfIsToldAsUnknown(t *testing.T) {
	likened := 0
	rapid.Check(t, func(t *rapid.T) {
		by := rapid.SampledFrom([]decide.Judge{decide.Mean, decide.Every}).Draw(t, "judge")
		half, stranger := decide.New(judged(by)), decide.New(judged(by))
		now, said := start, false
		for i := range rapid.IntRange(1, 60).Draw(t, "frames") {
			now = now.Add(time.Duration(rapid.IntRange(30, 300).Draw(t, "pause")) * time.Millisecond)
			m := decide.Match{
				Track: 1, Time: now, Person: person("a"), Second: -1, Threshold: threshold, Half: true,
				Score: rapid.SampledFrom([]float64{0.9, 0.9, 0.6, 0.5, 0.2}).Draw(t, "score"),
			}
			other := m
			other.Score, other.Half = 0.1, false
			half.See(now, []*track.Track{{ID: 1}})
			stranger.See(now, []*track.Track{{ID: 1}})
			v, w := half.Observe(m), stranger.Observe(other)
			if v == decide.Alike {
				if p, is := half.TakeAlike(1); !is || p != person("a") {
					t.Fatalf("frame %d: alike to %v, %v", i, p, is)
				}
				likened++
				said, v = true, decide.Unknown
			}
			if v != w {
				t.Fatalf("frame %d is %v, and of a stranger %v", i, v, w)
			}
			if p, near := half.TakeNear(1); near && said && m.Score >= threshold {
				t.Fatalf("frame %d: after it was said to be alike somebody tries to be %v", i, p)
			}
			if half.Decided(1, now) {
				t.Fatalf("frame %d: somebody was let in", i)
			}
		}
	})
	if likened == 0 {
		t.Error("nobody is alike")
	}
}

// TestHalfBesideAnother checks that the place of one whose face counts for half may be taken by another, who is let in.
func TestHalfBesideAnother(t *testing.T) {
	d := decide.New(rules)
	see := func(i int, who string, half bool) decide.Verdict {
		now := start.Add(time.Duration(i) * 100 * time.Millisecond)
		return d.Observe(decide.Match{Track: 1, Time: now, Person: person(who), Score: 0.9, Second: -1, Threshold: threshold, Half: half})
	}
	for i := range 5 {
		if v := see(i, "a", true); v != decide.Undecided {
			t.Errorf("frame %d: %v", i, v)
		}
	}
	last := decide.Undecided
	for i := range 40 {
		if last = see(5+i, "b", false); last == decide.Grant {
			break
		}
	}
	if last != decide.Grant {
		t.Errorf("the other is %v", last)
	}
}
