package sim_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/gpio"
	"facegate/gpio/linetest"
	"facegate/gpio/sim"
)

func TestContract(t *testing.T) {
	linetest.Run(t, func(*testing.T) (gpio.Line, linetest.Probe) {
		line := sim.New()
		return line, func() (active, ok bool) { return line.Active(), true }
	})
}

func TestEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		line := sim.New()
		for _, active := range []bool{false, true, true, false} {
			if err := line.Set(active); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		want := []sim.Edge{
			{At: start.Add(1 * time.Second), Active: true},
			{At: start.Add(3 * time.Second), Active: false},
		}
		if diff := cmp.Diff(want, line.Edges()); diff != "" {
			t.Errorf("edges (-want +got):\n%s", diff)
		}
	})
}

func TestFail(t *testing.T) {
	line := sim.New()
	if err := line.Set(true); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	line.Fail(broken)
	if err := line.Set(false); !errors.Is(err, broken) {
		t.Errorf("Set = %v, want %v", err, broken)
	}
	if !line.Active() {
		t.Error("a failed Set changed the level")
	}
	line.Fail(nil)
	if err := line.Close(); err != nil || line.Active() {
		t.Errorf("Close = %v with the line active = %t, want nil and inactive", err, line.Active())
	}
}
