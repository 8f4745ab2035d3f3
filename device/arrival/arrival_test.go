package arrival_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"facegate/device/arrival"
)

const (
	patient = 30 * time.Second      // for what has to come, on a busy machine
	quiet   = 50 * time.Millisecond // for what must not
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name string) {
	t.Helper()
	must(t, os.WriteFile(name, nil, 0o600))
}

func watch(t *testing.T, path string) *arrival.Watch {
	t.Helper()
	w, err := arrival.New(path)
	must(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

// TestWait does what makes an attempt to open a camera worthwhile, and what does not. The folder of lasting names comes and goes
// with the last camera.
func TestWait(t *testing.T) {
	tests := []struct {
		name    string
		path    string // below the folder dev
		before  func(t *testing.T, dev string)
		happens func(t *testing.T, dev string)
		want    bool
	}{
		{"the node is made", "video0", nil, func(t *testing.T, dev string) { write(t, dev+"/video0") }, true},
		{"another is made", "video0", nil, func(t *testing.T, dev string) { write(t, dev+"/video1") }, false},
		{"one of several is made", "video*", nil, func(t *testing.T, dev string) { write(t, dev+"/video12") }, true},
		{"something else is made", "video*", nil, func(t *testing.T, dev string) { write(t, dev+"/vcs") }, false},
		{
			"the node is removed", "video0",
			func(t *testing.T, dev string) { write(t, dev+"/video0") },
			func(t *testing.T, dev string) { must(t, os.Remove(dev+"/video0")) },
			false,
		},
		{
			"the node may be used", "video0",
			func(t *testing.T, dev string) { write(t, dev+"/video0") },
			func(t *testing.T, dev string) { must(t, os.Chmod(dev+"/video0", 0o660)) },
			true,
		},
		{
			"the node is moved there", "video0",
			func(t *testing.T, dev string) { write(t, dev+"/new") },
			func(t *testing.T, dev string) { must(t, os.Rename(dev+"/new", dev+"/video0")) },
			true,
		},
		{
			"the folder is made", "v4l/by-id/camera", nil,
			func(t *testing.T, dev string) { must(t, os.MkdirAll(dev+"/v4l/by-id", 0o700)) },
			true,
		},
		{
			"the link is made", "v4l/by-id/camera",
			func(t *testing.T, dev string) { must(t, os.MkdirAll(dev+"/v4l/by-id", 0o700)) },
			func(t *testing.T, dev string) { must(t, os.Symlink("../../video3", dev+"/v4l/by-id/camera")) },
			true,
		},
		{
			"the node of the link may be used", "v4l/by-id/camera",
			func(t *testing.T, dev string) {
				must(t, os.MkdirAll(dev+"/v4l/by-id", 0o700))
				must(t, os.Symlink("../../video3", dev+"/v4l/by-id/camera"))
				write(t, dev+"/video3")
			},
			func(t *testing.T, dev string) { must(t, os.Chmod(dev+"/video3", 0o660)) },
			true,
		},
		{
			"a link in a circle", "camera",
			func(t *testing.T, dev string) { must(t, os.Symlink("camera", dev+"/camera")) },
			func(*testing.T, string) {},
			false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dev := filepath.Join(t.TempDir(), "dev")
			must(t, os.Mkdir(dev, 0o700))
			if tt.before != nil {
				tt.before(t, dev)
			}
			w := watch(t, filepath.Join(dev, tt.path))
			tt.happens(t, dev)
			d := quiet
			if tt.want {
				d = patient
			}
			if got := w.Wait(t.Context(), d); got != tt.want {
				t.Errorf("Wait: %v, want %v", got, tt.want)
			}
		})
	}
}

// TestFolderComesAndGoes makes and removes the folder of the link again and again. What happened in it before it was watched is
// not missed.
func TestFolderComesAndGoes(t *testing.T) {
	dev := t.TempDir()
	link := dev + "/v4l/by-id/camera"
	w := watch(t, link)
	for round := range 20 {
		must(t, os.MkdirAll(filepath.Dir(link), 0o700))
		must(t, os.Symlink("../../video0", link))
		if !w.Wait(t.Context(), patient) {
			t.Fatalf("round %d: nothing is told of the link", round)
		}
		must(t, os.RemoveAll(dev+"/v4l"))
	}
}

// TestWaitEnds holds that a wait is over when its context is, or its time.
func TestWaitEnds(t *testing.T) {
	w := watch(t, t.TempDir()+"/video0")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(quiet, cancel)
	began := time.Now()
	if w.Wait(ctx, time.Hour) || time.Since(began) < quiet {
		t.Errorf("a cancelled wait is over after %v", time.Since(began))
	}
	if w.Wait(ctx, time.Hour) {
		t.Error("a wait that was cancelled before tells of something")
	}
	began = time.Now()
	if w.Wait(t.Context(), quiet) || time.Since(began) < quiet {
		t.Errorf("a wait of %v is over after %v", quiet, time.Since(began))
	}
}

// TestKeepsWhatHappened holds that what happens between two waits ends the second.
func TestKeepsWhatHappened(t *testing.T) {
	dev := t.TempDir()
	w := watch(t, dev+"/video0")
	if w.Wait(t.Context(), 0) {
		t.Error("nothing has happened yet")
	}
	write(t, dev+"/video0")
	if !w.Wait(t.Context(), patient) || w.Wait(t.Context(), quiet) {
		t.Error("it is told once, and was not")
	}
}
