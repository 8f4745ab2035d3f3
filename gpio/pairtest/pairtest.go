// Package pairtest is the contract that every gpio.Pair must keep.
package pairtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"facegate/gpio"
)

// patience is how long an edge may take to be told, on a machine that is busy.
const patience = 30 * time.Second

// A Bench is two lines and what drives them from outside.
type Bench struct {
	Pair gpio.Pair
	Now  func() time.Duration             // on the clock of the edges
	Fall func(line int, at time.Duration) // has a line fall and rise again
	Hold func(low [2]bool)                // says which lines are low from now on
}

// Run tests the pairs that open returns. Each call of open must give lines at rest that nobody else holds; Run closes them.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Bench)
	}{
		{"tells each edge", tellsEdges},
		{"says when the lines rest", tellsRest},
		{"says which lines are low", tellsLow},
		{"keeps edges between watches", keeps},
		{"ends with its context", endsWithContext},
		{"Close ends Watch", closeEnds},
		{"has a lasting name", hasName},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := open(t)
			t.Cleanup(func() {
				if err := b.Pair.Close(); err != nil && !errors.Is(err, gpio.ErrClosed) {
					t.Errorf("Close: %v", err)
				}
			})
			test.run(t, b)
		})
	}
}

// A fall is an edge that was told.
type fall struct {
	line int
	at   time.Duration
	seq  uint32
}

// A rest is a moment before which there was no other edge.
type rest struct {
	at  time.Duration
	low [2]bool
}

// A watch is a Watch under way.
type watch struct {
	falls  chan fall
	rests  chan rest
	err    chan error
	cancel context.CancelFunc
}

func start(p gpio.Pair) watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := watch{falls: make(chan fall, 10_000), rests: make(chan rest, 1), err: make(chan error, 1), cancel: cancel}
	go func() {
		w.err <- p.Watch(ctx, func(line int, at time.Duration, seq uint32) { w.falls <- fall{line, at, seq} }, w.rest)
	}()
	return w
}

// rest keeps the last one.
func (w watch) rest(at time.Duration, low [2]bool) {
	select {
	case <-w.rests:
	default:
	}
	w.rests <- rest{at, low}
}

func (w watch) expect(t *testing.T, want fall) {
	t.Helper()
	select {
	case got := <-w.falls:
		if got != want {
			t.Fatalf("an edge is told as %+v, want %+v", got, want)
		}
	case err := <-w.err:
		t.Fatalf("Watch returned %v", err)
	case <-time.After(patience):
		t.Fatalf("%+v was not told", want)
	}
}

// until waits for a rest that is as it should.
func (w watch) until(t *testing.T, ok func(rest) bool) {
	t.Helper()
	for ends := time.After(patience); ; {
		select {
		case r := <-w.rests:
			if ok(r) {
				return
			}
		case err := <-w.err:
			t.Fatalf("Watch returned %v", err)
		case <-ends:
			t.Fatal("the lines do not rest as they should")
		}
	}
}

func (w watch) ends(t *testing.T, want error) {
	t.Helper()
	select {
	case err := <-w.err:
		if !errors.Is(err, want) {
			t.Fatalf("Watch = %v, want %v", err, want)
		}
	case <-time.After(patience):
		t.Fatal("Watch did not return")
	}
}

func tellsEdges(t *testing.T, b Bench) {
	w := start(b.Pair)
	defer w.cancel()
	w.until(t, func(rest) bool { return true })
	at := b.Now()
	for i := range 26 {
		at += time.Millisecond
		b.Fall(i%3%2, at)
	}
	at -= 26 * time.Millisecond
	for i := range 26 {
		at += time.Millisecond
		w.expect(t, fall{i % 3 % 2, at, uint32(i + 1)})
	}
}

func tellsRest(t *testing.T, b Bench) {
	w := start(b.Pair)
	defer w.cancel()
	at := b.Now()
	b.Fall(0, at)
	w.expect(t, fall{0, at, 1})
	w.until(t, func(r rest) bool { return r.at >= at+50*time.Millisecond })
	if now := b.Now(); now < at+50*time.Millisecond {
		t.Errorf("the lines are said to rest for %v, which have not passed", now-at)
	}
}

func tellsLow(t *testing.T, b Bench) {
	w := start(b.Pair)
	defer w.cancel()
	for _, low := range [][2]bool{{}, {true, false}, {true, true}, {false, true}, {}} {
		b.Hold(low)
		w.until(t, func(r rest) bool { return r.low == low })
	}
}

func keeps(t *testing.T, b Bench) {
	var seq uint32
	for range 3 {
		at := b.Now()
		b.Fall(1, at) // which nobody watches
		w := start(b.Pair)
		w.expect(t, fall{1, at, seq + 1})
		at = b.Now()
		b.Fall(0, at)
		w.expect(t, fall{0, at, seq + 2})
		w.cancel()
		w.ends(t, nil)
		seq += 2
	}
}

func endsWithContext(t *testing.T, b Bench) {
	w := start(b.Pair)
	w.until(t, func(rest) bool { return true })
	w.cancel()
	w.ends(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Pair.Watch(ctx, func(int, time.Duration, uint32) {}, func(time.Duration, [2]bool) {}); err != nil {
		t.Errorf("Watch with a cancelled context = %v", err)
	}
}

func closeEnds(t *testing.T, b Bench) {
	w := start(b.Pair)
	defer w.cancel()
	w.until(t, func(rest) bool { return true })
	if err := b.Pair.Close(); err != nil {
		t.Fatal(err)
	}
	w.ends(t, gpio.ErrClosed)
	if err := b.Pair.Close(); !errors.Is(err, gpio.ErrClosed) {
		t.Errorf("second Close = %v, want ErrClosed", err)
	}
	again := start(b.Pair)
	defer again.cancel()
	again.ends(t, gpio.ErrClosed)
}

func hasName(t *testing.T, b Bench) {
	if name := b.Pair.String(); name == "" || b.Pair.Close() != nil || b.Pair.String() != name {
		t.Errorf("the name is %q, and %q after Close", name, b.Pair)
	}
}
