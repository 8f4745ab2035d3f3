// Package keypad makes what somebody types at a door of single keys: NUMBER*PIN#, or PIN# by somebody whom a card or a pass has
// named.
//
// The package is pure: it has no clock, time comes with each key. A PIN is held from its first key to Enter, and overwritten
// then, when it is cleared, and when nobody goes on typing.
package keypad

import (
	"bytes"
	"errors"
	"time"
)

// The keys besides the digits '0' to '9'.
const (
	Star  = '*' // between number and PIN; twice in a row it is Clear, for keypads without that key
	Enter = '#'
	Clear = 'C'
)

// What can be typed at the most, in keys.
const (
	MaxNumber = 8
	MaxPIN    = 12
	maxKeys   = MaxNumber + 1 + MaxPIN
)

// How long what was typed is held. Somebody who looks for each key is given their time, and nobody goes on with what another
// has left standing.
const (
	Pause = 10 * time.Second // from one key to the next
	Whole = time.Minute      // from the first key to Enter
)

// A Pad gathers the keys of one keypad. Its zero value is one at which nothing was typed. It is not safe for concurrent use.
type Pad struct {
	keys        [maxKeys + 1]byte // one more than can be typed tells that there were too many
	held        int
	first, last time.Time
}

// Press takes a key that was pressed at a time. With Enter it returns what was typed before it, which is the caller's own, to be
// read with Parse and cleared after use. Until then, and where nothing was typed, it returns nil. It does nothing at a key that
// is none.
func (p *Pad) Press(key byte, at time.Time) []byte {
	p.Lapse(at)
	switch {
	case key == Clear, key == Star && p.ends(Star):
		p.clear()
	case key == Enter:
		return p.take()
	case key == Star && p.held == 0: // who has cleared once too often
	case key == Star, isDigit(key):
		p.hold(key, at)
	}
	return nil
}

// Lapse forgets what was typed if nobody has gone on with it by now.
func (p *Pad) Lapse(now time.Time) {
	if due := p.Due(); !due.IsZero() && !now.Before(due) {
		p.clear()
	}
}

// Due returns when Lapse forgets what was typed, the zero time if nothing is held.
func (p *Pad) Due() time.Time {
	if p.held == 0 {
		return time.Time{}
	}
	if pause, whole := p.last.Add(Pause), p.first.Add(Whole); pause.Before(whole) {
		return pause
	}
	return p.first.Add(Whole)
}

func (p *Pad) hold(key byte, at time.Time) {
	if p.held == 0 {
		p.first = at
	}
	if p.last = at; p.held < len(p.keys) {
		p.keys[p.held] = key
		p.held++
	}
}

func (p *Pad) ends(key byte) bool { return p.held > 0 && p.keys[p.held-1] == key }

func (p *Pad) take() []byte {
	defer p.clear()
	if p.held == 0 {
		return nil
	}
	return bytes.Clone(p.keys[:p.held])
}

func (p *Pad) clear() { *p = Pad{} }

// ErrTyped means that what was typed is neither a number and a PIN nor a PIN.
var ErrTyped = errors.New("what was typed is no PIN")

// A Typed is what somebody has typed.
type Typed struct {
	Number string // of a person, which is no secret; "" if a PIN alone was typed
	PIN    []byte // digits
}

// Parse reads what Press has returned. The PIN lies in value, and is cleared with it. It refuses with ErrTyped.
func Parse(value []byte) (Typed, error) {
	number, pin, named := bytes.Cut(value, []byte{Star})
	if !named {
		number, pin = nil, value
	}
	if named == (len(number) == 0) || len(number) > MaxNumber || len(pin) == 0 || len(pin) > MaxPIN || !digits(number) || !digits(pin) {
		return Typed{}, ErrTyped
	}
	return Typed{Number: string(number), PIN: pin}, nil
}

func digits(keys []byte) bool {
	for _, k := range keys {
		if !isDigit(k) {
			return false
		}
	}
	return true
}

func isDigit(key byte) bool { return key >= '0' && key <= '9' }
