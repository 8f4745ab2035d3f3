package people

import (
	"context"
	"fmt"

	"facegate/configs/hint"
	"facegate/store"
)

// FacesOff reports whether no face is to be looked at until TurnFacesOn. It does not wait for the store.
func (r *Register) FacesOff() bool { return r.off.Load() }

// WhyOff returns why no face is to be looked at, or captured; nil if faces are. It does not wait for the store.
func (r *Register) WhyOff() error {
	if r.terms.Off != nil {
		return r.terms.Off
	}
	if r.FacesOff() {
		return ErrFacesOff
	}
	return nil
}

// TurnFacesOff implements Records. No face is looked at any more, at once, even if that cannot be written down.
func (b bound) TurnFacesOff(_ context.Context, reason string) error {
	if err := store.ReasonLine.CleanIn(&reason); err != nil {
		return err
	}
	b.off.Store(true)
	err := b.store.Faces().TurnOff(reason, b.by)
	if err != nil && b.runs() {
		return hint.Wrap(fmt.Errorf("faces are off until facegate is restarted, and not longer: %w", err),
			"make room on the disk, and give the command again")
	}
	return err
}

// TurnFacesOn implements Records.
func (b bound) TurnFacesOn(context.Context) error {
	if err := b.store.Faces().TurnOn(b.by); err != nil {
		return err
	}
	b.off.Store(false)
	return nil
}
