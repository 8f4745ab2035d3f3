package bypeople

import (
	"math"
	"math/rand/v2"
	"slices"

	"facegate/pipeline/evaluate"
)

// Rounds is how many times people are drawn anew for an interval.
const Rounds = 200

// An Interval holds the figure that was looked for with a confidence of 95 %.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// A Figure is what was measured, with its interval by people, nil where the kept scores do not reach far enough for one.
type Figure struct {
	Value    float64   `json:"value"`
	Interval *Interval `json:"interval,omitempty"`
}

// A Bootstrap draws people. Two of the same number of people and the same seed draw the same.
type Bootstrap struct {
	people int
	seed   uint64
}

// Each calls round Rounds times with how often each person was drawn, which is valid until it returns.
func (b Bootstrap) Each(round func(weights []int64)) {
	rng := rand.New(rand.NewPCG(b.seed, 0))
	weights := make([]int64, b.people)
	for range Rounds {
		for i := range weights {
			weights[i] = poisson(rng)
		}
		round(weights)
	}
}

// poisson draws from the Poisson distribution of mean 1: how many uniform numbers are multiplied until they fall below 1/e
// (Knuth, TAOCP 3.4.1).
func poisson(rng *rand.Rand) int64 {
	var n int64
	for product := rng.Float64(); product > 1/math.E; product *= rng.Float64() {
		n++
	}
	return n
}

// A cut is a choice of comparisons whose rates are looked at by themselves.
type cut struct {
	unit      int64
	everybody int       // people of the whole set
	genuine   []weighed // by falling score, as tail
	tail      []weighed // all impostor comparisons of the choice from some floor on
	people    [][]int32 // whose comparisons they are: within each of these groups,
	across    bool      // or between any two of them
}

// A weighed event is a score between two people, or of one.
type weighed struct {
	score  float32
	a, b   int32
	weight int64
}

// all returns the cut of all comparisons.
func (s *Scores) all() *cut {
	everybody := make([]int32, len(s.pictures))
	for i := range everybody {
		everybody[i] = int32(i)
	}
	return s.cut([][]int32{everybody}, false)
}

// cut returns the comparisons within the groups of people, or across them. The genuine comparisons are those of all of
// them.
func (s *Scores) cut(people [][]int32, across bool) *cut {
	const none = -1
	group := slices.Repeat([]int{none}, len(s.pictures))
	for g, members := range people {
		for _, a := range members {
			group[a] = g
		}
	}
	c := &cut{unit: s.unit, everybody: len(s.pictures), people: people, across: across}
	for _, e := range s.Genuine {
		if a := s.person[e.Probe]; group[a] != none {
			c.genuine = append(c.genuine, weighed{e.Score, a, a, s.own(a)})
		}
	}
	for _, e := range s.Tail {
		a, b := s.person[e.Probe], s.person[e.Enrolled]
		if group[a] != none && group[b] != none && (group[a] != group[b]) == across {
			c.tail = append(c.tail, weighed{e.Score, a, b, s.between(a, b)})
		}
	}
	return c
}

// pairs returns how many pairs of people the cut has where each person was drawn as often as weights say. Nobody is
// compared with themselves as somebody else.
func (c *cut) pairs(weights []int64) int64 {
	var within int64
	var all, allSquares int64
	for _, members := range c.people {
		var sum, squares int64
		for _, a := range members {
			sum += weights[a]
			squares += weights[a] * weights[a]
		}
		within += (sum*sum - squares) / 2
		all, allSquares = all+sum, allSquares+squares
	}
	if c.across {
		return (all*all-allSquares)/2 - within
	}
	return within
}

// under fills p with the scores as they weigh where each person was drawn as often as weights say. Impostor scores below
// the tail are all taken as -1.
func (c *cut) under(weights []int64, p *evaluate.Performance) {
	p.Genuine.Reset()
	p.Impostor.Reset()
	for _, e := range c.genuine {
		if w := weights[e.a]; w > 0 {
			p.Genuine.AddTimes(float64(e.score), w*e.weight)
		}
	}
	for _, e := range c.tail {
		if w := weights[e.a] * weights[e.b]; w > 0 {
			p.Impostor.AddTimes(float64(e.score), w*e.weight)
		}
	}
	// Shares are rounded to whole numbers: a tail that is everything can weigh a little more than all pairs of people.
	p.Impostor.AddTimes(-1, max(0, c.pairs(weights)*c.unit-p.Impostor.Count()))
}

// A sampling holds the values of some figures in each round of a bootstrap.
type sampling [][]float64

// sample takes the figures of the cut in every round of b. A figure that a round cannot tell is NaN there.
func (c *cut) sample(b Bootstrap, figures func(*evaluate.Performance) []float64) sampling {
	var s sampling
	p := empty("")
	b.Each(func(weights []int64) {
		c.under(weights, p)
		s = append(s, figures(p))
	})
	return s
}

// interval returns the middle 95 % of figure i, nil if a round could not tell it.
func (s sampling) interval(i int) *Interval {
	values := make([]float64, len(s))
	for r := range s {
		values[r] = s[r][i]
		if math.IsNaN(values[r]) {
			return nil
		}
	}
	slices.Sort(values)
	return &Interval{quantile(values, 0.025), quantile(values, 0.975)}
}

// quantile interpolates between sorted values.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-2)
	w := at - float64(i)
	return sorted[i]*(1-w) + sorted[i+1]*w
}

// NewBootstrap returns one that draws so many people, from seed.
func NewBootstrap(people int, seed uint64) Bootstrap { return Bootstrap{people, seed} }

// Middle returns the middle 95 % of the values of the rounds.
func Middle(values []float64) Interval {
	sorted := slices.Sorted(slices.Values(values))
	return Interval{quantile(sorted, 0.025), quantile(sorted, 0.975)}
}
