package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/ledger"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

var _ control.Gate = (*Daemon)(nil)

// Enrol implements control.Gate.
func (d *Daemon) Enrol(ctx context.Context, r people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error) {
	if r.Again { // the former template
		defer d.handover.ask()
	}
	return d.gate.Enrol(ctx, r, progress)
}

// People implements control.Gate.
func (d *Daemon) People() ([]people.Person, error) { return d.gallery.People() }

// Erase implements control.Gate.
func (d *Daemon) Erase(label string, withdrawn bool, by audit.Actor) (people.Erasure, error) {
	e, err := d.gallery.Erase(label, withdrawn, by)
	d.destroyed(err)
	return e, err
}

// EraseByPass implements control.Gate.
func (d *Daemon) EraseByPass(t template.Token, withdrawn bool, by audit.Actor) (people.Erasure, error) {
	e, err := d.gallery.EraseByPass(t, withdrawn, by)
	d.destroyed(err)
	return e, err
}

// destroyed has the gate hand over to a fresh process after something was destroyed, even if it was not wholly. What is owed
// stays where it is, and may be remembered in this process alone.
func (d *Daemon) destroyed(err error) {
	if !errors.Is(err, people.ErrOwed) {
		d.handover.ask()
	}
}

// IssuePass implements control.Gate.
func (d *Daemon) IssuePass(label string, by audit.Actor) (template.Token, error) {
	return d.gallery.IssuePass(label, by)
}

// Receipts implements control.Gate.
func (d *Daemon) Receipts() ([]string, error) { return d.ledger().Receipts() }

// Fetched implements control.Gate.
func (d *Daemon) Fetched(id string) error { return d.ledger().Fetched(id) }

// Show implements control.Gate.
func (d *Daemon) Show(label string) (people.File, error) { return d.ledger().Show(label) }

// Relabel implements control.Gate.
func (d *Daemon) Relabel(old, label string, by audit.Actor) (people.Person, error) {
	return d.ledger().Relabel(old, label, by)
}

// Verify implements control.Gate.
func (d *Daemon) Verify(seen []audit.Head) (people.AuditReport, error) {
	return d.ledger().Verify(seen)
}

// Backup implements control.Gate.
func (d *Daemon) Backup(by audit.Actor) (people.Backup, error) { return d.ledger().Backup(by) }

// Device implements control.Gate.
func (d *Daemon) Device() people.Device { return d.ledger().Device() }

// Lockdown implements control.Gate.
func (d *Daemon) Lockdown(by audit.Actor) (people.Facts, error) {
	defer d.handover.ask()
	f, err := d.gallery.Lockdown(by)
	if err := d.assess(); err != nil { // the destruction stands, and the next start assesses
		d.log.Error("after all templates were destroyed", "error", err, "hint", hint.Of(err))
	}
	return f, err
}

// Reopen implements control.Gate.
func (d *Daemon) Reopen(by audit.Actor) error { return d.ledger().Reopen(by) }

// TurnFacesOff implements control.Gate.
func (d *Daemon) TurnFacesOff(reason string, by audit.Actor) error {
	return d.gallery.TurnFacesOff(reason, by)
}

// TurnFacesOn implements control.Gate.
func (d *Daemon) TurnFacesOn(by audit.Actor) error { return d.gallery.TurnFacesOn(by) }

// Unlock implements control.Gate.
func (d *Daemon) Unlock(by audit.Actor) error { return d.gallery.Unlock(by) }

// Epoch implements control.Gate.
func (d *Daemon) Epoch() people.Epoch { return d.ledger().Epoch() }

// BeginEpoch implements control.Gate.
func (d *Daemon) BeginEpoch(by audit.Actor) (people.Epoch, error) { return d.gallery.BeginEpoch(by) }

// EndEpoch implements control.Gate.
func (d *Daemon) EndEpoch(by audit.Actor) (people.Epoch, error) {
	e, err := d.gallery.EndEpoch(by)
	d.destroyed(err)
	return e, err
}

func (d *Daemon) ledger() ledger.Ledger { return ledger.Ledger{Store: d.store} }

// TestDoor implements control.Gate.
func (d *Daemon) TestDoor(ctx context.Context, by audit.Actor) (status.DoorTest, error) {
	now := time.Now()
	edge, err := d.hand.Pulse(now, func() error { return d.store.Log().Opened(now, by) })
	if err != nil {
		return status.DoorTest{}, doorError(err, "wait until the door is locked (facegate status), then test again")
	}
	if err := d.publisher.Tell(d.events().Opened(edge.At)); err != nil { // the door is open all the same
		d.log.Error("an opening by hand goes untold", "error", err, "hint", hint.Of(err))
	}
	return d.awaitPulse(ctx, edge)
}

// awaitPulse waits for the end of a pulse by hand.
func (d *Daemon) awaitPulse(ctx context.Context, edge gpio.Edge) (status.DoorTest, error) {
	const stopped = "the gate was stopped, and locks the door as it ends: test again"
	select {
	case <-edge.Done:
		pulse := time.Since(edge.At)
		if pulse < d.config.Door.Pulse {
			return status.DoorTest{}, doorError(errCutShort, stopped)
		}
		return status.DoorTest{Line: d.line.String(), Pulse: pulse}, nil
	case <-ctx.Done():
		return status.DoorTest{}, doorError(errCutShort, stopped)
	}
}

var errCutShort = errors.New("the pulse was cut short")

// doorError gives err advice where it has none.
func doorError(err error, advice string) error {
	return hint.Wrap(fmt.Errorf("test the door: %w", err), "%s", cmp.Or(hint.Of(err), advice))
}

// aimings is how often somebody may be shown in an hour what the camera sees. To mount a camera takes less; to count who
// passes would take all day, and leaves as many entries in the audit log.
const aimings = 10

var errAimings = errors.New("what the camera sees was shown too often within the hour")

// Aim implements control.Gate.
func (d *Daemon) Aim(ctx context.Context, view func(status.View), by audit.Actor) error {
	return d.gate.Aim(ctx, func() error { return d.noteAiming(time.Now(), by) }, view)
}

// noteAiming refuses what comes too often.
func (d *Daemon) noteAiming(now time.Time, by audit.Actor) error {
	at, err := d.store.Log().Aimings(now.Add(-time.Hour))
	if err != nil {
		return err
	}
	if len(at) >= aimings {
		return hint.Wrap(errAimings, "wait %v", at[0].Add(time.Hour).Sub(now).Round(time.Second))
	}
	return d.store.Log().Aimed(now, by)
}

// Clock implements control.Gate.
func (d *Daemon) Clock() people.ClockStatus { return d.ledger().Clock() }

// ConfirmClock implements control.Gate.
func (d *Daemon) ConfirmClock(seen time.Time, by audit.Actor) (people.ClockStatus, error) {
	return d.ledger().ConfirmClock(seen, by)
}

// Status implements control.Gate.
func (d *Daemon) Status() status.Status {
	s := status.Status{
		Profile: d.config.Jurisdiction, Mode: d.config.Profile().Mode,
		Version: d.version, Site: d.config.Site, Gate: d.config.Gate, StateDir: d.config.StateDir, Started: d.started, UpS: int(time.Since(d.started).Seconds()),
		Camera: d.capture.Status(), Door: d.relay.Status(), MQTT: d.publisher.Status(),
		Vision: status.Vision{Bundle: d.bundle.Name, Embedder: d.bundle.Embedder.Name},
		People: status.People{
			Enrolled: d.gallery.Len(), ConsentAgain: d.store.Compliance().ConsentAgain(), Owed: d.store.Retention().Owed().People,
			Limit: d.gallery.Limit(),
		},
		Frames:   d.gate.Count(),
		KeyStore: d.keys.Class(),
		Epoch:    d.Epoch(),
		Clock:    d.Clock(),
	}
	s.Lockout = status.Lockout{
		WaitS: int(math.Ceil(max(time.Until(d.gate.Flooded()), 0).Seconds())), LockedDown: d.store.Lockdown().InForce(),
	}
	s.Lockout.Slowed, s.Lockout.Off = d.gallery.Barred(time.Now())
	if off := d.store.Faces().Off(); off != nil {
		s.FacesOff = &status.FacesOff{Since: time.Unix(off.Since, 0).UTC(), Reason: off.Reason}
	}
	d.duties(&s)
	for _, m := range d.bundle.Liveness {
		s.Vision.Liveness = append(s.Vision.Liveness, m.Name)
	}
	s.Health = d.health(&s)
	return s
}
