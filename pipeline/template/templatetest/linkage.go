package templatetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// A Linkage is how well a score tells two templates of one person (mated) from those of two people (non-mated), when
// their keys differ.
type Linkage struct {
	Mated, NonMated int

	// Dsys is the global linkability D↔sys, 0 to 1: Gomez-Barrero et al., "General Framework to Evaluate Unlinkability
	// in Biometric Template Protection Systems", IEEE TIFS 13(6), 2018.
	Dsys float64

	// NullMean and NullP95 are the mean and the 95th percentile of Dsys after the labels have been shuffled, when there
	// is nothing to be found: the bins alone make it positive, the more so the fewer the scores.
	NullMean, NullP95 float64
}

// permutations of the labels make up the null distribution.
const permutations = 100

// Link measures the linkability of a score.
func Link(rnd *rand.Rand, mated, nonMated []float64) Linkage {
	bins := min(len(mated)/10, 100)
	all := slices.Concat(mated, nonMated)
	low, high := slices.Min(all), slices.Max(all)
	bin := make([]int, len(all))
	for i, s := range all {
		if high > low {
			bin[i] = min(int((s-low)/(high-low)*float64(bins)), bins-1)
		}
	}
	l := Linkage{Mated: len(mated), NonMated: len(nonMated), Dsys: dsys(bin, len(mated), bins)}
	null := make([]float64, permutations)
	for i := range null {
		for k := range mated { // the first of a shuffle
			j := k + rnd.IntN(len(bin)-k)
			bin[k], bin[j] = bin[j], bin[k]
		}
		null[i] = dsys(bin, len(mated), bins)
		l.NullMean += null[i] / permutations
	}
	slices.Sort(null)
	l.NullP95 = null[permutations*95/100-1]
	return l
}

// dsys computes D↔sys, with equal priors, from the bins of the scores, those of the mated ones first. It differs from the
// authors' own program in that it sums over whole bins, where the trapezoidal rule over their centres would count half of
// the outermost ones: that is where the templates of one picture under one key all are.
func dsys(bin []int, mated, bins int) float64 {
	m, n := make([]float64, bins), make([]float64, bins)
	for i, b := range bin {
		if i < mated {
			m[b] += 1 / float64(mated)
		} else {
			n[b] += 1 / float64(len(bin)-mated)
		}
	}
	var sum float64
	for b := range m {
		var d float64
		switch {
		case n[b] == 0:
			d = 1
		case m[b] > n[b]:
			ratio := m[b] / n[b]
			d = 2*ratio/(1+ratio) - 1
		}
		sum += d * m[b]
	}
	return sum
}

// Linked reports whether the score tells more than chance does in 95 of 100 cases.
func (l Linkage) Linked() bool { return l.Dsys > l.NullP95 }

func (l Linkage) String() string {
	return fmt.Sprintf("D_sys %.4f, by chance %.4f (95th percentile %.4f), %d mated and %d non-mated",
		l.Dsys, l.NullMean, l.NullP95, l.Mated, l.NonMated)
}
