package flood_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/pipeline/flood"
)

var start = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

func TestForgets(t *testing.T) {
	g := flood.Gauge{Every: 30 * time.Second}
	for i := range 3 {
		if n := g.Add(start); n != i+1 {
			t.Fatalf("the %d. is %d", i+1, n)
		}
	}
	for after, want := range map[time.Duration]int{0: 3, 29 * time.Second: 3} {
		if n := g.Count(start.Add(after)); n != want {
			t.Errorf("after %v %d are left", after, n)
		}
	}
	if below := g.Below(3).Sub(start); below != 30*time.Second {
		t.Errorf("below 3 in %v", below)
	}
	if below := g.Below(1).Sub(start); below != 90*time.Second {
		t.Errorf("below 1 in %v", below)
	}
	if !g.Below(4).IsZero() {
		t.Error("three are not below four")
	}
	if n := g.Count(start.Add(90 * time.Second)); n != 0 {
		t.Errorf("after 90 s %d are left", n)
	}
}

func TestZeroForgetsNothing(t *testing.T) {
	var g flood.Gauge
	g.Add(start)
	if n := g.Count(start.Add(1000 * time.Hour)); n != 1 || !g.Below(1).IsZero() {
		t.Errorf("%d are left, below 1 at %v", n, g.Below(1))
	}
}

// TestBelow checks that Below tells the first moment at which Count is smaller, whatever has come before.
func TestBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := flood.Gauge{Every: time.Duration(rapid.IntRange(1, 50).Draw(t, "every")) * time.Millisecond}
		now := start
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "pause")) * time.Millisecond)
			n := g.Add(now)
			few := rapid.IntRange(1, n).Draw(t, "few")
			at := g.Below(few)
			if before := g; before.Count(at.Add(-1)) < few || before.Count(at) >= few {
				t.Fatalf("of %d there are %d just before %v, and %d then", n, before.Count(at.Add(-1)), at.Sub(now), before.Count(at))
			}
		}
	})
}
