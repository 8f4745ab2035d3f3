package camera_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
)

// TestMemoryIsFlat leads recordings of people coming and going past the gate, and measures what the process holds.
func TestMemoryIsFlat(t *testing.T) {
	frames, every := 1_500, 100
	if os.Getenv("FACEGATE_SLOW") != "" {
		frames, every = 100_000, 5_000
	}
	const maxGrowth = 5 << 20 // bytes, over the last 80 %
	o := defaults()
	o.anew = true
	b := start(t, gatetest.NewSite(t), o)
	b.mustEnrol("p01")
	clip := append(gatetest.Clip(t, "walk/p01"), gatetest.Clip(t, "walk/duo")...)
	clip = append(clip, gatetest.Clip(t, "walk/s02")...)
	warm := 0
	for i := range frames {
		b.show(clip[i%len(clip)])
		if (i+1)%every != 0 {
			continue
		}
		resident := resident(t)
		t.Logf("%6d frames: %5.1f MB, %d pulses", i+1, float64(resident)/1e6, b.pulses())
		if i+1 == frames/5 {
			warm = resident
		}
	}
	if growth := resident(t) - warm; growth > maxGrowth {
		t.Errorf("the process grew by %.1f MB over the last %d frames", float64(growth)/1e6, frames*4/5)
	}
	if b.pulses() == 0 {
		t.Error("nobody was let in")
	}
}

// resident returns the bytes of memory that the process has in use (proc(5), VmRSS).
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "VmRSS:")
	value, _, _ := strings.Cut(rest, "kB")
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if !ok || err != nil {
		t.Fatalf("VmRSS is %q", value)
	}
	return n << 10
}
