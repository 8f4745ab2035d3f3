package main

import (
	"fmt"
	"os"
	"path/filepath"
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

	must(t, os.Mkdir(site.State(), 0o700))
	do("people").want(t, exitFailed, "", "make a key with facegate key create "+key+" --tpm "+string(board.Chip))
	facegate(t.Context(), "key", "create", key, "--tpm", string(board.Chip)).
		want(t, exitOK, "It opens with the TPM of this board alone", "")
	facegate(t.Context(), "key", "create", key, "--tpm", string(board.Chip)).want(t, exitFailed, "", "to do: keep it")
	enrolStopped(t, config, "ann", "bob")
	var device people.Device
	do("device", "pubkey", "--json").decode(t, &device)

	folders, image := []string{"state", "state-keys", "anchor"}, t.TempDir()
	for _, name := range folders {
		must(t, os.CopyFS(filepath.Join(image, name), os.DirFS(site.Path(name))))
	}
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

	for _, name := range folders { // as by an image of the disk, from before the erasure
		must(t, os.RemoveAll(site.Path(name)))
		must(t, os.CopyFS(site.Path(name), os.DirFS(filepath.Join(image, name))))
	}
	do("faces", "on", "--socket", site.Socket()).want(t, exitFailed, "", "an older copy of the records was put back")
	do("clock", "confirm", "--yes", "--socket", site.Socket()).want(t, exitOK, "right", "")
	backup := site.Path("backup")
	do("backup", "create", backup, "--socket", site.Socket()).want(t, exitOK, "holds 2 people", "")
	do("backup", "restore", backup, "--yes", "--receipts", paper, "--credentials", "out").
		want(t, exitOK, "1 more were enrolled all the time", "removing records")
	do("faces", "on", "--socket", site.Socket()).want(t, exitOK, "faces are on", "")
	do("people").want(t, exitOK, "bob", "")

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

// TestInitUnderATPM makes the key of a gate whose configuration names a TPM already.
func TestInitUnderATPM(t *testing.T) {
	board, dir := tpmtest.New(t), t.TempDir()
	path, key := filepath.Join(dir, "facegate.yaml"), filepath.Join(dir, "device.key")
	must(t, os.WriteFile(path, fmt.Appendf(nil, "key_file: %s\nstate_dir: %s\ntpm: %s\n", key, t.TempDir(), board.Chip), 0o600))
	facegate(t.Context(), append([]string{"init", "--config", path, "--yes"}, enough...)...).want(t, exitOK, key+" is the new device key", "")
	if _, err := board.Key(key).DeviceKey(); err != nil {
		t.Error(err)
	}
}
