package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/store/durable"
	"facegate/store/durable/durabletest"
	"facegate/store/receipt"
)

// TestNewFilesOutliveAPowerCut checks that whatever a command has made is on disk, by its name, when it says so.
func TestNewFilesOutliveAPowerCut(t *testing.T) {
	site := gatetest.NewSite(t)
	config := stoppedWith(t, site, "ann", "bob")
	disk := new(durabletest.Disk)
	gate := []string{"--socket", site.Socket(), "--config", config}
	key, backup := site.Path("another.key"), site.Path("backup")
	on(t, disk, "key", "create", key).want(t, exitOK, "created", "")
	on(t, disk, append([]string{"clock", "confirm", "--yes"}, gate...)...).want(t, exitOK, "right", "")
	on(t, disk, append([]string{"backup", "create", backup}, gate...)...).want(t, exitOK, "holds 2 people", "")
	calibration := site.Path("calibration.json")
	for _, text := range []string{"first", "second"} {
		must(t, writeFile(disk, calibration, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }))
	}
	disk.PowerCut(t)
	for path, least := range map[string]int64{key: 32, backup: 1000, calibration: int64(len("second"))} {
		if info, err := os.Stat(path); err != nil || info.Size() < least {
			t.Errorf("%s: %v, %v", filepath.Base(path), info, err)
		}
	}
	on(t, nil, "backup", "restore", backup, "--config", config).want(t, exitOK, "2 more were enrolled", "")
}

// A lookout is a disk that looks around before the content of a file is synced.
type lookout struct {
	*durabletest.Disk
	look func(path string)
}

func (l *lookout) Create(path string) (durable.Handle, error) {
	h, err := l.Disk.Create(path)
	return lookoutHandle{h, l, path}, err
}

type lookoutHandle struct {
	durable.Handle
	disk *lookout
	path string
}

func (h lookoutHandle) Sync() error {
	h.disk.look(h.path)
	return h.Handle.Sync()
}

// TestNothingGoesBeforeItsPaperIsKept looks around at every sync of a certificate and of a receipt: what it is about is there
// still, or the gate knows it still.
func TestNothingGoesBeforeItsPaperIsKept(t *testing.T) {
	site := gatetest.NewSite(t)
	config := stoppedWith(t, site, "ann")
	keys, err := filepath.Glob(filepath.Join(site.Keyrings(), "*.key"))
	must(t, err)
	syncs := 0
	disk := &lookout{Disk: new(durabletest.Disk)}
	disk.look = func(path string) {
		syncs++
		for _, key := range append(keys, site.Path("device.key")) {
			if data, err := os.ReadFile(key); err != nil || len(data) == 0 {
				t.Errorf("before %s is on disk, %s is gone: %v", filepath.Base(path), filepath.Base(key), err)
			}
		}
	}
	certificate := site.Path("certificate.json")
	on(t, disk, "wipe", "--yes", "--certificate", certificate, "--config", config).want(t, exitOK, "is destroyed", "")
	if syncs < 2 || len(keys) < 6 {
		t.Errorf("%d syncs, %d keys", syncs, len(keys))
	}
	for _, key := range append(keys, site.Path("device.key")) {
		absent(t, key)
	}
}

// TestWipeGoesOnUntilItsCertificateIsKept cuts the power where the certificate cannot be written, and wipes again.
func TestWipeGoesOnUntilItsCertificateIsKept(t *testing.T) {
	site := gatetest.NewSite(t)
	config := stoppedWith(t, site, "ann")
	var device people.Device
	on(t, nil, "device", "pubkey", "--json", "--socket", site.Socket(), "--config", config).decode(t, &device)
	for range 2 {
		disk := new(durabletest.Disk)
		broken := &durabletest.Disk{Broken: errors.New("input/output error")}
		certificate := site.Path("certificate.json")
		on(t, broken, "wipe", "--yes", "--certificate", certificate, "--config", config).want(t, exitFailed, "", "input/output error")
		must(t, os.Remove(certificate))
		disk.PowerCut(t)
	}
	kept := site.Path("kept.json")
	on(t, nil, "wipe", "--yes", "--certificate", kept, "--config", config).want(t, exitOK, "is destroyed", "")
	genuine(t, kept, device.PublicKey, receipt.Wipe, "")
}
