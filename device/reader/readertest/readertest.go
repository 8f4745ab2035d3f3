// Package readertest is the contract that every reader.Source must keep.
package readertest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/device/reader"
)

// patience is how long a reader may take for what it has to do, on a machine that is busy.
const patience = 30 * time.Second

// A Bench is a reader, and what is done to it from outside.
type Bench struct {
	Source reader.Source
	Name   string      // that its scans have to bear
	Kind   reader.Kind // of what is shown

	// Show shows the nth thing, and returns what has to be read of it. Each is another one.
	Show func(t *testing.T, n int) (value []byte)

	// Spoil shows something that cannot be read whole; nil if the reader says nothing of such.
	Spoil func(t *testing.T)

	// Unplug takes the reader away, and Plug brings it back; nil if nobody can. The Source is then a reader.Attached.
	Unplug, Plug func(t *testing.T)
}

// Run tests the readers that open returns. Each call of open must give one that nobody else reads; Run closes it.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Bench)
	}{
		{"reads what is shown", reads},
		{"a value is the receiver's own", owns},
		{"ends with its context", endsWithContext},
		{"says what was not read", unread},
		{"comes back", comesBack},
		{"Close ends Read", closeEnds},
		{"has a lasting name", hasName},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			b := open(t)
			t.Cleanup(func() {
				if err := b.Source.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			test.run(t, b)
		})
	}
}

// A reading is a Read under way.
type reading struct {
	scan chan reader.Scan
	err  chan error
}

func start(ctx context.Context, s reader.Source) reading {
	r := reading{scan: make(chan reader.Scan, 1), err: make(chan error, 1)}
	go func() {
		if scan, err := s.Read(ctx); err != nil {
			r.err <- err
		} else {
			r.scan <- scan
		}
	}()
	return r
}

// ready begins to read, and waits until the reader is open: what is shown before may be lost.
func (b Bench) ready(t *testing.T) reading {
	t.Helper()
	r := start(t.Context(), b.Source)
	time.Sleep(100 * time.Millisecond)
	return r
}

func (r reading) wait(t *testing.T) reader.Scan {
	t.Helper()
	select {
	case s := <-r.scan:
		return s
	case err := <-r.err:
		t.Fatalf("Read = %v", err)
	case <-time.After(patience):
		t.Fatal("nothing is read")
	}
	panic("unreachable")
}

func (r reading) fails(t *testing.T) error {
	t.Helper()
	select {
	case s := <-r.scan:
		t.Fatalf("Read returns %v, want an error", s.Kind)
	case err := <-r.err:
		return err
	case <-time.After(patience):
		t.Fatal("Read does not return")
	}
	panic("unreachable")
}

// check compares a scan with what was shown.
func (b Bench) check(t *testing.T, s reader.Scan, value []byte, since time.Time) {
	t.Helper()
	if s.Reader != b.Name || s.Kind != b.Kind || !bytes.Equal(s.Value, value) {
		t.Errorf("read %v %q at %q, want %v %q at %q", s.Kind, s.Value, s.Reader, b.Kind, value, b.Name)
	}
	if s.At.Before(since.Add(-time.Second)) || s.At.After(time.Now()) || s.At == s.At.Round(0) {
		t.Errorf("it is said to be shown at %v, want between %v and now, with a monotonic reading", s.At, since)
	}
}

func reads(t *testing.T, b Bench) {
	r := b.ready(t)
	for n := range 3 {
		since := time.Now()
		value := b.Show(t, n)
		b.check(t, r.wait(t), value, since)
		r = start(t.Context(), b.Source)
	}
}

func owns(t *testing.T, b Bench) {
	r := b.ready(t)
	b.Show(t, 1)
	first := r.wait(t)
	r = start(t.Context(), b.Source)
	since := time.Now()
	value := b.Show(t, 2)
	second := r.wait(t)
	first.Clear()
	b.check(t, second, value, since)
	if left(first.Value) {
		t.Errorf("after Clear there is %q", first.Value)
	}
}

// left reports whether a byte is left.
func left(value []byte) bool { return len(bytes.Trim(value, "\x00")) > 0 }

func endsWithContext(t *testing.T, b Bench) {
	ctx, cancel := context.WithCancel(t.Context())
	r := start(ctx, b.Source)
	time.Sleep(50 * time.Millisecond)
	cancel()
	if err := r.fails(t); !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %v after a cancellation", err)
	}
	if err := start(ctx, b.Source).fails(t); !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %v with a cancelled context", err)
	}
	r = b.ready(t)
	since := time.Now()
	value := b.Show(t, 3)
	b.check(t, r.wait(t), value, since)
}

func unread(t *testing.T, b Bench) {
	if b.Spoil == nil {
		t.Skip("it says nothing of what it cannot read")
	}
	r := b.ready(t)
	for n := range 2 {
		b.Spoil(t)
		if err := r.fails(t); !errors.Is(err, reader.ErrUnread) || hint.Of(err) == "" {
			t.Fatalf("Read = %v with hint %q, want ErrUnread with one", err, hint.Of(err))
		}
		r = start(t.Context(), b.Source)
		since := time.Now()
		value := b.Show(t, n)
		b.check(t, r.wait(t), value, since)
		r = start(t.Context(), b.Source)
	}
}

func comesBack(t *testing.T, b Bench) {
	if b.Unplug == nil {
		t.Skip("nobody can take it away")
	}
	src := b.Source.(reader.Attached)
	for n := range 3 {
		r := b.ready(t)
		if err := src.Fault(); err != nil {
			t.Fatalf("it is there, and Fault = %v", err)
		}
		b.Unplug(t)
		if err := r.fails(t); errors.Is(err, reader.ErrUnread) || hint.Of(err) == "" {
			t.Fatalf("Read = %v with hint %q, want a fault with one", err, hint.Of(err))
		}
		if src.Fault() == nil {
			t.Error("it is gone, and Fault says nothing")
		}
		r = start(t.Context(), b.Source)
		b.Plug(t)
		r = b.back(t, r)
		since := time.Now()
		value := b.Show(t, n)
		b.check(t, r.wait(t), value, since)
	}
}

// back waits until the reader says no fault. Meanwhile Read may give another reason.
func (b Bench) back(t *testing.T, r reading) reading {
	t.Helper()
	for ends := time.Now().Add(patience); b.Source.(reader.Attached).Fault() != nil; time.Sleep(5 * time.Millisecond) {
		select {
		case <-r.err:
			r = start(t.Context(), b.Source)
		default:
		}
		if time.Now().After(ends) {
			t.Fatalf("it is back, and Fault = %v", b.Source.(reader.Attached).Fault())
		}
	}
	time.Sleep(100 * time.Millisecond)
	return r
}

func closeEnds(t *testing.T, b Bench) {
	r := b.ready(t)
	if err := b.Source.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.fails(t); !errors.Is(err, reader.ErrClosed) || hint.Of(err) == "" {
		t.Errorf("Read = %v with hint %q, want ErrClosed with one", err, hint.Of(err))
	}
	if err := start(t.Context(), b.Source).fails(t); !errors.Is(err, reader.ErrClosed) {
		t.Errorf("Read after Close = %v", err)
	}
}

func hasName(t *testing.T, b Bench) {
	if name := b.Source.String(); name == "" || b.Source.Close() != nil || b.Source.String() != name {
		t.Errorf("the name is %q, and %q after Close", name, b.Source)
	}
}
