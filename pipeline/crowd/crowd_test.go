package crowd_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"facegate/pipeline/crowd"
)

// after returns the level after passages of these excesses, by turns.
func after(passages int, excess ...float64) crowd.Level {
	var g crowd.Gauge
	for i := range passages {
		g.Add(excess[i%len(excess)])
	}
	return g.Level()
}

func TestLevel(t *testing.T) {
	for _, tt := range []struct {
		name     string
		passages int
		excess   []float64
		want     crowd.Level
	}{
		{"nobody", 0, []float64{0.1}, crowd.Unknown},
		{"too few", 199, []float64{0.1}, crowd.Unknown},
		{"enough", 200, []float64{0.1}, crowd.MuchMore},
		{"a mixed crowd", 200, []float64{0.05, -0.05, 0.02, -0.03}, crowd.Ordinary},
		{"a place that is less crowded", 200, []float64{-0.1}, crowd.Ordinary},
		{"people alike", 200, []float64{0.02, 0.08, 0.03, 0.05}, crowd.More},
		{"few alike among many", 200, []float64{0.15, -0.02, -0.01, -0.02, 0.01, -0.02, -0.01, -0.02}, crowd.Ordinary},
		{"who says nothing does not count", 250, []float64{0.1, 0}, crowd.Unknown},
		{"one passage out of all measure", 200, append(slices.Repeat([]float64{0.01}, 199), 100), crowd.Ordinary},
	} {
		if got := after(tt.passages, tt.excess...); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestNoOracle asks after each passage. What is said changes with every two-hundredth alone, whoever passes, and no single
// passage among them changes it.
func TestNoOracle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var g crowd.Gauge
	last := g.Level()
	for n := 1; n <= 3000; n++ {
		g.Add(rnd.NormFloat64() * 0.1)
		if now := g.Level(); now != last && n%crowd.Passages != 0 {
			t.Fatalf("after passage %d it turned from %q to %q", n, last, now)
		}
		last = g.Level()
	}
	for _, one := range []float64{-1, -0.2, 0.001, 0.2, 1} {
		ordinary := append(slices.Repeat([]float64{0.01}, crowd.Passages-1), one)
		if got := after(crowd.Passages, ordinary...); got != crowd.Ordinary {
			t.Errorf("one passage of %v makes it %q", one, got)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	var g crowd.Gauge
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range crowd.Passages {
				g.Add(0.2)
				g.Level()
			}
		})
	}
	wg.Wait()
	if g.Level() != crowd.MuchMore {
		t.Errorf("it is %q", g.Level())
	}
}
