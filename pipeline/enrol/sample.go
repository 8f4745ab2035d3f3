package enrol

import (
	"facegate/pipeline/embed"
	"facegate/pipeline/track"
)

// A Sample sums embeddings of one track. A template can be made of their mean. The caller clears it.
type Sample struct {
	track track.ID // that all frames are of
	taken int
	sum   embed.Vector
}

// NewSample returns an empty Sample of embeddings of length dim.
func NewSample(dim int) *Sample { return &Sample{sum: make(embed.Vector, dim)} }

// Add takes the unit embedding of one frame of a track. If those before are of another track, the sample begins anew: no
// two people are averaged into one.
func (s *Sample) Add(v embed.Vector, id track.ID) {
	if !s.Of(id) {
		s.Clear()
	}
	s.track = id
	for i, x := range v {
		s.sum[i] += x
	}
	s.taken++
}

// Of reports whether there are frames of a track in the sample.
func (s *Sample) Of(id track.ID) bool { return s.taken > 0 && s.track == id }

// Taken returns how many frames are taken.
func (s *Sample) Taken() int { return s.taken }

// Mean writes the unit mean of the embeddings taken to dst, which has their length.
func (s *Sample) Mean(dst embed.Vector) {
	copy(dst, s.sum)
	dst.Normalize()
}

// Clear overwrites all that was gathered; the sample begins anew.
func (s *Sample) Clear() {
	clear(s.sum)
	s.taken = 0
}
