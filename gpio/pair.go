package gpio

import (
	"context"
	"time"
)

// A Pair is two input lines that are watched together for falling edges, such as the data lines of a Wiegand reader. They are at
// rest when they are high. One goroutine at a time may watch it; Close and String may be called from any.
type Pair interface {
	// Watch calls fell for each falling edge, in order, and rests with a moment before which there was no other one. Both are
	// called from the goroutine that called Watch. Edges that fall while nobody watches are told to the next Watch, as far as
	// there is room for them. Three things might happen:
	//   1. It returns nil: ctx was cancelled. What was not told yet is told to the next Watch.
	//   2. It returns ErrClosed: the lines are no longer ours.
	//   3. It returns another error: the lines cannot be read, because their chip is gone, say. They are to be closed and opened anew.
	Watch(ctx context.Context, fell Fell, rests Rests) error

	// Close releases the lines, and ends Watch. It returns ErrClosed if they had been closed before.
	Close() error

	// String names the lines as a technician would ("GPIO23 and GPIO24 on gpiochip0 [pinctrl-rp1]").
	String() string
}

// Fell is told of a falling edge: of which line, 0 or 1, when on the monotonic clock of the machine, and how many edges of both
// lines there were with it since they were opened. A gap in that number says that edges were lost.
type Fell = func(line int, at time.Duration, seq uint32)

// Rests is told that every edge before a moment was told, and which of the lines were low just now. It is called within 20 ms of
// that moment for a while after an edge, and else once a second.
type Rests = func(at time.Duration, low [2]bool)
