package cdev

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/inputtest"
)

// A wire is the kernel's side of an input, on machines without GPIO: the edges come through a pipe as the kernel writes
// them, and the level is read from memory.
type wire struct {
	abi   // v1 or v2
	level atomic.Bool
	kill  atomic.Bool // the chip is gone
	seq   uint32
	pipe  *os.File // where edges are written to
}

func (w *wire) get(uintptr) (bool, error) {
	if w.kill.Load() {
		return false, unix.ENODEV
	}
	return w.level.Load(), nil
}

func (w *wire) set(_ uintptr, active bool) error {
	if w.kill.Load() {
		return unix.ENODEV
	}
	w.level.Store(active)
	return nil
}

// event makes the kernel write an edge.
func (w *wire) event(t *testing.T, active bool) {
	t.Helper()
	m, err := present()
	if err != nil {
		t.Fatal(err)
	}
	w.at(t, active, uint64(m.monotonic))
}

func (w *wire) at(t *testing.T, active bool, stamp uint64) {
	t.Helper()
	id := uapi.LineEventFallingEdge
	if active {
		id = uapi.LineEventRisingEdge
	}
	var b bytes.Buffer
	var e any = uapi.EventData{Timestamp: stamp, ID: uapi.EventFlag(id)}
	if w.debounces() {
		w.seq++
		e = uapi.LineEvent{Timestamp: stamp, ID: id, Seqno: w.seq, LineSeqno: w.seq}
	}
	if err := binary.Write(&b, binary.NativeEndian, e); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pipe.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// drive changes the level from outside.
func (w *wire) drive(t *testing.T, active bool) {
	t.Helper()
	if w.level.Swap(active) != active {
		w.event(t, active)
	}
}

// wired returns an input on a wire.
func wired(t *testing.T, a abi, period time.Duration) (*input, *wire) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	far := &wire{abi: a, pipe: w}
	in := newInput(held{file: r, abi: far}, "GPIO27 on gpiochip0 [wire]", period)
	t.Cleanup(func() { in.Close() })
	return in, far
}

var abis = []struct {
	name string
	abi  abi
}{{"Linux 5.10", v2{}}, {"Linux 4.9", v1{}}}

func TestInputContract(t *testing.T) {
	for _, test := range abis {
		t.Run(test.name, func(t *testing.T) {
			inputtest.Run(t, func(t *testing.T) (gpio.Input, inputtest.Drive) {
				in, far := wired(t, test.abi, time.Millisecond)
				return in, far.drive
			})
		})
	}
}

// A session is a Watch under way, whose emit can be held up.
type session struct {
	levels chan bool
	err    chan error
	let    chan struct{} // lets the next emit return
}

func watched(t *testing.T, in gpio.Input) session {
	s := session{levels: make(chan bool, 100), err: make(chan error, 1), let: make(chan struct{}, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { s.err <- in.Watch(ctx, func(l gpio.Level) { s.levels <- l.Active; <-s.let }) }()
	return s
}

func (s session) expect(t *testing.T, want ...bool) {
	t.Helper()
	for i, active := range want {
		select {
		case got := <-s.levels:
			if got != active {
				t.Fatalf("level %d is active = %t, want %t", i, got, active)
			}
		case err := <-s.err:
			t.Fatalf("Watch = %v", err)
		case <-time.After(30 * time.Second):
			t.Fatalf("level %d was not told", i)
		}
		s.let <- struct{}{}
	}
}

// TestLatePress has somebody press and let go while nobody reads.
func TestLatePress(t *testing.T) {
	for _, test := range abis {
		t.Run(test.name, func(t *testing.T) {
			in, far := wired(t, test.abi, 10*time.Millisecond)
			s := watched(t, in)
			if <-s.levels {
				t.Fatal("active at the start")
			}
			m, err := present()
			if err != nil {
				t.Fatal(err)
			}
			ago := func(d time.Duration) uint64 { return uint64(m.monotonic - d) }
			far.at(t, true, ago(-30*time.Millisecond))
			far.at(t, false, ago(-60*time.Millisecond))
			time.Sleep(100 * time.Millisecond) // while the first emit has not returned
			s.let <- struct{}{}
			s.expect(t, true, false)
		})
	}
}

// TestBounces has contacts bounce on a kernel that does not debounce.
func TestBounces(t *testing.T) {
	in, far := wired(t, v1{}, 200*time.Millisecond)
	s := watched(t, in)
	s.expect(t, false)
	for range 20 {
		far.drive(t, true)
		far.drive(t, false)
	}
	far.drive(t, true)
	s.expect(t, true)
	for range 20 {
		far.drive(t, false)
		far.drive(t, true)
	}
	far.drive(t, false)
	s.expect(t, false)
	if n := len(s.levels); n > 0 {
		t.Errorf("%d levels more were told", n)
	}
}

// TestMissedEdges has the kernel drop edges, which it tells by their number.
func TestMissedEdges(t *testing.T) {
	for _, test := range []struct {
		name   string
		missed uint32
		active bool // the edge after them
		want   []bool
	}{
		{"none", 0, true, []bool{true}},
		{"a press, seen by its end", 1, false, []bool{true, false}},
		{"a press before this one", 2, true, []bool{true, false, true}},
		{"many", 1001, false, []bool{true, false}},
		{"many and this one", 1000, true, []bool{true, false, true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, far := wired(t, v2{}, 0)
			s := watched(t, in)
			s.expect(t, false)
			far.seq += test.missed
			far.level.Store(test.active)
			far.event(t, test.active)
			s.expect(t, test.want...)
		})
	}
}

// TestReread has a level change of which no edge tells.
func TestReread(t *testing.T) {
	in, far := wired(t, v2{}, 0)
	s := watched(t, in)
	s.expect(t, false)
	far.level.Store(true)
	s.expect(t, true)
	far.event(t, true) // comes late, and is no news
	far.drive(t, false)
	s.expect(t, false)
}

func TestGone(t *testing.T) {
	for name, away := range map[string]func(*wire){
		"the edges end":           func(w *wire) { w.pipe.Close() },
		"the level cannot be had": func(w *wire) { w.kill.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			in, far := wired(t, v2{}, 0)
			s := watched(t, in)
			s.expect(t, false)
			away(far)
			err := <-s.err
			if err == nil || errors.Is(err, gpio.ErrClosed) || hint.Of(err) == "" {
				t.Errorf("Watch = %v with hint %q, want another error with one", err, hint.Of(err))
			}
		})
	}
}

func TestMoment(t *testing.T) {
	now := time.Now()
	m := moment{now: now, monotonic: time.Hour, real: 1_790_000_000 * time.Second}
	for _, test := range []struct {
		name  string
		stamp time.Duration
		want  time.Time
	}{
		{"just now", time.Hour, now},
		{"a while ago", time.Hour - 50*time.Millisecond, now.Add(-50 * time.Millisecond)},
		{"on the clock of the day", m.real - 20*time.Millisecond, now.Add(-20 * time.Millisecond)},
		{"later than now", time.Hour + time.Second, now},
		{"long ago", time.Minute, now},
	} {
		if diff := cmp.Diff(test.want, m.of(uint64(test.stamp))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestInputError(t *testing.T) {
	for _, test := range []struct {
		err  error
		bias Bias
		hint bool
	}{
		{unix.ENXIO, AsIs, true},
		{unix.EINVAL, PullUp, true},
		{unix.EINVAL, AsIs, false},
		{unix.EBUSY, PullUp, false},
	} {
		err := inputError(test.err, test.bias)
		if !errors.Is(err, test.err) || (hint.Of(err) != "") != test.hint {
			t.Errorf("%v with bias %d: %v with hint %q", test.err, test.bias, err, hint.Of(err))
		}
	}
}

// TestBack has a chip go away and come back, and a line wait for it meanwhile.
func TestBack(t *testing.T) {
	in, far := wired(t, v2{}, 0)
	back, next := wired(t, v2{}, 0)
	missing := true
	in.again = func() (held, error) {
		if missing {
			return held{}, ErrNoSuchChip
		}
		return back.held, nil
	}
	s := watched(t, in)
	s.expect(t, false)
	far.kill.Store(true)
	for _, want := range []error{unix.ENODEV, ErrNoSuchChip, ErrNoSuchChip} {
		if err := <-s.err; !errors.Is(err, want) || hint.Of(err) == "" {
			t.Fatalf("Watch = %v with hint %q, want %v", err, hint.Of(err), want)
		}
		s = watched(t, in)
	}
	<-s.err
	missing = false
	s = watched(t, in)
	s.expect(t, false)
	next.drive(t, true)
	s.expect(t, true)
	if err := in.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-s.err; !errors.Is(err, gpio.ErrClosed) {
		t.Errorf("Watch = %v, want ErrClosed", err)
	}
}

// TestLineBack has the chip of an output go away and come back.
func TestLineBack(t *testing.T) {
	in, far := wired(t, v2{}, 0)
	back, next := wired(t, v2{}, 0)
	found := ErrNoSuchChip
	l := &line{name: "GPIO17", held: in.held, again: func() (held, error) { return back.held, found }}
	far.kill.Store(true)
	for _, want := range []error{unix.ENODEV, ErrNoSuchChip} {
		if err := l.Set(true); !errors.Is(err, want) {
			t.Errorf("Set = %v, want %v", err, want)
		}
	}
	found = nil
	if err := l.Set(true); err != nil || !next.level.Load() {
		t.Errorf("Set = %v, and the line is active = %t", err, next.level.Load())
	}
	if err := l.Close(); err != nil || next.level.Load() {
		t.Errorf("Close = %v, and the line is active = %t", err, next.level.Load())
	}
}
