package metrics

import "time"

// The least that a step of a pace tells of.
const (
	fewest = 10        // passages
	seldom = time.Hour // since the step before, or the start
)

// A pace is what is told of a number that moves with each passage. Read every few seconds, such a number would be the profile of who
// comes and goes at a small door. So it moves in steps: each is of ten passages at the least, and an hour after the one before. Then
// none tells when somebody came, and at a door with few people none tells on which day.
type pace struct {
	told  float64
	since time.Time // of the last step
}

// step returns what is told of a number now, and whether that has moved. That something is less, as what waits for the broker once it
// is back, tells of nobody, and is told at once.
func (p *pace) step(number float64, now time.Time) (told float64, moved bool) {
	moved = number < p.told || number-p.told >= fewest && now.Sub(p.since) >= seldom
	if moved {
		p.told, p.since = number, now
	}
	return p.told, moved
}
