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
	if got := w.Judge(liveness.Thresholds{}); got != liveness.NotLive {
		t.Errorf("no network at all makes a face %v", got)
	}
}

func TestWindow(t *testing.T) {
	const unknown, not, doubtful, live = liveness.Unknown, liveness.NotLive, liveness.Doubtful, liveness.Live
	for _, test := range []struct {
		name string
		size int
		add  []float64
		want []liveness.Verdict // after each
	}{
		{"one frame", 1, []float64{.5, .49, .25, .24}, []liveness.Verdict{live, doubtful, doubtful, not}},
		{"half full", 5, []float64{.9, .9, .9, .9, .9}, []liveness.Verdict{unknown, unknown, live, live, live}},
		{"half of an even window", 4, []float64{.9, .9, .1}, []liveness.Verdict{unknown, live, unknown}},
		{"one bad frame of a live face", 3, []float64{.9, .9, .2, .9, .9}, []liveness.Verdict{unknown, live, unknown, live, live}},
		{
			"a print that is lucky once of three", 3,
			[]float64{.1, .1, .9, .1, .1, .1},
			[]liveness.Verdict{unknown, not, doubtful, doubtful, doubtful, not},
		},
		{
			"neither one nor the other", 3,
			[]float64{.3, .3, .4, .6, .5, .4},
			[]liveness.Verdict{unknown, doubtful, doubtful, doubtful, live, live},
		},
		{
			"a photo instead of the face", 5,
			[]float64{.9, .9, .9, .9, .9, .1, .1, .1, .1, .1},
			[]liveness.Verdict{unknown, unknown, live, live, live, unknown, unknown, doubtful, doubtful, not},
		},
		{"not a number", 3, []float64{math.NaN(), .9, .9, .9}, []liveness.Verdict{unknown, not, not, live}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := liveness.NewWindow(test.size)
			var got []liveness.Verdict
			for _, p := range test.add {
				w.Add(p)
				got = append(got, w.Judge(liveness.Thresholds{Accept: 0.5, Refuse: 0.25}))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v gives %v, want %v", test.add, got, test.want)
			}
		})
	}
}

// drawThresholds draws two thresholds between which there may be doubt.
func drawThresholds(t *rapid.T) liveness.Thresholds {
	accept := rapid.Float64Range(0.01, 0.99).Draw(t, "accept")
	return liveness.Thresholds{Accept: accept, Refuse: rapid.Float64Range(0.001, accept).Draw(t, "refuse")}
}

// Whatever was seen before, a frame passes only if it reaches Refuse itself, and the mean of the window Accept, of which at
// least half has been seen. What is refused has a mean below Refuse.
func TestWindowProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 30).Draw(t, "size")
		thresholds := drawThresholds(t)
		w := liveness.NewWindow(size)
		var seen []float64
		for _, p := range rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 100).Draw(t, "p") {
			w.Add(p)
			seen = append(seen, p)
			recent := seen[max(0, len(seen)-size):]
			mean, known := liveness.Fuse(recent), 2*len(recent) >= size
			got := w.Judge(thresholds)
			if live := known && mean >= thresholds.Accept && p >= thresholds.Refuse; live != (got == liveness.Live) {
				t.Fatalf("%v after %v", got, seen)
			}
			if not := known && mean < thresholds.Refuse; not != (got == liveness.NotLive) {
				t.Fatalf("%v after %v", got, seen)
			}
		}
	})
}

// However a photo and a face take turns, no frame in which the photo would be refused passes.
func TestPhotoInTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 30).Draw(t, "size")
		thresholds := drawThresholds(t)
		w := liveness.NewWindow(size)
		for _, photo := range rapid.SliceOfN(rapid.Bool(), 1, 100).Draw(t, "photo") {
			if !photo {
				w.Add(1)
				continue
			}
			w.Add(rapid.Float64Range(0, math.Nextafter(thresholds.Refuse, 0)).Draw(t, "p"))
			if w.Judge(thresholds) == liveness.Live {
				t.Fatal("the photo is taken for a face")
			}
		}
	})
}

// Sure is never less strict than the verdict: whatever is sure is live, whatever came before.
func TestSure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 6).Draw(t, "size")
		thresholds := drawThresholds(t)
		w := liveness.NewWindow(size)
		above := 0 // frames in a row that reach Accept
		for range rapid.IntRange(1, 40).Draw(t, "frames") {
			p := rapid.OneOf(rapid.Float64Range(0, 1), rapid.Float64Range(thresholds.Accept, 1)).Draw(t, "p")
			if w.Add(p); p >= thresholds.Accept {
				above++
			} else {
				above = 0
			}
			sure := w.Sure(thresholds)
			if want := above >= size; sure != want {
				t.Fatalf("sure is %v after %d good frames of %d", sure, above, size)
			}
			if sure && w.Judge(thresholds) != liveness.Live {
				t.Fatal("sure, and not live")
			}
		}
	})
}
