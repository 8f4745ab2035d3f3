package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/embed"
)

// normal fills a histogram with n scores spread like a normal distribution, without chance.
func normal(n int, mean, sd float64) *Histogram {
	h := new(Histogram)
	for i := range n {
		h.Add(mean + sd*probit((float64(i)+0.5)/float64(n)))
	}
	return h
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %v, want %v within %v", what, got, want, tolerance)
	}
}

// unit returns a random vector of length 1.
func unit(rng *rand.Rand, dim int) embed.Vector {
	v := make(embed.Vector, dim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	v.Normalize()
	return v
}

// people returns samples of n people with the given number of pictures each, alike to a cosine of some 0.7.
func people(rng *rand.Rand, n, pictures, dim int) []Sample {
	var samples []Sample
	for person := range n {
		centre := unit(rng, dim)
		for k := range pictures {
			v := unit(rng, dim)
			for i := range v {
				v[i] = centre[i] + 0.65*v[i]
			}
			v.Normalize()
			samples = append(samples, Sample{person, fmt.Sprintf("p%03d/%d.jpg", person, k), v})
		}
	}
	return samples
}

// hadamard multiplies v by the Walsh-Hadamard matrix, scaled to keep its length.
func hadamard(v []float32) {
	for h := 1; h < len(v); h *= 2 {
		for i := 0; i < len(v); i += 2 * h {
			for j := i; j < i+h; j++ {
				v[j], v[j+h] = v[j]+v[j+h], v[j]-v[j+h]
			}
		}
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(float64(len(v))))
	}
}

// rotate returns codes of m values, in blocks of rotations H D3 H D2 H D1 with signs from seed.
func rotate(samples []Sample, m int, seed uint64) []Code {
	codes := make([]Code, len(samples))
	for i, s := range samples {
		rng := rand.New(rand.NewPCG(seed, 1))
		c := Code{Bits: make([]uint64, m/64)}
		for range m / len(s.Vector) {
			block := append([]float32(nil), s.Vector...)
			for range 3 {
				for k := range block {
					if rng.Uint32()&1 == 1 {
						block[k] = -block[k]
					}
				}
				hadamard(block)
			}
			c.Probe = append(c.Probe, block...)
		}
		for k, y := range c.Probe {
			if y >= 0 {
				c.Bits[k/64] |= 1 << (k % 64)
			}
		}
		codes[i] = c
	}
	return codes
}

func hashScale(dim, m int) float64 {
	return math.Sqrt(math.Pi/2) * math.Sqrt(float64(dim)) / float64(m)
}

// signed is the definition of the hash's score.
func signed(probe, enrolled Code, scale float64) float64 {
	var sum float64
	for k, y := range probe.Probe {
		if enrolled.Bits[k/64]>>(k%64)&1 == 1 {
			sum += float64(y)
		} else {
			sum -= float64(y)
		}
	}
	return scale * sum
}

func TestScorers(t *testing.T) {
	const dim, m = 64, 256
	samples := people(rand.New(rand.NewPCG(1, 1)), 31, 5, dim)
	codes := rotate(samples, m, 7)
	cosine, err := NewCosine(samples)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := NewHash(codes, hashScale(dim, m))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		scorer Scorer
		name   string
		want   func(probe, enrolled int) float64
	}{
		{cosine, "plain cosine", func(p, e int) float64 { return embed.Cosine(samples[p].Vector, samples[e].Vector) }},
		{hash, "stored hash, 256 bits", func(p, e int) float64 { return signed(codes[p], codes[e], hashScale(dim, m)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.scorer.Len() != len(samples) || test.scorer.String() != test.name {
				t.Errorf("%q with %d samples", test.scorer, test.scorer.Len())
			}
			rapid.Check(t, func(t *rapid.T) {
				index := rapid.IntRange(0, len(samples)-1)
				probes := rapid.SliceOfN(index, 0, 4).Draw(t, "probes")
				enrolled := rapid.SliceOfN(index, 0, 2*cosineBlock+3).Draw(t, "enrolled")
				dst := make([]float32, len(probes)*len(enrolled))
				test.scorer.Score(dst, probes, enrolled)
				for p, probe := range probes {
					for e, other := range enrolled {
						got, want := float64(dst[p*len(enrolled)+e]), test.want(probe, other)
						if math.Abs(got-want) > 1e-5 {
							t.Fatalf("probe %d against %d: %v, want %v", probe, other, got, want)
						}
					}
				}
			})
		})
	}
}

func TestHashEstimatesCosine(t *testing.T) {
	const dim, m = 512, 1024
	samples := people(rand.New(rand.NewPCG(2, 2)), 30, 2, dim)
	hash, err := NewHash(rotate(samples, m, 3), hashScale(dim, m))
	if err != nil {
		t.Fatal(err)
	}
	var bias, square, n float64
	for p := range samples {
		for e := range p {
			var score [1]float32
			hash.Score(score[:], []int{p}, []int{e})
			d := float64(score[0]) - embed.Cosine(samples[p].Vector, samples[e].Vector)
			bias, square, n = bias+d, square+d*d, n+1
		}
	}
	near(t, "bias", bias/n, 0, 0.003)
	near(t, "spread", math.Sqrt(square/n), 0.024, 0.012)
}

func TestNewScorerRefuses(t *testing.T) {
	for name, samples := range map[string][]Sample{
		"dimension":  {{Vector: embed.Vector{1, 0}}, {Vector: embed.Vector{1}}},
		"length":     {{Vector: embed.Vector{1, 1}}},
		"not number": {{Vector: embed.Vector{float32(math.NaN()), 0}}},
	} {
		if _, err := NewCosine(samples); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, codes := range map[string][]Code{
		"not a multiple of 64": {{make([]float32, 65), make([]uint64, 1)}},
		"too few bits":         {{make([]float32, 128), make([]uint64, 1)}},
		"mixed":                {{make([]float32, 64), make([]uint64, 1)}, {make([]float32, 128), make([]uint64, 2)}},
	} {
		if _, err := NewHash(codes, 1); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// orderScorer gives each ordered pair a score of its own, so that a test sees which way round it was scored.
type orderScorer int

func (n orderScorer) Len() int     { return int(n) }
func (orderScorer) String() string { return "order" }
func (n orderScorer) pair(probe, enrolled int) float32 {
	return float32(probe*int(n)+enrolled) / perUnit
}

func (n orderScorer) Score(dst []float32, probes, enrolled []int) {
	for p, probe := range probes {
		for e, other := range enrolled {
			dst[p*len(enrolled)+e] = n.pair(probe, other)
		}
	}
}

func TestCompareScoresEachPairOnce(t *testing.T) {
	const n = 3*tileProbes + 5
	samples := make([]Sample, n)
	want := Performance{Name: "order", Genuine: new(Histogram), Impostor: new(Histogram)}
	for i := range samples {
		samples[i].Subject = i % 7
		for j := range i {
			score := float64(orderScorer(n).pair(i, j))
			if i%7 == j%7 {
				want.Genuine.Add(score)
			} else {
				want.Impostor.Add(score)
			}
		}
	}
	var last int64
	got, err := Compare(t.Context(), samples, orderScorer(n), func(done, total int64) {
		if done <= last || total != n*(n-1)/2 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != n*(n-1)/2 {
		t.Errorf("progress ends at %d of %d", last, n*(n-1)/2)
	}
	if *got.Genuine != *want.Genuine || *got.Impostor != *want.Impostor || got.Name != want.Name {
		t.Error("not each pair once, with the lower index enrolled")
	}
}

// indexScorer scores by the enrolled index alone.
type indexScorer int

func (n indexScorer) Len() int     { return int(n) }
func (indexScorer) String() string { return "index" }
func (n indexScorer) Score(dst []float32, probes, enrolled []int) {
	for p := range probes {
		for e, other := range enrolled {
			dst[p*len(enrolled)+e] = float32(other) / perUnit
		}
	}
}

func TestCompareAcrossTiles(t *testing.T) {
	for _, first := range []int{tileEnrolled - 3, tileEnrolled, 2*tileEnrolled - 1} {
		probes := span(first, first+5)
		var got, want Histogram
		var scratch []float32
		for _, p := range probes {
			for e := range p {
				want.Add(float64(e) / perUnit)
			}
		}
		n := compare(indexScorer(first+5), probes, &scratch, func(row Row) {
			for _, score := range row.Scores {
				got.Add(float64(score))
			}
		})
		if n != want.Count() || got != want {
			t.Errorf("probes from %d: %d comparisons, want %d", first, n, want.Count())
		}
	}
}

func TestCompareStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	const n = 100 * tileProbes
	var calls int
	_, err := Compare(ctx, make([]Sample, n), orderScorer(n), func(done, total int64) {
		calls++
		cancel(cause)
	})
	if !errors.Is(err, cause) || calls > 10 {
		t.Errorf("error %v after %d blocks", err, calls)
	}
	if _, err := Compare(t.Context(), make([]Sample, 3), orderScorer(4), nil); err == nil {
		t.Error("accepted a scorer of other samples")
	}
}

func TestCompareFew(t *testing.T) {
	for n := range 3 {
		p, err := Compare(t.Context(), make([]Sample, n), orderScorer(n), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Genuine.Count(), int64(n*(n-1)/2); got != want {
			t.Errorf("%d samples: %d comparisons, want %d", n, got, want)
		}
	}
}

func TestHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOf(rapid.Float64Range(-1.2, 1.2)).Draw(t, "scores")
		var h, a, b Histogram
		var mean float64
		for i, s := range scores {
			h.Add(s)
			if i%3 == 0 {
				a.Add(s)
			} else {
				b.Add(s)
			}
			mean += min(max(s, -1), 1) / float64(len(scores))
		}
		if a.Merge(&b); a != h {
			t.Fatal("merging two parts is not counting all")
		}
		if math.Abs(h.Mean()-mean) > 0.5/perUnit+1e-12 {
			t.Fatalf("mean %v, want %v", h.Mean(), mean)
		}
		at := edge(rapid.IntRange(0, bins-1).Draw(t, "edge"))
		var reached int64
		for _, s := range scores {
			if min(max(s, -1), 1) >= at {
				reached++
			}
		}
		if got := h.AtLeast(at); got != reached {
			t.Fatalf("AtLeast(%v) = %d, want %d", at, got, reached)
		}
		if got := h.Below(at); got != h.Count()-reached {
			t.Fatalf("Below(%v) = %d, want %d", at, got, h.Count()-reached)
		}
		between := at + 0.3/perUnit
		var below, above int64
		for _, s := range scores {
			if s < between {
				below++
			} else {
				above++
			}
		}
		if between < 1 && (h.AtLeast(between) < above || h.Below(between) < below) {
			t.Fatal("a threshold between edges makes a rate look better than it is")
		}
	})
}

func TestHistogramThreshold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Histogram
		for _, s := range rapid.SliceOfN(rapid.Float64Range(-1, 1), 1, 100).Draw(t, "scores") {
			h.Add(s)
		}
		rate := rapid.Float64Range(0, 1).Draw(t, "rate")
		at, ok := h.Threshold(rate)
		allowed := rate * float64(h.Count())
		if !ok {
			if float64(h.AtLeast(1)) <= allowed {
				t.Fatal("no threshold, but 1 would do")
			}
			return
		}
		if float64(h.AtLeast(at)) > allowed {
			t.Fatalf("%d of %d reach %v: more than %v", h.AtLeast(at), h.Count(), at, rate)
		}
		if at > -1 && float64(h.AtLeast(at-1.0/perUnit)) <= allowed {
			t.Fatalf("%v is not the lowest threshold", at)
		}
	})
	if _, ok := new(Histogram).Threshold(0.1); ok {
		t.Error("threshold without scores")
	}
}

func TestHistogramEnds(t *testing.T) {
	var h Histogram
	for _, s := range []float64{math.NaN(), math.Inf(-1), -1, 1, 1.0001, math.Inf(1), -1e-300} {
		h.Add(s)
	}
	for _, test := range []struct {
		t    float64
		want int64
	}{{-1, 7}, {0, 3}, {1, 3}, {1.1, 0}} {
		if got := h.AtLeast(test.t); got != test.want {
			t.Errorf("AtLeast(%v) = %d, want %d", test.t, got, test.want)
		}
		if got := h.Below(test.t); got != 7-test.want {
			t.Errorf("Below(%v) = %d, want %d", test.t, got, 7-test.want)
		}
	}
}

// Two normal distributions of one variance have EER = Phi(-d'/2) and AUC = Phi(d'/sqrt 2).
func TestPerformanceOfNormalScores(t *testing.T) {
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	const d = 3.0
	p := Performance{Genuine: normal(200_000, 0.45, 0.1), Impostor: normal(300_000, 0.45-d/10, 0.1)}
	eer, at := p.EER()
	near(t, "d'", p.DPrime(), d, 1e-3)
	near(t, "EER", eer, phi(-d/2), 1e-4)
	near(t, "EER threshold", at, 0.3, 2.0/perUnit)
	near(t, "AUC", p.AUC(), phi(d/math.Sqrt2), 1e-4)
	near(t, "FMR", p.FMR(0.375), phi(-2.25), 1e-4)
	near(t, "FNMR", p.FNMR(0.375), phi(-0.75), 1e-4)
	near(t, "mean", p.Genuine.Mean(), 0.45, 1e-4)
	near(t, "variance", p.Genuine.Variance(), 0.01, 1e-5)
}

func TestPerformanceAtTheEdge(t *testing.T) {
	one := func(scores ...float64) *Histogram {
		h := new(Histogram)
		for _, s := range scores {
			h.Add(s)
		}
		return h
	}
	for _, test := range []struct {
		name     string
		p        Performance
		eer, auc float64
	}{
		{"apart", Performance{Genuine: one(0.9, 0.9), Impostor: one(0.1, 0.1)}, 0, 1},
		{"same", Performance{Genuine: one(0.5), Impostor: one(0.5)}, 0.5, 0.5},
		{"wrong way round", Performance{Genuine: one(0.1), Impostor: one(0.9)}, 1, 0},
		{"crossing", Performance{Genuine: one(0.2, 0.6, 0.7, 0.8), Impostor: one(0.1, 0.1, 0.1, 0.65)}, 0.25, 14.0 / 16},
	} {
		eer, _ := test.p.EER()
		near(t, test.name+": EER", eer, test.eer, 1e-12)
		near(t, test.name+": AUC", test.p.AUC(), test.auc, 1e-12)
	}
	if d := (&Performance{Genuine: one(0.9), Impostor: one(0.1)}).DPrime(); d != 0 {
		t.Errorf("d' without variance is %v", d)
	}
}

// randomCodes makes codes faster than rotating vectors would.
func randomCodes(n, m int) []Code {
	rng := rand.New(rand.NewPCG(4, 4))
	codes := make([]Code, n)
	for i := range codes {
		codes[i] = Code{make([]float32, m), make([]uint64, m/64)}
		for k := range codes[i].Probe {
			codes[i].Probe[k] = float32(rng.NormFloat64() / math.Sqrt(float64(m)))
		}
		for k := range codes[i].Bits {
			codes[i].Bits[k] = rng.Uint64()
		}
	}
	return codes
}

// BenchmarkCompare scores the 22.3 million pairs of 6,674 pictures.
func BenchmarkCompare(b *testing.B) {
	const pictures, dim, m = 6674, 512, 1024
	rng := rand.New(rand.NewPCG(3, 3))
	samples := make([]Sample, pictures)
	for i := range samples {
		samples[i] = Sample{Subject: i / 2, Vector: unit(rng, dim)}
	}
	cosine, err := NewCosine(samples)
	if err != nil {
		b.Fatal(err)
	}
	hash, err := NewHash(randomCodes(pictures, m), hashScale(dim, m))
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range []Scorer{cosine, hash} {
		b.Run(s.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := Compare(b.Context(), samples, s, nil); err != nil {
					b.Fatal(err)
				}
			}
			pairs := float64(pictures) * (pictures - 1) / 2 * float64(b.N)
			b.ReportMetric(pairs/b.Elapsed().Seconds()/1e6, "Mpairs/s")
		})
	}
}
