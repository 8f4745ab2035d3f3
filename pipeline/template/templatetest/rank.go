package templatetest

import (
	"cmp"
	"math"
	"slices"
)

// Spearman returns the rank correlation of a and b, -1 to 1 (Spearman 1904); equal values share their mean rank. Of n
// unrelated pairs it is 0 ± 1/sqrt(n).
func Spearman(a, b []float64) float64 {
	x, y := ranks(a), ranks(b)
	mean := float64(len(x)-1) / 2
	var xy, xx, yy float64
	for i := range x {
		xy += (x[i] - mean) * (y[i] - mean)
		xx += (x[i] - mean) * (x[i] - mean)
		yy += (y[i] - mean) * (y[i] - mean)
	}
	return xy / math.Sqrt(xx*yy)
}

func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, k int) int { return cmp.Compare(v[i], v[k]) })
	r := make([]float64, len(v))
	for i := 0; i < len(order); {
		end := i
		for end < len(order) && v[order[end]] == v[order[i]] {
			end++
		}
		for _, k := range order[i:end] {
			r[k] = float64(i+end-1) / 2
		}
		i = end
	}
	return r
}
