package vision_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"facegate/device"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// resident returns the resident memory of the process in bytes.
func resident(t *testing.T) float64 {
	t.Helper()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var size, pages int
	if _, err := fmt.Fscan(bytes.NewReader(statm), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return float64(pages * os.Getpagesize())
}

// slope is that of the line nearest to ys, in least squares, over the numbers 0, 1, 2, …
func slope(ys []float64) float64 {
	var meanY, sum, norm float64
	meanX := float64(len(ys)-1) / 2
	for _, y := range ys {
		meanY += y / float64(len(ys))
	}
	for i, y := range ys {
		dx := float64(i) - meanX
		sum += dx * (y - meanY)
		norm += dx * dx
	}
	return sum / norm
}

// TestMemoryIsFlat watches the resident memory over many frames of one size, as a camera sends them, good and bad. One
// picture kept a frame is 300,000 bytes; a leak such as that of gocv's ForwardLayers is 540.
func TestMemoryIsFlat(t *testing.T) {
	samples, perSample, limit := 8, 8, 20_000.0 // bytes a frame
	if slow() {
		samples, perSample, limit = 40, 75, 100
	}
	for _, bundle := range bundles {
		t.Run(bundle, func(t *testing.T) {
			e := visiontest.Open(t, bundle)
			frames := []device.Frame{
				still(t, "p01", 1), still(t, "p02", 1), still(t, "p04", 1),
				{Format: device.JPEG, Data: still(t, "p01", 1).Data[:4000]}, // does not decode
				{Format: device.JPEG, Data: grey(t, 320, 320)},              // nobody
			}
			n := 0
			run := func(count int) {
				for range count {
					useFrame(t, e, frames[n%len(frames)])
					n++
				}
			}
			run(len(frames) + perSample)
			var memory []float64
			for range samples {
				run(perSample)
				memory = append(memory, resident(t))
			}
			got := slope(memory) / float64(perSample)
			t.Logf("%d frames, %.1f bytes a frame", n, got)
			if got > limit {
				t.Errorf("memory grows by %.0f bytes a frame", got)
			}
		})
	}
}

// useFrame makes every call that f allows.
func useFrame(t testing.TB, e *vision.Engine, f device.Frame) {
	t.Helper()
	_, err := look(e, f)
	if err != nil && !errors.Is(err, vision.ErrPicture) && !errors.Is(err, visiontest.ErrNoFace) {
		t.Fatal(err)
	}
	e.Clear()
}
