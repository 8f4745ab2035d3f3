// Package gpio drives the door: what an output line and an input line are, and the relay that turns one line into bounded
// pulses of the strike.
package gpio

import (
	"context"
	"errors"
	"os"
	"time"
)

// The errors of lines, whatever they are made of.
var (
	ErrClosed = errors.New("the line is closed")
	ErrInUse  = errors.New("the line is in use") // by whoever the error names
)

// A Line is one output line in logical levels: active energises the relay, whatever the polarity of its input. A line
// is inactive when it is opened. Its methods may be called from several goroutines.
type Line interface {
	// Set drives the line. Three things might happen:
	//   1. It returns nil: the line has the wanted level from now on. Setting the level that it has already is fine.
	//   2. It returns ErrClosed: the line is no longer ours, and its level is whatever Close left.
	//   3. It returns another error: the level is unknown, and Set may be tried again.
	Set(active bool) error

	// Close drives the line inactive and then releases it. Three things might happen:
	//   1. It returns nil: the line was driven inactive and is released.
	//   2. It returns ErrClosed: it had been closed before; nothing was done.
	//   3. It returns another error: the line is released, but its level is unknown.
	// What the pin does after the release is the kernel driver's choice, so the wiring must be safe without it.
	Close() error

	// String names the line as a technician would ("GPIO17 on gpiochip0 [pinctrl-rp1]").
	String() string
}

// A Lasting is a Line that a process can leave to the one that takes its place (execve(2)), without the relay noticing.
type Lasting interface {
	Line

	// Leave gives up the line and leaves its level as it is. The file holds the line from now on, and whoever opens the line
	// by that file takes it over. To the Line it is as if it was closed. It returns ErrClosed if the line had been closed before.
	Leave() (*os.File, error)
}

// A Level is the level of an input at a moment.
type Level struct {
	At     time.Time // when the line had held the level for its debounce; with a monotonic reading
	Active bool
}

// An Input is one input line in logical levels, debounced: active is what its wire tells, whatever its polarity. One
// goroutine at a time may watch it; Close and String may be called from any.
type Input interface {
	// Watch calls emit with the present level, and then with each change, in order and never twice the same, from the
	// goroutine that called Watch. No press that lasts longer than the debounce is lost, as long as emit returns soon. Three
	// things might happen:
	//   1. It returns nil: ctx was cancelled. The line may be watched again.
	//   2. It returns ErrClosed: the line is no longer ours.
	//   3. It returns another error: the line cannot be read, because its chip is gone, say. Watch may be tried again, and goes
	//      on once the line is back.
	Watch(ctx context.Context, emit func(Level)) error

	// Close releases the line, and ends Watch. It returns ErrClosed if the line had been closed before.
	Close() error

	// String names the line as a technician would ("GPIO27 on gpiochip0 [pinctrl-rp1]").
	String() string
}
