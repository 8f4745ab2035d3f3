package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
)

// A Lesser says what a gate leaves out because it has crashed again and again. No network is loaded: most of what can crash is
// there. The camera is opened for passes alone. At crashes.CardsOnly it is not opened at all, and the broker is not spoken to
// either; what it is to be told waits. Door, records and control work as ever.
type Lesser struct {
	Level   crashes.Level
	Last    crashes.Crash // the last one
	Forgive func() error  // has the next process leave nothing out
}

func (l Lesser) String() string {
	what := "no face is looked at"
	if l.Level >= crashes.CardsOnly {
		what += ", and the broker is not spoken to"
	}
	return fmt.Sprintf("%s, because the gate has crashed again and again, the last time at %s: %s",
		what, l.Last.At.Local().Format(time.DateTime), l.Last.Why)
}

func (Lesser) advice() string {
	return "see what the log says of the time before (journalctl -u facegate); facegate faces on tries all again at once, " +
		"and after an hour without a crash the gate does by itself"
}

// begin asks whether anything is to be left out.
func (d *Daemon) begin() {
	if d.outside.Begin == nil {
		return
	}
	if d.lesser = d.outside.Begin(); d.lesser != nil {
		d.log.Error(d.lesser.String(), "hint", d.lesser.advice())
	}
}

// speaks reports whether the broker is spoken to.
func (d *Daemon) speaks() bool { return d.lesser == nil || d.lesser.Level < crashes.CardsOnly }

// opensCamera reports whether there is anything to open the camera for: faces, or passes.
func (d *Daemon) opensCamera() bool {
	if d.whyBlind() == nil {
		return true
	}
	return d.config.CodesRead() && (d.lesser == nil || d.lesser.Level < crashes.CardsOnly)
}

// lessen says in s what is left out.
func (d *Daemon) lessen(s *status.Status) {
	if !d.opensCamera() {
		s.Camera = device.CaptureStatus{State: status.CameraOff, Source: "not opened"}
	}
	if d.unseen != nil {
		s.Vision.Err, s.Vision.Hint = d.unseen.Error(), hint.Of(d.unseen)
	}
	if d.lesser == nil {
		return
	}
	s.Lesser = &status.Lesser{Level: d.lesser.Level.String(), Since: d.lesser.Last.At.UTC(), Reason: d.lesser.Last.Why}
	if !d.speaks() {
		s.MQTT.Err, s.MQTT.Hint = "the broker is not spoken to, because the gate has crashed again and again", d.lesser.advice()
	}
}

func (d *Daemon) lesserHealth(*status.Status) []health.Condition {
	if d.lesser == nil {
		return nil
	}
	return health.When(true, health.LeftOut, health.Faces, health.Down, d.lesser.String(), d.lesser.advice())
}

// tryAll has a fresh process take over that leaves nothing out.
func (d *Daemon) tryAll() error {
	if d.lesser == nil {
		return nil
	}
	if err := d.lesser.Forgive(); err != nil {
		return err
	}
	d.log.Info("all is tried again: nothing is left out any more")
	d.handover.ask()
	return nil
}

// newRecovery returns the task that has all tried again once the gate has gone on without a crash for long enough.
func newRecovery(after time.Duration, tryAll func() error) *mendedWatch {
	return newMendedWatch(after, func() bool { return true }, tryAll)
}

// unopened is the source of a gate that opens no camera.
type unopened struct{}

func (unopened) String() string { return "not opened" }

func (unopened) Stream(ctx context.Context, _ func(device.Frame)) error {
	<-ctx.Done()
	return nil
}

var errBlind = errors.New("no network is loaded")

// blind is the engine of a gate that loads no network. It is given no frame.
type blind struct{}

func (blind) Load(device.Frame) error                         { return errBlind }
func (blind) Size() (width, height int)                       { return 0, 0 }
func (blind) Grid([]byte, int, int) error                     { return errBlind }
func (blind) Detect() ([]detect.Face, error)                  { return nil, errBlind }
func (blind) Locate(*detect.Face) error                       { return errBlind }
func (blind) Align(*detect.Face) ([]byte, int, error)         { return nil, 0, errBlind }
func (blind) Live([]float64, *detect.Face) ([]float64, error) { return nil, errBlind }
func (blind) Embed(embed.Vector) error                        { return errBlind }
func (blind) Dim() int                                        { return 1 }
func (blind) Clear()                                          {}
func (blind) Close()                                          {}
