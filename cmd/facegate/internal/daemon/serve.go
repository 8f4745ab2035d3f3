package daemon

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"facegate/cmd/facegate/internal/control"
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
func (d *Daemon) TestDoor(ctx context.Context) (control.DoorTest, error) {
	edge, err := d.relay.Pulse()
	if err != nil {
		return control.DoorTest{}, doorError(err, "wait until the door is locked (facegate status), then test again")
	}
	select {
	case <-edge.Done:
		return control.DoorTest{Line: d.line.String(), Pulse: time.Since(edge.At)}, nil
	case <-ctx.Done():
		return control.DoorTest{}, doorError(ctx.Err(), "the gate was stopped, and locks the door as it ends: test again")
	}
}

// doorError gives err advice where it has none.
func doorError(err error, advice string) error {
	return hint.Wrap(fmt.Errorf("test the door: %w", err), "%s", cmp.Or(hint.Of(err), advice))
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
