// Package camera is the task that looks at faces. It takes the newest frame, has the pipeline say what it shows, and hands every
// attempt over. Enrolments and whoever aims the camera are given frames here too: an enrolment takes the camera, and not the door.
package camera

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/pipeline/challenge"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
)

// Reader is the name of the camera in an attempt.
const Reader = "camera"

// A Blind says why no face is looked for in a frame.
type Blind uint8

// The reasons.
const (
	Sees         Blind = iota // one is, or the pipeline says why not
	FacesOff                  // somebody wanted it so
	AwaitingPass              // a pass has to be shown first
	Storing                   // of the person who was just captured a template is being made
	Surveying                 // camera and light are being measured
)

func (b Blind) String() string {
	return [...]string{"looking for faces", "faces off", "waiting for a pass", "storing a template", "measuring camera and light"}[b]
}

// A Passage is the account of one frame that was decided on.
type Passage struct {
	Report  pipeline.Report
	Blind   Blind
	Decided time.Time // when the pipeline had decided
	Opened  time.Time // when the relay was active; zero unless the door was opened
}

// An Engine runs the networks.
type Engine interface {
	pipeline.Vision
	Close()
}

// Parts are what a Camera works with. None of its functions may wait for a disk or a network.
type Parts struct {
	Mailbox  *device.Mailbox
	Engine   Engine // the Camera's own from now on; Run closes it
	Settings pipeline.Settings
	MaxAge   time.Duration // an older frame is not looked at
	Frames   int           // that make one template
	FPS      int           // that the camera is to send
	Lingers  bool          // somebody was captured just before this process, and may stand there still

	Emit   func(attempt.Attempt) attempt.Outcome           // asks for the door
	Whom   func() pipeline.Matcher                         // what faces are compared with; nil where a pass comes first
	Off    func() error                                    // why no face is looked at; nil if they are
	Renew  func(person decide.Person, sample embed.Vector) // somebody let in is to have a template made of sample, which is the Camera's
	Prompt func(challenge.Direction)                       // shows where to look, with every frame that is looked at; may be nil
	Now    func() time.Time                                // with a monotonic reading, so that no frame is old because the clock was set

	After func(time.Duration) <-chan time.Time // ends a phase of a survey; time.After if it is nil

	Spoilt  func(error)   // called for each frame that is damaged, which only its decoding shows; may be nil
	Observe func(Passage) // called for each frame that was decided on, from the task's goroutine; may be nil
	Log     *slog.Logger
}

// A Camera is the task. One goroutine owns the networks and sees every frame.
type Camera struct {
	parts    Parts
	pipeline *pipeline.Pipeline
	ready    chan struct{}
	tally    tally
	looking  atomic.Pointer[time.Time] // since when the frame under way is looked at; nil if there is none
	trouble  trouble
	aiming   aiming

	mu     sync.Mutex       // held for as long as a frame is looked at; guards what follows
	asking *capture         // the one under way, or nil
	survey *surveying       // the one under way, or nil; never together with asking
	whom   pipeline.Matcher // that faces were compared with last
}

// New returns the Camera.
func New(p Parts) *Camera {
	if p.Observe == nil {
		p.Observe = func(Passage) {}
	}
	if p.Prompt == nil {
		p.Prompt = func(challenge.Direction) {}
	}
	if p.After == nil {
		p.After = time.After
	}
	if p.Spoilt == nil {
		p.Spoilt = func(error) {}
	}
	c := &Camera{
		parts: p, pipeline: pipeline.New(p.Settings, p.Engine), ready: make(chan struct{}),
		trouble: trouble{log: p.Log},
	}
	if p.Lingers {
		c.pipeline.Presume(p.Now().Add(p.Settings.Rules.Rearm))
	}
	return c
}

func (c *Camera) String() string { return "camera" }

// Ready is closed when frames are looked at.
func (c *Camera) Ready() <-chan struct{} { return c.ready }

// Run decides on frames until ctx is cancelled, which returns nil, or the recording that they come from has ended,
// which returns device.ErrEnd.
func (c *Camera) Run(ctx context.Context) error {
	defer c.parts.Engine.Close()
	close(c.ready)
	for {
		frame, err := c.parts.Mailbox.Take(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		c.handle(frame)
	}
}

// Busy returns for how long the frame under way has been looked at, and 0 while the next is waited for. It waits for nothing:
// a Camera that hangs can be asked too.
func (c *Camera) Busy() time.Duration {
	since := c.looking.Load()
	if since == nil {
		return 0
	}
	return c.parts.Now().Sub(*since)
}

// Count returns what can be told of frames since the start.
func (c *Camera) Count() status.Frames { return c.tally.status() }

func (c *Camera) handle(f device.Frame) {
	now := c.parts.Now()
	c.looking.Store(&now)
	defer c.looking.Store(nil)
	if now.Sub(f.Time) > c.parts.MaxAge {
		return
	}
	report, blind, err := c.look(f)
	switch {
	case device.Damaged(err):
		// It is of nobody: neither of somebody live nor of a print, and no frame in between either.
		c.tally.damaged()
		c.parts.Spoilt(err)
		return
	case err != nil:
		c.tally.failed()
		c.trouble.report(now, err)
		return
	}
	c.parts.Prompt(report.Asks)
	p := Passage{Report: report, Blind: blind, Decided: c.parts.Now()}
	p.Report.Sample = nil // is for nobody who observes
	for _, e := range report.Ended {
		c.emit(e, &p, report.Sample)
	}
	clear(report.Sample)
	c.tally.add(p)
	c.aiming.tell(p, f, c.parts)
	c.parts.Observe(p)
}

// look leads a frame into the capture under way or, if there is none, to a decision, unless nobody is let in by face for now.
// Where a pass comes first, nothing is looked for in the picture of somebody who has shown none.
func (c *Camera) look(f device.Frame) (pipeline.Report, Blind, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if why := c.parts.Off(); why != nil {
		c.refuse(why)
		return c.pipeline.Skip(f), FacesOff, nil
	}
	if c.survey != nil && c.survey.noted {
		return c.measure(f)
	}
	if c.asking != nil && !f.Time.Before(c.asking.since) {
		return c.take(f)
	}
	m := c.parts.Whom()
	if m != c.whom {
		c.pipeline.Rematch()
		c.whom = m
	}
	if m == nil {
		return c.pipeline.Skip(f), AwaitingPass, nil
	}
	c.pipeline.Sights(c.aiming.on())
	report, err := c.pipeline.Identify(f, m)
	return report, Sees, err
}

// emit asks for the door for an attempt that has ended with the frame of p. Whoever it does not open for may ask again.
func (c *Camera) emit(e pipeline.Ended, p *Passage, sample embed.Vector) {
	o := c.parts.Emit(attempt.Attempt{
		Means: attempt.Face, Asked: p.Report.Time, Person: e.Person, Finding: e.Finding, Reader: Reader,
	})
	if o.Err != nil {
		c.trouble.report(p.Decided, o.Err)
	}
	switch {
	case e.Finding == attempt.Alike && !o.Opened.IsZero():
		p.Opened, p.Report.State, p.Report.Person = o.Opened, pipeline.Granted, e.Person
	case e.Finding != attempt.Matched:
	case o.Opened.IsZero():
		c.pipeline.Revoke(e.Person)
	default:
		p.Opened = o.Opened
		if len(sample) > 0 {
			c.parts.Renew(e.Person, sample)
		}
	}
}
