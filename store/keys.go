package store

import (
	"cmp"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/durable"
	"facegate/store/seal"
)

// ErrKey means that the device key cannot be had, or that where it is kept does not keep it safe.
var ErrKey = errors.New("the device key cannot be used")

// A KeySource keeps the device key, the one secret that all others come from.
type KeySource interface {
	// DeviceKey returns the key, or an error that wraps ErrKey and carries a hint.
	DeviceKey() ([32]byte, error)

	// Class says in a word how the key is kept, for status and health: "file" or "credential".
	Class() string
}

// maxKeyFile bounds, in bytes, what is opened as a device key.
const maxKeyFile = 4 << 10

// KeyFile keeps the device key in a file of 32 bytes that nobody but its owner may touch. It protects against the copy
// of a database file and not against the theft of the disk.
func KeyFile(path string) KeySource { return keyFile(path) }

type keyFile string

func (keyFile) Class() string { return "file" }

func (path keyFile) DeviceKey() ([32]byte, error) {
	f, err := file.OpenSecret(string(path), maxKeyFile)
	if errors.Is(err, os.ErrNotExist) {
		return [32]byte{}, keyError(err, "restore the key of this device; a new key is for a device on which nobody is enrolled")
	}
	if err != nil {
		return [32]byte{}, keyError(err, "%s", cmp.Or(hint.Of(err), fmt.Sprintf("check that the service's user may read %s", string(path))))
	}
	defer f.Close()
	return readKey(f)
}

// CreateKeyFile writes a new device key from rand to path, mode 0600. It is on the disk d when CreateKeyFile returns. A file
// that exists is never touched.
func CreateKeyFile(d durable.Disk, path string, rand io.Reader) error {
	var key [32]byte
	defer clear(key[:])
	if _, err := io.ReadFull(rand, key[:]); err != nil {
		return keyError(err, "check the machine's source of randomness")
	}
	err := durable.Write(d, path, key[:])
	switch {
	case errors.Is(err, os.ErrExist):
		return keyError(err, "keep it: everybody enrolled under this key would have to be enrolled again")
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return keyError(err, "make room on the disk")
	case err != nil:
		return keyError(err, "choose a directory that exists and can be written to")
	}
	return nil
}

// DestroyKeyFile overwrites the device key at path and removes it. Nothing that was sealed under it opens again. Flash
// storage may keep the old content of a file; a key that must not be found there belongs in a SystemdCredential.
func DestroyKeyFile(path string) error {
	disk := durable.OS{}
	if err := errors.Join(durable.Destroy(disk, path), disk.SyncDir(filepath.Dir(path))); err != nil {
		return keyError(err, "remove %s and destroy the disk", path)
	}
	return nil
}

// SystemdCredential takes the device key from a systemd credential (LoadCredentialEncrypted= in the unit): the file name in dir,
// which systemd names in $CREDENTIALS_DIRECTORY. Such a file is in memory, for this service alone.
func SystemdCredential(dir, name string) KeySource { return systemdCredential{dir, name} }

type systemdCredential struct{ dir, name string }

func (systemdCredential) Class() string { return "credential" }

func (c systemdCredential) DeviceKey() ([32]byte, error) {
	if !filepath.IsLocal(c.name) {
		return [32]byte{}, keyError(fmt.Errorf("%q is no name of a credential", c.name), "name the credential as the unit does")
	}
	f, err := file.Open(filepath.Join(c.dir, c.name), maxKeyFile)
	if err != nil {
		return [32]byte{}, keyError(err, "add LoadCredentialEncrypted=%s to the unit, and start facegate through systemd", c.name)
	}
	defer f.Close()
	return readKey(f)
}

// readKey reads a key that is the whole of f.
func readKey(f *os.File) (key [32]byte, err error) {
	var buf [len(key) + 1]byte
	defer clear(buf[:])
	n, err := io.ReadFull(f, buf[:])
	switch {
	case err == nil || errors.Is(err, io.ErrUnexpectedEOF) && n != len(key) || errors.Is(err, io.EOF):
		err = fmt.Errorf("%s is not %d bytes long", f.Name(), len(key))
	case !errors.Is(err, io.ErrUnexpectedEOF):
	case [32]byte(buf[:]) == [32]byte{}:
		return [32]byte{}, keyError(fmt.Errorf("%s holds nothing but zeros, as a wipe or a power cut may leave a file", f.Name()),
			"after a wipe remove it as root and make a new one (facegate key create); otherwise restore the key from its backup")
	default:
		return [32]byte(buf[:]), nil
	}
	return [32]byte{}, keyError(err, "restore the key from its backup")
}

func keyError(err error, format string, args ...any) error {
	return hint.Wrap(fmt.Errorf("store: %w: %w", ErrKey, err), format, args...)
}

// projectionKey returns the key of the rotation for one epoch, lane and model.
func projectionKey(device [32]byte, epoch uint32, lane uint8, modelID [32]byte) [32]byte {
	info := binary.BigEndian.AppendUint32([]byte("facegate proj 1"), epoch)
	info = append(info, lane)
	return seal.Derive(device, string(append(info, modelID[:]...)))
}

// deviceID returns the name that records carry of the device whose key sealed them.
func deviceID(device [32]byte) [16]byte {
	id := seal.Derive(device, "facegate device 1")
	return [16]byte(id[:16])
}

// wrappingKey returns the key that wraps the keyring of one vault.
func wrappingKey(device [32]byte, vault string) [32]byte {
	return seal.Derive(device, "facegate wrap 1 "+vault)
}

// signingKey returns the key that receipts and the audit log are signed with.
func signingKey(device [32]byte) ed25519.PrivateKey {
	seed := seal.Derive(device, "facegate sign 1")
	defer clear(seed[:])
	return ed25519.NewKeyFromSeed(seed[:])
}

// projectionKeys returns the keys of all lanes.
func projectionKeys(device [32]byte, epoch uint32, modelID [32]byte) (keys [template.Lanes][32]byte) {
	for lane := range keys {
		keys[lane] = projectionKey(device, epoch, uint8(lane), modelID)
	}
	return keys
}
