// Package liveness decides over several frames whether a face is a person before the camera (presentation attack detection,
// ISO/IEC 30107). It fuses the probabilities of one or more networks, and takes the median over time.
package liveness

import "slices"

// Fuse returns the probability that several networks together give to a live face: the mean. One that was fooled is
// outvoted by those that were not.
func Fuse(probabilities []float64) float64 {
	var sum float64
	for _, p := range probabilities {
		sum += p
	}
	return sum / float64(len(probabilities))
}

// A Window keeps the last fused probabilities of one track.
type Window struct {
	size    int
	recent  []float64
	ordered []float64
}

// NewWindow returns a Window of the last size frames.
func NewWindow(size int) *Window {
	return &Window{size: size, recent: make([]float64, 0, size), ordered: make([]float64, 0, size)}
}

// Add takes the fused probability of the newest frame.
func (w *Window) Add(p float64) {
	if len(w.recent) == w.size {
		copy(w.recent, w.recent[1:])
		w.recent = w.recent[:w.size-1]
	}
	w.recent = append(w.recent, p)
}

// Live reports whether the newest frame shows a live face, and whether that is known. One of these happens:
//
//  1. Less than half of the window has been seen. It is not known: one good frame is no evidence.
//  2. The median of the window is below threshold. The face is not live. Of an even number of frames the lower one of the two
//     middle ones is the median, so that doubt closes the door.
//  3. The newest frame alone is below threshold. It is not known. Whoever shows a photo for a moment, again and again, keeps a
//     good median, and the frames with the photo must not pass on the strength of those without.
//  4. Median and newest frame reach threshold. The face is live.
func (w *Window) Live(threshold float64) (live, known bool) {
	if 2*len(w.recent) < w.size {
		return false, false
	}
	w.ordered = append(w.ordered[:0], w.recent...)
	slices.Sort(w.ordered)
	if median := w.ordered[(len(w.ordered)-1)/2]; !(median >= threshold) {
		return false, true
	}
	live = w.recent[len(w.recent)-1] >= threshold
	return live, live
}

// Sure reports whether the whole window has been seen, and every frame of it is at least threshold.
func (w *Window) Sure(threshold float64) bool {
	return len(w.recent) == w.size && !slices.ContainsFunc(w.recent, func(p float64) bool { return !(p >= threshold) })
}
