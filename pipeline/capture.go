package pipeline

import (
	"facegate/device"
	"facegate/pipeline/enrol"
	"facegate/pipeline/liveness"
	"facegate/pipeline/quality"
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
	report.State = Captured
	return report, nil
}
