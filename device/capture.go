package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"facegate/configs/hint"
)

// How long Capture waits without a usable frame and before it reports.
const (
	silence     = 5 * time.Second // without a usable frame for so long, a source counts as lost
	reportEvery = time.Second     // the shortest time between two reports of refused frames
)

// Errors that Capture itself finds in a source.
var (
	ErrSilent  = errors.New("the source delivers no usable frame")
	errStopped = errors.New("the source stopped without being told to")
)

// A CaptureState is one of the four states that a Capture can be in.
type CaptureState string

// The states of a Capture.
const (
	Starting  CaptureState = "starting"  // no frame yet, and no error
	Streaming CaptureState = "streaming" // frames flow
	Lost      CaptureState = "lost"      // the source failed and is being opened again
	Ended     CaptureState = "ended"     // the recording is over, or Run has returned
)

// CaptureStatus is what a technician wants to know of a source.
type CaptureStatus struct {
	Source    string       `json:"source"`
	State     CaptureState `json:"state"`
	Error     string       `json:"error,omitempty"` // why the source is lost or, while frames flow, what many of them lack
	Hint      string       `json:"hint,omitempty"`  // what to do about it
	Frames    uint64       `json:"frames"`          // usable frames delivered
	Refused   uint64       `json:"refused"`         // frames that cannot be used, with those of which decoding showed it
	Damaged   uint64       `json:"damaged"`         // of them, those of which a part is lost
	Dropped   uint64       `json:"-"`               // frames replaced by a newer one before they were looked at: more where there are faces
	LastFrame time.Time    `json:"last_frame,omitzero"`
}

// Capture is the task that keeps a source open and puts its frames into a mailbox.
type Capture struct {
	src   Source
	box   *Mailbox
	tee   *Mailbox // the second one, or nil
	log   *slog.Logger
	ready chan struct{}

	// The goroutine of Run alone uses these.
	seq        uint64 // of the last frame of the streams before this one
	last       uint64 // of the last frame
	unreported uint64 // frames refused since the last report
	reported   time.Time

	mu     sync.Mutex // guards what follows
	status CaptureStatus
	recent recent
	meter  Meter  // of what flows, or nil
	flaw   error  // of the last frame of this stream that could not be used
	logged string // the error logged last; empty while frames flow
}

// NewCapture returns a Capture from src into box. It logs each change between working and failing, not each attempt.
func NewCapture(src Source, box *Mailbox, log *slog.Logger) *Capture {
	c := &Capture{
		src: src, box: box, log: log,
		ready:  make(chan struct{}),
		status: CaptureStatus{Source: src.String(), State: Starting},
	}
	if t, ok := src.(Teller); ok {
		t.Tell(c.refuse)
	}
	return c
}

// Tee has every usable frame put into a second mailbox too, for somebody who looks at frames of their own and at their own
// pace. Each mailbox has a copy, so that neither of those who take waits for the other, or sees a frame that the other is done
// with. It is called before Run.
func (c *Capture) Tee(box *Mailbox) { c.tee = box }

// each calls do for every mailbox.
func (c *Capture) each(do func(*Mailbox)) {
	do(c.box)
	if c.tee != nil {
		do(c.tee)
	}
}

// A Meter measures what a source sends. Its methods must not wait.
type Meter interface {
	See(f Frame)      // a usable frame, whose Data must not be used later
	Refuse(why error) // one that cannot be used
}

// ErrMetered means that what the source sends is being measured already.
var ErrMetered = errors.New("somebody is measuring what the camera sends already")

// Measure has m told of each frame, from the goroutine of Run, until ctx is done. There is one Meter at a time.
func (c *Capture) Measure(ctx context.Context, m Meter) error {
	if !c.meterIs(nil, m) {
		return hint.Wrap(ErrMetered, "wait some seconds")
	}
	defer c.meterIs(m, nil)
	<-ctx.Done()
	return nil
}

// meterIs makes the Meter the next one, if it is the one that it was thought to be.
func (c *Capture) meterIs(thought, next Meter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.meter != thought {
		return false
	}
	c.meter = next
	return true
}

func (c *Capture) String() string { return "capture from " + c.src.String() }

// Ready is closed at the first usable frame.
func (c *Capture) Ready() <-chan struct{} { return c.ready }

// Status returns the present state.
func (c *Capture) Status() CaptureStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	s.Dropped = c.box.Dropped()
	if s.State == Streaming && c.recent.many {
		err := c.recent.err()
		s.Error, s.Hint = err.Error(), hint.Of(err)
	}
	return s
}

// Run opens the source, and opens it again whenever it is lost, until ctx is cancelled or a recording has ended; both
// return nil. Then the mailbox gets no more frames: after a recording its last one can still be taken, after a
// cancellation none. Errors that are Final are tried again too, at the slowest pace: a technician may mend permissions
// or plug the camera in, and the gate should notice. A Returner is tried as soon as it may be back.
func (c *Capture) Run(ctx context.Context) error {
	defer c.setState(Ended)
	watch := c.watch()
	defer watch.Close()
	var p pauses
	for ctx.Err() == nil {
		opened := time.Now()
		err := c.stream(ctx)
		switch {
		case ctx.Err() != nil:
			continue
		case errors.Is(err, ErrEnd):
			c.each((*Mailbox).End)
			return nil
		}
		if c.flowed() && time.Since(opened) > longestPause {
			p.held() // one that fails again and again must not be opened four times a second
		}
		c.lose(err)
		if watch.Wait(ctx, p.after(err)) {
			p.returned()
		}
	}
	c.each((*Mailbox).Close)
	return nil
}

// watch returns what tells when the source may be back. Where nothing does, pauses alone lead to the next attempt.
func (c *Capture) watch() Watch {
	r, ok := c.src.(Returner)
	if !ok {
		return blind{}
	}
	w, err := r.Watch()
	if err != nil {
		c.log.Warn("nothing tells when the source is back, so that it takes some seconds longer",
			"source", c.src.String(), "error", err, "hint", hint.Of(err))
		return blind{}
	}
	return w
}

// stream runs the source once, under a watchdog that each usable frame resets. It never returns nil unless ctx is done. A driver
// that hangs may keep Stream from returning; that the source is lost is known all the same.
func (c *Capture) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.forget()
	watchdog := time.AfterFunc(silence, func() {
		err := c.silent()
		c.lose(err)
		cancel(err)
	})
	defer watchdog.Stop()

	c.seq = c.last
	err := c.src.Stream(ctx, func(f Frame) {
		if c.deliver(f) {
			watchdog.Reset(silence)
		}
	})
	if err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return errStopped
}

// forget makes what was wrong with the frames of a stream no reason for the silence of the next.
func (c *Capture) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flaw = nil
}

// silent is the error of a source without a usable frame, and says what is wrong with those that it sends.
func (c *Capture) silent() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := fmt.Errorf("%w for %v", ErrSilent, silence)
	if why := c.flaw; why != nil {
		return hint.Wrap(fmt.Errorf("%w: %w", err, why), "%s", hint.Of(why))
	}
	return hint.Wrap(err, "see that the sender of a stream is running; unplug a camera and plug it in again")
}

// deliver puts f into the mailbox and reports whether it was usable.
func (c *Capture) deliver(f Frame) bool {
	f.Seq += c.seq
	c.last = f.Seq
	err := c.box.Put(f)
	if err == nil && c.tee != nil {
		err = c.tee.Put(f)
	}
	if err != nil {
		c.refuse(err)
		c.report(err)
		return false
	}
	c.mu.Lock()
	first := c.status.Frames == 0
	c.status.Frames++
	c.status.LastFrame = f.Time
	c.status.State, c.status.Error, c.status.Hint = Streaming, "", ""
	changed := c.recent.add(nil)
	if c.meter != nil {
		c.meter.See(f)
	}
	back := c.logged != ""
	c.logged = ""
	c.mu.Unlock()
	if first {
		close(c.ready)
	}
	if first || back {
		c.log.Info("frames flow", "source", c.src.String(), "width", f.Width, "height", f.Height, "format", f.Format.String())
	}
	c.tell(changed)
	return true
}

// refuse counts a frame that cannot be used.
func (c *Capture) refuse(why error) {
	c.mu.Lock()
	c.status.Refused++
	if Damaged(why) {
		c.status.Damaged++
	}
	c.flaw = why
	if c.meter != nil {
		c.meter.Refuse(why)
	}
	changed := c.recent.add(why)
	c.mu.Unlock()
	c.tell(changed)
}

// Spoilt takes note that a frame which was delivered turned out to be damaged when it was decoded, and why.
func (c *Capture) Spoilt(why error) {
	c.mu.Lock()
	c.status.Refused++
	c.status.Damaged++
	changed := c.recent.correct(hint.Wrap(why, AdviceDamaged))
	c.mu.Unlock()
	c.tell(changed)
}

// tell logs that many frames cannot be used, or that they can again, where that has changed.
func (c *Capture) tell(changed bool) {
	if !changed {
		return
	}
	c.mu.Lock()
	many, err := c.recent.many, c.recent.err()
	c.mu.Unlock()
	if many {
		c.log.Warn("many frames cannot be used", "source", c.src.String(), "error", err, "hint", hint.Of(err))
	} else {
		c.log.Info("nearly all frames can be used again", "source", c.src.String())
	}
}

// report logs frames that the mailbox would not have at most once in reportEvery, with how many.
func (c *Capture) report(err error) {
	c.unreported++
	if now := time.Now(); now.Sub(c.reported) >= reportEvery {
		c.log.Warn("frames refused", "source", c.src.String(), "count", c.unreported, "error", err)
		c.unreported, c.reported = 0, now
	}
}

// lose records why the source is lost, and logs it unless it is what was logged last.
func (c *Capture) lose(err error) {
	c.mu.Lock()
	text := err.Error()
	c.status.State, c.status.Error, c.status.Hint = Lost, text, hint.Of(err)
	news := text != c.logged
	c.logged = text
	c.mu.Unlock()
	if news {
		c.log.Error("source lost, will keep trying", "source", c.src.String(), "error", err, "hint", hint.Of(err))
	}
}

// flowed reports whether frames have flowed since the source was lost.
func (c *Capture) flowed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logged == ""
}

func (c *Capture) setState(s CaptureState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.State = s
}
