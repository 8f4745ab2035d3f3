// Package gpio drives the door: what an output line is, and the relay that turns one line into bounded pulses of the
// strike.
package gpio

import "errors"

// ErrClosed is returned by a Line that has been closed.
var ErrClosed = errors.New("the line is closed")

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
