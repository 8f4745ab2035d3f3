package debounce_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/gpio"
	"facegate/gpio/debounce"
)

const period = 10 * time.Millisecond

// A change is a level of the line from a moment on, in ms since the start.
type change struct {
	ms    int
	level bool
}

// pass returns what a Filter makes of the changes of a line that is inactive at first, in ms since the start.
func pass(changes []change, until int) (passed []change) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	f := debounce.New(period, false, start, func(l gpio.Level) {
		passed = append(passed, change{int(l.At.Sub(start) / time.Millisecond), l.Active})
	})
	for _, c := range changes {
		f.See(c.level, at(c.ms))
	}
	f.Settle(at(until))
	return passed
}

func TestFilter(t *testing.T) {
	for _, test := range []struct {
		name    string
		changes []change
		want    []change // after the level at the start
	}{
		{"a press", []change{{100, true}, {200, false}}, []change{{110, true}, {210, false}}},
		{"a press of just the period", []change{{100, true}, {110, false}}, []change{{110, true}, {120, false}}},
		{"a spike", []change{{100, true}, {109, false}}, nil},
		{"a press that bounces", []change{{100, true}, {103, false}, {104, true}, {200, false}, {201, true}, {202, false}}, []change{{114, true}, {212, false}}},
		{"the same level again does not start anew", []change{{100, true}, {105, true}, {150, true}}, []change{{110, true}}},
		{"a gap in a press", []change{{100, true}, {200, false}, {205, true}}, []change{{110, true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := append([]change{{0, false}}, test.want...)
			if diff := cmp.Diff(want, pass(test.changes, 1000), cmp.AllowUnexported(change{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingToWaitFor(t *testing.T) {
	now := time.Now()
	f := debounce.New(period, true, now, func(gpio.Level) {})
	if left := f.Settle(now); left != 0 {
		t.Errorf("%v to wait at the start", left)
	}
	f.See(false, now)
	if left := f.Settle(now.Add(4 * time.Millisecond)); left != 6*time.Millisecond {
		t.Errorf("%v to wait 4 ms after a change, want 6ms", left)
	}
	if left := f.Settle(now.Add(period)); left != 0 {
		t.Errorf("%v to wait after the change was passed on", left)
	}
}

// TestPresses checks on any line that each level that lasts is passed on, once, and nothing else.
func TestPresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var changes, want []change
		now, level, told := 0, false, false
		for range rapid.IntRange(0, 40).Draw(t, "changes") {
			now += rapid.IntRange(1, 25).Draw(t, "ms")
			level = !level
			changes = append(changes, change{now, level})
		}
		end := now + 100
		want = append(want, change{0, false})
		for i, c := range changes {
			next := end
			if i+1 < len(changes) {
				next = changes[i+1].ms
			}
			if next-c.ms >= 10 && c.level != told {
				told = c.level
				want = append(want, change{c.ms + 10, told})
			}
		}
		if diff := cmp.Diff(want, pass(changes, end), cmp.AllowUnexported(change{})); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
