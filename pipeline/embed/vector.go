package embed

import "math"

// A Vector is a face embedding: one point on the unit sphere whose angle to another tells how alike two faces are.
// It exists only between the embedder and the keyed hash, is never stored, and is cleared after use.
type Vector []float32

// Normalize scales v to unit length (L2) and reports whether it could: a zero or non-finite vector is left as it is.
func (v Vector) Normalize() bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return false
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return true
}

// Cosine returns the inner product of a and b, which for two unit vectors of equal length is their cosine similarity.
func Cosine(a, b Vector) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
