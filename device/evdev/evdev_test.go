package evdev_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/device/evdev"
	"facegate/device/reader"
	"facegate/device/reader/readertest"
)

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// A desk is where a simulated reader is plugged in.
type desk struct {
	path string
	twin *evdev.Twin
}

func newDesk(t *testing.T) *desk {
	d := &desk{path: filepath.Join(t.TempDir(), "usb-reader-event-kbd")}
	d.plug(t)
	t.Cleanup(func() { d.twin.Unplug() })
	return d
}

func (d *desk) plug(t *testing.T) {
	t.Helper()
	var err error
	d.twin, err = evdev.Plug(d.path)
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) unplug(t *testing.T) {
	t.Helper()
	try(t, d.twin.Unplug())
}

func TestContract(t *testing.T) {
	t.Run("cards", func(t *testing.T) {
		readertest.Run(t, func(t *testing.T) readertest.Bench {
			d := newDesk(t)
			return readertest.Bench{
				Source: evdev.New(evdev.Config{Name: "desk", Device: d.path}), Name: "desk", Kind: reader.Card,
				Show: func(t *testing.T, n int) []byte {
					value := fmt.Sprintf("04:A2:3f:%08d", n)
					try(t, d.twin.Type(value+"\n"))
					return []byte(value)
				},
				Spoil:  func(t *testing.T) { try(t, d.twin.Type("0004")) },
				Unplug: d.unplug, Plug: d.plug,
			}
		})
	})
	t.Run("keys", func(t *testing.T) {
		readertest.Run(t, func(t *testing.T) readertest.Bench {
			d := newDesk(t)
			return readertest.Bench{
				Source: evdev.New(evdev.Config{Name: "pad", Device: d.path, Keypad: true}), Name: "pad", Kind: reader.Keys,
				Show: func(t *testing.T, n int) []byte {
					value := fmt.Sprintf("12*%06d", n)
					try(t, d.twin.Type(value+[]string{"\n", "#"}[n%2]))
					return []byte(value)
				},
				Unplug: d.unplug, Plug: d.plug,
			}
		})
	})
}

// TestSecure holds that a reader that has cards prove a key says so.
func TestSecure(t *testing.T) {
	d := newDesk(t)
	r := evdev.New(evdev.Config{Name: "desk", Device: d.path, Secure: true})
	defer r.Close()
	try(t, d.twin.Type("4711\n"))
	if s, err := r.Read(t.Context()); err != nil || s.Kind != reader.SecureCard {
		t.Errorf("%v, %v", s.Kind, err)
	}
}

// TestNoReader holds that what is none is refused, with what to do.
func TestNoReader(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "file")
	try(t, os.WriteFile(plain, nil, 0o600))
	for _, path := range []string{plain, dir, filepath.Join(dir, "missing"), "/dev/null"} {
		r := evdev.New(evdev.Config{Name: "desk", Device: path})
		_, err := r.Read(t.Context())
		if err == nil || errors.Is(err, reader.ErrUnread) || hint.Of(err) == "" || r.Fault() == nil {
			t.Errorf("%s: %v with hint %q, Fault %v", path, err, hint.Of(err), r.Fault())
		}
		try(t, r.Close())
	}
}

// TestComesLate has a reader plugged in after the gate began to look for it, again and again. It is found without waiting for the
// next look.
func TestComesLate(t *testing.T) {
	d := &desk{path: filepath.Join(t.TempDir(), "by-id", "usb-reader-event-kbd")}
	r := evdev.New(evdev.Config{Name: "desk", Device: d.path})
	defer r.Close()
	if _, err := r.Read(t.Context()); err == nil {
		t.Fatal("a reader that is not there was read")
	}
	done := make(chan error, 1)
	go func() {
		s, err := r.Read(t.Context())
		if err == nil && string(s.Value) != "4711" {
			err = fmt.Errorf("read %q", s.Value)
		}
		done <- err
	}()
	time.Sleep(50 * time.Millisecond)
	try(t, os.Mkdir(filepath.Dir(d.path), 0o700))
	d.plug(t)
	defer d.unplug(t)
	try(t, d.twin.Type("4711\n"))
	try(t, <-done)
}
