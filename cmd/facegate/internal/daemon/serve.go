package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gate"
	"facegate/configs/hint"
)

var _ control.Gate = (*Daemon)(nil)

// Enrol implements control.Gate.
func (d *Daemon) Enrol(ctx context.Context, r control.EnrolRequest, progress func(control.Progress)) (control.Person, error) {
	return d.gate.Enrol(ctx, r, progress)
}

// People implements control.Gate.
func (d *Daemon) People() ([]control.Person, error) { return d.gallery.People() }

// Erase implements control.Gate.
func (d *Daemon) Erase(label string) error { return d.gallery.Erase(label) }

// TestDoor implements control.Gate.
func (d *Daemon) TestDoor() (control.DoorTest, error) {
	edge, err := d.relay.Pulse()
	if err != nil {
		return control.DoorTest{}, hint.Wrap(fmt.Errorf("test the door: %w", err), "see the door in facegate status")
	}
	<-edge.Done
	return control.DoorTest{Line: d.line.String(), Pulse: time.Since(edge.At)}, nil
}

// Status implements control.Gate.
func (d *Daemon) Status() control.Status {
	s := control.Status{
		Version: d.version, Site: d.config.Site, Gate: d.config.Gate, Started: d.started,
		Camera: d.capture.Status(), Door: d.relay.Status(), MQTT: d.publisher.Status(),
		Vision:   control.VisionStatus{Bundle: d.bundle.Name, Embedder: d.bundle.Embedder.Name},
		People:   control.PeopleStatus{Enrolled: d.gallery.Len(), Limit: d.gallery.Limit()},
		Frames:   d.gate.Count(),
		KeyStore: d.keys.Class(),
	}
	for _, m := range d.bundle.Liveness {
		s.Vision.Liveness = append(s.Vision.Liveness, m.Name)
	}
	return s
}

// sweepEvery is how long an enrolment may outlive its expiry.
const sweepEvery = time.Minute

// A sweeper is the task that erases enrolments when they expire.
type sweeper struct {
	gallery *gate.Gallery
	log     *slog.Logger
	ready   chan struct{}
}

func newSweeper(g *gate.Gallery, log *slog.Logger) *sweeper {
	return &sweeper{g, log, make(chan struct{})}
}

func (s *sweeper) String() string         { return "expiry sweeper" }
func (s *sweeper) Ready() <-chan struct{} { return s.ready }

// Run sweeps until ctx is cancelled.
func (s *sweeper) Run(ctx context.Context) error {
	close(s.ready)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		n, err := s.gallery.EraseExpired()
		if err != nil {
			s.log.Error("expired enrolments could not be erased", "error", err)
		} else if n > 0 {
			s.log.Info("expired enrolments erased", "people", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
