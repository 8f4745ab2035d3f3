// Package lab holds the tests that run.sh starts inside an emulated board: what device/v4l2 makes of a kernel's camera
// that shows known pictures, fails and is unplugged, and what the relay makes of a pin that run.sh watches from outside.
package lab

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/controls"
	"facegate/device/sourcetest"
	"facegate/device/v4l2"
	"facegate/device/v4l2/nodes"
	"facegate/gpio"
	"facegate/gpio/cdev"
)

// The nodes that init makes.
const (
	camera   = "/dev/video0" // a webcam
	looped   = "/dev/video1" // a capture card that shows what is sent to output
	output   = "/dev/video2"
	metadata = "/dev/video3" // belongs to the webcam and passes for a camera
)

const patience = 20 * time.Second

// inside skips t unless it runs in the lab: it would disturb the devices of any other machine.
func inside(t *testing.T) {
	t.Helper()
	if os.Getenv("FACEGATE_LAB") == "" {
		t.Skip("runs inside the emulated board of scripts/lab/run.sh")
	}
}

func source(path string) device.Source {
	return v4l2.New(v4l2.Config{Device: path, Width: 640, Height: 480, FPS: 15})
}

// TestPicture compares every byte of the frames with the pictures that the camera shows in turn.
func TestPicture(t *testing.T) {
	inside(t)
	const width, height, frames = 1280, 720, 30 // the size of the signal at vivid's input, so that nothing is scaled
	random := rand.NewChaCha8([32]byte{})
	pictures := make([][]byte, 4)
	for i := range pictures {
		pictures[i] = make([]byte, 2*width*height)
		random.Read(pictures[i])
	}
	control(t, looped, textMode, 2)
	loop(t)
	play(t, output, width, height, pictures...)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got, before int
	seen := make(map[int]bool)
	src := v4l2.New(v4l2.Config{Device: looped, Format: v4l2.YUYV, Width: width, Height: height})
	err := src.Stream(ctx, func(f device.Frame) {
		i := slices.IndexFunc(pictures, func(p []byte) bool { return bytes.Equal(p, f.Data) })
		if i < 0 && got == 0 && before < 3 { // the camera may be a moment ahead of what it is shown
			before++
			return
		}
		if i < 0 {
			t.Errorf("frame %d, %dx%d, is none of the pictures", f.Seq, f.Width, f.Height)
		}
		seen[i] = true
		if got++; got == frames {
			cancel()
		}
	})
	if err != nil || got < frames || len(seen) < 2 {
		t.Errorf("%d frames of %d different pictures, %v; want %d of several", got, len(seen), err, frames)
	}
}

// TestRefused opens nodes of the camera that pass for cameras by their capabilities.
func TestRefused(t *testing.T) {
	inside(t)
	for name, path := range map[string]string{"metadata": metadata, "output": output} {
		t.Run(name, func(t *testing.T) {
			err := source(path).Stream(t.Context(), func(device.Frame) { t.Error("a frame from nowhere") })
			if !errors.Is(err, nodes.ErrKind) || !device.Final(err) || hint.Of(err) == "" {
				t.Errorf("Stream: %v, final %v, hint %q; want %v, final, with a hint", err, device.Final(err), hint.Of(err),
					nodes.ErrKind)
			}
		})
	}
}

func TestBusy(t *testing.T) {
	inside(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	second := errors.New("not opened")
	err := source(camera).Stream(ctx, func(device.Frame) {
		second = source(camera).Stream(ctx, func(device.Frame) {})
		cancel()
	})
	if err != nil {
		t.Errorf("the first Stream: %v", err)
	}
	if !errors.Is(second, unix.EBUSY) || device.Final(second) || !strings.Contains(hint.Of(second), "fuser") {
		t.Errorf("a second Stream: %v, final %v, hint %q; want EBUSY", second, device.Final(second), hint.Of(second))
	}
}

// TestStartRefused checks that no buffer stays mapped when a camera does not start.
func TestStartRefused(t *testing.T) {
	inside(t)
	control(t, camera, refuseStart, 1)
	if err := source(camera).Stream(t.Context(), func(device.Frame) {}); err == nil {
		t.Error("Stream returned nil")
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(maps), camera) {
		t.Errorf("buffers of %s are still mapped:\n%s", camera, maps)
	}
}

// TestControls sets a control that the camera otherwise sets by itself, and one that it does not have, and reads it beside the
// stream.
func TestControls(t *testing.T) {
	inside(t)
	var log bytes.Buffer
	wanted := 77
	src := v4l2.New(v4l2.Config{
		Device: camera, Width: 640, Height: 480, FPS: 15, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Controls: controls.Wanted{Gain: &wanted, Exposure: 10 * time.Millisecond},
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var list []controls.Control
	var failed error
	err := src.Stream(ctx, func(device.Frame) {
		list, failed = src.(device.Controlled).Controls()
		cancel()
	})
	if err != nil || failed != nil || len(list) == 0 {
		t.Fatalf("%+v, %v, %v", list, failed, err)
	}
	for _, c := range list {
		if c.Name == controls.Gain && c.Value != wanted || c.Name == controls.AutoGain && c.Value != 0 {
			t.Errorf("%+v", c)
		}
	}
	if !slices.ContainsFunc(list, func(c controls.Control) bool { return c.Name == controls.Gain }) {
		t.Errorf("there is no gain among %+v", list)
	}
	if !strings.Contains(log.String(), "control=exposure_time_absolute") {
		t.Errorf("the log does not tell of the control that is not there: %s", &log)
	}
}

// A bench is a Capture at work on the camera.
type bench struct {
	t       *testing.T
	ctx     context.Context
	box     *device.Mailbox
	capture *device.Capture
}

func capture(t *testing.T) *bench {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	box := device.NewMailbox()
	b := &bench{t, ctx, box, device.NewCapture(source(camera), box, slog.New(slog.DiscardHandler))}
	ended := make(chan error, 1)
	go func() { ended <- b.capture.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	b.after(time.Now())
	return b
}

// after waits for a frame captured after at, and returns how much later that was.
func (b *bench) after(at time.Time) time.Duration {
	b.t.Helper()
	for {
		f, err := b.box.Take(b.ctx)
		if err != nil {
			b.t.Fatalf("no frame: %v; %+v", err, b.capture.Status())
		}
		if d := f.Time.Sub(at); d > 0 {
			return d
		}
	}
}

// TestReplug holds the promise that frames are back within 5 s of the camera's return.
func TestReplug(t *testing.T) {
	inside(t)
	tests := []struct {
		name string
		away time.Duration
	}{
		{"resets itself", 300 * time.Millisecond},
		{"unplugged for a while", 4 * time.Second}, // the pauses between attempts have grown to the longest
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := capture(t)
			driver(t, "unbind")
			time.Sleep(tt.away)
			if s := b.capture.Status(); s.State != device.Lost || s.Hint == "" {
				t.Errorf("unplugged, the status is %+v; want it lost, with a hint", s)
			}
			driver(t, "bind")
			d := b.after(time.Now())
			t.Logf("away for %v, frames %v after the return", tt.away, d.Round(time.Millisecond))
			if d > 5*time.Second {
				t.Errorf("frames are back after %v, want 5s at the most", d)
			}
		})
	}
}

// TestReplugOften unplugs the camera a hundred times for less than a second, and counts what the process holds afterwards.
func TestReplugOften(t *testing.T) {
	inside(t)
	sourcetest.Heals(t, source(camera), sourcetest.Loss{
		Unplug: func() { driver(t, "unbind") }, Plug: func() { driver(t, "bind") },
		Away: 50 * time.Millisecond, Times: 100, Within: 2 * time.Second, // of an emulated processor; the promise is half of that
	})
}

// driver takes the camera from its driver or gives it back: to user space it is unplugged, and plugged in again.
func driver(t *testing.T, action string) {
	t.Helper()
	if err := os.WriteFile("/sys/bus/platform/drivers/vivid/"+action, []byte("vivid.0"), 0o200); err != nil {
		t.Fatal(err)
	}
}

// TestBroken checks that a camera which fails under way is opened again.
func TestBroken(t *testing.T) {
	inside(t)
	b := capture(t)
	control(t, camera, breakStreams, 1)
	at := time.Now()
	for b.capture.Status().State != device.Lost {
		if time.Sleep(time.Millisecond); time.Since(at) > patience {
			t.Fatalf("the camera is not lost: %+v", b.capture.Status())
		}
	}
	t.Logf("frames %v after the failure", b.after(time.Now()).Round(time.Millisecond))
}

// TestPulse gives one pulse on the real line, for run.sh to see.
func TestPulse(t *testing.T) {
	inside(t)
	const pulse = time.Second
	for _, tt := range []struct {
		name      string
		activeLow bool
	}{{"active high", false}, {"active low", true}} {
		t.Run(tt.name, func(t *testing.T) {
			line, err := cdev.Open(cdev.Config{
				Chip: os.Getenv("FACEGATE_GPIO_CHIP"), Line: os.Getenv("FACEGATE_GPIO_LINE"), ActiveLow: tt.activeLow,
			})
			if err != nil {
				t.Fatalf("%v (%s)", err, hint.Of(err))
			}
			t.Cleanup(func() {
				if err := line.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			relay, err := gpio.NewRelay(line, gpio.Secure, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- relay.Run(ctx) }()
			<-relay.Ready()
			time.Sleep(pulse / 2) // for run.sh to see the level at rest
			edge, err := relay.Open(time.Now().Add(pulse))
			if err != nil {
				t.Error(err)
			} else {
				<-edge.Done
				t.Logf("a pulse of %v on %v", time.Since(edge.At).Round(time.Millisecond), line)
				time.Sleep(pulse / 2)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
}
