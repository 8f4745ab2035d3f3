package templatetest

import (
	"math"
	"math/bits"
)

// Monobit returns by how many standard deviations the number of ones in data differs from one half of its bits (NIST SP
// 800-22, 2.1).
func Monobit(data []byte) float64 {
	ones := 0
	for _, b := range data {
		ones += bits.OnesCount8(b)
	}
	n := float64(8 * len(data))
	return (2*float64(ones) - n) / math.Sqrt(n)
}

// ChiSquare returns by how many standard deviations the frequencies of the 256 values of a byte in data differ from
// equality (Pearson's test, 255 degrees of freedom, in the normal approximation of Wilson and Hilferty 1931).
func ChiSquare(data []byte) float64 {
	var counts [256]float64
	for _, b := range data {
		counts[b]++
	}
	want := float64(len(data)) / 256
	var sum float64
	for _, n := range counts {
		sum += (n - want) * (n - want) / want
	}
	const k = 255.0
	return (math.Cbrt(sum/k) - (1 - 2/(9*k))) / math.Sqrt(2/(9*k))
}
