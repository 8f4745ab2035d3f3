package vision_test

import (
	"runtime"
	"testing"

	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

func TestThreads(t *testing.T) {
	for processors, want := range map[int]int{1: 1, 2: 2, 3: 3, 4: 3, 6: 5, 8: 6} {
		if got := vision.Threads(processors); got != want {
			t.Errorf("%d threads on %d processors, want %d", got, processors, want)
		}
	}
	visiontest.Open(t, "registry")
	if got, want := vision.LimitThreads(), vision.Threads(runtime.GOMAXPROCS(0)); got != want {
		t.Errorf("OpenCV computes with %d threads, want %d", got, want)
	}
}
