// Package enrol gathers the frames of one person from which their template is made: a Session of somebody who is captured, a
// Sample of somebody who is renewed as they pass.
package enrol

import (
	"time"

	"facegate/pipeline/embed"
	"facegate/pipeline/track"
)

// spacing is the time between two frames that are taken, so that they differ in pose and light. The mean of several
// unlike frames gains more accuracy than any template format loses.
const spacing = 250 * time.Millisecond

// sameFace is the least cosine of a frame with the mean of the frames taken so far. Below it the frame shows somebody else. Two
// pictures of one person fall below it in fewer than 6 of 1000 cases, and two of different people exceed it in 1 of 10,000
// (docs/accuracy.md).
const sameFace = 0.41

// A Session gathers embeddings of one person. The caller clears it.
type Session struct {
	sample *Sample
	want   int
	last   time.Time    // of the frames taken
	mean   embed.Vector // of the sample
}

// NewSession returns a Session that wants a number of frames with embeddings of length dim.
func NewSession(frames, dim int) *Session {
	return &Session{sample: NewSample(dim), want: frames, mean: make(embed.Vector, dim)}
}

// Due reports whether a frame of the time at is wanted. One too close to the last would add nothing new.
func (s *Session) Due(at time.Time) bool { return s.sample.Taken() == 0 || at.Sub(s.last) >= spacing }

// Add takes the unit embedding of one usable frame of a track that is due. If it is of another track or another person
// than those before, the session begins anew with it: no two people are averaged into one.
func (s *Session) Add(v embed.Vector, id track.ID, at time.Time) {
	if s.sample.Taken() > 0 && !(embed.Cosine(s.mean, v) >= sameFace) {
		s.Clear()
	}
	s.sample.Add(v, id)
	s.sample.Mean(s.mean)
	s.last = at
}

// Progress returns how many frames are taken and wanted.
func (s *Session) Progress() (taken, want int) { return s.sample.Taken(), s.want }

// Done reports whether enough frames are taken.
func (s *Session) Done() bool { return s.sample.Taken() >= s.want }

// Mean returns the unit mean of the embeddings taken, the session's own memory.
func (s *Session) Mean() embed.Vector { return s.mean }

// Clear overwrites all that was gathered; the session begins anew.
func (s *Session) Clear() {
	s.sample.Clear()
	clear(s.mean)
}
