package evdev

import (
	"fmt"
	"time"

	"facegate/device/keypad"
	"facegate/device/reader"
)

// What a reader types of a card.
const (
	gap    = 300 * time.Millisecond // from one key to the next; people are slower, mostly
	maxLen = 64                     // characters
)

// Why something that was typed is not taken for a card, or for what somebody typed. All of them are reader.ErrUnread.
var (
	ErrBroke   = fault("the number broke off before its Enter")
	ErrLong    = fault("the number is too long")
	ErrNoChar  = fault("a key was typed that is in no number")
	ErrDropped = fault("the kernel lost keys of it")
)

func fault(text string) error { return fmt.Errorf("%w: %s", reader.ErrUnread, text) }

// Types, codes and values of events (linux/input-event-codes.h).
const (
	evSyn, evKey          = 0, 1
	synReport, synDropped = 0, 3
	up, down              = 0, 1 // a key that is held repeats with 2
)

// An event is one of an input device.
type event struct {
	kind, code uint16
	value      int32
	at         time.Time
}

// A typist makes of events what was typed. It has no clock.
type typist struct {
	emit func(value []byte, at time.Time, err error)
	pad  *keypad.Pad // of a keypad; nil where a reader types cards

	left, right bool // shift is held
	dropping    bool // until the next report: the kernel says that it has lost events
	wrong       error
	line        []byte
	last        time.Time // when the last character was typed
}

// see takes an event.
func (t *typist) see(e event) {
	switch {
	case e.kind == evSyn && e.code == synDropped:
		t.dropping = true
	case e.kind == evSyn && e.code == synReport && t.dropping:
		t.dropping, t.left, t.right = false, false, false
		t.spoil(ErrDropped, e.at)
	case t.dropping, e.kind != evKey:
	case e.code == keyLeftShift:
		t.left = e.value != up
	case e.code == keyRightShift:
		t.right = e.value != up
	case e.value != down, e.code == keyCapsLock, e.code == keyNumLock:
	case t.pad != nil:
		t.press(padKey(e.code, t.left || t.right), e.at)
	case e.code == keyEnter, e.code == keyKPEnter:
		t.enter(e.at)
	default:
		t.character(char(e.code, t.left || t.right), e.at)
	}
}

// character takes a character of a card.
func (t *typist) character(c byte, at time.Time) {
	t.lapse(at)
	switch {
	case c == 0:
		t.spoil(ErrNoChar, at)
	case len(t.line) == maxLen:
		t.spoil(ErrLong, at)
	default:
		t.line, t.last = append(t.line, c), at
	}
}

// spoil says that what is being typed cannot be used, and waits for its end.
func (t *typist) spoil(why error, at time.Time) {
	if t.last = at; t.wrong == nil {
		t.wrong = why
	}
}

// enter ends the number of a card. One key by itself, such as a second Enter, is none.
func (t *typist) enter(at time.Time) {
	t.lapse(at)
	wrong, line := t.wrong, append([]byte(nil), t.line...)
	t.clear()
	switch {
	case wrong != nil:
		clear(line)
		t.emit(nil, at, wrong)
	case len(line) > 0:
		t.emit(line, at, nil)
	}
}

// press takes a key of a keypad.
func (t *typist) press(key byte, at time.Time) {
	t.lapse(at)
	if key == 0 {
		return
	}
	typed := t.pad.Press(key, at)
	switch {
	case t.wrong != nil && (key == keypad.Enter || key == keypad.Clear):
		clear(typed)
		if wrong := t.wrong; key == keypad.Enter {
			t.emit(nil, at, wrong)
		}
		t.wrong = nil
	case typed != nil:
		t.emit(typed, at, nil)
	}
}

// due returns when lapse has something to do, the zero time for never.
func (t *typist) due() time.Time {
	switch {
	case t.pad != nil && t.wrong != nil:
		return t.last.Add(keypad.Pause)
	case t.pad != nil:
		return t.pad.Due()
	case len(t.line) > 0 || t.wrong != nil:
		return t.last.Add(gap + 1)
	}
	return time.Time{}
}

// lapse forgets what nobody has gone on with.
func (t *typist) lapse(now time.Time) {
	due := t.due()
	if due.IsZero() || now.Before(due) {
		return
	}
	if t.pad != nil {
		t.pad.Lapse(now)
		t.wrong = nil
		return
	}
	wrong, at := t.wrong, t.last
	t.clear()
	if wrong == nil {
		wrong = ErrBroke
	}
	t.emit(nil, at, wrong)
}

// clear forgets what was typed, and when its keys are up.
func (t *typist) clear() {
	clear(t.line[:cap(t.line)])
	t.line, t.wrong = t.line[:0], nil
}

// reset forgets everything, as when the reader was unplugged.
func (t *typist) reset() {
	t.clear()
	t.left, t.right, t.dropping = false, false, false
	if t.pad != nil {
		t.pad.Press(keypad.Clear, t.last)
	}
}
