package template

import (
	"fmt"
	"math/bits"

	"facegate/pipeline/embed"
)

// A Mean is the public average of a model's normalised embeddings, which Center takes away so that each bit of a Code is
// set for half of all faces. A Mean of no length takes nothing away.
type Mean []float32

// Center replaces v by norm(norm(v) - mu), in place. It reports false, and v is of no use, if v has no direction (zero
// or not finite) before or after, or mu is of another length.
func Center(v embed.Vector, mu Mean) bool {
	if !v.Normalize() {
		return false
	}
	if len(mu) == 0 {
		return true
	}
	if len(mu) != len(v) {
		return false
	}
	for i := range v {
		v[i] -= mu[i]
	}
	return v.Normalize()
}

// A LaneSet is a set of lanes.
type LaneSet uint8

// AllLanes is the set of every lane.
const AllLanes LaneSet = 1<<Lanes - 1

// LaneSetOf returns the set of the given lanes.
func LaneSetOf(lanes ...uint8) LaneSet {
	var s LaneSet
	for _, lane := range lanes {
		s |= 1 << lane
	}
	return s
}

// Has reports whether lane is in s.
func (s LaneSet) Has(lane uint8) bool { return s>>lane&1 == 1 }

// All yields the lanes of s in ascending order.
func (s LaneSet) All(yield func(lane uint8) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(uint8(bits.TrailingZeros8(uint8(s)))) {
			return
		}
	}
}

// A Probe is a face at the door, rotated into the lanes that are to be searched. It holds biometric data, belongs in RAM
// alone, and is cleared after use. It is large (33 KiB): allocate one and use it again.
type Probe struct {
	lanes LaneSet
	from  *Projector
	code  [Lanes]Code
	y     [Lanes][Bits]float32
}

// Lanes returns the lanes that p has been rotated into.
func (p *Probe) Lanes() LaneSet { return p.lanes }

// Code returns the signs of p in a lane of p.Lanes.
func (p *Probe) Code(lane uint8) *Code { return &p.code[lane] }

// Estimate returns the estimated cosine of p with the stored c, in a lane of p.Lanes. See Rotation.Estimate.
func (p *Probe) Estimate(lane uint8, c *Code) float64 {
	return p.from.rotations[lane].Estimate(p.y[lane][:], c)
}

// Clear overwrites p with zeros.
func (p *Probe) Clear() { *p = Probe{} }

// A Projector is the one way from an embedding to a Code: the mean of a model and the rotations of one epoch. It is
// read-only and may be shared.
type Projector struct {
	mean      Mean
	rotations [Lanes]*Rotation
}

// NewProjector returns the projector of embeddings with dim coordinates under the keys of the lanes. The length of mean
// is dim or 0.
func NewProjector(keys [Lanes][32]byte, dim int, mean Mean) (*Projector, error) {
	if err := checkMean(dim, mean); err != nil {
		return nil, err
	}
	p := &Projector{mean: mean}
	for lane := range p.rotations {
		var err error
		if p.rotations[lane], err = NewRotation(keys[lane], dim); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Project rotates v into the given lanes of p. The embedding ends here: v is zeros when Project returns. It reports
// false, and leaves p cleared, if v has no direction or not the projector's dimension.
func (j *Projector) Project(p *Probe, v embed.Vector, lanes LaneSet) bool {
	defer clear(v)
	p.Clear()
	if len(v) != j.rotations[0].dim || !Center(v, j.mean) {
		return false
	}
	for lane := range lanes.All {
		j.rotations[lane].Rotate(p.y[lane][:], v)
		p.code[lane] = Sign(p.y[lane][:])
	}
	p.from, p.lanes = j, lanes
	return true
}

// Protect returns the Code of v in a lane, for enrolment. The embedding ends here: v is zeros when Protect returns. It
// reports false if v has no direction or not the projector's dimension.
func (j *Projector) Protect(v embed.Vector, lane uint8) (Code, bool) {
	return protect(j.rotations[lane], j.mean, v)
}

// protect returns the signs of the centred and rotated v, and clears v.
func protect(r *Rotation, mean Mean, v embed.Vector) (Code, bool) {
	var y [Bits]float32
	defer clear(y[:])
	if !project(y[:], r, mean, v) {
		return Code{}, false
	}
	return Sign(y[:]), true
}

// project writes the centred and rotated v to y, and clears v. It reports false if v has no direction or not the
// rotation's dimension.
func project(y []float32, r *Rotation, mean Mean, v embed.Vector) bool {
	defer clear(v)
	if len(v) != r.dim || !Center(v, mean) {
		return false
	}
	r.Rotate(y, v)
	return true
}

func checkMean(dim int, mean Mean) error {
	if len(mean) != 0 && len(mean) != dim {
		return fmt.Errorf("template: the mean has %d dimensions, the embeddings %d", len(mean), dim)
	}
	return nil
}
