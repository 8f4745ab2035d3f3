package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/store/receipt"
)

// A wiped is what facegate wipe --json says.
type wiped struct {
	Certificate  string `json:"certificate"`
	PublicKey    string `json:"public_key"`
	KeyDestroyed bool   `json:"key_destroyed"`
}

// TestWipeAsService wipes as the service's user, who owns the device key but not the folder that it lies in.
func TestWipeAsService(t *testing.T) {
	site := gatetest.NewSite(t)
	must(t, os.Mkdir(site.Path("etc"), 0o700))
	must(t, os.Mkdir(site.State(), 0o700))
	key := site.Path("etc/device.key")
	must(t, os.Rename(site.Path("device.key"), key))
	must(t, os.Mkdir(site.Path("etc/anchor"), 0o700)) // as tmpfiles.d makes it
	config := site.WriteConfig(t, gatetest.Settings{"key_file": key})
	certificate := site.Path("certificate.json")

	cmd := exec.Command("/proc/self/exe", "wipe", "--yes", "--json", "--certificate", certificate, "--config", config)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		must(t, filepath.WalkDir(site.Dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(path, nobody, nobody)
		}))
		must(t, os.Chown(site.Path("etc"), 0, nobody))
	}
	must(t, os.Chmod(site.Path("etc"), 0o550))
	t.Cleanup(func() { os.Chmod(site.Path("etc"), 0o700) })

	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err == nil || !strings.Contains(complaint.String(), "everything else is done; destroy the device key as root: ") {
		t.Errorf("%v: %s", err, &complaint)
	}
	var w wiped
	if err := json.Unmarshal(out, &w); err != nil || w.KeyDestroyed {
		t.Fatalf("%+v, %v", w, err)
	}
	genuine(t, certificate, w.PublicKey, receipt.Wipe, "")
	if left, err := os.ReadFile(key); err != nil || strings.Trim(string(left), "\x00") != "" {
		t.Errorf("the key is not overwritten, %v", err)
	}
}

// TestWipeCutOff finds a store whose wipe was cut off by another command than facegate wipe.
func TestWipeCutOff(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, nil)
	must(t, os.Mkdir(site.State(), 0o700))
	do := func(args ...string) printout {
		t.Helper()
		return facegate(t.Context(), append(args, "--config", config)...)
	}
	var device people.Device
	do("device", "pubkey", "--json", "--socket", site.Socket()).decode(t, &device)
	secret, err := os.ReadFile(site.Path("device.key"))
	must(t, err)
	must(t, os.CopyFS(site.Path("copy"), os.DirFS(site.State())))
	must(t, os.CopyFS(site.Path("copy-keys"), os.DirFS(site.Keyrings())))
	var w wiped
	do("wipe", "--yes", "--json", "--certificate", site.Path("first.json")).decode(t, &w)

	cutOff := func() {
		must(t, os.RemoveAll(site.State()))
		must(t, os.CopyFS(site.State(), os.DirFS(site.Path("copy"))))
		must(t, os.RemoveAll(site.Keyrings()))
		must(t, os.CopyFS(site.Keyrings(), os.DirFS(site.Path("copy-keys"))))
		must(t, os.WriteFile(filepath.Join(site.Keyrings(), "journal.key"), []byte("facegate wiped 1\n"+w.Certificate), 0o600))
		must(t, os.WriteFile(site.Path("device.key"), secret, 0o600))
	}
	cutOff()
	p := do("audit", "verify", "--socket", site.Socket())
	p.want(t, exitFailed, "", "keep this certificate, it is kept nowhere else: "+strings.TrimSpace(w.Certificate)+"\n")
	p.want(t, exitFailed, "", "keep the key that verifies it too: "+device.PublicKey+"; then destroy the device key")

	cutOff()
	second := site.Path("second.json")
	do("wipe", "--yes", "--certificate", second).want(t, exitOK, "the device key "+site.Path("device.key")+" is destroyed", "")
	genuine(t, second, device.PublicKey, receipt.Wipe, "")

	do("wipe", "--yes", "--certificate", site.Path("third.json")).
		want(t, exitFailed, "", "to do: nothing of the gate is left in "+site.State())
	do("people").want(t, exitFailed, "", "to do: the gate holds nobody, because it is new or was wiped: make a key with facegate key create")
	must(t, os.RemoveAll(site.State()))
	must(t, os.CopyFS(site.State(), os.DirFS(site.Path("copy"))))
	do("people").want(t, exitFailed, "", "to do: the gate has records, which no other key opens: restore its own to "+site.Path("device.key"))
	do("wipe", "--yes", "--certificate", site.Path("third.json")).
		want(t, exitOK, "there is no certificate: nothing could be signed", "")
	if _, err := os.Stat(site.Path("third.json")); err == nil {
		t.Error("there is a certificate of nothing")
	}
}
