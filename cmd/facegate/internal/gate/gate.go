// Package gate is the task at the heart of the daemon: it takes the newest frame, has the pipeline decide on it, opens
// the door and tells that it did.
package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/gpio"
	"facegate/pipeline"
	"facegate/pipeline/enrol"
	"facegate/pipeline/publish"
	"facegate/pipeline/quality"
	"facegate/pipeline/vision"
)

// A Door opens for one passage.
type Door interface {
	Pulse() (gpio.Edge, error)
}

// A Publisher tells that somebody passed.
type Publisher interface {
	Grant(at time.Time, method publish.Method, latency time.Duration) error
}

// A Passage is the account of one frame that was decided on. It says when, not who.
type Passage struct {
	Report  pipeline.Report
	Decided time.Time // when the pipeline had decided
	Opened  time.Time // when the relay was active; zero unless the door was opened
}

// Parts are what a Gate works with.
type Parts struct {
	Mailbox   *device.Mailbox
	Engine    *vision.Engine // the Gate's own from now on; Run closes it
	Gallery   *Gallery
	Door      Door
	Publisher Publisher
	Settings  pipeline.Settings
	MaxAge    time.Duration // an older frame opens nothing
	Frames    int           // that make one template
	Now       func() time.Time
	Observe   func(Passage) // called for each frame, from the task's goroutine; may be nil
	Log       *slog.Logger
}

// A Gate is the task. One goroutine owns the networks and sees every frame.
type Gate struct {
	Parts
	pipeline *pipeline.Pipeline
	ready    chan struct{}
	tally    tally
	trouble  trouble

	mu     sync.Mutex // guards what follows
	asking *enrolment // the enrolment under way, or nil
}

// New returns the Gate.
func New(p Parts) *Gate {
	g := &Gate{
		Parts: p, pipeline: pipeline.New(p.Settings, p.Engine), ready: make(chan struct{}), tally: newTally(),
		trouble: trouble{log: p.Log, every: time.Second},
	}
	if g.Observe == nil {
		g.Observe = func(Passage) {}
	}
	return g
}

func (g *Gate) String() string { return "gate" }

// Ready is closed when frames are looked at.
func (g *Gate) Ready() <-chan struct{} { return g.ready }

// Run decides on frames until ctx is cancelled, which returns nil, or the recording that they come from has ended,
// which returns device.ErrEnd.
func (g *Gate) Run(ctx context.Context) error {
	defer g.Engine.Close()
	close(g.ready)
	for {
		frame, err := g.Mailbox.Take(ctx)
		if errors.Is(err, device.ErrEnd) {
			return err
		}
		if err != nil {
			return nil
		}
		g.handle(frame)
	}
}

func (g *Gate) handle(f device.Frame) {
	now := g.Now()
	if g.stale(f.Time, now) {
		g.tally.stale()
		return
	}
	var passage Passage
	var err error
	if e := g.enrolment(); e != nil {
		passage.Report, err = e.capture(g, f)
	} else {
		passage, err = g.identify(f)
	}
	if err != nil {
		g.tally.failed()
		g.trouble.report(now, err)
		return
	}
	g.tally.add(passage)
	g.Observe(passage)
}

func (g *Gate) stale(frame, now time.Time) bool { return now.Sub(frame) > g.MaxAge }

// identify decides on one frame and acts on it.
func (g *Gate) identify(f device.Frame) (Passage, error) {
	report, err := g.pipeline.Identify(f, g.Gallery)
	p := Passage{Report: report, Decided: g.Now()}
	if err != nil || report.State != pipeline.Granted {
		return p, err
	}
	if g.stale(f.Time, p.Decided) {
		return p, fmt.Errorf("gate: a grant came %v after its frame: the door stays locked", p.Decided.Sub(f.Time))
	}
	edge, err := g.Door.Pulse()
	switch {
	case errors.Is(err, gpio.ErrBusy): // the door is open already, for somebody just before
		p.Opened = g.Now()
	case err != nil:
		return p, fmt.Errorf("gate: open the door: %w", err)
	default:
		p.Opened = edge.At
	}
	return p, g.Publisher.Grant(p.Opened, publish.Face, p.Opened.Sub(f.Time))
}

// Count returns the counters since the start.
func (g *Gate) Count() control.FrameStatus { return g.tally.status() }

// An enrolment is a request in the hands of the task.
type enrolment struct {
	request  control.EnrolRequest
	progress chan control.Progress // newest only
	done     chan outcome          // room for one

	mu      sync.Mutex // guards what follows
	session *enrol.Session
	over    bool
}

type outcome struct {
	person control.Person
	err    error
}

// Errors of an enrolment.
var (
	ErrEnrolling = errors.New("another enrolment is under way")
	ErrGaveUp    = errors.New("the enrolment was given up")
)

// Enrol captures the person before the camera; nobody is let in by face meanwhile.
func (g *Gate) Enrol(ctx context.Context, r control.EnrolRequest, progress func(control.Progress)) (control.Person, error) {
	if err := g.Gallery.Accepts(r); err != nil {
		return control.Person{}, err
	}
	e := &enrolment{
		request: r, progress: make(chan control.Progress, 1), done: make(chan outcome, 1),
		session: enrol.NewSession(g.Frames, g.Engine.Dim()),
	}
	if err := g.begin(e); err != nil {
		return control.Person{}, err
	}
	defer g.end(e)
	last := control.Progress{State: "no frame from the camera", Advice: "see facegate status"}
	for {
		select {
		case last = <-e.progress:
			progress(last)
		case o := <-e.done:
			return o.person, o.err
		case <-ctx.Done():
			err := fmt.Errorf("%w after %d of %d frames: %s", ErrGaveUp, last.Taken, g.Frames, describe(last))
			return control.Person{}, hint.Wrap(err, "%s; then enrol again", last.Advice)
		}
	}
}

func describe(p control.Progress) string {
	if p.Reason != "" {
		return p.Reason
	}
	return p.State
}

func (g *Gate) begin(e *enrolment) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asking != nil {
		return hint.Wrap(ErrEnrolling, "wait for it to end, or stop it with Ctrl-C where it was started")
	}
	g.asking = e
	return nil
}

// end takes the enrolment from the task. What it gathered is overwritten, and a frame in the making is not stored.
func (g *Gate) end(e *enrolment) {
	e.mu.Lock()
	e.over = true
	e.session.Clear()
	e.mu.Unlock()
	g.mu.Lock()
	g.asking = nil
	g.mu.Unlock()
}

func (g *Gate) enrolment() *enrolment {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asking
}

// capture leads one frame into the session, and stores the template once it is complete.
func (e *enrolment) capture(g *Gate, f device.Frame) (pipeline.Report, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return pipeline.Report{Time: f.Time}, nil
	}
	report, err := g.pipeline.Capture(f, e.session)
	if err != nil {
		return report, err
	}
	e.tell(report)
	if e.session.Done() {
		person, err := g.Gallery.Enrol(e.request, e.session.Mean())
		e.session.Clear()
		e.over = true
		e.done <- outcome{person, err}
	}
	return report, nil
}

// tell replaces the progress that was not read yet: only the newest counts.
func (e *enrolment) tell(r pipeline.Report) {
	taken, want := e.session.Progress()
	p := control.Progress{State: r.State.String(), Advice: advice(r), Taken: taken, Want: want}
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
	case pipeline.Several:
		return "only one person may stand before the camera"
	}
	return ""
}

// countable lists what status counts: the states, and for poor pictures the reasons.
func countable(r pipeline.Report) string {
	if r.State == pipeline.Poor && r.Reason != quality.OK {
		return r.Reason.String()
	}
	return r.State.String()
}
