package people

import (
	"maps"
	"sync/atomic"
	"time"

	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/store"
)

// Ranks say what the faces of people are worth at the door. They are read for each frame, and changed by one at a time.
type ranks struct {
	all atomic.Pointer[map[template.PersonID]store.Standing] // of whom it is less than most; not to be changed
}

// read takes over what the store says.
func (r *ranks) read(s *store.Store) {
	all := s.Templates().Standings()
	r.all.Store(&all)
}

// of returns what the face of a person is worth at a time.
func (r *ranks) of(person template.PersonID, now time.Time) match.Standing {
	all := r.all.Load()
	if all == nil {
		return match.Standing{}
	}
	s := (*all)[person]
	return match.Standing{Strict: s.Young, Half: s.Second || !s.Near.IsZero() && !now.Before(s.Near)}
}

// forget drops what is known of a person.
func (r *ranks) forget(person template.PersonID) {
	if all := r.all.Load(); all != nil {
		left := maps.Clone(*all)
		delete(left, person)
		r.all.Store(&left)
	}
}

// strictest returns the strictest threshold of the calibration for a decision on so many frames: that of the most people whom it
// covers.
func (c Terms) strictest(frames int) (float64, error) {
	return c.Calibration.Threshold(frames, c.Calibration.MaxEnrolled(frames, c.FPIR), c.FPIR)
}
