package liveness_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/liveness"
)

func TestFuse(t *testing.T) {
	for _, test := range []struct {
		p    []float64
		want float64
	}{
		{[]float64{0.25}, 0.25},
		{[]float64{1, 0}, 0.5},
		{[]float64{0.875, 0.125, 0.125}, 0.375}, // the one that was fooled is outvoted
	} {
		if got := liveness.Fuse(test.p); got != test.want {
			t.Errorf("Fuse(%v) = %v, want %v", test.p, got, test.want)
		}
	}
	w := liveness.NewWindow(1)
	w.Add(liveness.Fuse(nil))
	if live, _ := w.Live(0); live {
		t.Error("no network at all makes a face live")
	}
}

func TestWindow(t *testing.T) {
	const checking, live, not = "checking", "live", "not live"
	for _, test := range []struct {
		name string
		size int
		add  []float64
		want []string // after each
	}{
		{"one frame", 1, []float64{.5, .49, .5}, []string{live, not, live}},
		{"half full", 5, []float64{.9, .9, .9, .9, .9}, []string{checking, checking, live, live, live}},
		{"half of an even window", 4, []float64{.9, .9, .1}, []string{checking, live, checking}},
		{"lower median of two", 4, []float64{.1, .9}, []string{checking, not}},
		{"lower median of four", 4, []float64{.9, .1, .1, .9, .9, .9}, []string{checking, not, not, not, not, live}},
		{"one doubtful frame of a live face", 3, []float64{.9, .9, .2, .9, .9}, []string{checking, live, checking, live, live}},
		{
			"a print that is lucky twice of three", 3,
			[]float64{.1, .9, .1, .9, .1, .1},
			[]string{checking, not, not, live, not, not},
		},
		{
			"sliding", 5,
			[]float64{.9, .9, .9, .9, .9, .1, .1, .1, .9, .9, .9},
			[]string{checking, checking, live, live, live, checking, checking, not, not, not, live},
		},
		{"not a number", 3, []float64{math.NaN(), math.NaN(), .9}, []string{checking, not, not}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := liveness.NewWindow(test.size)
			var got []string
			for _, p := range test.add {
				w.Add(p)
				switch ok, known := w.Live(0.5); {
				case ok && known:
					got = append(got, live)
				case known:
					got = append(got, not)
				case ok:
					t.Fatal("live without knowing")
				default:
					got = append(got, checking)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v gives %q, want %q", test.add, got, test.want)
			}
		})
	}
}

// Whatever was seen before, a frame passes only if it reaches the threshold itself together with more than half of
// those in the window, of which there are at least half.
func TestWindowProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 30).Draw(t, "size")
		threshold := rapid.Float64Range(0.1, 0.99).Draw(t, "threshold")
		w := liveness.NewWindow(size)
		var seen []float64
		for _, p := range rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 100).Draw(t, "p") {
			w.Add(p)
			seen = append(seen, p)
			recent := seen[max(0, len(seen)-size):]
			good := 0
			for _, q := range recent {
				if q >= threshold {
					good++
				}
			}
			want := p >= threshold && 2*good > len(recent) && 2*len(recent) >= size
			if live, _ := w.Live(threshold); live != want {
				t.Fatalf("live is %v after %v", live, seen)
			}
		}
	})
}
