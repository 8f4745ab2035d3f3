package publish

import "sync/atomic"

// A tally counts events by their methods. Whoever reads it waits for nothing.
type tally map[string]*atomic.Uint64

func newTally() tally {
	t := tally{}
	for _, method := range Methods() {
		t[method] = new(atomic.Uint64)
	}
	return t
}

// add counts an event of one of Methods.
func (t tally) add(method string) { t[method].Add(1) }

func (t tally) counts() map[string]uint64 {
	counts := make(map[string]uint64, len(t))
	for method, n := range t {
		counts[method] = n.Load()
	}
	return counts
}
