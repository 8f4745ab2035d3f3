package evdev

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A Twin is a simulated reader or keypad: a named pipe that events are written to as the kernel writes them. It is there for as
// long as it is plugged in.
type Twin struct {
	path string
	pipe *os.File
}

// Plug makes a Twin at path.
func Plug(path string) (*Twin, error) {
	away := path + ".new"
	if err := unix.Mkfifo(away, 0o600); err != nil {
		return nil, fmt.Errorf("make the pipe %s: %w", away, err)
	}
	pipe, err := os.OpenFile(away, os.O_RDWR|unix.O_CLOEXEC, 0) // so that it is written to before anybody can open it
	if err != nil {
		return nil, errors.Join(err, os.Remove(away))
	}
	if err := os.Rename(away, path); err != nil {
		return nil, errors.Join(err, pipe.Close(), os.Remove(away))
	}
	return &Twin{path: path, pipe: pipe}, nil
}

// Unplug takes the Twin away.
func (t *Twin) Unplug() error { return errors.Join(os.Remove(t.path), t.pipe.Close()) }

// Type types a text as a reader does. A line feed is Enter. It refuses what no key types.
func (t *Twin) Type(text string) error {
	for _, c := range []byte(text) {
		code, shift, ok := keyOf(c)
		if !ok {
			return fmt.Errorf("no key types %q", c)
		}
		keys := []uint16{code}
		if shift {
			keys = []uint16{keyLeftShift, code}
		}
		if err := t.stroke(keys); err != nil {
			return err
		}
	}
	return nil
}

// keyOf returns the key that types a character.
func keyOf(c byte) (code uint16, shift, ok bool) {
	if c == '\n' {
		return keyEnter, false, true
	}
	for _, r := range rows {
		if n := bytes.IndexByte([]byte(r.plain), c); n >= 0 {
			return r.first + uint16(n), false, true
		}
		if n := bytes.IndexByte([]byte(r.shifted), c); n >= 0 {
			return r.first + uint16(n), true, true
		}
	}
	return 0, false, false
}

// stroke presses keys one after the other, and lets them go.
func (t *Twin) stroke(keys []uint16) error {
	for _, k := range keys {
		if err := t.event(evKey, k, down); err != nil {
			return err
		}
	}
	for i := range keys {
		if err := t.event(evKey, keys[len(keys)-1-i], up); err != nil {
			return err
		}
	}
	return nil
}

// event writes an event and the report that ends it.
func (t *Twin) event(kind, code uint16, value int32) error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return err
	}
	at := unix.NsecToTimeval(now.Nano())
	var b bytes.Buffer
	for _, w := range []wire{{at, kind, code, value}, {at, evSyn, synReport, 0}} {
		if err := binary.Write(&b, binary.NativeEndian, w); err != nil {
			return err
		}
	}
	_, err := t.pipe.Write(b.Bytes())
	return err
}
