package systime_test

import (
	"testing"
	"time"

	"facegate/cmd/facegate/internal/systime"
)

// TestRead reads the clocks twice. They go on together, and the second source knows that it is on the same machine.
func TestRead(t *testing.T) {
	read := systime.New()
	first := read()
	time.Sleep(20 * time.Millisecond)
	second := systime.New()()
	if first.Boot == "" || first.Boot != second.Boot {
		t.Errorf("the starts are %q and %q", first.Boot, second.Boot)
	}
	if first.Up <= 0 || second.Up-first.Up < 20*time.Millisecond {
		t.Errorf("the machine is up for %v, then %v", first.Up, second.Up)
	}
	if first.Wall.After(time.Now()) || time.Since(first.Wall) > time.Minute {
		t.Errorf("the date is %v", first.Wall)
	}
}
