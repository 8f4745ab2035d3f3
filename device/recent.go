package device

import (
	"errors"
	"fmt"
)

// recentFrames is how many frames the share of bad ones is taken of: 13 s at 15 frames a second.
const recentFrames = 200

// When a source has many bad frames: from one in 20 on, until fewer than one in 100 are.
const (
	manyFrom  = 20
	manyUntil = 100
	fewest    = 5 // bad frames that count as many; a camera that starts sends some
)

// AdviceDamaged is what to do about a camera that sends damaged frames.
const AdviceDamaged = "try another cable, USB port or power supply for the camera"

// Damaged reports whether err says of a frame that a part of it is lost, rather than that it is of an unusable kind.
func Damaged(err error) bool { return errors.Is(err, ErrTruncated) || errors.Is(err, ErrCorrupt) }

// A verdict is what a frame was good for.
type verdict uint8

const (
	usable verdict = iota
	damaged
	unusable
	verdicts
)

// A recent remembers the verdicts on the last frames.
type recent struct {
	ring  [recentFrames]verdict
	next  int // in ring
	count [verdicts]int
	why   error // of the last bad frame
	many  bool  // there are many bad ones
}

// add takes the verdict on the next frame: nil, or why it cannot be used. It reports whether many has changed.
func (r *recent) add(why error) bool {
	if r.total() == len(r.ring) {
		r.count[r.ring[r.next]]--
	}
	r.put(r.next, why)
	r.next = (r.next + 1) % len(r.ring)
	return r.weigh()
}

// correct makes the verdict on a frame that seemed usable that of why. It reports whether many has changed.
func (r *recent) correct(why error) bool {
	for i := range r.total() {
		place := (r.next - 1 - i + len(r.ring)) % len(r.ring)
		if r.ring[place] == usable {
			r.count[usable]--
			r.put(place, why)
			break
		}
	}
	return r.weigh()
}

func (r *recent) put(place int, why error) {
	v := usable
	switch {
	case Damaged(why):
		v = damaged
	case why != nil:
		v = unusable
	}
	if why != nil {
		r.why = why
	}
	r.ring[place] = v
	r.count[v]++
}

func (r *recent) total() int { return r.count[usable] + r.bad() }
func (r *recent) bad() int   { return r.count[damaged] + r.count[unusable] }

func (r *recent) weigh() (changed bool) {
	was := r.many
	if r.many {
		r.many = r.bad()*manyUntil >= r.total()
	} else {
		r.many = r.bad() >= fewest && r.bad()*manyFrom >= r.total()
	}
	return r.many != was
}

// err says how many frames cannot be used, and why the last one could not. It wraps that.
func (r *recent) err() error {
	what := "cannot be used"
	if r.count[damaged] > r.count[unusable] {
		what = "are damaged"
	}
	return fmt.Errorf("%d %% of the last %d frames %s: %w", (100*r.bad()+r.total()/2)/r.total(), r.total(), what, r.why)
}
