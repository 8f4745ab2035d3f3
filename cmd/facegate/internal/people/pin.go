package people

import (
	"context"

	"facegate/store"
)

// A PINRequest asks for somebody to be given a PIN, in the place of the one before.
type PINRequest struct {
	Label  string `json:"label"`
	PIN    []byte `json:"pin,omitempty"`    // digits; the gate draws one if there are none
	Duress bool   `json:"duress,omitempty"` // it is the one that raises a silent alarm, beside the usual one
}

// Clean brings what people typed into its one form, or says what of it cannot be kept.
func (r *PINRequest) Clean() error { return CleanLabel(&r.Label) }

// A PINGiven is what somebody types at a keypad from now on.
type PINGiven struct {
	Number string `json:"number"`        // that names the person; no secret
	PIN    []byte `json:"pin,omitempty"` // that the gate has drawn, and that is kept nowhere; to be cleared after use
}

// SetPIN implements Records.
func (b bound) SetPIN(_ context.Context, r PINRequest) (given PINGiven, err error) {
	w, pin := b.store.Credentials(), r.PIN
	if len(pin) == 0 {
		if pin, err = w.DrawPIN(); err != nil {
			return PINGiven{}, err
		}
		given.PIN = pin
	}
	if r.Duress {
		err = w.SetDuress(r.Label, pin, b.by)
	} else {
		_, err = w.SetPIN(r.Label, pin, store.Terms{}, b.by)
	}
	if err == nil {
		given.Number, err = b.number(r.Label)
	}
	if err != nil {
		clear(given.PIN)
		return PINGiven{}, err
	}
	return given, nil
}

// RemovePIN implements Records.
func (b bound) RemovePIN(_ context.Context, label string, duress bool) error {
	if duress {
		return b.store.Credentials().RemoveDuress(label, b.by)
	}
	return b.store.Credentials().RemovePIN(label, b.by)
}

// Number implements Records.
func (b bound) Number(_ context.Context, label string) (string, error) { return b.number(label) }

func (b bound) number(label string) (string, error) {
	n, err := b.store.Credentials().Number(label)
	return n.String(), err
}

// Renumber implements Records.
func (b bound) Renumber(_ context.Context, label string) (string, error) {
	n, err := b.store.Credentials().Renumber(label, b.by)
	return n.String(), err
}
