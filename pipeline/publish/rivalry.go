package publish

import (
	"slices"
	"strings"
	"time"
)

const (
	rivals = 3                // how often somebody else speaks for the gate before that is more than a coincidence
	calm   = 10 * time.Minute // without another time, after which it was one
)

// A rivalry is that somebody else speaks on the topics of the states of a gate, again and again, and is contradicted each time.
type rivalry struct {
	times  int       // without calm in between
	last   time.Time // of them
	topics []string  // on which that was, in their order
}

// note notes on which topics somebody else has spoken, and reports whether that is more than a coincidence by now.
func (r *rivalry) note(topics []string) bool {
	if len(topics) == 0 {
		return false
	}
	if time.Since(r.last) >= calm {
		*r = rivalry{}
	}
	r.times++
	r.last = time.Now()
	r.topics = slices.Compact(slices.Sorted(slices.Values(append(r.topics, topics...))))
	return r.times >= rivals
}

// fault explains it, nil where there is none, or not any more.
func (r *rivalry) fault(e explainer) *Fault {
	if r.times < rivals || time.Since(r.last) >= calm {
		return nil
	}
	return e.fault("overruled", "has somebody else speak for this gate on "+strings.Join(r.topics, ", "),
		"The gate says again what is so, every five seconds at most. Let nobody but the user %q write %s in the broker's access list, and no bridge "+
			"bring in these topics from another broker.", e.user(), e.cfg.topic("#"))
}
