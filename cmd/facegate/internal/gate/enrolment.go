package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/enrol"
)

// Errors of an enrolment.
var (
	ErrEnrolling = errors.New("another enrolment is under way")
	ErrGaveUp    = errors.New("the enrolment was given up")
)

// An enrolment is a request for a capture that the task carries out.
type enrolment struct {
	request  people.EnrolRequest
	since    time.Time // an older frame may show whoever stood there before
	session  *enrol.Session
	progress chan people.Progress // holds the newest only
	done     chan outcome         // gets one value once the capture is complete
}

type outcome struct {
	enrolled people.Enrolled
	err      error
}

// Enrol captures the person before the camera; nobody is let in by face meanwhile. It ends when the template is stored,
// or with an error that says why it cannot be, such as ErrGaveUp when ctx is done. progress is called from the calling
// goroutine.
func (g *Gate) Enrol(ctx context.Context, r people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error) {
	if err := g.parts.Gallery.Accepts(r); err != nil {
		return people.Enrolled{}, err
	}
	e := &enrolment{
		request: r, session: enrol.NewSession(g.parts.Frames, g.parts.Engine.Dim()),
		progress: make(chan people.Progress, 1), done: make(chan outcome, 1),
	}
	if err := g.begin(e); err != nil {
		return people.Enrolled{}, err
	}
	defer g.end(e)
	last := people.Progress{
		State: "no frame from the camera", Advice: "see the camera in facegate status", Want: g.parts.Frames,
	}
	for {
		select {
		case last = <-e.progress:
			progress(last)
		case o := <-e.done:
			return o.enrolled, o.err
		case <-ctx.Done():
			if g.end(e) {
				return people.Enrolled{}, gaveUp(ctx.Err(), last)
			}
			o := <-e.done // the template was stored just before
			return o.enrolled, o.err
		}
	}
}

func gaveUp(cause error, last people.Progress) error {
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

func (g *Gate) begin(e *enrolment) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asking != nil {
		return hint.Wrap(ErrEnrolling, "wait for it to end, or stop it with Ctrl-C where it was started")
	}
	e.since = g.parts.Now()
	g.asking = e
	return nil
}

// Enrolling reports whether an enrolment is under way.
func (g *Gate) Enrolling() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asking != nil
}

// end takes e from the task, overwrites what it gathered, and reports whether it was under way still.
func (g *Gate) end(e *enrolment) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asking != e {
		return false
	}
	e.session.Clear()
	g.asking = nil
	return true
}

// refuse ends the enrolment that may be under way. g.mu must be held.
func (g *Gate) refuse(why error) {
	e := g.asking
	if e == nil {
		return
	}
	e.done <- outcome{err: why}
	e.session.Clear()
	g.asking = nil
}

// capture leads one frame into the enrolment under way, and stores the template once it is complete. g.mu must be held.
func (g *Gate) capture(f device.Frame) (pipeline.Report, error) {
	e := g.asking
	report, err := g.pipeline.Capture(f, e.session)
	if err != nil {
		return report, err
	}
	e.tell(report)
	if e.session.Done() {
		enrolled, err := g.parts.Gallery.Enrol(e.request, e.session.Mean())
		e.done <- outcome{enrolled, err}
		e.session.Clear()
		g.asking = nil
	}
	return report, nil
}

// tell replaces the progress that was not read yet: only the newest counts.
func (e *enrolment) tell(r pipeline.Report) {
	p := people.Progress{State: r.State.String(), Advice: advice(r)}
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
func advice(r pipeline.Report) string {
	switch r.State {
	case pipeline.Nobody:
		return "step in front of the camera"
	case pipeline.Poor:
		return r.Reason.Advice()
	case pipeline.NotLive:
		return "take sunglasses or a mask off and face the camera; a print or a screen cannot be enrolled"
	case pipeline.Resting, pipeline.FacesOff:
		return "use another way in; see facegate status"
	case pipeline.AwaitingPass:
		return "use another way in: this version has no reader of passes"
	case pipeline.Several:
		return "only one person may stand before the camera"
	}
	return ""
}
