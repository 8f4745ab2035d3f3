package match_test

import (
	"cmp"
	"maps"
	"slices"
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
	if len(best) == 0 {
		return match.Result{}
	}
	people := slices.SortedFunc(maps.Keys(best), func(a, b template.PersonID) int { return cmp.Compare(best[b], best[a]) })
	r := match.Result{OK: true, Best: people[0], Score: best[people[0]], Second: -1}
	for i := range r.Others {
		r.Others[i] = match.Other{Score: -1}
		if i+1 < len(people) {
			r.Others[i] = match.Other{Person: people[i+1], Score: best[people[i+1]]}
		}
	}
	r.Second = r.Others[0].Score
	return r
}

// The outcomes of searches of any parts, joined in any order, are the outcome of a search of the whole.
func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.Permutation([]float64{-0.9, -0.5, -0.3, 0, 0.1, 0.15, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9}).Draw(t, "scores")
		parts := make([][]scored, 3)
		var all []scored
		for _, score := range scores[:rapid.IntRange(0, len(scores)).Draw(t, "records")] {
			s := scored{personID(rapid.IntRange(0, 8).Draw(t, "person")), score}
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
