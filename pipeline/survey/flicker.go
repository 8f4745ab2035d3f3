package survey

import (
	"math"
	"math/cmplx"
)

// A Flicker is what lamps on the mains do to the picture: bands that move over it, because rows are exposed one after the other
// and the light swells twice in each period.
type Flicker struct {
	Hz      int     `json:"hz"`      // of the mains, 50 or 60; 0 if no flicker is seen
	Percent float64 `json:"percent"` // how far the bands swell above the mean, of it
}

// What bands look like.
const (
	mostBands    = 10    // over the height of a picture that is read out in a tenth of a second
	bandStep     = 0.5   // in which their number is tried
	mainsWander  = 0.5   // Hz by which mains, and clocks of cameras, are off
	wanderStep   = 0.04  // Hz in which that is tried
	fewestFrames = 60    // from which something can be told
	flickers     = 0.005 // share of the mean brightness, from which bands are told
	oneWay       = 3     // by so many times bands move one way rather than the other
)

// flicker looks for bands that move as the light of 50 or 60 Hz makes them. Where a whole number of swells falls on each frame
// they stand still, and cannot be told from what is in the picture.
func flicker(frames []profile, brightness float64) (f Flicker) {
	if len(frames) < fewestFrames || brightness < 1 {
		return f
	}
	frames = frames[:min(len(frames), 600)]
	best := 0.
	for bands := bandStep; bands <= mostBands; bands += bandStep {
		waves := wavesOf(frames, bands)
		for _, mains := range []int{50, 60} {
			swell, back := swells(frames, waves, float64(2*mains))
			if swell > best && swell > oneWay*back {
				best = swell
				f = Flicker{mains, rounded(100 * swell / brightness)}
			}
		}
	}
	if best < flickers*brightness {
		return Flicker{}
	}
	return f
}

// wavesOf returns for each frame the wave of so many bands that is in it and not in the mean frame.
func wavesOf(frames []profile, bands float64) []complex128 {
	waves := make([]complex128, len(frames))
	var basis [GridHeight]complex128
	for y := range basis {
		basis[y] = cmplx.Rect(2./GridHeight, -2*math.Pi*bands*float64(y)/GridHeight)
	}
	var mean complex128
	for i, p := range frames {
		for y, v := range p.rows {
			waves[i] += complex(float64(v), 0) * basis[y]
		}
		mean += waves[i] / complex(float64(len(frames)), 0)
	}
	for i := range waves {
		waves[i] -= mean
	}
	return waves
}

// swells returns how high the waves are that move with light of a frequency, and how high those that move the other way.
func swells(frames []profile, waves []complex128, hz float64) (there, back float64) {
	for off := -2 * mainsWander; off <= 2*mainsWander; off += wanderStep {
		var a, b complex128
		for i, w := range waves {
			turn := 2 * math.Pi * (hz + off) * frames[i].at
			a += w * cmplx.Rect(1, -turn)
			b += w * cmplx.Rect(1, turn)
		}
		there, back = max(there, cmplx.Abs(a)), max(back, cmplx.Abs(b))
	}
	n := float64(len(waves))
	return there / n, back / n
}
