package template

import (
	"math"

	"facegate/pipeline/embed"
)

// A PersonProjector is the way from an embedding to the Codes of one person, under the one rotation of that person's
// record, and compares the two 1:1. It serves that person at the door, or at a capture, and is cleared.
type PersonProjector struct {
	mean     Mean
	rotation *Rotation
}

// NewTokenProjector returns the projector for a record of scheme S2, of embeddings with dim coordinates under k. The
// length of mean is dim or 0.
func NewTokenProjector(k *TokenKeys, dim int, mean Mean) (*PersonProjector, error) {
	return newPersonProjector(k.rotation, dim, mean)
}

// NewLaneProjector returns the projector for a record of scheme S1, of embeddings with dim coordinates under the key of
// the record's lane. The length of mean is dim or 0.
func NewLaneProjector(key [32]byte, dim int, mean Mean) (*PersonProjector, error) {
	return newPersonProjector(key, dim, mean)
}

func newPersonProjector(key [32]byte, dim int, mean Mean) (*PersonProjector, error) {
	if err := checkMean(dim, mean); err != nil {
		return nil, err
	}
	r, err := NewRotation(key, dim)
	if err != nil {
		return nil, err
	}
	return &PersonProjector{mean, r}, nil
}

// Protect returns the Code of v, for enrolment. The embedding ends here: v is zeros when Protect returns. It reports
// false if v has no direction or not the projector's dimension.
func (j *PersonProjector) Protect(v embed.Vector) (Code, bool) {
	return protect(j.rotation, j.mean, v)
}

// Verify returns the estimated cosine of v with the stored c; see Rotation.Estimate. The embedding ends here: v is zeros
// when Verify returns. It reports false, and a score below every threshold, if v has no direction or not the projector's
// dimension.
func (j *PersonProjector) Verify(v embed.Vector, c *Code) (float64, bool) {
	var y [Bits]float32
	defer clear(y[:])
	if !project(y[:], j.rotation, j.mean, v) {
		return math.Inf(-1), false
	}
	return j.rotation.Estimate(y[:], c), true
}

// Clear overwrites the rotation with zeros. The projector must not be used after it.
func (j *PersonProjector) Clear() { *j.rotation = Rotation{} }
