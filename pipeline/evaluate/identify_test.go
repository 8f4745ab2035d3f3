package evaluate

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
)

func TestOpenSetRoles(t *testing.T) {
	names := []string{
		"dora/1.jpg", "bob/2.jpg", "anna/1.jpg", "bob/1.jpg", "carl/1.jpg", "bob/3.jpg", "emil/1.jpg", "finn/2.jpg",
		"finn/1.jpg", "anna b/1.jpg",
	}
	subjects := map[byte]int{'a': 10, 'b': 11, 'c': 12, 'd': 13, 'e': 14, 'f': 15}
	run := func(order []int) map[string][]string {
		var samples []Sample
		for _, i := range order {
			samples = append(samples, Sample{Subject: subjects[names[i][0]], Picture: names[i]})
		}
		samples[slices.Index(order, 9)].Subject = 16
		r := openSet(samples)
		named := map[string][]string{}
		for role, list := range map[string][]int{"gallery": r.gallery, "mated": r.mated, "non-mated": r.nonMated} {
			for _, i := range list {
				named[role] = append(named[role], samples[i].Picture)
			}
		}
		return named
	}
	want := map[string][]string{
		"gallery":   {"anna b/1.jpg", "bob/1.jpg", "dora/1.jpg", "finn/1.jpg"},
		"mated":     {"bob/2.jpg", "bob/3.jpg", "finn/2.jpg"},
		"non-mated": {"anna/1.jpg", "carl/1.jpg", "emil/1.jpg"},
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		if diff := cmp.Diff(want, run(rng.Perm(len(names)))); diff != "" {
			t.Fatalf("roles depend on more than names (-want +got):\n%s", diff)
		}
	}
}

// matrixScorer holds the score of each probe (row) against each enrolled sample (column).
type matrixScorer [][]float32

func (m matrixScorer) Len() int     { return len(m) }
func (matrixScorer) String() string { return "matrix" }
func (m matrixScorer) Score(dst []float32, probes, enrolled []int) {
	for p, probe := range probes {
		for e, other := range enrolled {
			dst[p*len(enrolled)+e] = m[probe][other]
		}
	}
}

func TestIdentify(t *testing.T) {
	samples := []Sample{
		{Subject: 0, Picture: "a/1"}, // gallery
		{Subject: 0, Picture: "a/2"}, // found at 0.9
		{Subject: 0, Picture: "a/3"}, // found at 0.4, below the threshold
		{Subject: 0, Picture: "a/4"}, // taken for c at 0.8
		{Subject: 0, Picture: "a/5"}, // tied with c
		{Subject: 1, Picture: "b/1"}, // non-mated
		{Subject: 2, Picture: "c/1"}, // distractor
		{Subject: 3, Picture: "d/1"}, // non-mated
	}
	const c = 6
	scores := make(matrixScorer, len(samples))
	for i := range scores {
		scores[i] = make([]float32, len(samples))
	}
	scores[1][0], scores[1][c] = 0.9, 0.1
	scores[2][0], scores[2][c] = 0.4, 0.1
	scores[3][0], scores[3][c] = 0.7, 0.8
	scores[4][0], scores[4][c] = 0.7, 0.7
	scores[5][0], scores[5][c] = 0.3, 0.5
	scores[7][0], scores[7][c] = 0.2, 0.6
	for _, test := range []struct {
		fpir      float64
		threshold float32
		fnir      int64
		fpirCount int64
	}{{0.5, 0.5, 3, 1}, {0.01, 0.6, 3, 0}} {
		got, err := Identify(t.Context(), samples, scores, test.fpir, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := &Identification{
			Name: "matrix", Enrolled: 2, Mated: 4, NonMated: 2, Rank1: NewProportion(2, 4), TargetFPIR: test.fpir,
			Threshold: math.Nextafter(float64(test.threshold), 1),
			FPIR:      NewProportion(test.fpirCount, 2), FNIR: NewProportion(test.fnir, 4),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("FPIR %v (-want +got):\n%s", test.fpir, diff)
		}
	}
}

func TestIdentifyRealScorers(t *testing.T) {
	const dim, m = 128, 512
	rng := rand.New(rand.NewPCG(5, 5))
	samples := people(rng, 60, 3, dim)
	for _, s := range people(rng, 2100, 1, dim) {
		s.Subject += 60
		s.Picture = "s" + s.Picture
		samples = append(samples, s)
	}
	for i := range samples[180:] {
		samples[180+i].Picture = samples[180+i].Picture + "x"
	}
	cosine, err := NewCosine(samples)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := NewHash(rotate(samples, m, 9), hashScale(dim, m))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Scorer{cosine, hash} {
		var last, end int64
		got, err := Identify(t.Context(), samples, s, 0.01, func(done, total int64) { last, end = done, total })
		if err != nil {
			t.Fatal(err)
		}
		if last != end || end != (120+1050)*1110 {
			t.Errorf("%s: progress ends at %d of %d", s, last, end)
		}
		if got.Enrolled != 60+1050 || got.Mated != 120 || got.NonMated != 1050 || !got.Measurable || got.FPIR.Count != 10 {
			t.Errorf("%s: counts are off: %+v", s, got)
		}
		if got.Rank1.Rate < 0.99 || got.FNIR.Rate > 0.05 {
			t.Errorf("%s: rank-1 %v, FNIR %v on well-parted people", s, got.Rank1, got.FNIR)
		}
	}
}

func TestIdentifyRefuses(t *testing.T) {
	singles := []Sample{{Subject: 0, Picture: "a/1"}, {Subject: 1, Picture: "b/1"}}
	_, err := Identify(t.Context(), singles, orderScorer(2), 0.01, nil)
	if !errors.Is(err, ErrTooFew) || hint.Of(err) == "" {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
	several := append(singles, Sample{Subject: 0, Picture: "a/2"})
	for _, fpir := range []float64{0, 1, -1, math.NaN()} {
		if _, err := Identify(t.Context(), several, orderScorer(3), fpir, nil); err == nil {
			t.Errorf("FPIR %v accepted", fpir)
		}
	}
	if _, err := Identify(t.Context(), several, orderScorer(2), 0.1, nil); err == nil {
		t.Error("accepted a scorer of other samples")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Identify(ctx, several, orderScorer(3), 0.1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
