package matchertest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"facegate/pipeline/match"
)

// noCrowd asks of a face of one person by rules that know of crowds.
func noCrowd(t *testing.T, m Maker) {
	a := m.Open(t, people(1, false), crowdRules()).Match(Face(1), now)
	if !matched(a, ID(0)) || a.Threshold != threshold || a.Raise != 0 || a.Excess != 0 {
		t.Errorf("of one person it says %+v", a)
	}
}

// crowded asks of a face with others around it, nearer or farther.
func crowded(t *testing.T, m Maker) {
	tests := []struct {
		name    string
		others  []float64 // their cosines
		excess  float64
		portion float64 // of the excess that the threshold rises by, before Beta
	}{
		{"one other", []float64{0.5}, 0, 0},
		{"two", []float64{0.5, 0.3}, 0.3, 0.5},
		{"three", []float64{0.5, 0.3, 0.4}, 0.3, 4. / 6},
		{"four", []float64{0.5, 0.3, 0.3, 0.5}, 0.3, 5. / 6},
		{"five", []float64{0.5, 0.3, 0.3, 0.5, 0.4}, 0.3, 1},
		{"of more the nearest five", []float64{0.1, 0.5, 0.3, 0, 0.3, 0.5, 0.4, -0.2}, 0.3, 1},
		{"a thin crowd", []float64{-0.2, -0.2, -0.2, -0.2, -0.2}, -0.3, 0},
	}
	for _, tt := range tests {
		for _, earlier := range []bool{false, true} {
			list := around(Face(1), tt.others...)
			for i := range list {
				list[i].Earlier = earlier && i%2 == 0
			}
			a := m.Open(t, list, crowdRules()).Match(Face(1), now)
			raise := max(0, 0.75*tt.portion*a.Excess)
			if !a.OK || math.Abs(a.Excess-tt.excess) > blur || math.Abs(a.Raise-raise) > 1e-12 || a.Threshold != threshold+a.Raise {
				t.Errorf("%s, in two epochs %v: it says %+v, want an excess of %v and a raise of %v", tt.name, earlier, a, tt.excess, raise)
			}
			if a.Others != (match.Result{}).Others {
				t.Errorf("%s: it names others: %v", tt.name, a.Others)
			}
		}
	}
}

// neverLower compares the answers by rules with and without a crowd: whom a crowd lets match, matches without.
func neverLower(t *testing.T, m Maker) {
	family := around(Face(1), 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, -0.1, -0.2)
	for n := range family {
		list := family[:n+1]
		with, without := m.Open(t, list, crowdRules()), m.Open(t, list, rules())
		for i := range 40 {
			v := Like(list[i%len(list)].Face, float64(i)/40, uint64(1000+i))
			a, plain := with.Match(v, now), without.Match(v, now)
			if a.Result != plain.Result || a.Raise < 0 || plain.Raise != 0 || plain.Excess != 0 || a.Threshold < plain.Threshold {
				t.Errorf("of face %d among %d it says %+v, and without a crowd %+v", i, len(list), a, plain)
			}
		}
	}
}

// lookalikesRaise enrols one after the other who comes ever nearer to a face. Nobody gets in by that.
func lookalikesRaise(t *testing.T, m Maker) {
	last := 0.0
	family := around(Face(1), 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
	for n := 3; n <= len(family); n++ {
		a := m.Open(t, family[:n], crowdRules()).Match(Face(1), now)
		if a.Best != ID(0) || a.Raise < last {
			t.Errorf("among %d it says %+v, among one fewer the raise was %v", n, a, last)
		}
		last = a.Raise
	}
	if last < 0.3 {
		t.Errorf("look-alikes raise the threshold by %.2f", last)
	}
}

// counted gives people several faces, by which they must not become more people.
func counted(t *testing.T, m Maker) {
	asked := 0
	r := crowdRules()
	r.Threshold = func(people int) (float64, error) {
		asked = people
		return threshold, nil
	}
	list := around(Face(1), 0.5, 0.4)
	once := m.Open(t, list, r).Match(Face(1), now)
	several := slices.Clone(list)
	for i := range 12 {
		p := list[i%len(list)]
		p.Earlier = i%4 == 0
		several = append(several, p)
	}
	a := m.Open(t, several, r).Match(Face(1), now)
	if asked != len(list) || math.Abs(a.Raise-once.Raise) > blur || math.Abs(a.Second-once.Second) > blur {
		t.Errorf("of %d people with several faces it says %+v, and with one each %+v", asked, a, once)
	}
}

// renewableInCrowd asks whether a template may be made of a face in a crowd.
func renewableInCrowd(t *testing.T, m Maker) {
	for name, tt := range map[string]struct {
		others float64 // cosine
		score  float64
		want   bool
	}{
		"far from the others":     {0, 0.95, true},
		"too little room":         {0.2, 0.45, false},
		"others near a threshold": {0.6, 1, false}, // who would match, were they not raised themselves
	} {
		v := Face(1)
		list := around(v, tt.others, tt.others, tt.others, tt.others, tt.others)
		list[0] = Person{ID: ID(0), Face: Like(v, tt.score, 7), Earlier: true}
		if a := m.Open(t, list, crowdRules()).Match(v, now); a.Best != ID(0) || a.Renewable != (tt.want && m.Renews) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// renewableAlone asks of which faces a template may be made, where a face has to score more by itself than with others.
func renewableAlone(t *testing.T, m Maker) {
	for single, want := range map[float64]bool{threshold: true, threshold + 0.2: true, threshold + 0.5: false, 2: false} {
		r := rules()
		r.Single = func(int) (float64, error) { return single, nil }
		a := m.Open(t, people(1, true), r).Match(Face(1), now)
		if !matched(a, ID(0)) || a.Threshold != threshold || a.Renewable != (want && m.Renews) {
			t.Errorf("where it needs %v by itself, it says %+v", single, a)
		}
	}
	r := rules()
	r.Single = func(int) (float64, error) { return 0, errors.New("there is none") }
	if a := m.Open(t, people(1, true), r).Match(Face(1), now); !matched(a, ID(0)) || a.Renewable {
		t.Errorf("where nothing suffices by itself it says %+v", a)
	}
}
