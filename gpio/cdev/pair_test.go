package cdev

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/pairtest"
)

// A twoWire is the kernel's side of a pair, on machines without GPIO: the edges come through a pipe as the kernel writes them.
type twoWire struct {
	pipe *os.File

	mu   sync.Mutex // guards what follows
	seq  uint32
	low  [2]bool
	gone bool
}

// The offsets of the lines on their chip.
var offsets = [2]uint32{24, 23}

func (w *twoWire) fall(t *testing.T, line int, at time.Duration) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	var b bytes.Buffer
	e := uapi.LineEvent{
		Timestamp: uint64(at), ID: uapi.LineEventFallingEdge, Offset: offsets[line], Seqno: w.seq, LineSeqno: 1_000_000,
	}
	if err := binary.Write(&b, binary.NativeEndian, e); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pipe.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
}

func (w *twoWire) levels(uintptr) ([2]bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return w.low, unix.ENODEV
	}
	return w.low, nil
}

func (w *twoWire) hold(low [2]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.low = low
}

func (w *twoWire) vanish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
}

func twoWired(t *testing.T) (*pair, *twoWire) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	far := &twoWire{pipe: w}
	return &pair{
		name: "GPIO24 and GPIO23 on gpiochip0 [wires]", held: held{file: r, abi: v2{}}, offsets: offsets,
		levels: far.levels,
	}, far
}

func monotonic(t *testing.T) time.Duration {
	t.Helper()
	m, err := present()
	if err != nil {
		t.Fatal(err)
	}
	return m.monotonic
}

func TestPairContract(t *testing.T) {
	pairtest.Run(t, func(t *testing.T) pairtest.Bench {
		p, far := twoWired(t)
		return pairtest.Bench{
			Pair: p, Now: func() time.Duration { return monotonic(t) },
			Fall: func(line int, at time.Duration) { far.fall(t, line, at) }, Hold: far.hold,
		}
	})
}

// TestPairGone has the chip of two lines go away.
func TestPairGone(t *testing.T) {
	for name, away := range map[string]func(*twoWire){
		"the edges end":             func(w *twoWire) { w.pipe.Close() },
		"the levels cannot be read": (*twoWire).vanish,
	} {
		t.Run(name, func(t *testing.T) {
			p, far := twoWired(t)
			away(far)
			err := p.Watch(t.Context(), func(int, time.Duration, uint32) {}, func(time.Duration, [2]bool) {})
			if err == nil || errors.Is(err, gpio.ErrClosed) || hint.Of(err) == "" {
				t.Errorf("Watch = %v with hint %q, want another error with one", err, hint.Of(err))
			}
			if err := p.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// TestFindPair holds that two lines have to be two, and of one chip.
func TestFindPair(t *testing.T) {
	first := Chip{Name: "gpiochip0", Lines: []Info{{Name: "A"}, {Name: "B"}}}
	second := Chip{Name: "gpiochip1", Lines: []Info{{Name: "C"}}}
	for _, test := range []struct {
		a, b Place
		ok   bool
	}{
		{Place{first, 0}, Place{first, 1}, true},
		{Place{first, 1}, Place{first, 1}, false},
		{Place{first, 0}, Place{second, 0}, false},
	} {
		err := together([2]Place{test.a, test.b})
		if (err == nil) != test.ok || !test.ok && hint.Of(err) == "" {
			t.Errorf("%v and %v: %v", test.a, test.b, err)
		}
	}
	if got, want := pairName([2]Place{{first, 1}, {first, 0}}), "B and A on gpiochip0 []"; got != want {
		t.Errorf("the name is %q, want %q", got, want)
	}
}

// TestOldKernel holds that a kernel which does not count edges is refused with advice.
func TestOldKernel(t *testing.T) {
	if err := watchesTwo(v1{}); !errors.Is(err, ErrOld) || hint.Of(err) == "" {
		t.Errorf("v1: %v", err)
	}
	if err := watchesTwo(v2{}); err != nil {
		t.Errorf("v2: %v", err)
	}
}
