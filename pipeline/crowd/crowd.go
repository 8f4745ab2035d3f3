// Package crowd says in a few words how crowded a place is to the embedder: how near the faces of those who are let in come to
// others who are enrolled, beside the mixed crowd of the calibration.
//
// It keeps one coarse sum and a count, both in memory. What it says changes after every 200 passages at the soonest, so that
// nobody can tell from it what one passage was.
package crowd

import (
	"math"
	"sync"
)

// Passages is how many of them a word is of.
const Passages = 200

// A Level is how crowded a place is.
type Level uint8

// The levels. What they are measured by stands in docs/lookalikes.md.
const (
	Unknown  Level = iota // too few passages yet
	Ordinary              // as in the calibration
	More
	MuchMore
)

// String returns the level in words, "" for Unknown.
func (l Level) String() string {
	return [...]string{Unknown: "", Ordinary: "as in the calibration", More: "more", MuchMore: "much more"}[l]
}

// The least mean excess of a level. docs/lookalikes.md says how they were chosen.
const (
	more     = 0.03
	muchMore = 0.05
)

const (
	steps = 64  // of excess in a cosine of 1; a finer one says no more about a place
	most  = .25 // of one passage, so that no single one decides
)

// A Gauge is of one place. Its zero value has seen nobody. It is safe for concurrent use.
type Gauge struct {
	mu    sync.Mutex // guards what follows
	level Level
	sum   int // of excesses, in steps
	n     int // passages in sum
}

// Add takes note of a passage, by the excess of the face that was let in; see match.Answer. An excess of 0 says nothing: too
// few were enrolled to tell.
func (g *Gauge) Add(excess float64) {
	if excess == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sum += int(math.Round(max(-most, min(most, excess)) * steps))
	if g.n++; g.n < Passages {
		return
	}
	g.level = levelOf(float64(g.sum) / steps / Passages)
	g.sum, g.n = 0, 0
}

// Level returns how crowded the place was to the last full number of Passages.
func (g *Gauge) Level() Level {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.level
}

func levelOf(mean float64) Level {
	switch {
	case mean >= muchMore:
		return MuchMore
	case mean >= more:
		return More
	}
	return Ordinary
}
