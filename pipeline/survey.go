package pipeline

import (
	"facegate/device"
	"facegate/pipeline/quality"
	"facegate/pipeline/survey"
	"facegate/pipeline/track"
)

// Survey measures camera and light in one frame, and the nearest face in it as far as light goes. Nobody is identified meanwhile,
// and nothing is embedded or judged: the report says of the face only whether it is good enough.
func (p *Pipeline) Survey(f device.Frame, s *survey.Survey) (Report, error) {
	p.renewal.clear()
	p.forgetFaces()
	defer p.vision.Clear()
	tracks, report, err := p.follow(f)
	if err != nil {
		return report, err
	}
	var grid [survey.GridWidth * survey.GridHeight]byte
	defer clear(grid[:])
	if err := p.vision.Grid(grid[:], survey.GridWidth, survey.GridHeight); err != nil {
		return report, err
	}
	one := survey.Frame{Time: f.Time, Seq: f.Seq, Grid: grid[:]}
	one.Width, one.Height = p.vision.Size()
	near, _ := p.beforeDoor(tracks) // which sorts them
	p.decider.See(f.Time, near)
	if len(tracks) > 0 {
		if one.Face, err = p.measure(tracks[0], &report); err != nil {
			return report, err
		}
		if reason := p.settings.Zone.Check(one.Face.Box, one.Width, one.Height); reason != quality.OK {
			report.State, report.Reason = Poor, reason
		}
	}
	s.Add(one)
	return report, nil
}

// measure measures the light on a face, and has the report say what is wrong with it.
func (p *Pipeline) measure(tr *track.Track, report *Report) (*survey.Face, error) {
	if err := p.vision.Locate(&tr.Face); err != nil {
		return nil, err
	}
	bgr, size, err := p.vision.Align(&tr.Face)
	if err != nil {
		return nil, err
	}
	face := &survey.Face{
		Track: tr.ID, Box: tr.Face.Box, Measure: quality.Of(bgr, size, tr.Face.Landmarks), Shades: survey.ShadesOfFace(bgr, size),
	}
	report.State = Skipped
	if report.Reason = p.settings.Quality.Check(face.Measure); report.Reason != quality.OK {
		report.State = Poor
		return face, nil
	}
	report.Reason = p.settings.Quality.Warn(face.Measure)
	return face, nil
}
