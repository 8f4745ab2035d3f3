package camera

import (
	"context"
	"errors"
	"fmt"
	"time"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
	"facegate/pipeline/track"
)

// Errors of a capture.
var (
	ErrEnrolling = errors.New("another enrolment is under way")
	ErrGaveUp    = errors.New("the enrolment was given up")
)

// A Progress says what the camera sees during a capture.
type Progress struct {
	State  string // a pipeline.State
	Reason string // a quality.Reason
	Advice string // what the person can do
	Taken  int    // frames taken
	Want   int    // frames wanted

	Seen   bool            // a frame was looked at
	Report pipeline.Report // of it
}

// A capture is a request for frames of one person, which the task gathers.
type capture struct {
	since    time.Time // an older frame may show whoever stood there before
	session  *enrol.Session
	track    track.ID      // of the face that was captured last
	progress chan Progress // holds the newest only
	done     chan error    // gets one value: nil once the session is complete, or why it is not going to be
	complete bool
}

// Capture gathers frames of the person before the camera, who is compared with nobody, and nobody is let in by face meanwhile.
// When there are enough it calls keep with their mean, which it clears, and returns the error of keep. Otherwise it returns why
// there are not, such as ErrGaveUp when ctx is done. progress and keep are called from the calling goroutine: frames go on being
// taken while keep waits for a disk. progress is called each second at least. The person whom keep returns, if any, can match from then
// on. They open no door before they have left.
func (c *Camera) Capture(ctx context.Context, progress func(Progress), keep func(mean embed.Vector) (decide.Person, error)) error {
	e := &capture{
		session:  enrol.NewSession(c.parts.Frames, c.parts.Engine.Dim()),
		progress: make(chan Progress, 1), done: make(chan error, 1),
	}
	if err := c.begin(e); err != nil {
		return err
	}
	defer c.end(e)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last := Progress{
		State: "no frame from the camera", Advice: "see the camera in facegate status", Want: c.parts.Frames,
	}
	for {
		select {
		case last = <-e.progress:
			progress(last)
		case <-second.C: // so that whoever waits is told for how long, whatever the camera does
			progress(last)
		case err := <-e.done:
			return c.finish(e, err, keep)
		case <-ctx.Done():
			if c.giveUp(e) {
				return gaveUp(ctx.Err(), last)
			}
			return c.finish(e, <-e.done, keep) // it was complete just before
		}
	}
}

// finish ends a capture that has come to err.
func (c *Camera) finish(e *capture, err error, keep func(embed.Vector) (decide.Person, error)) error {
	if err != nil {
		return err
	}
	mean := e.session.Mean()
	defer clear(mean)
	person, err := keep(mean)
	if person != (decide.Person{}) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.pipeline.Enrolled(person, e.track, c.parts.Now())
	}
	return err
}

// Lingers reports whether whoever was captured last has not left, as far as is known.
func (c *Camera) Lingers() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pipeline.Lingers(c.parts.Now())
}

func gaveUp(cause error, last Progress) error {
	if !errors.Is(cause, context.DeadlineExceeded) {
		return hint.Wrap(fmt.Errorf("%w: the gate or the command was stopped", ErrGaveUp), "enrol again")
	}
	what, advice := last.State, last.Advice
	if last.Reason != "" {
		what = last.Reason
	}
	if advice == "" {
		advice = "stay before the camera until the capture is complete"
	}
	return hint.Wrap(fmt.Errorf("%w with %d of %d frames: %s", ErrGaveUp, last.Taken, last.Want, what),
		"%s; then enrol again", advice)
}

func (c *Camera) begin(e *capture) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.survey != nil {
		return busySurveying()
	}
	if c.asking != nil {
		return hint.Wrap(ErrEnrolling, "wait for it to end, or stop it with Ctrl-C where it was started")
	}
	e.since = c.parts.Now()
	c.asking = e
	return nil
}

// Enrolling reports whether somebody is being captured, or what was captured is being kept.
func (c *Camera) Enrolling() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asking != nil
}

// giveUp takes e from the task, unless it has an outcome already.
func (c *Camera) giveUp(e *capture) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking != e || e.complete {
		return false
	}
	c.asking = nil
	return true
}

// end takes e from the task if it still is there, and overwrites what it gathered.
func (c *Camera) end(e *capture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.session.Clear()
	if c.asking == e {
		c.asking = nil
	}
}

// refuse ends the capture or survey that may be under way. One that is complete is kept. c.mu must be held.
func (c *Camera) refuse(why error) {
	c.refuseSurvey(why)
	e := c.asking
	if e == nil || e.complete {
		return
	}
	e.done <- why
	c.asking = nil
}

// take leads one frame into the capture under way. Once that is complete no frame is looked at until it is kept: whoever was
// captured stands there still, and does not open the door by it. c.mu must be held.
func (c *Camera) take(f device.Frame) (pipeline.Report, Blind, error) {
	e := c.asking
	if e.complete {
		return c.pipeline.Skip(f), Storing, nil
	}
	report, err := c.pipeline.Capture(f, e.session)
	if err != nil {
		return report, Sees, err
	}
	if report.State == pipeline.Captured {
		e.track = report.Track
	}
	e.tell(report)
	if e.session.Done() {
		e.complete = true
		e.done <- nil
	}
	return report, Sees, nil
}

// tell replaces the progress that was not read yet: only the newest counts.
func (e *capture) tell(r pipeline.Report) {
	p := Progress{State: r.State.String(), Advice: advice(r, Sees), Seen: true, Report: r}
	p.Taken, p.Want = e.session.Progress()
	if r.State == pipeline.Poor {
		p.Reason = r.Reason.String()
	}
	select {
	case <-e.progress:
	default:
	}
	e.progress <- p
}

// advice says what the person before the camera can do.
func advice(r pipeline.Report, b Blind) string {
	switch b {
	case FacesOff:
		return "use another way in; see facegate status"
	case AwaitingPass:
		return "show your pass first"
	case Storing, Surveying:
		return ""
	}
	switch r.State {
	case pipeline.Nobody:
		return "step in front of the camera"
	case pipeline.Poor:
		return r.Reason.Advice()
	case pipeline.NotLive:
		return "take sunglasses or a mask off and face the camera; a print or a screen cannot be enrolled"
	case pipeline.Resting:
		return "use another way in; see facegate status"
	case pipeline.Several:
		return "only one person may stand before the camera"
	}
	return ""
}
