package evaluate

import "math"

const (
	perUnit = 1 << 14 // bins in one unit of score; a power of two makes every edge an exact float64
	bins    = 2*perUnit + 1
)

// A Histogram counts scores in [-1, 1] in 32,769 bins, each 1/16384 wide and closed at its lower edge; the last one
// holds the scores of 1. Scores outside go to the end bins, and NaN, which no threshold accepts, to the first.
// It holds only integers, so that merging is exact in any order. The zero value is empty and ready to use.
type Histogram struct {
	counts [bins]int64
	total  int64
}

// Add counts one score.
func (h *Histogram) Add(score float64) { h.AddTimes(score, 1) }

// AddTimes counts one score n times. Where comparisons do not weigh the same, n is the weight in any small unit, and
// all counts and totals are in that unit.
func (h *Histogram) AddTimes(score float64, n int64) {
	h.counts[bin(score)] += n
	h.total += n
}

// Reset forgets all scores.
func (h *Histogram) Reset() { *h = Histogram{} }

// Merge adds all that o has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts[:] {
		h.counts[i] += c
	}
	h.total += o.total
}

// Count returns the number of scores.
func (h *Histogram) Count() int64 { return h.total }

// Mean returns the mean score, taken from the middles of the bins and so within 1/32768 of the true one. The mean of
// none is 0.
func (h *Histogram) Mean() float64 {
	var sum float64
	for i, c := range h.counts[:] {
		sum += float64(c) * middle(i)
	}
	return sum / float64(max(h.total, 1))
}

// Variance returns the variance of the scores as Mean sees them.
func (h *Histogram) Variance() float64 {
	mean := h.Mean()
	var sum float64
	for i, c := range h.counts[:] {
		d := middle(i) - mean
		sum += float64(c) * d * d
	}
	return sum / float64(max(h.total, 1))
}

// AtLeast returns how many scores are at or above t. Between two edges it may count too many, by less than one bin.
func (h *Histogram) AtLeast(t float64) int64 {
	if t > 1 {
		return 0
	}
	var n int64
	for _, c := range h.counts[bin(t):] {
		n += c
	}
	return n
}

// Below returns how many scores are below t. Between two edges it may count too many, by less than one bin.
func (h *Histogram) Below(t float64) int64 {
	end := bins
	if t <= 1 {
		end = bin(t)
		if edge(end) < t {
			end++
		}
	}
	var n int64
	for _, c := range h.counts[:end] {
		n += c
	}
	return n
}

// Threshold returns the lowest edge of a bin that at most rate of the scores reach. It is not ok if more than that
// are in the last bin, or if there are no scores.
func (h *Histogram) Threshold(rate float64) (t float64, ok bool) {
	allowed := rate * float64(h.total)
	var n int64
	i := bins
	for i > 0 && float64(n+h.counts[i-1]) <= allowed {
		i--
		n += h.counts[i]
	}
	return edge(i), i < bins && h.total > 0
}

func bin(score float64) int {
	switch {
	case !(score > -1):
		return 0
	case score >= 1:
		return bins - 1
	}
	return int(math.Floor(score*perUnit)) + perUnit
}

func edge(i int) float64 { return float64(i-perUnit) / perUnit }

func middle(i int) float64 {
	if i == bins-1 {
		return 1
	}
	return edge(i) + 0.5/perUnit
}
