package pipeline

import (
	"time"

	"facegate/device"
	"facegate/pipeline/decide"
	"facegate/pipeline/enrol"
	"facegate/pipeline/liveness"
	"facegate/pipeline/quality"
	"facegate/pipeline/track"
)

// Capture leads one frame through the stages up to the embedding, for an enrolment. The session takes the embedding if there
// is one face in the zone, and that face is good enough and live. Nobody is identified meanwhile, and nobody is asked to turn:
// whoever enrols somebody sees them.
func (p *Pipeline) Capture(f device.Frame, session *enrol.Session) (Report, error) {
	p.renewal.clear()
	p.forgetFaces()
	defer p.vision.Clear()
	near, report, err := p.look(f)
	switch {
	case err != nil || len(near) == 0:
		return report, err
	case len(near) > 1:
		report.State = Several
		return report, nil
	}
	if verdict, err := p.examine(near[0], &report); verdict != liveness.Live {
		return report, err
	}
	if report.Reason != quality.OK { // a template would be of the light as well
		report.State = Poor
		return report, nil
	}
	report.State = Matching
	if !session.Due(f.Time) {
		return report, nil
	}
	defer clear(p.vector)
	if err := p.vision.Embed(p.vector); err != nil {
		return report, err
	}
	session.Add(p.vector, near[0].ID, f.Time)
	report.State, report.Track = Captured, near[0].ID
	return report, nil
}

// Enrolled has whoever was just captured on a track count as one who was let in at now: they stand there still, and have not asked for
// the door. Once they have been gone for Rules.Rearm they are let in as anybody. Others are let in meanwhile.
func (p *Pipeline) Enrolled(person decide.Person, on track.ID, now time.Time) {
	p.enrolled = person
	p.decider.Admit(person, on, now)
}

// Lingers reports whether whoever was captured last has not left by now, as far as is known.
func (p *Pipeline) Lingers(now time.Time) bool { return p.decider.Inside(p.enrolled, now) }

// Presume has those faces count as just enrolled that stand before the door in the first picture until a time that shows any. It is for
// a Pipeline that takes the place of one by which somebody Lingers. Who that was it is not told.
func (p *Pipeline) Presume(until time.Time) { p.presuming = until }

// presume carries Presume out for the faces of a frame.
func (p *Pipeline) presume(near []*track.Track, now time.Time) {
	if len(near) == 0 || now.After(p.presuming) {
		return
	}
	p.presuming = time.Time{}
	for _, tr := range near {
		p.decider.Presume(tr.ID)
	}
}
