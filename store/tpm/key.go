package tpm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/durable"
	"facegate/store/seal"
)

// magic is the first line of a sealed key.
const magic = "facegate.tpm.1\n"

// maxFile bounds, in bytes, what is opened as a sealed key.
const maxFile = 4 << 10

// A sealed key is what lies in the file: nothing of it is secret.
type sealed struct {
	Parent  []byte         `json:"parent"`  // public part of the key of the TPM that it is sealed under
	Public  []byte         `json:"public"`  // TPM2B_PUBLIC of what is sealed
	Private []byte         `json:"private"` // TPM2B_PRIVATE of it, which only the TPM opens
	Index   tpm2.TPMHandle `json:"index"`   // of the counter; what else the TPM keeps is in the index after it
}

// errNoFile means that there is no file with the sealed half of a key.
var errNoFile = errors.New("there is no sealed key")

// errWiped means that the half of the key that was in the TPM is gone.
var errWiped = hint.Wrap(errors.New("the TPM does not hold its half of the key any more: it was wiped, or somebody has removed it"),
	"nothing that was sealed under this key opens again: remove the file and make a new key (facegate key create --tpm)")

// Sealed reports whether there is a key at path that is sealed to a TPM.
func Sealed(path string) bool {
	data, err := file.ReadSecret(path, maxFile)
	return err == nil && bytes.HasPrefix(data, []byte(magic))
}

// A Key is a device key that is sealed to a TPM. It is a store.KeySource.
type Key struct {
	chip Chip
	path string

	mu      sync.Mutex // guards what follows
	known   bool       // whether the key was unsealed
	counter index      // of it
	kept    index      // likewise
}

// Key returns the key in the file at path, which CreateKey has made.
func (c Chip) Key(path string) *Key { return &Key{chip: c, path: path} }

// Class implements store.KeySource.
func (*Key) Class() string { return "tpm" }

// DeviceKey implements store.KeySource.
func (k *Key) DeviceKey() (key [32]byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = k.chip.use(func(t transport.TPM) (err error) {
		key, err = k.open(t)
		return err
	})
	if err != nil {
		return [32]byte{}, keyError(err)
	}
	return key, nil
}

// indices returns where the TPM has what belongs to the key.
func (k *Key) indices(t transport.TPM) (counter, kept index, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.known {
		var key [32]byte
		key, err = k.open(t)
		clear(key[:])
	}
	return k.counter, k.kept, err
}

// open returns the key, and learns what its indices are.
func (k *Key) open(t transport.TPM) (key [32]byte, err error) {
	s, err := k.read()
	if err != nil {
		return key, err
	}
	i, p, err := s.unseal(t)
	if err != nil {
		return key, err
	}
	defer flush(t, p.handle)
	defer i.clear()
	other, err := i.kept().read(t, p.outOf, 0, halfSize)
	if missing(err) {
		return key, errWiped
	}
	if err != nil {
		return key, fmt.Errorf("read the half of the key in the TPM: %w", err)
	}
	defer clear(other)
	k.known, k.counter, k.kept = true, i.counter(), i.kept()
	return i.key(other), nil
}

// read returns what is in the file.
func (k *Key) read() (s sealed, err error) {
	data, err := file.ReadSecret(k.path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s, hint.Wrap(fmt.Errorf("%w: %w", errNoFile, err), "restore the file, which opens on this TPM alone; a new key is for a device on which nobody is enrolled")
	}
	if err != nil {
		return s, hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "check that the service's user may read "+k.path))
	}
	text, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return s, hint.Wrap(fmt.Errorf("%s holds no key that is sealed to a TPM", k.path),
			"leave tpm: empty for a key in a plain file; a gate that holds nobody gets a sealed one with: facegate key create --tpm %s", k.chip)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, hint.Wrap(fmt.Errorf("%s: %w", k.path, err), "restore the file from its backup; it opens on this TPM alone")
	}
	return s, nil
}

// Forget removes from the TPM the counter and the half of the key that is there. What is in the file opens nothing afterwards,
// nor does a copy of it that flash has kept.
func (k *Key) Forget() error {
	s, err := k.read()
	if err != nil {
		return err
	}
	err = k.chip.use(func(t transport.TPM) error { return errors.Join(undefine(t, s.kept()), undefine(t, s.Index)) })
	return hint.Wrap(err, "flash may still have the file with the other half: remove what the TPM has, once it is there again, as root: "+
		"tpm2_nvundefine -C o %#x; tpm2_nvundefine -C o %#x", s.kept(), s.Index)
}

// kept returns the index of what the TPM keeps besides.
func (s sealed) kept() tpm2.TPMHandle { return s.Index + 1 }

// CreateKey makes a new device key with the help of rand, and writes to path, mode 0600, what only this TPM opens. It is on the disk
// d when CreateKey returns. A file that exists is never touched. The counter is made with the key.
func (c Chip) CreateKey(d durable.Disk, path string, rand io.Reader) error {
	f, err := durable.Create(d, path, maxFile)
	if err != nil {
		return hint.Wrap(keyError(err), "%s", adviceFile(err))
	}
	var s sealed
	err = c.use(func(t transport.TPM) (err error) {
		if s, err = create(t, rand); err != nil {
			return err
		}
		text, err := json.Marshal(s)
		if err == nil {
			err = f.Keep(append([]byte(magic), append(text, '\n')...))
			err = hint.Wrap(err, "%s", adviceFile(err))
		}
		if err != nil {
			err = errors.Join(err, undefine(t, s.kept()), undefine(t, s.Index))
		}
		return err
	})
	if err != nil {
		return errors.Join(keyError(err), f.Discard())
	}
	return nil
}

// adviceFile says what to do about a file that could not be made.
func adviceFile(err error) string {
	switch {
	case errors.Is(err, fs.ErrExist):
		return "keep it: everybody enrolled under this key would have to be enrolled again"
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return "make room on the disk"
	}
	return "choose a directory that exists and can be written to"
}

// An inside is what is sealed, and where the rest is.
type inside struct {
	index tpm2.TPMHandle // of the counter
	half  [halfSize]byte // of the key
}

func (i *inside) clear() { clear(i.half[:]) }

// key returns the device key, of which other is the half in the TPM.
func (i *inside) key(other []byte) [32]byte {
	return seal.Derive(i.half, "facegate tpm key 1 "+string(other))
}

// auth returns the password of the indices, which nobody has who has not unsealed this. It is text: zeros in the middle of a
// password do not count in the library.
func (i *inside) auth() []byte {
	secret := seal.Derive(i.half, "facegate tpm auth 1")
	defer clear(secret[:])
	return fmt.Appendf(nil, "%x", secret[:16])
}

func keyError(err error) error { return fmt.Errorf("store: %w: %w", store.ErrKey, err) }
