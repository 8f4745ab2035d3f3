package main

import (
	"fmt"
	"os"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/store/receipt"
	"facegate/store/tpm/tpmtest"
)

// TestGateUnderATPM is the life of a gate whose key is sealed to a TPM: made, used by a running gate, had again after the board was
// restarted, of no use on another board, and gone after a wipe, although flash has kept the file.
func TestGateUnderATPM(t *testing.T) {
	board := tpmtest.New(t)
	site := gatetest.NewSite(t)
	key := site.Path("device.key")
	must(t, os.Remove(key))
	camera := fmt.Sprintf("{source: replay, path: %s, fps: 5, loop: true, max_age: 3s}", emptyPlace(t, site))
	under := func(chip string) (config string, more gatetest.Settings) {
		more = gatetest.Settings{"tpm": chip, "camera": camera}
		return site.WriteConfig(t, more), more
	}
	config, more := under(string(board.Chip))
	do := func(args ...string) printout { return facegate(t.Context(), append(args, "--config", config)...) }

	do("people").want(t, exitFailed, "", "make a key with facegate key create "+key+" --tpm "+string(board.Chip))
	facegate(t.Context(), "key", "create", key, "--tpm", string(board.Chip)).
		want(t, exitOK, "It opens with the TPM of this board alone", "")
	facegate(t.Context(), "key", "create", key, "--tpm", string(board.Chip)).want(t, exitFailed, "", "to do: keep it")
	enrolStopped(t, config, "ann", "bob")
	var device people.Device
	do("device", "pubkey", "--json").decode(t, &device)

	gate := launch(t, site, nil, more)
	if s := gate.status(t); s.KeyStore != "tpm" {
		t.Errorf("the running gate has its key from a %q", s.KeyStore)
	}
	paper := site.Path("ann.json")
	facegate(t.Context(), "erase", "ann", "--yes", "--receipt", paper, "--socket", site.Socket()).want(t, exitOK, "receipt: "+paper, "")
	gate.terminate(t)
	facegate(t.Context(), "receipt", "verify", paper, "--key", device.PublicKey).want(t, exitOK, "kept in a TPM", "")

	board.Restart(t)
	do("people").want(t, exitOK, "bob", "")
	board.Stop()
	do("people").want(t, exitFailed, "", "there is no TPM at "+string(board.Chip))
	board.Start(t)

	other := tpmtest.New(t)
	config, _ = under(string(other.Chip))
	do("people").want(t, exitFailed, "", "to do: put this disk back into the board whose TPM made the key")
	config = site.WriteConfig(t, nil)
	do("people").want(t, exitFailed, "", "is sealed to a TPM: name it in tpm:")

	config, _ = under(string(board.Chip))
	flash, err := os.ReadFile(key)
	must(t, err)
	certificate := site.Path("wiped.json")
	do("wipe", "--yes", "--certificate", certificate).want(t, exitOK, "the device key "+key+" is destroyed", "")
	genuine(t, certificate, device.PublicKey, receipt.Wipe, "")
	absent(t, key)
	must(t, os.WriteFile(key, flash, 0o600))
	do("people").want(t, exitFailed, "", "the TPM does not hold its half of the key any more")
}
