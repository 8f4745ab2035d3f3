// Package tpm keeps the device key of a gate in a TPM 2.0: a copy of the disk, on this board or on another, opens nothing.
//
// The key has two halves. One is sealed to the TPM, and lies beside the gate in a file that opens on this TPM alone. The other is in
// the TPM itself, in an index that a wipe removes: flash may keep the file, and the file is of no use afterwards.
//
// Nothing is bound to what the machine has started (no PCRs): each update of the system, of its firmware or of this program would
// shut the gate out, and nobody stands at a door with the means to let it in again. So whoever has board and disk has the key.
package tpm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"facegate/configs/hint"
)

// A Chip is a TPM 2.0, named by the path of its device (/dev/tpmrm0), or of the socket of an emulated one.
type Chip string

// ErrElsewhere means that the TPM is not the one that a key was sealed to, or that it was cleared since.
var ErrElsewhere = errors.New("the key was sealed to another TPM, or this one was cleared since")

// open returns a connection for one matter, so that other programs have the TPM between two.
func (c Chip) open() (transport.TPMCloser, error) {
	info, err := os.Stat(string(c))
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSocket != 0 {
		return linuxudstpm.Open(string(c))
	}
	return linuxtpm.Open(string(c))
}

// use calls f with a connection, and says in its error what to do about the TPM.
func (c Chip) use(f func(t transport.TPM) error) error {
	t, err := c.open()
	if err == nil {
		err = errors.Join(f(patient{t}), t.Close())
	}
	return c.explain(err)
}

// advices are what to do about an error of a TPM, of which the first that fits is given; %s is its path.
var advices = []struct {
	err    error
	advice string
}{
	{fs.ErrNotExist, "there is no TPM at %s: switch it on (docs/tpm.md), or name its device in tpm:"},
	{fs.ErrPermission, "let the user of the gate use %s, which is for the group tss: usermod -aG tss facegate; then start the gate again"},
	{linuxtpm.ErrFileIsNotDevice, "name the device of the TPM in tpm:, usually /dev/tpmrm0, and not %s"},
	{syscall.EBUSY, "another program has %s: name /dev/tpmrm0 in tpm:, which programs share"},
	{syscall.ECONNREFUSED, "start the emulated TPM of %s"},
	{ErrElsewhere, "put this disk back into the board whose TPM made the key; what is at %s cannot open it. On a new board people are enrolled " +
		"again, after: facegate wipe, facegate key create --tpm"},
	{tpm2.TPMRCLockout, "%s is locked after wrong passwords, which were not the gate's: wait, or reset it: tpm2_dictionarylockout --clear-lockout"},
	{tpm2.TPMRCNVSpace, "the memory of %s is full: tpm2_getcap handles-nv-index lists what is in it, tpm2_nvundefine removes what nobody needs"},
	{tpm2.TPMRCBadAuth, "the owner of %s has a password, and the gate needs it without one: tpm2_changeauth -c owner -p PASSWORD"},
	{tpm2.TPMRCAuthFail, "the owner of %s has a password, and the gate needs it without one: tpm2_changeauth -c owner -p PASSWORD"},
	{tpm2.TPMRCFailure, "%s has failed its own test: switch the machine off and on again; if it stays, the TPM is broken"},
	{tpm2.TPMRCInitialize, "%s was not started by the firmware: restart the machine"},
}

// explain adds to err what a technician does about it.
func (c Chip) explain(err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("TPM %s: %w", string(c), err)
	if hint.Of(err) != "" {
		return err
	}
	for _, a := range advices {
		if errors.Is(err, a.err) {
			return hint.Wrap(err, a.advice, string(c))
		}
	}
	return hint.Wrap(err, "restart the machine; if it stays, look at the kernel's log of the TPM: journalctl -k | grep -i tpm")
}

// flush removes an object from the TPM. What could not be removed goes with the connection to /dev/tpmrm0.
func flush(t transport.TPM, handle tpm2.TPMHandle) {
	_, _ = tpm2.FlushContext{FlushHandle: handle}.Execute(t)
}
