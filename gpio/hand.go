package gpio

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"facegate/configs/hint"
)

// The bounds of what is opened by hand, for all people and programs together. A pulse for somebody who was recognised does
// not count.
const (
	minRest     = 2 * time.Second // from the end of one pulse to the next, and
	restPulses  = 3               // as long as that many pulses, so that the door is open for a quarter of the time at most
	handWindow  = time.Hour       // in which there are
	maxByHand   = 30              // pulses at most, and
	maxOpenTime = 5 * time.Minute // of an open door
)

// Errors of a pulse by hand.
var (
	ErrRest  = errors.New("the door was opened by hand just before")
	ErrShare = errors.New("the door was opened by hand too often within an hour")
)

// A Pulser opens a door by hand, for one pulse at a time.
type Pulser interface {
	// Usable returns nil if Pulse would open the door, and otherwise its error.
	Usable() error

	// Pulse opens the door for one pulse.
	Pulse() (Edge, error)

	// Length is how long a pulse is.
	Length() time.Duration
}

// A Hand opens a door by hand, and not so often that it stays open.
type Hand struct {
	door Pulser

	mu     sync.Mutex  // guards what follows; held over a pulse's start
	starts []time.Time // of the pulses in the last hour, oldest first
}

// NewHand returns the Hand of a door that was opened by hand at these times, oldest first, such as before a restart.
func NewHand(p Pulser, before []time.Time, now time.Time) *Hand {
	h := &Hand{door: p}
	for _, at := range before {
		if at.After(now) { // the clock was set back: nobody is shut out for longer than an hour by that
			at = now
		}
		h.starts = append(h.starts, at)
	}
	return h
}

// Pulse opens the door for one pulse at now. Before that it calls note, which writes down who it is for; if that fails the
// door stays locked. It refuses with ErrRest, ErrShare or the errors of the door.
func (h *Hand) Pulse(now time.Time, note func() error) (Edge, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.door.Usable(); err != nil {
		return Edge{}, err
	}
	if err := h.bounded(now); err != nil {
		return Edge{}, err
	}
	if err := note(); err != nil {
		return Edge{}, err
	}
	edge, err := h.door.Pulse()
	if err == nil {
		h.starts = append(h.starts, now)
	}
	return edge, err
}

// bounded refuses what is more than the bounds allow. h.mu must be held.
func (h *Hand) bounded(now time.Time) error {
	for len(h.starts) > 0 && now.Sub(h.starts[0]) >= handWindow {
		h.starts = h.starts[1:]
	}
	n, pulse := len(h.starts), h.door.Length()
	if n == 0 {
		return nil
	}
	if wait := h.starts[n-1].Add(pulse + max(minRest, restPulses*pulse)).Sub(now); wait > 0 {
		return again(ErrRest, wait)
	}
	if most := min(maxByHand, max(1, int(maxOpenTime/pulse))); n >= most {
		return again(fmt.Errorf("%w: %d times", ErrShare, n), h.starts[n-most].Add(handWindow).Sub(now))
	}
	return nil
}

func again(err error, wait time.Duration) error {
	return hint.Wrap(err, "wait %v, or open it with a key", wait.Round(time.Second)+time.Second)
}
