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

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/gpio"
	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/pipeline/embed"
	"facegate/pipeline/publish"
	"facegate/pipeline/vision"
)

// ErrLate says that a grant was not carried out, because it came too long after its frame.
var ErrLate = errors.New("the decision came too late, the door stays locked")

// A Door opens for one passage.
type Door interface {
	Pulse() (gpio.Edge, error)
}

// A Publisher tells that somebody passed.
type Publisher interface {
	Tell(e publish.Event) error
}

// A Passage is the account of one frame that was decided on.
type Passage struct {
	Report  pipeline.Report
	Decided time.Time // when the pipeline had decided
	Opened  time.Time // when the relay was active; zero unless the door was opened
}

// Parts are what a Gate works with.
type Parts struct {
	Mailbox   *device.Mailbox
	Engine    *vision.Engine // the Gate's own from now on; Run closes it
	Gallery   *people.Register
	Door      Door
	Publisher Publisher
	Events    publish.Source
	Settings  pipeline.Settings
	MaxAge    time.Duration    // an older frame opens nothing
	Frames    int              // that make one template
	Now       func() time.Time // with a monotonic reading, so that no frame is old because the clock was set
	Spoilt    func(error)      // called for each frame that is damaged, which only its decoding shows; may be nil
	Observe   func(Passage)    // called for each frame that was decided on, from the task's goroutine; may be nil
	Log       *slog.Logger
}

// A Gate is the task. One goroutine owns the networks and sees every frame.
type Gate struct {
	parts    Parts
	pipeline *pipeline.Pipeline
	ready    chan struct{}
	tally    tally
	trouble  trouble
	aiming   aiming

	mu     sync.Mutex // held for as long as a frame is looked at; guards what follows
	asking *enrolment // the one under way, or nil
}

// New returns the Gate.
func New(p Parts) *Gate {
	if p.Observe == nil {
		p.Observe = func(Passage) {}
	}
	if p.Spoilt == nil {
		p.Spoilt = func(error) {}
	}
	return &Gate{
		parts: p, pipeline: pipeline.New(p.Settings, p.Engine), ready: make(chan struct{}),
		trouble: trouble{log: p.Log},
	}
}

func (g *Gate) String() string { return "gate" }

// Ready is closed when frames are looked at.
func (g *Gate) Ready() <-chan struct{} { return g.ready }

// Run decides on frames until ctx is cancelled, which returns nil, or the recording that they come from has ended,
// which returns device.ErrEnd.
func (g *Gate) Run(ctx context.Context) error {
	defer g.parts.Engine.Close()
	close(g.ready)
	for {
		frame, err := g.parts.Mailbox.Take(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		g.handle(frame)
	}
}

// Count returns what can be told of frames since the start.
func (g *Gate) Count() status.Frames { return g.tally.status() }

func (g *Gate) handle(f device.Frame) {
	now := g.parts.Now()
	if now.Sub(f.Time) > g.parts.MaxAge {
		return
	}
	report, err := g.look(f, now)
	if device.Damaged(err) {
		// It is of nobody: neither of somebody live nor of a print, and no frame in between either.
		g.tally.damaged()
		g.parts.Spoilt(err)
		return
	}
	if err != nil {
		g.tally.failed()
		g.trouble.report(now, err)
		return
	}
	p := Passage{Report: report, Decided: g.parts.Now()}
	p.Report.Sample = nil // is for nobody who observes
	if report.State == pipeline.Granted {
		if err := g.admit(&p, report.Sample); err != nil {
			g.trouble.report(now, err)
		}
		clear(report.Sample)
		if p.Opened.IsZero() {
			g.pipeline.Revoke(report.Person)
		}
	}
	if err := g.count(report, now); err != nil {
		g.trouble.report(now, err)
	}
	g.tally.add(p)
	g.aiming.tell(report)
	g.parts.Observe(p)
}

// look leads a frame into the enrolment under way or, if there is none, to a decision, unless nobody is let in by face
// for now. Where a pass comes first, nothing is looked for in the picture of somebody who has shown none.
func (g *Gate) look(f device.Frame, now time.Time) (pipeline.Report, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.parts.Gallery.FacesOff() {
		g.refuse(people.ErrFacesOff)
		return g.pipeline.Skip(f, pipeline.FacesOff), nil
	}
	if g.asking != nil && !f.Time.Before(g.asking.since) {
		return g.capture(f)
	}
	m := g.parts.Gallery.Matcher()
	if m == nil {
		return g.pipeline.Skip(f, pipeline.AwaitingPass), nil
	}
	return g.pipeline.Identify(f, m)
}

// count notes attempts that have failed, of which too many in a row keep faces from opening the door: the face of whom
// somebody tried to be taken for, or for moments all.
func (g *Gate) count(r pipeline.Report, now time.Time) error {
	var errs []error
	for _, e := range r.Ended {
		if e.Finding == attempt.NearMiss {
			errs = append(errs, g.parts.Gallery.Failed(e.Person, now))
		}
	}
	if r.Flood > 0 {
		g.tally.flood(now.Add(g.parts.Settings.Attempts.Rest))
		errs = append(errs, g.parts.Gallery.Flooded(now, r.Flood))
	}
	return errors.Join(errs...)
}

// Flooded returns until when no face is looked at, because so many prints and screens were shown.
func (g *Gate) Flooded() time.Time { return g.tally.flooded() }

// admit opens the door, tells that it did, and renews the person by the sample. If the telling fails, the door is open all
// the same.
func (g *Gate) admit(p *Passage, sample embed.Vector) error {
	if age := p.Decided.Sub(p.Report.Time); age > g.parts.MaxAge {
		return hint.Wrap(fmt.Errorf("%w: %v after its frame", ErrLate, age.Round(time.Millisecond)),
			"see what else keeps the processor busy, choose a smaller picture, or raise camera.max_age")
	}
	edge, err := g.parts.Door.Pulse()
	switch {
	case errors.Is(err, gpio.ErrBusy): // the door is open already, for somebody just before
		p.Opened = p.Decided
	case err != nil:
		return fmt.Errorf("open the door: %w", err)
	default:
		p.Opened = edge.At
	}
	return errors.Join(
		g.parts.Publisher.Tell(g.parts.Events.Granted(p.Opened, attempt.Face, p.Opened.Sub(p.Report.Time))),
		g.parts.Gallery.Passed(p.Report.Person, p.Opened),
		g.parts.Gallery.Renew(p.Report.Person, sample),
	)
}
