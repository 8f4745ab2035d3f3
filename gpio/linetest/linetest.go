// Package linetest is the contract that every gpio.Line must keep.
package linetest

import (
	"errors"
	"sync"
	"testing"

	"facegate/gpio"
)

// A Probe reads the logical level of a line from outside; ok is false when it cannot, as after a real line's release.
type Probe func() (active, ok bool)

// Run tests the lines that open returns. Each call of open must give a line that nobody else holds; Run closes it.
func Run(t *testing.T, open func(t *testing.T) (gpio.Line, Probe)) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, gpio.Line, Probe)
	}{
		{"starts inactive", startsInactive},
		{"follows Set", followsSet},
		{"Close drives inactive", closeDrivesInactive},
		{"closed line refuses", closedRefuses},
		{"has a lasting name", hasName},
		{"concurrent use", concurrentUse},
	} {
		t.Run(test.name, func(t *testing.T) {
			line, probe := open(t)
			t.Cleanup(func() {
				if err := line.Close(); err != nil && !errors.Is(err, gpio.ErrClosed) {
					t.Errorf("Close: %v", err)
				}
			})
			test.run(t, line, probe)
		})
	}
}

func startsInactive(t *testing.T, _ gpio.Line, probe Probe) { check(t, probe, false) }

func followsSet(t *testing.T, line gpio.Line, probe Probe) {
	for _, active := range []bool{false, true, true, false, false, true, false} {
		set(t, line, active)
		check(t, probe, active)
	}
}

func closeDrivesInactive(t *testing.T, line gpio.Line, probe Probe) {
	set(t, line, true)
	if err := line.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	check(t, probe, false)
}

func closedRefuses(t *testing.T, line gpio.Line, _ Probe) {
	if err := line.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	for _, active := range []bool{true, false} {
		if err := line.Set(active); !errors.Is(err, gpio.ErrClosed) {
			t.Errorf("Set(%t) after Close = %v, want ErrClosed", active, err)
		}
	}
	if err := line.Close(); !errors.Is(err, gpio.ErrClosed) {
		t.Errorf("second Close = %v, want ErrClosed", err)
	}
}

func hasName(t *testing.T, line gpio.Line, _ Probe) {
	name := line.String()
	if name == "" {
		t.Error("String() is empty")
	}
	if err := line.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if got := line.String(); got != name {
		t.Errorf("String() after Close = %q, want %q", got, name)
	}
}

func concurrentUse(t *testing.T, line gpio.Line, probe Probe) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				if err := line.Set(i%2 == 0); err != nil {
					t.Errorf("Set: %v", err)
				}
				_ = line.String()
			}
		})
	}
	wg.Wait()
	set(t, line, false)
	check(t, probe, false)
}

// Left checks that a line that was left is as if it was closed.
func Left(t *testing.T, line gpio.Line) {
	t.Helper()
	for what, err := range map[string]error{"Set": line.Set(false), "Close": line.Close()} {
		if !errors.Is(err, gpio.ErrClosed) {
			t.Errorf("%s of a line that was left = %v, want ErrClosed", what, err)
		}
	}
	if _, err := line.(gpio.Lasting).Leave(); !errors.Is(err, gpio.ErrClosed) {
		t.Errorf("second Leave = %v, want ErrClosed", err)
	}
}

func set(t *testing.T, line gpio.Line, active bool) {
	t.Helper()
	if err := line.Set(active); err != nil {
		t.Fatalf("Set(%t): %v", active, err)
	}
}

func check(t *testing.T, probe Probe, want bool) {
	t.Helper()
	if got, ok := probe(); ok && got != want {
		t.Errorf("the line is active = %t, want %t", got, want)
	}
}
