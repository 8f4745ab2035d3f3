package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"facegate/configs/file"
	"facegate/store/durable"
	"facegate/store/seal"
)

// A keyring holds the generation keys of a vault; a key of zeros stands for none. At rest it has a current key alone.
// During a rewrite it has both. One with a next key alone belongs to a vault that is being made.
type keyring struct{ current, next [32]byte }

// ringMagic begins a keyring file. The version of the vault follows, and the end of the line. The rest is both keys, sealed:
// always of one length.
const ringMagic = "facegate keyring "

// ringHead returns how a keyring file of v begins.
func (v *Vault) ringHead() []byte { return fmt.Appendf(nil, "%s%d\n", ringMagic, v.version) }

// ofAnotherVersion reports whether data begins like a keyring file of a vault of another version.
func (v *Vault) ofAnotherVersion(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	number, ok := bytes.CutPrefix(line, []byte(ringMagic))
	n, err := strconv.ParseUint(string(number), 10, 16)
	return ok && err == nil && uint(n) != v.version
}

// maxRingFile bounds, in bytes, what is read as a keyring.
const maxRingFile = 4 << 10

func (r keyring) empty() bool { return r == keyring{} }

// Rings are what the two files of a keyring hold, which is the same at rest.
type Rings struct {
	ring [2]keyring
	errs [2]error // why a file that is needed holds nothing
}

// Empty reports whether there is no key at all.
func (r Rings) Empty() bool { return r.ring == [2]keyring{} }

// InUse reports whether the vault has ever been complete.
func (r Rings) InUse() bool {
	return r.ring[0].current != [32]byte{} || r.ring[1].current != [32]byte{}
}

// Keys returns all keys there are, each as often as it is on disk.
func (r Rings) Keys() (keys [][32]byte) {
	for _, ring := range r.ring {
		for _, key := range [][32]byte{ring.current, ring.next} {
			if key != ([32]byte{}) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// LoadRings reads the keyrings, empty ones if there is no file.
func (v *Vault) LoadRings() (Rings, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.loadRings()
}

func (v *Vault) loadRings() (r Rings, err error) {
	for i, path := range v.Keyrings() {
		r.ring[i], r.errs[i] = v.loadRing(path)
		if r.errs[i] != nil && !errors.Is(r.errs[i], ErrDamaged) {
			return Rings{}, r.errs[i]
		}
	}
	// Without a key in use a store would be made anew, which is not to happen over one that is damaged.
	if err := errors.Join(r.errs[:]...); err != nil && !r.InUse() {
		return Rings{}, err
	}
	for i, ring := range r.ring {
		if r.InUse() && r.errs[i] == nil && ring.empty() {
			r.errs[i] = v.Damaged(os.ErrNotExist)
		}
	}
	return r, nil
}

// loadRing reads one file of the keyring, an empty one if there is none.
func (v *Vault) loadRing(path string) (keyring, error) {
	data, err := file.ReadOwn(path, maxRingFile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return keyring{}, nil
	case errors.Is(err, syscall.EIO) || errors.Is(err, file.ErrKind) || errors.Is(err, file.ErrSize):
		return keyring{}, v.Damaged(err)
	case err != nil:
		return keyring{}, fmt.Errorf("store: %w", err)
	}
	if v.ofAnotherVersion(data) {
		return keyring{}, v.Damaged(ErrVersion)
	}
	sealed, ok := bytes.CutPrefix(data, v.ringHead())
	if !ok {
		return keyring{}, v.Damaged(errors.New("the keyring is damaged"))
	}
	plain, err := seal.Open(v.wrap, v.label("keyring"), sealed)
	if err != nil || len(plain) != 64 {
		return keyring{}, v.Damaged(errors.New("the keyring is damaged, or was made under another device key"))
	}
	defer clear(plain)
	ring := keyring{current: [32]byte(plain[:32]), next: [32]byte(plain[32:])}
	if ring.empty() {
		return keyring{}, v.Damaged(errors.New("the keyring holds no key"))
	}
	return ring, nil
}

// saveRing makes ring the keyring of v. It is on disk twice, and what was there before gone from both files, when saveRing
// returns.
func (v *Vault) saveRing(ring keyring) error {
	plain := append(ring.current[:], ring.next[:]...)
	defer clear(plain)
	sealed, err := seal.Value(v.wrap, v.rand, v.label("keyring"), plain)
	if err != nil {
		return fmt.Errorf("store: keyring of %s.db: %w", v.name, err)
	}
	v.settled = false
	for _, path := range v.Keyrings() {
		if err := durable.Replace(v.disk, path, append(v.ringHead(), sealed...)); err != nil {
			return v.Failed(fmt.Errorf("keyring: %w", err))
		}
	}
	return nil
}

// Foreign reports whether there are keyrings, no databases, and nothing that the wrapping key opens.
func (v *Vault) Foreign() (rings int, foreign bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, path := range v.Keyrings() {
		if _, err := os.Lstat(v.Databases()[i]); !errors.Is(err, os.ErrNotExist) {
			return 0, false
		}
		data, err := file.ReadOwn(path, maxRingFile)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil || !bytes.HasPrefix(data, v.ringHead()) {
			return 0, false
		}
		if _, err := v.loadRing(path); err == nil {
			return 0, false
		}
		rings++
	}
	return rings, true
}
