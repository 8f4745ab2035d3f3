// Package liveness decides over several frames whether a face is a person before the camera (presentation attack detection,
// ISO/IEC 30107). It fuses the probabilities of one or more networks, and takes the mean over time.
package liveness

import "slices"

// Fuse returns the probability that several networks together give to a live face: the mean. One that was fooled is
// outvoted by those that were not.
func Fuse(probabilities []float64) float64 { return mean(probabilities) }

// mean returns the mean of p, which is not a number where there are none.
func mean(p []float64) float64 {
	var sum float64
	for _, q := range p {
		sum += q
	}
	return sum / float64(len(p))
}

// Thresholds are the fused probabilities between which there is doubt. Refuse is not above Accept.
type Thresholds struct {
	Accept float64 // from which a face counts as live
	Refuse float64 // below which it is a print or a screen
}

// A Verdict is what the frames of one track say so far.
type Verdict uint8

// The verdicts.
const (
	Unknown  Verdict = iota // more frames are needed
	NotLive                 // a print or a screen
	Doubtful                // too good to be refused, and not good enough to be believed
	Live                    // a person before the camera
)

func (v Verdict) String() string { return [...]string{"unknown", "not live", "doubtful", "live"}[v] }

// A Window keeps the last fused probabilities of one track.
type Window struct {
	size   int
	recent []float64
}

// NewWindow returns a Window of the last size frames.
func NewWindow(size int) *Window { return &Window{size: size, recent: make([]float64, 0, size)} }

// Add takes the fused probability of the newest frame.
func (w *Window) Add(p float64) {
	if len(w.recent) == w.size {
		copy(w.recent, w.recent[1:])
		w.recent = w.recent[:w.size-1]
	}
	w.recent = append(w.recent, p)
}

// Evidence is what is judged of the frames of one track.
type Evidence struct {
	Mean   float64 // of the window
	Newest float64 // the newest frame alone
}

// Evidence returns what the window says, and false while less than half of it has been seen: one good frame is no evidence.
func (w *Window) Evidence() (e Evidence, known bool) {
	n := len(w.recent)
	if 2*n < w.size || n == 0 {
		return e, false
	}
	return Evidence{mean(w.recent), w.recent[n-1]}, true
}

// Judge says whether the newest frame shows a live face. One of these happens:
//
//  1. There is no Evidence. The verdict is Unknown.
//  2. The mean of the window is below Refuse. The verdict is NotLive.
//  3. The mean is below Accept. The verdict is Doubtful.
//  4. The newest frame alone is below Refuse. The verdict is Unknown. Whoever shows a photo for a moment, again and again, keeps
//     a good mean, and the frames with the photo must not pass on the strength of those without. To ask for Accept here
//     would double what living people are refused, since their frames vary more than their means.
//  5. The mean reaches Accept, and the newest frame Refuse. The verdict is Live.
func (w *Window) Judge(t Thresholds) Verdict {
	e, known := w.Evidence()
	if !known {
		return Unknown
	}
	return e.Judge(t)
}

// Judge is that of a Window of which enough has been seen.
func (e Evidence) Judge(t Thresholds) Verdict {
	switch {
	case !(e.Mean >= t.Refuse):
		return NotLive
	case !(e.Mean >= t.Accept):
		return Doubtful
	case !(e.Newest >= t.Refuse):
		return Unknown
	}
	return Live
}

// Sure reports whether the whole window has been seen, and every frame of it reaches Accept.
func (w *Window) Sure(t Thresholds) bool {
	return len(w.recent) == w.size && !slices.ContainsFunc(w.recent, func(p float64) bool { return !(p >= t.Accept) })
}
