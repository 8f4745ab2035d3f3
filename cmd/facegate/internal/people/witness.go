package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/checkpoint"
)

// ErrNoWitness means that somebody is no witness of this gate.
var ErrNoWitness = errors.New("the configuration names no such witness")

// Cosigned is how far a witness has cosigned the audit log.
type Cosigned struct {
	Witness string    `json:"witness"` // its name, by its key
	ID      string    `json:"id"`      // of its key, 8 hexadecimal digits
	Size    int64     `json:"size"`    // entries of the log
	At      time.Time `json:"at"`      // by the clock of the witness
}

// Witnessed takes in what a witness has sent, as store.Log does. Once one has shown that the records are an older copy, no face is looked at.
func (r *Register) Witnessed(now time.Time, signed []byte, w note.Verifier) error {
	err := r.store.Log().Witnessed(now, signed, w)
	if errors.Is(err, store.ErrRolledBack) {
		r.off.Store(true)
	}
	return err
}

// WitnessRequest implements Records.
func (b bound) WitnessRequest(_ context.Context, key string, anew bool) (string, error) {
	w, err := checkpoint.Witness(key)
	if err != nil {
		return "", hint.Wrap(err, "give what facegate witness key prints")
	}
	if !slices.ContainsFunc(b.terms.Witnesses, func(named note.Verifier) bool { return checkpoint.ID(named) == checkpoint.ID(w) }) {
		return "", noWitness(fmt.Sprintf("%s with the key %s", w.Name(), checkpoint.KeyID(w)))
	}
	if anew {
		if err := b.Witnessed(time.Now(), nil, w); err != nil {
			return "", err
		}
	}
	body, err := b.store.Log().Request(w)
	return string(body), err
}

// TakeCosigned implements Records.
func (b bound) TakeCosigned(_ context.Context, signed string) (Cosigned, error) {
	for _, w := range b.terms.Witnesses {
		if n, err := note.Open([]byte(signed), note.VerifierList(w)); err != nil || !checkpoint.SignedBy(n, w) {
			continue
		}
		if err := b.Witnessed(time.Now(), []byte(signed), w); err != nil {
			return Cosigned{}, err
		}
		size, at, err := b.store.Log().Cosigned(w)
		return Cosigned{w.Name(), checkpoint.KeyID(w), size, at}, err
	}
	return Cosigned{}, noWitness("nobody who has signed this")
}

func noWitness(who string) error {
	return hint.Wrap(fmt.Errorf("%w: %s", ErrNoWitness, who), "add the key of the witness to witness.keys of the configuration, and start the gate anew")
}
