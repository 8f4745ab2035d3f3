package bypeople

import (
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"facegate/configs/hint"
	"facegate/pipeline/evaluate"
)

// A matrix holds the score of each probe (row) against each enrolled sample (column).
type matrix [][]float32

func (m matrix) Len() int     { return len(m) }
func (matrix) String() string { return "matrix" }
func (m matrix) Score(dst []float32, probes, enrolled []int) {
	for p, probe := range probes {
		for e, other := range enrolled {
			dst[p*len(enrolled)+e] = m[probe][other]
		}
	}
}

// symmetric returns a matrix of the scores that score gives to pairs of samples, the lower index first.
func symmetric(n int, score func(i, j int) float64) matrix {
	m := make(matrix, n)
	for i := range m {
		m[i] = make([]float32, n)
		for j := range i {
			s := float32(score(j, i))
			m[i][j], m[j][i] = s, s
		}
	}
	return m
}

// samplesOf returns samples of people with so many pictures each.
func samplesOf(pictures ...int) []evaluate.Sample {
	var samples []evaluate.Sample
	for person, n := range pictures {
		for k := range n {
			samples = append(samples, evaluate.Sample{Subject: person, Picture: fmt.Sprintf("p%03d/%02d.jpg", person, k)})
		}
	}
	return samples
}

func compare(t testing.TB, samples []evaluate.Sample, s evaluate.Scorer) *Scores {
	t.Helper()
	all, err := Compare(t.Context(), samples, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %v, want %v within %v", what, got, want, tolerance)
	}
}

// TestByHand counts on paper: anna has three pictures, of which the third is unlike the others; bob has two that are alike;
// carl has one, which is like both of bob's; nobody else is like anybody.
func TestByHand(t *testing.T) {
	const annaLast, carl = 2, 5
	samples := samplesOf(3, 2, 1)
	score := func(i, j int) float64 {
		switch {
		case j == annaLast:
			return 0.25
		case samples[i].Subject == samples[j].Subject:
			return 0.75
		case i == 3 && j == carl:
			return 0.625
		case i == 4 && j == carl:
			return 0.5
		}
		return 0
	}
	s := compare(t, samples, symmetric(len(samples), score))
	for _, want := range []struct{ t, fnmr, fnmrOfPairs, fmr, fmrOfPairs float64 }{
		{0.25, 0, 0, 1.0 / 3, 2.0 / 11},
		{0.5, (2.0/3 + 0) / 2, 2.0 / 4, 1.0 / 3, 2.0 / 11},
		{0.625, (2.0/3 + 0) / 2, 2.0 / 4, (0.5 + 0 + 0) / 3, 1.0 / 11},
		{0.6875, (2.0/3 + 0) / 2, 2.0 / 4, 0, 0},
		{0.8125, 1, 1, 0, 0},
	} {
		what := fmt.Sprintf("at %v: ", want.t)
		near(t, what+"FNMR by people", s.People.FNMR(want.t), want.fnmr, 1e-9)
		near(t, what+"FNMR by pairs", s.Pairs.FNMR(want.t), want.fnmrOfPairs, 1e-9)
		near(t, what+"FMR by people", s.People.FMR(want.t), want.fmr, 1e-9)
		near(t, what+"FMR by pairs", s.Pairs.FMR(want.t), want.fmrOfPairs, 1e-9)
	}
	r, err := s.Report(1, []Gate{{50, 0.625}})
	if err != nil {
		t.Fatal(err)
	}
	if r.People != 3 || r.Several != 2 || r.PairsOfPeople != 3 {
		t.Errorf("%d people, %d with several pictures, %d pairs of people", r.People, r.Several, r.PairsOfPeople)
	}
	near(t, "anna's share of the genuine comparisons", r.Largest, 3.0/4, 1e-12)
	gate := r.Gate[0]
	if gate.FMR.Of != 3 || gate.FMR.Erring != 2 || gate.FNMR.Of != 2 || gate.FNMR.Erring != 1 {
		t.Errorf("who errs at the gate: %+v", gate)
	}
	// One of two people errs: no bootstrap of two people tells more than Clopper-Pearson does.
	if gate.FNMR.Interval == nil || gate.FNMR.Interval.Low > 0.013 || gate.FNMR.Interval.High < 0.987 {
		t.Errorf("interval of one of two: %+v", gate.FNMR.Interval)
	}
	for _, p := range r.Points {
		if p.Measurable {
			t.Errorf("FMR %v is said to be measured on three pairs of people", p.TargetFMR)
		}
	}
}

func TestWorstTen(t *testing.T) {
	// Twelve people with two pictures err, the first with all of 3 pairs; nobody else does.
	pictures := slices.Repeat([]int{2}, 40)
	pictures[0] = 3
	samples := samplesOf(pictures...)
	s := compare(t, samples, symmetric(len(samples), func(i, j int) float64 {
		if samples[i].Subject == samples[j].Subject && samples[i].Subject >= 12 {
			return 0.75
		}
		if samples[i].Subject == 20 && samples[j].Subject > 20 && samples[j].Subject < 33 {
			return 0.625
		}
		return 0.25
	}))
	r, err := s.Report(1, []Gate{{50, 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	fnmr, fmr := r.Gate[0].FNMR, r.Gate[0].FMR
	near(t, "FNMR", fnmr.Value, 12.0/40, 1e-9)
	near(t, "worst ten of twelve", fnmr.WorstTen, 10.0/12, 1e-9)
	near(t, "their pairs", fnmr.WorstTenOfPairs, 12.0/14, 1e-9)
	near(t, "FMR", fmr.Value, 12.0/780, 1e-9)
	near(t, "a wolf is in all of them", fmr.WorstTen, 1, 1e-9)
	if fnmr.Erring != 12 || fmr.Erring != 13 {
		t.Errorf("%d and %d people err, want 12 and 13", fnmr.Erring, fmr.Erring)
	}
}

// likeness gives people and pictures likenesses of their own, so that scores of one person hang together.
func likeness(seed uint64, samples []evaluate.Sample) matrix {
	rng := rand.New(rand.NewPCG(seed, 2))
	people := map[int]float64{}
	for _, s := range samples {
		if _, ok := people[s.Subject]; !ok {
			people[s.Subject] = rng.NormFloat64()
		}
	}
	return symmetric(len(samples), func(i, j int) float64 {
		a, b := samples[i].Subject, samples[j].Subject
		score := 0.05*(people[a]+people[b]) + 0.08*rng.NormFloat64()
		if a == b {
			score += 0.5
		}
		return min(max(score, -1), 0.99)
	})
}

// A twin does what Scores does in the most obvious way.
type twin struct {
	samples []evaluate.Sample
	m       matrix
	weight  map[int]float64 // of each subject
}

// rates returns FMR and FNMR at t, as sums over people and pairs of people of their own rates.
func (w twin) rates(t float64) (fmr, fnmr float64) {
	type count struct{ wrong, all float64 }
	pairs := map[[2]int]*count{}
	for i := range w.samples {
		for j := range i {
			key := [2]int{w.samples[i].Subject, w.samples[j].Subject}
			if key[0] > key[1] {
				key[0], key[1] = key[1], key[0]
			}
			if pairs[key] == nil {
				pairs[key] = &count{}
			}
			pairs[key].all++
			if (float64(w.m[i][j]) >= t) == (key[0] != key[1]) {
				pairs[key].wrong++
			}
		}
	}
	var matched, missed, pairsWeight, peopleWeight float64
	for key, c := range pairs {
		if a, b := key[0], key[1]; a != b {
			matched += w.weight[a] * w.weight[b] * c.wrong / c.all
			pairsWeight += w.weight[a] * w.weight[b]
		} else {
			missed += w.weight[a] * c.wrong / c.all
			peopleWeight += w.weight[a]
		}
	}
	return matched / pairsWeight, missed / peopleWeight
}

// TestTwin compares with a loop over all pairs, for everybody once and for people drawn by chance.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pictures := rapid.SliceOfN(rapid.IntRange(1, 4), 3, 12).Draw(t, "pictures")
		pictures[0] = 2
		samples := samplesOf(pictures...)
		m := likeness(rapid.Uint64().Draw(t, "seed"), samples)
		s, err := Compare(context.Background(), samples, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		weights := make([]int64, len(pictures))
		for i := range weights {
			weights[i] = int64(rapid.IntRange(0, 3).Draw(t, "weight"))
		}
		weights[0], weights[1] = 1, 1
		ones, drawn := twin{samples, m, map[int]float64{}}, twin{samples, m, map[int]float64{}}
		for i, w := range weights {
			ones.weight[i], drawn.weight[i] = 1, float64(w)
		}
		p := empty("")
		s.all().under(weights, p)
		at := float64(rapid.IntRange(-1000, 12000).Draw(t, "threshold")) / (1 << 14)
		for _, x := range []struct {
			what string
			got  *evaluate.Performance
			by   twin
		}{{"everybody once", s.People, ones}, {"drawn", p, drawn}} {
			fmr, fnmr := x.by.rates(at)
			if math.Abs(x.got.FMR(at)-fmr) > 1e-9 || math.Abs(x.got.FNMR(at)-fnmr) > 1e-9 {
				t.Fatalf("%s at %v: FMR %v, FNMR %v, want %v, %v", x.what, at, x.got.FMR(at), x.got.FNMR(at), fmr, fnmr)
			}
		}
	})
}

// TestDPrimeTwin leaves each person out by comparing all others anew.
func TestDPrimeTwin(t *testing.T) {
	samples := samplesOf(3, 2, 2, 1, 4, 2, 1, 2, 3, 2)
	m := likeness(4, samples)
	s := compare(t, samples, m)
	var without []float64
	var mean float64
	for out := range 10 {
		var kept []evaluate.Sample
		var index []int
		for i, x := range samples {
			if x.Subject != out {
				kept, index = append(kept, x), append(index, i)
			}
		}
		d := compare(t, kept, symmetric(len(kept), func(i, j int) float64 { return float64(m[index[i]][index[j]]) })).People.DPrime()
		without = append(without, d)
		mean += d / 10
	}
	var squares float64
	for _, d := range without {
		squares += (d - mean) * (d - mean)
	}
	half := 1.959964 * math.Sqrt(squares*9/10)
	got := s.dPrime()
	near(t, "d'", got.Value, s.People.DPrime(), 0)
	near(t, "low", got.Interval.Low, got.Value-half, 1e-3)
	near(t, "high", got.Interval.High, got.Value+half, 1e-3)
}

// TestDoubling gives each person's pictures once more, so that there are more pairs of the same scores: who counts once is not
// moved by that, whatever the pairs do.
func TestDoubling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pictures := rapid.SliceOfN(rapid.IntRange(2, 4), 3, 8).Draw(t, "pictures")
		doubled := slices.Clone(pictures)
		who := rapid.IntRange(0, len(pictures)-1).Draw(t, "who")
		doubled[who] *= 2
		seed := rapid.Uint64().Draw(t, "seed")
		perform := func(pictures []int) *Scores {
			samples := samplesOf(pictures...)
			s, err := Compare(context.Background(), samples, symmetric(len(samples), func(i, j int) float64 {
				a, b := samples[i].Subject, samples[j].Subject
				rng := rand.New(rand.NewPCG(seed, uint64(min(a, b)*1000+max(a, b)))) // one score for each pair of people
				return 0.3 + 0.2*rng.Float64()
			}), nil)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		one, two := perform(pictures), perform(doubled)
		for at := 0.3; at <= 0.5; at += 1.0 / 128 {
			if math.Abs(one.People.FMR(at)-two.People.FMR(at)) > 1e-9 || math.Abs(one.People.FNMR(at)-two.People.FNMR(at)) > 1e-9 {
				t.Fatalf("at %v: FMR %v and %v, FNMR %v and %v", at,
					one.People.FMR(at), two.People.FMR(at), one.People.FNMR(at), two.People.FNMR(at))
			}
		}
		if two.Pairs.Genuine.Count() == one.Pairs.Genuine.Count() {
			t.Fatal("nothing was doubled")
		}
	})
}

// TestOrder shuffles pictures and renumbers people: nothing changes, intervals included.
func TestOrder(t *testing.T) {
	samples := samplesOf(slices.Concat(slices.Repeat([]int{3, 1, 2}, 15), []int{9})...)
	m := likeness(11, samples)
	report := func(order []int) string {
		shuffled := make([]evaluate.Sample, len(order))
		for k, i := range order {
			shuffled[k] = samples[i]
			shuffled[k].Subject = 1000 - 3*samples[i].Subject
		}
		s := compare(t, shuffled, symmetric(len(order), func(i, j int) float64 { return float64(m[order[i]][order[j]]) }))
		r, err := s.Report(3, []Gate{{50, 0.25}, {200, 0.375}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	inOrder := make([]int, len(samples))
	for i := range inOrder {
		inOrder[i] = i
	}
	want := report(inOrder)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 5 {
		if got := report(rng.Perm(len(samples))); got != want {
			t.Fatalf("another order gives another report:\n%s\n%s", want, got)
		}
	}
}

// TestIntervalsCover draws many sets of people of whom the true rates are known, and counts how often the intervals hold
// them. Scores of one person hang together, so that intervals which take pairs as independent hold them far less often.
func TestIntervalsCover(t *testing.T) {
	const people, at = 50, 0.375
	sets := 30
	if os.Getenv("FACEGATE_SLOW") != "" {
		sets = 120
	}
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	spread := math.Sqrt(2*0.05*0.05 + 0.08*0.08)
	trueFMR := phi((0.25 - at) / spread)                           // means are 0.25 and 0.5; of a genuine pair the person counts twice
	trueFNMR := phi((at - 0.5) / math.Sqrt(4*0.05*0.05+0.08*0.08)) //
	var fmr, fnmr, naive int
	for set := range sets {
		rng := rand.New(rand.NewPCG(uint64(set), 5))
		samples := samplesOf(slices.Repeat([]int{2}, people)...)
		own := make([]float64, people)
		for i := range own {
			own[i] = 0.05 * rng.NormFloat64()
		}
		s := compare(t, samples, symmetric(len(samples), func(i, j int) float64 {
			a, b := samples[i].Subject, samples[j].Subject
			score := 0.25 + own[a] + own[b] + 0.08*rng.NormFloat64()
			if a == b {
				score += 0.25
			}
			return score
		}))
		r, err := s.Report(uint64(set), []Gate{{50, at}})
		if err != nil {
			t.Fatal(err)
		}
		holds := func(i *Interval, rate float64) int {
			if i.Low <= rate && rate <= i.High {
				return 1
			}
			return 0
		}
		fmr += holds(r.Gate[0].FMR.Interval, trueFMR)
		fnmr += holds(r.Gate[0].FNMR.Interval, trueFNMR)
		low, high := evaluate.ClopperPearson(s.Pairs.Impostor.AtLeast(at), s.Pairs.Impostor.Count(), 0.95)
		naive += holds(&Interval{low, high}, trueFMR)
	}
	t.Logf("of %d: FMR %d, FNMR %d; pairs taken as independent: FMR %d", sets, fmr, fnmr, naive)
	for what, held := range map[string]int{"FMR": fmr, "FNMR": fnmr} {
		if held < sets*86/100 {
			t.Errorf("%s: the interval of 95 %% held the true rate %d times of %d", what, held, sets)
		}
	}
	if naive > sets*3/4 {
		t.Errorf("pairs taken as independent held it %d times: the sets do not show what people are needed for", naive)
	}
}

func TestPoisson(t *testing.T) {
	var counts [20]int
	const rounds = 2000
	b := Bootstrap{people: rounds, seed: 5}
	b.Each(func(weights []int64) {
		for _, w := range weights {
			counts[min(w, 19)]++
		}
	})
	want := math.Exp(-1)
	for k := range 5 {
		near(t, fmt.Sprintf("share of %d", k), float64(counts[k])/(rounds*Rounds), want, 0.003)
		want /= float64(k + 1)
	}
}

func TestTop(t *testing.T) {
	const room = 1 << 14
	const n = 5*room + 17
	kept := top{room: room}
	for i := range n {
		kept.add(Event{float32((i*7919)%1009) / 1009, int32(i), 0}) // many alike
	}
	if len(kept.events) > room || len(kept.events) == 0 {
		t.Fatalf("%d events are kept", len(kept.events))
	}
	counts := map[float32]int{}
	for _, e := range kept.events {
		counts[e.Score]++
	}
	for s := range 1009 {
		score := float32(s) / 1009
		if score > kept.floor && (counts[score] < n/1009 || counts[score] > n/1009+1) {
			t.Fatalf("%d of the events at %v, above the floor %v, are kept", counts[score], score, kept.floor)
		}
	}
	var above int
	for i := range n {
		if float32((i*7919)%1009)/1009 > kept.floor {
			above++
		}
	}
	if above > room || above < room/4 {
		t.Errorf("%d of %d are above the floor, of a room for %d", above, n, room)
	}
}

func TestAboveTheFloor(t *testing.T) {
	s := Scores{Floor: 0.25}
	if !math.IsNaN(s.above(0.25, 1)) || s.above(0.3, 1) != 1 {
		t.Error("a rate at the floor counts scores that were dropped")
	}
	if (sampling{{1, math.NaN()}, {2, 1}}).interval(1) != nil {
		t.Error("an interval of what a round could not tell")
	}
}

func TestRefuses(t *testing.T) {
	for name, pictures := range map[string][]int{"nobody twice": {1, 1, 1}, "one person": {3}} {
		samples := samplesOf(pictures...)
		_, err := compare(t, samples, likeness(1, samples)).Report(1, nil)
		if !stderrors.Is(err, evaluate.ErrTooFew) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
	if _, err := Compare(t.Context(), samplesOf(2), make(matrix, 3), nil); err == nil {
		t.Error("accepted a scorer of other samples")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compare(ctx, samplesOf(2), make(matrix, 2), nil); !stderrors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
