package tpm_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/durable"
	"facegate/store/durable/durabletest"
	"facegate/store/tpm"
	"facegate/store/tpm/tpmtest"
)

// create makes a key in a folder of its own, and returns its path.
func create(t testing.TB, c tpm.Chip) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "device.key")
	if err := c.CreateKey(durable.OS{}, path, rand.Reader); err != nil {
		t.Fatal(err, hint.Of(err))
	}
	return path
}

// unsealed returns the key at path.
func unsealed(t testing.TB, c tpm.Chip, path string) [32]byte {
	t.Helper()
	key, err := c.Key(path).DeviceKey()
	if err != nil {
		t.Fatal(err, hint.Of(err))
	}
	return key
}

// mustRefuse checks that there is no key, why, and what is said to do.
func mustRefuse(t testing.TB, c tpm.Chip, path string, why error, advice string) {
	t.Helper()
	key, err := c.Key(path).DeviceKey()
	if !errors.Is(err, store.ErrKey) || why != nil && !errors.Is(err, why) || key != [32]byte{} || !strings.Contains(hint.Of(err), advice) {
		t.Errorf("key of %d zeros, %v, to do: %s; want %v, %s", bytes.Count(key[:], []byte{0}), err, hint.Of(err), why, advice)
	}
}

// TestKeyOutlivesRestarts makes keys and has them again after the board was restarted; several gates share a TPM.
func TestKeyOutlivesRestarts(t *testing.T) {
	c := tpmtest.New(t)
	one, two := create(t, c.Chip), create(t, c.Chip)
	first, second := unsealed(t, c.Chip, one), unsealed(t, c.Chip, two)
	if first == second || first == [32]byte{} {
		t.Errorf("keys %x and %x", first, second)
	}
	for range 3 {
		c.Restart(t)
		if unsealed(t, c.Chip, one) != first || unsealed(t, c.Chip, two) != second {
			t.Fatal("another key after a restart")
		}
	}
	text, err := os.ReadFile(one)
	if err != nil || bytes.Contains(text, first[:]) || !bytes.HasPrefix(text, []byte("facegate.tpm.1\n")) || !tpm.Sealed(one) {
		t.Errorf("the file is %q, %v", text, err)
	}
	if info, err := os.Stat(one); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if class := c.Key(one).Class(); class != "tpm" {
		t.Errorf("class %q", class)
	}
}

// TestKeyOnAnotherBoard takes the disk to a board with another TPM, and back.
func TestKeyOnAnotherBoard(t *testing.T) {
	c, other := tpmtest.New(t), tpmtest.New(t)
	path := create(t, c.Chip)
	mustRefuse(t, other.Chip, path, tpm.ErrElsewhere, "put this disk back")
	create(t, other.Chip) // it has a key of its own
	mustRefuse(t, other.Chip, path, tpm.ErrElsewhere, "put this disk back")
	unsealed(t, c.Chip, path)
}

// TestKeyWhoseParentIsNamedAnew says of another board's storage key that it is the recorded one: what is sealed does not open there.
func TestKeyWhoseParentIsNamedAnew(t *testing.T) {
	c, other := tpmtest.New(t), tpmtest.New(t)
	path, own := create(t, c.Chip), create(t, other.Chip)
	parent := func(path string) string {
		text, err := os.ReadFile(path)
		must(t, err)
		_, rest, _ := strings.Cut(string(text), `"parent":"`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, bytes.Replace(text, []byte(parent(path)), []byte(parent(own)), 1), 0o600))
	mustRefuse(t, other.Chip, path, tpm.ErrElsewhere, "put this disk back")
}

// TestForgottenKey keeps a copy of the file, as flash does, and wipes: the copy opens nothing, on the same TPM. Another gate of the TPM
// is not touched.
func TestForgottenKey(t *testing.T) {
	c := tpmtest.New(t)
	path, neighbour := create(t, c.Chip), create(t, c.Chip)
	key := unsealed(t, c.Chip, neighbour)
	for range 2 { // a wipe that was cut off is done again
		must(t, c.Key(path).Forget())
		mustRefuse(t, c.Chip, path, nil, "make a new key")
	}
	if unsealed(t, c.Chip, neighbour) != key {
		t.Error("the key of another gate has changed")
	}
	c.Stop()
	if err := c.Key(path).Forget(); !strings.Contains(hint.Of(err), "tpm2_nvundefine -C o 0x1") {
		t.Errorf("without a TPM: %v, to do: %s", err, hint.Of(err))
	}
}

// TestNoKey looks for keys where there is none that could be used.
func TestNoKey(t *testing.T) {
	c := tpmtest.New(t)
	path := create(t, c.Chip)
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	mustRefuse(t, c.Chip, path+".not", fs.ErrNotExist, "restore the file")
	mustRefuse(t, c.Chip, file("plain", strings.Repeat("k", 32)), nil, "leave tpm: empty")
	mustRefuse(t, c.Chip, file("cut", "facegate.tpm.1\n{"), nil, "restore the file from its backup")
	mustRefuse(t, c.Chip, file("zeros", string(make([]byte, 500))), nil, "leave tpm: empty")
	mustRefuse(t, tpm.Chip(path+".not"), path, fs.ErrNotExist, "there is no TPM")
	mustRefuse(t, tpm.Chip(path), path, nil, "name the device of the TPM")
	silent := filepath.Join(filepath.Dir(string(c.Chip)), "silent")
	l, err := net.Listen("unix", silent)
	must(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	must(t, l.Close())
	mustRefuse(t, tpm.Chip(silent), path, nil, "start the emulated TPM")
	must(t, os.Chmod(path, 0o644))
	mustRefuse(t, c.Chip, path, nil, "chmod 0600")
	if tpm.Sealed(file("plain", "k")) || tpm.Sealed(path+".not") {
		t.Error("what is no sealed key is taken for one")
	}
}

// TestCreateKeyLeavesNothing makes keys that cannot be kept. A file that is there is not touched.
func TestCreateKeyLeavesNothing(t *testing.T) {
	c := tpmtest.New(t)
	path := create(t, c.Chip)
	key := unsealed(t, c.Chip, path)
	if err := c.CreateKey(durable.OS{}, path, rand.Reader); !errors.Is(err, store.ErrKey) || !strings.Contains(hint.Of(err), "keep it") {
		t.Errorf("%v, to do: %s", err, hint.Of(err))
	}
	if unsealed(t, c.Chip, path) != key {
		t.Error("the key has changed")
	}
	none := filepath.Join(t.TempDir(), "device.key")
	before := indices(t, c)
	if err := c.CreateKey(&durabletest.Disk{Broken: syscall.ENOSPC}, none, rand.Reader); hint.Of(err) != "make room on the disk" {
		t.Errorf("%v, to do: %s", err, hint.Of(err))
	}
	must(t, c.Key(create(t, c.Chip)).Forget())
	if n := indices(t, c); n != before {
		t.Errorf("%d indices are in the TPM, and were %d", n, before)
	}
	if _, err := os.Lstat(none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
	c.Stop()
	if err := c.CreateKey(durable.OS{}, none, rand.Reader); !errors.Is(err, store.ErrKey) || !strings.Contains(hint.Of(err), "there is no TPM") {
		t.Errorf("%v, to do: %s", err, hint.Of(err))
	}
	if _, err := os.Lstat(none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}

// indices returns how many there are in the memory of a TPM.
func indices(t testing.TB, c *tpmtest.TPM) int {
	t.Helper()
	conn, err := linuxudstpm.Open(string(c.Chip))
	must(t, err)
	defer conn.Close()
	const first, all = 0x01000000, 1000
	answer, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: first, PropertyCount: all}.Execute(conn)
	must(t, err)
	handles, err := answer.CapabilityData.Data.Handles()
	must(t, err)
	return len(handles.Handle)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err, hint.Of(err))
	}
}
