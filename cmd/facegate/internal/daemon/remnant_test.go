package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/configs/hint"
	"facegate/gpio/sim"
)

// mount mounts a small disk, or skips the test.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skip("not permitted to mount: ", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
}

// TestDiskThatCannotBeWritten has a new gate go on without its records, which it cannot make: the door by hand works, and the status says why nothing
// else does.
func TestDiskThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	readOnly := func(t *testing.T, dir string) {
		must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	}
	writable := func(t *testing.T, dir string) { must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, "")) }
	full := func(t *testing.T, dir string) {
		must(t, os.WriteFile(filepath.Join(dir, "film.mp4"), make([]byte, 7<<20), 0o600))
		if err := os.WriteFile(filepath.Join(dir, "more.mp4"), make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk is not full: %v", err)
		}
	}
	empty := func(t *testing.T, dir string) {
		must(t, errors.Join(os.Remove(filepath.Join(dir, "film.mp4")), os.Remove(filepath.Join(dir, "more.mp4"))))
	}
	for _, test := range []struct {
		name       string
		spoil, fix func(t *testing.T, dir string)
	}{
		{"read-only, new", readOnly, writable},
		{"full, new", full, empty},
	} {
		t.Run(test.name, func(t *testing.T) {
			site := gatetest.NewSite(t)
			disk := site.Path("disk")
			mount(t, disk, "size=8m,mode=700")
			more := gatetest.Settings{"state_dir": disk + "/state", "keys_dir": disk + "/keys"}
			c := site.Config(t, more)
			logged := new(log)
			test.spoil(t, disk)
			_, why := daemon.New(c, daemon.Outside{Line: sim.New(), Source: gatetest.Stage(t)}, "test", logged.logger())
			if !daemon.IsDisk(why) {
				t.Fatalf("New = %v, want that it is for want of the disk", why)
			}
			line := sim.New()
			must(t, line.Set(true)) // as a crashed predecessor may have left it
			r, err := daemon.NewRemnant(c, daemon.Outside{Line: line}, "test", why, logged.logger())
			must(t, err)
			r.LookEvery(50 * time.Millisecond)
			done := make(chan error, 1)
			go func() { done <- r.Run(t.Context()) }()
			<-r.Ready()
			if line.Active() {
				t.Error("the door is open")
			}
			g := control.NewClient(site.Socket())
			s, err := g.Status(t.Context())
			must(t, err)
			worst, _ := s.Health.Worst()
			if s.Gate != "front" || s.FacesOff == nil || worst.Part != health.Disk || worst.State != health.Down || worst.Todo == "" {
				t.Errorf("status is %+v", s)
			}
			if !strings.Contains(worst.Todo, "disk") || s.Door.State == "" {
				t.Errorf("to do: %s; the door is %+v", worst.Todo, s.Door)
			}
			if p, err := g.TestDoor(t.Context()); err != nil || p.Pulse < c.Door.Pulse {
				t.Errorf("the door by hand: %+v, %v", p, err)
			}
			if _, err := g.People(t.Context()); !errors.Is(err, control.ErrRefused) || !strings.Contains(hint.Of(err), "disk") {
				t.Errorf("the list of people: %v, to do %q", err, hint.Of(err))
			}
			test.fix(t, disk)
			select {
			case err = <-done:
			case <-time.After(time.Minute):
				t.Fatal("the disk is back, and nobody has seen it")
			}
			if !errors.Is(err, daemon.ErrMended) || line.Active() {
				t.Errorf("Run = %v, door open = %t", err, line.Active())
			}
			start(t, site, more, daemon.Outside{})
			if !strings.Contains(logged.String(), "the audit log does not hold") {
				t.Errorf("who opened the door is not in the log:\n%s", logged)
			}
		})
	}
}

// TestFullDiskWithPeople has a gate that was in service before go on as a whole: what it has to write waits.
func TestFullDiskWithPeople(t *testing.T) {
	site := gatetest.NewSite(t)
	disk := site.Path("disk")
	mount(t, disk, "size=8m,mode=700")
	more := gatetest.Settings{"state_dir": disk + "/state", "keys_dir": disk + "/keys"}
	start(t, site, more, daemon.Outside{}).stop()
	spend(t, disk)
	r := start(t, site, more, daemon.Outside{})
	if s := r.Status(); s.FacesOff != nil || s.Health.State == health.OK {
		t.Errorf("status is %+v", s)
	}
}

// TestRemnantStops checks that what is left of a gate ends when it is told to.
func TestRemnantStops(t *testing.T) {
	site := gatetest.NewSite(t)
	line := sim.New()
	r, err := daemon.NewRemnant(site.Config(t, nil), daemon.Outside{Line: line}, "test", fmt.Errorf("x: %w", syscall.ENOSPC), new(log).logger())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-r.Ready()
	cancel()
	if err := <-done; err != nil || line.Active() {
		t.Errorf("Run = %v, door open = %t", err, line.Active())
	}
	if _, err := os.Lstat(site.Socket()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}
