package vision_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
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

// TestThreadsShareMemory detects in one thread after another, and counts what the C library has set apart for threads.
func TestThreadsShareMemory(t *testing.T) {
	e := visiontest.Open(t, "registry")
	frame := picture(t, near)
	before, end, out := arenas(t), make(chan struct{}), make(chan error)
	for range 8 {
		go func() {
			runtime.LockOSThread() // the thread ends with its goroutine
			err := e.Load(frame)
			if err == nil {
				_, err = e.Detect()
			}
			out <- err
			<-end
		}()
		if err := <-out; err != nil {
			t.Error(err)
		}
	}
	if after := arenas(t); after > before {
		t.Errorf("there were %d arenas, and there are %d", before, after)
	}
	close(end)
}

// arenas counts the mappings of memory that begin where only arenas of the C library do.
func arenas(t *testing.T) (n int) {
	t.Helper()
	const size = 64 << 20
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		fields := strings.Fields(line)
		start, _, _ := strings.Cut(fields[0], "-")
		if at, err := strconv.ParseUint(start, 16, 64); err == nil && at%size == 0 && fields[1] == "rw-p" && len(fields) == 5 {
			n++
		}
	}
	return n
}
