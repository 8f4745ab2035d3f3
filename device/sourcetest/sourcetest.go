// Package sourcetest holds the contract that every device.Source keeps, as a test suite that each of them runs.
package sourcetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"facegate/device"
	"facegate/device/controls"
)

// How much of a source the suite looks at. A recording must hold at least enough frames.
const (
	enough  = 5
	prompt  = 3 * time.Second  // a source must notice a cancellation within this; V4L2 waits in steps of 1 s
	patient = 20 * time.Second // a camera may need this long for its first frames
)

// Run tests the source that open returns; open is called once for each subtest. The source needs to deliver at least
// five frames, at a rate of 5 per second or more.
func Run(t *testing.T, open func(t *testing.T) device.Source) {
	t.Run("name", func(t *testing.T) {
		if open(t).String() == "" {
			t.Error("String() is empty")
		}
	})
	t.Run("frames", func(t *testing.T) { testFrames(t, open(t)) })
	t.Run("cancelled before", func(t *testing.T) { testCancelledBefore(t, open(t)) })
	t.Run("cancel", func(t *testing.T) { testCancel(t, open(t)) })
	t.Run("reuse", func(t *testing.T) { testReuse(t, open(t)) })
	t.Run("controls", func(t *testing.T) { testControls(t, open(t)) })
}

// testControls checks that a source which has controls knows its values, before a stream and beside it.
func testControls(t *testing.T, src device.Source) {
	c, ok := src.(device.Controlled)
	if !ok {
		return // as a recording
	}
	check := func() {
		list, err := c.Controls()
		if err != nil {
			t.Error(err)
		}
		last := -1
		for _, one := range list {
			place := slices.Index(controls.Names(), one.Name)
			if place <= last || one.Value < one.Min || one.Value > one.Max || one.Min > one.Max {
				t.Errorf("%+v", one)
			}
			last = place
		}
	}
	check()
	if stream(t, src, 2, func(device.Frame) { check() }) < 2 {
		t.Error("there are no frames beside the controls")
	}
}

// testFrames checks each frame by itself and against the one before.
func testFrames(t *testing.T, src device.Source) {
	var last device.Frame
	began := time.Now()
	n := stream(t, src, enough, func(f device.Frame) {
		CheckFrame(t, f)
		if f.Seq <= last.Seq {
			t.Errorf("Seq %d after %d", f.Seq, last.Seq)
		}
		if f.Time.Before(last.Time) || f.Time.Before(began) || f.Time.After(time.Now()) {
			t.Errorf("Seq %d: Time %v is not between that of the frame before, %v, and now", f.Seq, f.Time, last.Time)
		}
		if f.Time == f.Time.Round(0) {
			t.Errorf("Seq %d: Time has no monotonic reading: a clock that is set makes frames old, or new", f.Seq)
		}
		last = f
	})
	if n < enough {
		t.Errorf("%d frames, want at least %d", n, enough)
	}
}

// testCancelledBefore checks that a source opened too late delivers nothing.
func testCancelledBefore(t *testing.T, src device.Source) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := src.Stream(ctx, func(device.Frame) { t.Error("a frame though the context was done") }); err != nil {
		t.Errorf("Stream: %v, want nil", err)
	}
}

// testCancel checks that a source stops soon after its context, and for good.
func testCancel(t *testing.T, src device.Source) {
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	var cancelled time.Time
	var after atomic.Int32
	err := src.Stream(ctx, func(device.Frame) {
		if !cancelled.IsZero() {
			after.Add(1)
			return
		}
		cancelled = time.Now()
		cancel()
	})
	if err != nil {
		t.Errorf("Stream: %v, want nil after a cancellation", err)
	}
	if took := time.Since(cancelled); took > prompt {
		t.Errorf("Stream returned %v after the cancellation, want at most %v", took, prompt)
	}
	atReturn := after.Load()
	time.Sleep(50 * time.Millisecond)
	if after.Load() != atReturn {
		t.Error("frames after Stream returned")
	}
	if atReturn > 1 {
		t.Errorf("%d frames after the cancellation, want at most the one under way", atReturn)
	}
}

// testReuse checks that a source can be opened again and then begins anew.
func testReuse(t *testing.T, src device.Source) {
	for round := 1; round <= 3; round++ {
		var first uint64
		n := stream(t, src, 2, func(f device.Frame) {
			if first == 0 {
				first = f.Seq
			}
		})
		if n < 2 {
			t.Fatalf("round %d: %d frames, want 2", round, n)
		}
		if first == 0 || first > enough {
			t.Errorf("round %d: the first Seq is %d, want 1 or, if frames were bad, a few more", round, first)
		}
	}
}

// CheckFrame checks that what f says of its picture is true.
func CheckFrame(t *testing.T, f device.Frame) {
	t.Helper()
	switch f.Format {
	case device.JPEG:
		w, h, err := device.JPEGSize(f.Data)
		if err != nil {
			t.Errorf("Seq %d: %v", f.Seq, err)
		} else if w != f.Width || h != f.Height {
			t.Errorf("Seq %d: the picture is %dx%d, the frame says %dx%d", f.Seq, w, h, f.Width, f.Height)
		}
	case device.YUYV:
		if want := 2 * f.Width * f.Height; want == 0 || len(f.Data) != want {
			t.Errorf("Seq %d: %d bytes of YUYV for %dx%d, want %d", f.Seq, len(f.Data), f.Width, f.Height, want)
		}
	default:
		t.Errorf("Seq %d: %v", f.Seq, f.Format)
	}
}

// stream runs src until it has delivered n frames, and returns how many there were.
func stream(t *testing.T, src device.Source, n int, look func(device.Frame)) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	got := 0
	err := src.Stream(ctx, func(f device.Frame) {
		if got++; got <= n {
			look(f)
		}
		if got == n {
			cancel()
		}
	})
	if err != nil && !errors.Is(err, device.ErrEnd) {
		t.Errorf("Stream: %v", err)
	}
	return got
}
