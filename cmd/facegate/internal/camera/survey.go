package camera

import (
	"context"
	"errors"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/survey"
)

// Errors of a survey.
var (
	ErrSurveying = errors.New("somebody is measuring camera and light already")
	ErrStopped   = errors.New("the measurement of camera and light was stopped")
)

// A surveying is a technician who has camera and light measured.
type surveying struct {
	noted   bool // no frame is measured before
	numbers *survey.Survey
	views   chan status.View // holds the newest only
	refused chan error       // gets one value at most: why no frame is looked at
}

// A phase is a part of a survey.
type phase struct {
	name, do string
	lasts    time.Duration
}

func phases(p status.SurveyPlan) []phase {
	return []phase{
		{"empty", "leave the door empty, and stand where the camera does not see you", p.Empty},
		{"occupied", "now stand where people stop and look at the camera; turn your head left and right, step back and come again", p.Occupied},
	}
}

// Survey has frames measured, in the phases of plan, and returns what they tell of camera and light before the gate that against
// returns. First it calls note, and measures nothing if that fails. Whoever stands there is compared with nobody, and nobody is
// let in by face meanwhile. step is called from the calling goroutine.
func (c *Camera) Survey(ctx context.Context, plan status.SurveyPlan, note func() error, against func() survey.Gate,
	step func(status.SurveyStep),
) (survey.Report, error) {
	s := &surveying{numbers: survey.New(), views: make(chan status.View, 1), refused: make(chan error, 1)}
	if err := c.beginSurvey(s); err != nil {
		return survey.Report{}, err
	}
	defer s.numbers.Clear() // when the task has it no more
	defer c.endSurvey(s)
	if err := note(); err != nil {
		return survey.Report{}, err
	}
	c.startSurvey(s)
	for _, p := range phases(plan) {
		if err := s.pass(ctx, p, c.parts.After(p.lasts), step); err != nil {
			return survey.Report{}, err
		}
	}
	c.endSurvey(s)
	return s.numbers.Report(against()), nil
}

// pass waits until a phase is over, and says each second how it goes.
func (s *surveying) pass(ctx context.Context, p phase, over <-chan time.Time, step func(status.SurveyStep)) error {
	now := status.SurveyStep{Phase: p.name, Do: p.do, LeftS: int(p.lasts.Seconds()), View: status.View{Sees: "no frame from the camera"}}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	step(now)
	for {
		select {
		case now.View = <-s.views:
		case <-second.C:
			now.LeftS = max(now.LeftS-1, 0)
			step(now)
		case err := <-s.refused:
			return err
		case <-over:
			return nil
		case <-ctx.Done():
			return hint.Wrap(ErrStopped, "calibrate again")
		}
	}
}

// beginSurvey takes the place of the survey, before it is noted and any frame is measured.
func (c *Camera) beginSurvey(s *surveying) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.survey != nil:
		return busySurveying()
	case c.asking != nil:
		return hint.Wrap(ErrEnrolling, "wait for it to end, or stop it with Ctrl-C where it was started")
	}
	if err := c.parts.Off(); err != nil {
		return err
	}
	c.survey = s
	return nil
}

// startSurvey has frames measured from now on.
func (c *Camera) startSurvey(s *surveying) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.noted = true
}

func busySurveying() error {
	return hint.Wrap(ErrSurveying, "wait for it to end, or stop it with Ctrl-C where it was started")
}

// endSurvey takes s from the task, which then goes on with frames.
func (c *Camera) endSurvey(s *surveying) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.survey == s {
		c.survey = nil
	}
}

// refuseSurvey ends the survey that may be under way. c.mu must be held.
func (c *Camera) refuseSurvey(why error) {
	if c.survey != nil {
		c.survey.refused <- why
		c.survey = nil
	}
}

// measure leads one frame into the survey under way. c.mu must be held.
func (c *Camera) measure(f device.Frame) (pipeline.Report, Blind, error) {
	report, err := c.pipeline.Survey(f, c.survey.numbers)
	if err != nil {
		return report, Surveying, err
	}
	select {
	case <-c.survey.views:
	default:
	}
	c.survey.views <- viewOf(Passage{Report: report})
	return report, Surveying, nil
}
