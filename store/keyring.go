package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// A keyring holds the generation keys of a vault; a key of zeros stands for none. At rest it has a current key alone.
// During a rewrite it has both. One with a next key alone belongs to a vault that is being made.
type keyring struct{ current, next [32]byte }

// ringMagic begins a keyring file and names its version. The rest is both keys, sealed: always of one length.
const ringMagic = "facegate keyring 1\n"

func (r keyring) empty() bool { return r == keyring{} }

// inUse reports whether the vault has ever been complete.
func (r keyring) inUse() bool { return r.current != [32]byte{} }

// loadRing reads the keyring of v, an empty one if there is no file.
func (v *vault) loadRing() (keyring, error) {
	data, err := os.ReadFile(v.ringPath())
	if errors.Is(err, os.ErrNotExist) {
		return keyring{}, nil
	}
	if err != nil {
		return keyring{}, fmt.Errorf("store: %w", err)
	}
	sealed, ok := bytes.CutPrefix(data, []byte(ringMagic))
	if !ok {
		return keyring{}, v.damaged(errors.New("the keyring is damaged"))
	}
	plain, err := openValue(v.wrap, v.label("keyring"), sealed)
	if err != nil || len(plain) != 64 {
		return keyring{}, v.damaged(errors.New("the keyring is damaged, or was made under another device key"))
	}
	defer clear(plain)
	ring := keyring{current: [32]byte(plain[:32]), next: [32]byte(plain[32:])}
	if ring.empty() {
		return keyring{}, v.damaged(errors.New("the keyring holds no key"))
	}
	return ring, nil
}

// saveRing makes ring the keyring of v. It is on disk, and the one before gone from there, when saveRing returns.
func (v *vault) saveRing(ring keyring) error {
	plain := append(ring.current[:], ring.next[:]...)
	defer clear(plain)
	sealed, err := sealValue(v.wrap, v.rand, v.label("keyring"), plain)
	if err != nil {
		return fmt.Errorf("store: keyring of %s.db: %w", v.name, err)
	}
	if err := replaceFile(v.ringPath(), append([]byte(ringMagic), sealed...)); err != nil {
		return fmt.Errorf("store: keyring of %s.db: %w", v.name, err)
	}
	return nil
}
