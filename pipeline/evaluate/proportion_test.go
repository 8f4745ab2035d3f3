package evaluate

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The limits were computed by summing the binomial distribution with 60 decimal digits.
func TestClopperPearson(t *testing.T) {
	for _, test := range []struct {
		k, n      int64
		low, high float64
	}{
		{0, 0, 0, 1},
		{0, 10, 0, 1 - math.Pow(0.025, 0.1)},
		{10, 10, math.Pow(0.025, 0.1), 1},
		{1, 10, 0.00252857854446, 0.445016117028},
		{5, 10, 0.187086028447, 0.812913971553},
		{10, 100, 0.0490046892215, 0.17622259774},
		{1160, 170641, 0.00641350157472, 0.00719918992216},
		{22, 22099000, 6.23887285497e-07, 1.50722909928e-06},
		{0, 1e8, 0, 1 - math.Pow(0.025, 1e-8)},
	} {
		low, high := ClopperPearson(test.k, test.n, 0.95)
		if math.Abs(low-test.low) > 1e-7*test.low || math.Abs(high-test.high) > 1e-7*test.high {
			t.Errorf("%d of %d: [%.12g, %.12g], want [%.12g, %.12g]", test.k, test.n, low, high, test.low, test.high)
		}
	}
}

func TestClopperPearsonIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1e7).Draw(t, "n")
		k := rapid.Int64Range(0, n).Draw(t, "k")
		low, high := ClopperPearson(k, n, 0.95)
		lowOther, highOther := ClopperPearson(n-k, n, 0.95)
		if math.Abs(low-(1-highOther)) > 1e-7 || math.Abs(high-(1-lowOther)) > 1e-7 {
			t.Fatalf("[%v, %v] against [%v, %v]", low, high, lowOther, highOther)
		}
		if rate := float64(k) / float64(n); !(low <= rate && rate <= high) {
			t.Fatalf("%v is not in [%v, %v]", rate, low, high)
		}
	})
}

func TestRegularizedBeta(t *testing.T) {
	for _, x := range []float64{0, 1e-9, 0.1, 0.5, 0.9, 1} {
		near(t, "I_x(1, 7)", regularizedBeta(x, 1, 7), 1-math.Pow(1-x, 7), 1e-13)
		near(t, "I_x(7, 1)", regularizedBeta(x, 7, 1), math.Pow(x, 7), 1e-13)
		near(t, "arcsine law", regularizedBeta(x, 0.5, 0.5), 2/math.Pi*math.Asin(math.Sqrt(x)), 1e-13)
	}
	near(t, "median", regularizedBeta(0.5, 1e6, 1e6), 0.5, 1e-9)
}
