package evaluate

import "math"

// MinErrors is the least number of errors that must be expected before a rate counts as measured. Below it only the
// rule of three is claimed: no error in n comparisons puts the rate below 3/n with 95 % confidence.
const MinErrors = 10

// measurable reports whether n trials can show a rate.
func measurable(rate float64, n int64) bool { return rate*float64(n) >= MinErrors }

// A Proportion is a measured rate with its 95 % confidence interval (Clopper-Pearson). The interval takes trials as
// independent; comparisons that share people are not quite, so the true interval is wider.
type Proportion struct {
	Count int64   `json:"count"`
	Of    int64   `json:"of"`
	Rate  float64 `json:"rate"` // 0 where Of is 0
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// NewProportion returns the proportion of count in of trials.
func NewProportion(count, of int64) Proportion {
	low, high := ClopperPearson(count, of, 0.95)
	return Proportion{count, of, ratio(count, of), low, high}
}

// ClopperPearson returns the exact confidence interval of a binomial proportion after k of n trials (Clopper and
// Pearson, Biometrika 1934), [0, 1] where n is 0.
func ClopperPearson(k, n int64, confidence float64) (low, high float64) {
	tail := (1 - confidence) / 2
	low, high = 0, 1
	if k > 0 {
		low = betaQuantile(tail, float64(k), float64(n-k+1))
	}
	if k < n {
		high = betaQuantile(1-tail, float64(k+1), float64(n-k))
	}
	return low, high
}

// betaQuantile returns the x at which regularizedBeta(x, a, b) reaches p, by halving the interval.
func betaQuantile(p, a, b float64) float64 {
	low, high := 0.0, 1.0
	for {
		x := (low + high) / 2
		if x <= low || x >= high || high-low < 1e-15*x {
			return x
		}
		if regularizedBeta(x, a, b) < p {
			low = x
		} else {
			high = x
		}
	}
}

// regularizedBeta returns I_x(a, b), the distribution function of the beta distribution, for a, b > 0 and x in
// [0, 1] (NIST DLMF 8.17).
func regularizedBeta(x, a, b float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	// The fraction converges fast on this side of the mean only (DLMF 8.17.22); the other is its mirror (8.17.4).
	if x > (a+1)/(a+b+2) {
		return 1 - regularizedBeta(1-x, b, a)
	}
	ga, _ := math.Lgamma(a)
	gb, _ := math.Lgamma(b)
	gab, _ := math.Lgamma(a + b)
	front := math.Exp(gab - ga - gb + a*math.Log(x) + b*math.Log1p(-x))
	return front / a * betaFraction(x, a, b)
}

// betaFraction evaluates the continued fraction of DLMF 8.17.22 by the modified method of Lentz (Thompson and
// Barnett, 1986). It takes some sqrt(max(a, b)) rounds; the bound serves counts up to 10^10.
func betaFraction(x, a, b float64) float64 {
	const tiny, maxRounds = 1e-300, 1_000_000
	keep := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c := 1.0
	d := 1 / keep(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < maxRounds; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / keep(1+even*d)
		c = keep(1 + even/c)
		f *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / keep(1+odd*d)
		c = keep(1 + odd/c)
		f *= d * c
		if math.Abs(d*c-1) < 1e-15 {
			break
		}
	}
	return f
}
