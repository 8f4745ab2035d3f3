package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/evdev"
)

// TestRunWithoutKey starts a gate whose device key is not there, before it has records and after. It keeps the door, says what to do,
// makes no key, and goes on once the key is there.
func TestRunWithoutKey(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	path := site.Path("device.key")
	must(t, os.Remove(path))
	gate := launch(t, site, nil, gatetest.Settings{"camera": noCamera})
	lacks := func(todo string) {
		t.Helper()
		worst, _ := gate.status(t).Health.Worst()
		if worst.Part != health.Key || worst.State != health.Down || !strings.Contains(worst.Todo, todo) {
			t.Errorf("the health is %+v, want %q in it", worst, todo)
		}
		if _, err := gate.client.TestDoor(t.Context()); err != nil {
			t.Errorf("the door by hand: %v", err)
		}
		if _, err := gate.client.People(t.Context()); !errors.Is(err, control.ErrRefused) {
			t.Errorf("the list of people: %v", err)
		}
		absent(t, path)
	}
	lacks("facegate key create " + path)
	facegate(t.Context(), "key", "create", path).want(t, exitOK, "created", "")
	gatetest.Eventually(t, "the gate is in service", func() bool { return gate.status(t).FacesOff == nil })
	gate.terminate(t)

	must(t, os.Rename(path, path+".away"))
	gate = launch(t, site, nil, gatetest.Settings{"camera": noCamera})
	lacks("restore its own to " + path)
	must(t, os.Rename(path+".away", path))
	gatetest.Eventually(t, "the gate is in service", func() bool { return gate.status(t).FacesOff == nil })
	gate.terminate(t)
}

// TestRunWithoutNetworks starts a gate without its networks, and brings them. A fresh process takes them.
func TestRunWithoutNetworks(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	networks := site.Path("networks")
	gate := launch(t, site, nil, gatetest.Settings{
		"vision": "{models_dir: " + networks + "}",
		"camera": fmt.Sprintf("{source: replay, path: %s, fps: 15, loop: true}", emptyPlace(t, site)),
	})
	s := gate.status(t)
	if s.Vision.Err == "" || s.Health.State != health.Down {
		t.Errorf("the status is %+v", s)
	}
	p := facegate(t.Context(), "status", "--socket", site.Socket())
	p.want(t, exitOK, "facegate models fetch --bundle registry --dir "+networks, "")
	p.want(t, exitOK, "off, until the networks can be used", "")
	must(t, os.Symlink(gatetest.Models(t), networks))
	gatetest.Eventually(t, "a fresh process looks at faces", func() bool {
		s := gate.status(t)
		return s.Vision.Err == "" && s.Camera.Frames > 0
	})
	gate.terminate(t)
}

// TestRunOnAFullDisk starts a gate whose disk was filled up while it was stopped, and one whose disk cannot be written to. Whoever has a
// card comes in.
func TestRunOnAFullDisk(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	disk, desk := site.Path("disk"), site.Path("desk-event-kbd")
	must(t, os.Mkdir(disk, 0o700))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m,mode=700"); err != nil {
		t.Skip("not permitted to mount: ", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(disk, 0)) })
	twin, err := evdev.Plug(desk)
	must(t, err)
	t.Cleanup(func() { must(t, twin.Unplug()) })
	more := gatetest.Settings{
		"state_dir": disk + "/state", "keys_dir": disk + "/keys", "camera": noCamera,
		"alternatives": "[card]", "readers": "[{name: desk, kind: usb, device: " + desk + ", class: card-secure}]",
	}
	gate := launch(t, site, nil, more)
	gate.status(t)
	_, err = gate.client.Join(t.Context(), people.JoinRequest{Label: "none", Reference: "contract", Until: time.Now().Add(gatetest.Valid)})
	must(t, err)
	_, err = gate.client.AddCard(t.Context(), people.CardRequest{Label: "none"}, func(people.CardWait) {
		time.Sleep(100 * time.Millisecond) // in which the gate begins to wait
		must(t, twin.Type("04A2B3C4\n"))
	})
	must(t, err)
	gate.terminate(t)
	for size := 4 << 20; size >= 1; size /= 2 {
		err := os.WriteFile(filepath.Join(disk, fmt.Sprint(size)), make([]byte, size), 0o600)
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	opens := func(reason string) {
		t.Helper()
		gate := launch(t, site, nil, more)
		s := gate.status(t)
		if s.FacesOff != nil || !strings.Contains(fmt.Sprint(s.Health), reason) {
			t.Errorf("the status is %+v", s)
		}
		must(t, twin.Type("04A2B3C4\n"))
		gatetest.Eventually(t, "the card opens the door", func() bool { return gate.status(t).Door.Pulses == 1 })
		gate.terminate(t)
	}
	opens("make room on the disk")
	must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	opens("mount it for writing")
}
