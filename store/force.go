package store

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/store/anchor"
	"facegate/store/durable"
	"facegate/store/receipt"
	"facegate/store/vault"
)

// ErrNothing means that there is nothing of a store to destroy.
var ErrNothing = errors.New("there is nothing of a store here")

// A Place is where a store is that cannot be opened: it is damaged, its disk is full, or its device key is not there.
type Place struct {
	Dir, KeyDir, AnchorDir string // see Options
	Anchors                []anchor.Place
}

// vaults returns the vaults of the store, none of them open.
func (p Place) vaults() []*vault.Vault {
	var vaults []*vault.Vault
	for _, name := range []string{"people", "faces", "journal"} {
		vaults = append(vaults, vault.New(vault.Options{Dir: p.Dir, KeyDir: p.KeyDir, Name: name, Disk: durable.OS{}}))
	}
	return vaults
}

// remembered reports whether an anchor says that there was a store, or may say so.
func (p Place) remembered() bool {
	return slices.ContainsFunc(p.remains().places, func(place anchor.Place) bool {
		_, err := place.Last()
		return !errors.Is(err, anchor.ErrNone)
	})
}

// remains returns all that there is of the store.
func (p Place) remains() remains {
	disk := durable.OS{}
	places := append([]anchor.Place{anchor.File(disk, cmp.Or(p.AnchorDir, p.KeyDir))}, p.Anchors...)
	return remains{disk, p.vaults(), filepath.Join(p.Dir, reserveName), places}
}

// hold keeps every other process out of the place. A folder that is not there holds nothing, and one that others may write
// to is held all the same.
func (p Place) hold() (locks []*os.File, err error) {
	dirs := []string{p.Dir}
	if p.KeyDir != p.Dir {
		dirs = append(dirs, p.KeyDir)
	}
	for _, dir := range dirs {
		d, err := os.Open(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			locks = append(locks, d)
			err = vault.Hold(d, dir)
		}
		if err != nil {
			return nil, errors.Join(hint.Wrap(fmt.Errorf("store: %w", err), "stop the gate first: systemctl stop facegate"), vault.Unlock(locks))
		}
	}
	return locks, nil
}

// files returns the files of a store that are there.
func (p Place) files() (paths []string) {
	for _, v := range p.vaults() {
		rings, dbs := v.Keyrings(), v.Databases()
		for _, path := range []string{rings[0], rings[1], dbs[0], dbs[1]} {
			if _, err := os.Lstat(path); err == nil {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// ForceLockdown does what Lockdown does to a store that cannot be opened: it destroys every Code. It needs neither the device
// key nor room. The next Open that succeeds knows of it, and writes it down.
func ForceLockdown(p Place, now time.Time) error {
	locks, err := p.hold()
	if err != nil {
		return err
	}
	defer vault.Unlock(locks)
	if len(p.files()) == 0 {
		return fmt.Errorf("store: %w: %s", ErrNothing, p.Dir)
	}
	if err := destroyMarked(durable.OS{}, p.vaults()[1], now); err != nil {
		return hint.Wrap(fmt.Errorf("store: %w", err), "destroy it by hand, as root: shred -u %s/faces*.key; rm %s/faces*", p.KeyDir, p.Dir)
	}
	return nil
}

// ForceWipe does what Wipe does to a store that cannot be opened. If the device key can be had it hands keep a certificate,
// which does not say how much there was; otherwise there is none. It returns the public key that verifies it.
func ForceWipe(p Place, keys KeySource, now time.Time, rand io.Reader, keep func(certificate []byte) error) (ed25519.PublicKey, error) {
	locks, err := p.hold()
	if err != nil {
		return nil, err
	}
	defer vault.Unlock(locks)
	if len(p.files()) == 0 && !p.remembered() {
		return nil, fmt.Errorf("store: %w: %s", ErrNothing, p.Dir)
	}
	var certificate []byte
	var public ed25519.PublicKey
	if device, err := keys.DeviceKey(); err == nil {
		defer clear(device[:])
		signer := signingKey(device)
		defer clear(signer)
		public = append(public, signer.Public().(ed25519.PublicKey)...)
		if certificate, err = certify(receipt.Receipt{
			Kind: receipt.Wipe, Reason: receipt.Unopened, Time: now.UTC().Format(time.RFC3339), KeyStore: keys.Class(),
			Audit: receipt.Audit{Root: make([]byte, 32)},
		}, rand, signer); err != nil {
			return nil, err
		}
	}
	if err := p.remains().destroyCertified(certificate, keep); err != nil {
		return public, hint.Wrap(err, "destroy what is left by hand, as root: shred -u %s/*.key; rm %s/*", p.KeyDir, p.Dir)
	}
	return public, nil
}
