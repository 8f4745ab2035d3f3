package pipeline

import (
	"cmp"

	"facegate/pipeline/detect"
	"facegate/pipeline/quality"
)

// A Sight is what is measured of the nearest face in a frame for whoever aims the camera. It is the same whoever the face is of,
// and whatever was decided about it.
type Sight struct {
	Box           detect.Box // of the face; empty in a Sight of nobody
	Width, Height int        // of the picture, in pixels
	Measure       quality.Measure
	Reason        quality.Reason // why the face is not good enough, or what is wrong with the light on it
}

// Seen reports whether there is a face.
func (s Sight) Seen() bool { return s.Box.Area() > 0 }

// Sights says whether Identify measures the nearest face of each frame, which takes one more alignment.
func (p *Pipeline) Sights(wanted bool) { p.sights = wanted }

// sight measures the nearest face of the frame that is loaded. It is of no account for what the frame has come to, so that a failure
// leaves no Sight and nothing else.
func (p *Pipeline) sight() (s Sight) {
	if p.nearest == nil {
		return s
	}
	face := p.nearest.Face
	if p.vision.Locate(&face) != nil {
		return s
	}
	bgr, size, err := p.vision.Align(&face)
	if err != nil {
		return s
	}
	s.Box, s.Measure = face.Box, quality.Of(bgr, size, face.Landmarks)
	s.Width, s.Height = p.vision.Size()
	limits := p.settings.Quality
	s.Reason = cmp.Or(p.settings.Zone.Check(s.Box, s.Width, s.Height), limits.Check(s.Measure), limits.Warn(s.Measure))
	return s
}
