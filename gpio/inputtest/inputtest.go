// Package inputtest is the contract that every gpio.Input must keep.
package inputtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"facegate/gpio"
)

// A Drive sets the logical level of a line from outside. It returns once the level can be read.
type Drive func(t *testing.T, active bool)

// patience is how long a level may take to be told, on a machine that is busy.
const patience = 30 * time.Second

// Run tests the inputs that open returns. Each call of open must give an inactive line that nobody else holds; Run closes it.
func Run(t *testing.T, open func(t *testing.T) (gpio.Input, Drive)) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, gpio.Input, Drive)
	}{
		{"tells the present level", tellsPresent},
		{"tells each change", tellsChanges},
		{"tells no level twice", tellsOnce},
		{"ends with its context", endsWithContext},
		{"can be watched again", watchesAgain},
		{"Close ends Watch", closeEnds},
		{"closed line refuses", closedRefuses},
		{"has a lasting name", hasName},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, drive := open(t)
			t.Cleanup(func() {
				if err := in.Close(); err != nil && !errors.Is(err, gpio.ErrClosed) {
					t.Errorf("Close: %v", err)
				}
			})
			test.run(t, in, drive)
		})
	}
}

// A watch is a Watch under way.
type watch struct {
	levels chan gpio.Level
	err    chan error // gets what Watch has returned
	cancel context.CancelFunc
}

func start(t *testing.T, in gpio.Input) watch {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	w := watch{levels: make(chan gpio.Level, 1000), err: make(chan error, 1), cancel: cancel}
	go func() { w.err <- in.Watch(ctx, func(l gpio.Level) { w.levels <- l }) }()
	return w
}

// expect waits for the next level.
func (w watch) expect(t *testing.T, active bool) gpio.Level {
	t.Helper()
	select {
	case l := <-w.levels:
		if l.Active != active {
			t.Fatalf("the line is told to be active = %t, want %t", l.Active, active)
		}
		return l
	case err := <-w.err:
		t.Fatalf("Watch returned %v", err)
	case <-time.After(patience):
		t.Fatalf("nothing was told in %v, want active = %t", patience, active)
	}
	panic("unreachable")
}

// ends waits for the end of Watch, after which nothing may be told.
func (w watch) ends(t *testing.T, want error) {
	t.Helper()
	select {
	case err := <-w.err:
		if !errors.Is(err, want) {
			t.Fatalf("Watch = %v, want %v", err, want)
		}
	case <-time.After(patience):
		t.Fatalf("Watch did not return in %v", patience)
	}
	if n := len(w.levels); n > 0 {
		t.Errorf("%d levels more were told", n)
	}
}

func tellsPresent(t *testing.T, in gpio.Input, drive Drive) {
	drive(t, true)
	w := start(t, in)
	w.expect(t, true)
}

func tellsChanges(t *testing.T, in gpio.Input, drive Drive) {
	w := start(t, in)
	before := w.expect(t, false)
	for i := range 20 {
		active := i%2 == 0
		drive(t, active)
		now := w.expect(t, active)
		if now.At.Before(before.At) {
			t.Errorf("change %d is told %v before the one before", i, before.At.Sub(now.At))
		}
		if now.At == now.At.Round(0) {
			t.Errorf("change %d has no monotonic reading", i)
		}
		before = now
	}
}

func tellsOnce(t *testing.T, in gpio.Input, drive Drive) {
	w := start(t, in)
	w.expect(t, false)
	drive(t, false)
	drive(t, true)
	w.expect(t, true)
	drive(t, true)
	drive(t, true)
	drive(t, false)
	w.expect(t, false)
}

func endsWithContext(t *testing.T, in gpio.Input, drive Drive) {
	w := start(t, in)
	w.expect(t, false)
	w.cancel()
	w.ends(t, nil)
	drive(t, true)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := in.Watch(ctx, func(gpio.Level) {}); err != nil {
		t.Errorf("Watch with a cancelled context = %v", err)
	}
}

func watchesAgain(t *testing.T, in gpio.Input, drive Drive) {
	for i := range 3 {
		active := i%2 == 0
		drive(t, active) // which nobody watches
		w := start(t, in)
		w.expect(t, active)
		drive(t, !active)
		w.expect(t, !active)
		w.cancel()
		w.ends(t, nil)
	}
}

func closeEnds(t *testing.T, in gpio.Input, _ Drive) {
	w := start(t, in)
	w.expect(t, false)
	if err := in.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	w.ends(t, gpio.ErrClosed)
}

func closedRefuses(t *testing.T, in gpio.Input, _ Drive) {
	if err := in.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	err := in.Watch(t.Context(), func(l gpio.Level) { t.Errorf("a closed line tells %v", l) })
	if !errors.Is(err, gpio.ErrClosed) {
		t.Errorf("Watch after Close = %v, want ErrClosed", err)
	}
	if err := in.Close(); !errors.Is(err, gpio.ErrClosed) {
		t.Errorf("second Close = %v, want ErrClosed", err)
	}
}

func hasName(t *testing.T, in gpio.Input, _ Drive) {
	name := fmt.Sprint(in)
	if name == "" {
		t.Error("String() is empty")
	}
	if err := in.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if got := in.String(); got != name {
		t.Errorf("String() after Close = %q, want %q", got, name)
	}
}
