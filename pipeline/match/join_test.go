package match_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// A scored is what a search would compare with: somebody, and how like the probe.
type scored struct {
	person template.PersonID
	score  float64
}

// outcome returns what a search of all these says.
func outcome(all []scored) match.Result {
	best := map[template.PersonID]float64{}
	for _, s := range all {
		if old, ok := best[s.person]; !ok || s.score > old {
			best[s.person] = s.score
		}
	}
	r := match.Result{OK: len(best) > 0, Score: math.Inf(-1), Second: -1}
	if !r.OK {
		return match.Result{}
	}
	for person, score := range best {
		if score > r.Score {
			r.Best, r.Score = person, score
		}
	}
	for person, score := range best {
		if person != r.Best {
			r.Second = max(r.Second, score)
		}
	}
	return r
}

// The outcomes of searches of any parts, joined in any order, are the outcome of a search of the whole.
func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.Permutation([]float64{-0.9, -0.3, 0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9}).Draw(t, "scores")
		parts := make([][]scored, 3)
		var all []scored
		for _, score := range scores[:rapid.IntRange(0, len(scores)).Draw(t, "records")] {
			s := scored{personID(rapid.IntRange(0, 4).Draw(t, "person")), score}
			at := rapid.IntRange(0, len(parts)-1).Draw(t, "part")
			parts[at], all = append(parts[at], s), append(all, s)
		}
		var got match.Result
		for _, part := range parts {
			got = got.Join(outcome(part))
		}
		if want := outcome(all); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
