// Package tpmtest starts emulated TPMs for tests: swtpm, which is the TCG's own reference code.
package tpmtest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"facegate/pipeline/publish/childtest"
	"facegate/store/tpm"
)

// A TPM is an emulated one. Its state is in a folder, as that of a chip is in the chip.
type TPM struct {
	tpm.Chip
	dir string
	run *exec.Cmd
}

// New starts a TPM that nobody has used yet. It is stopped when the test is over.
func New(t testing.TB) *TPM {
	t.Helper()
	dir, err := os.MkdirTemp("", "tpm-") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	c := &TPM{tpm.Chip(filepath.Join(dir, "socket")), dir, nil}
	t.Cleanup(func() {
		c.Stop()
		os.RemoveAll(dir)
	})
	c.Start(t)
	return c
}

// Start starts a TPM that is stopped, as the firmware of a board does.
func (c *TPM) Start(t testing.TB) {
	t.Helper()
	c.run = exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+c.dir, "--flags", "not-need-init,startup-clear",
		"--server", "type=unixio,path="+string(c.Chip))
	if err := childtest.Start(c.run); err != nil {
		t.Fatalf("%v (apt-get install swtpm)", err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if conn, err := net.Dial("unix", string(c.Chip)); err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("swtpm does not start")
		}
	}
}

// Stop takes the power from the TPM.
func (c *TPM) Stop() {
	if c.run == nil {
		return
	}
	_ = c.run.Process.Kill() // it is waited for next
	_ = c.run.Wait()
	_ = os.Remove(string(c.Chip))
	c.run = nil
}

// Restart stops the TPM and starts it again, as a restart of the board does.
func (c *TPM) Restart(t testing.TB) {
	t.Helper()
	c.Stop()
	c.Start(t)
}
