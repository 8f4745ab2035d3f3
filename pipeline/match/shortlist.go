package match

import "facegate/pipeline/template"

// A candidate is a record that the scan found near the probe.
type candidate struct {
	distance int // Hamming
	lane     uint8
	i        int // slot within the lane
}

// A shortlist keeps the nearest Candidates of all records offered, nearest first.
type shortlist struct {
	n     int
	items [Candidates]candidate
}

// scan offers every Code of a lane.
func (s *shortlist) scan(lane uint8, probe *template.Code, codes []template.Code) {
	for i := 0; ; i++ {
		if i += template.Nearer(probe, codes[i:], s.limit()); i == len(codes) {
			return
		}
		s.insert(candidate{template.Distance(probe, &codes[i]), lane, i})
	}
}

// limit returns the distance below which a record belongs on the list.
func (s *shortlist) limit() int {
	if s.n < len(s.items) {
		return template.Bits + 1
	}
	return s.items[s.n-1].distance
}

// insert puts c, whose distance is below s.limit(), in its place. The farthest falls off a full list. Among N records in no
// order about Candidates·ln(N/Candidates) get this far, which are too few to want a heap.
func (s *shortlist) insert(c candidate) {
	if s.n < len(s.items) {
		s.n++
	}
	i := s.n - 1
	for ; i > 0 && s.items[i-1].distance > c.distance; i-- {
		s.items[i] = s.items[i-1]
	}
	s.items[i] = c
}
