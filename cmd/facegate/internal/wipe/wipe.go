// Package wipe destroys all that a stopped gate holds: the store first, and its device key once the certificate is kept.
package wipe

import (
	"encoding/hex"
	"errors"
	"io"
	"time"

	"facegate/cmd/facegate/internal/chosen"
	"facegate/cmd/facegate/internal/opening"
	"facegate/configs/hint"
	"facegate/store"
)

// A Stopped is a gate that does not run, and is to be wiped.
type Stopped struct {
	store.Place
	Keys    store.KeySource
	KeyFile string // of the device key; "" where it is kept in something else than a file

	// ForgetKey removes the part of the key that a TPM holds, without which the file opens nothing. It is nil without a TPM.
	ForgetKey func() error

	// Open opens the store as opening.Stopped does, for a wipe whose certificate goes to keep.
	Open func(keep func(certificate []byte) error) (*store.Store, error)

	Now  func() time.Time // for the certificate of a store that does not open
	Rand io.Reader        // likewise
}

// Done is what came of a wipe.
type Done struct {
	Certificate  string `json:"certificate"`      // "" if there is none
	PublicKey    string `json:"public_key"`       // that verifies it
	KeyDestroyed bool   `json:"key_destroyed"`    // the device key is
	Undone       string `json:"undone,omitempty"` // why the certificate does not say how much there was, or there is none
}

// Wipe leaves nothing of g. It calls keep with the certificate, if there is one, which has to be on disk when keep returns, and
// goes on only then. An error with a Certificate in Done is of a wipe that has begun.
func (g Stopped) Wipe(keep func(certificate []byte) error) (done Done, err error) {
	err = g.wipeStore(&done, func(certificate []byte) error {
		done.Certificate = string(certificate)
		return keep(certificate)
	})
	if err == nil {
		err = chosen.Forget(g.Dir)
	}
	return done, err
}

// DestroyKey destroys the device key where it is a file. Its user may overwrite the key and still not be allowed to remove it
// from the folder: what was wiped is to be told all the same, as without the public key nobody could check the certificate.
func (g Stopped) DestroyKey(done *Done) error {
	if g.KeyFile == "" {
		return nil
	}
	var forgotten error
	if g.ForgetKey != nil {
		forgotten = g.ForgetKey() // which needs the file; without a TPM the file goes all the same
	}
	if err := store.DestroyKeyFile(g.KeyFile); err != nil {
		return hint.Wrap(err, "everything else is done; destroy the device key as root: shred -u %s", g.KeyFile)
	}
	done.KeyDestroyed = true
	return forgotten
}

// wipeStore wipes the store, or finishes a wipe that was cut off. A store that does not open is destroyed as well.
func (g Stopped) wipeStore(done *Done, keep func(certificate []byte) error) error {
	s, err := g.Open(keep)
	cut, unopened := new(store.WipedError), new(opening.UnopenedError)
	switch {
	case err == nil:
		done.PublicKey = hex.EncodeToString(s.Device().PublicKey)
		return errors.Join(s.Wipe(keep), s.Close())
	case errors.Is(err, store.ErrInUse):
		return hint.Wrap(err, "stop the gate first: systemctl stop facegate")
	case errors.As(err, &cut):
		done.PublicKey = hex.EncodeToString(cut.PublicKey)
		return cut.Unkept
	case !errors.As(err, &unopened):
		return err
	}
	public, forced := store.ForceWipe(g.Place, g.Keys, g.Now(), g.Rand, keep)
	if errors.Is(forced, store.ErrNothing) {
		return hint.Wrap(err, "nothing of the gate is left in %s and %s, so that there is nothing to wipe", g.Dir, g.KeyDir)
	}
	done.PublicKey, done.Undone = hex.EncodeToString(public), err.Error()
	return forced
}
