// Package debounce tells a level that lasts from the bounces of a contact, where the kernel does not.
package debounce

import (
	"time"

	"facegate/gpio"
)

// A Filter passes on the levels of a line that last.
type Filter struct {
	period time.Duration
	emit   func(gpio.Level)
	passed bool      // the level that was passed on last
	raw    bool      // the level of the line
	since  time.Time // when it became that
}

// New returns a Filter that calls emit with level now, and then with each level that has lasted for period, in order and
// never twice the same.
func New(period time.Duration, level bool, now time.Time, emit func(gpio.Level)) *Filter {
	emit(gpio.Level{At: now, Active: level})
	return &Filter{period: period, emit: emit, passed: level, raw: level, since: now}
}

// See says what the level of the line is from at on, or from the change before if that was later.
func (f *Filter) See(level bool, at time.Time) {
	if at.Before(f.since) {
		at = f.since
	}
	f.Settle(at)
	if level != f.raw {
		f.raw, f.since = level, at
	}
	f.Settle(at)
}

// Missed says that n changes of the level came before at and were not seen. Of those that cancel each other out one pair is
// kept, so that a press among them is passed on.
func (f *Filter) Missed(n uint32, at time.Time) {
	if n == 0 {
		return
	}
	for range (n-1)%2 + 1 {
		f.See(!f.raw, at)
	}
}

// Settle passes on the level of the line if it has lasted until now. Otherwise it returns for how long the level still has to
// last, and 0 if there is nothing to wait for.
func (f *Filter) Settle(now time.Time) (left time.Duration) {
	if f.raw == f.passed {
		return 0
	}
	if left := f.period - now.Sub(f.since); left > 0 {
		return left
	}
	f.passed = f.raw
	f.emit(gpio.Level{At: f.since.Add(f.period), Active: f.raw})
	return 0
}
