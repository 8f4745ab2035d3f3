package sim_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/gpio/pairtest"
	"facegate/gpio/sim"
)

func TestPairContract(t *testing.T) {
	pairtest.Run(t, func(*testing.T) pairtest.Bench {
		p := sim.NewPair()
		return pairtest.Bench{Pair: p, Now: p.Now, Fall: p.Fall, Hold: p.Hold}
	})
}

var data = [2]string{"GPIO23", "GPIO24"}

func TestBoardPairContract(t *testing.T) {
	pairtest.Run(t, func(t *testing.T) pairtest.Bench {
		b := sim.Board(t.TempDir())
		p, err := b.OpenPair(data, "")
		if err != nil {
			t.Fatal(err)
		}
		return pairtest.Bench{
			Pair: p, Now: sim.Monotonic,
			Fall: func(line int, at time.Duration) { try(t, b.Fall(data, []sim.PinFall{{At: at, Line: line}})) },
			Hold: func(low [2]bool) {
				for n, name := range data {
					try(t, b.Drive(name, !low[n]))
				}
			},
		}
	})
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestBoardPairIsHeld has two processes want the same lines, and one line for both.
func TestBoardPairIsHeld(t *testing.T) {
	b := sim.Board(t.TempDir())
	p, err := b.OpenPair(data, "facegate:reader")
	try(t, err)
	for _, lines := range [][2]string{data, {"GPIO5", "GPIO24"}, {"GPIO6", "GPIO6"}} {
		if p, err := b.OpenPair(lines, ""); err == nil {
			t.Errorf("%v is given twice", lines)
			p.Close()
		}
	}
	try(t, p.Close())
	p, err = b.OpenPair(data, "") // and none of the attempts holds a line
	try(t, err)
	try(t, p.Close())
}

// TestBoardPairRefuses holds that what is no edge is said to be none, with the file.
func TestBoardPairRefuses(t *testing.T) {
	dir := t.TempDir()
	p, err := sim.Board(dir).OpenPair(data, "")
	try(t, err)
	defer p.Close()
	try(t, os.WriteFile(filepath.Join(dir, "GPIO23-GPIO24.falls"), []byte("1000 0\n2000 2\n"), 0o600))
	err = p.Watch(t.Context(), func(int, time.Duration, uint32) {}, func(time.Duration, [2]bool) {})
	if err == nil || !strings.Contains(hint.Of(err), "GPIO23-GPIO24.falls") {
		t.Errorf("Watch = %v with hint %q", err, hint.Of(err))
	}
}
