package admit_test

import (
	"testing"
	"time"

	"facegate/configs"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
)

// pinLimits are those that a gate has whose configuration says nothing of them.
func pinLimits() admit.Limits {
	l := configs.Defaults().Lockout
	return admit.Limits{DelayAfter: uint32(l.DelayAfter), Delay: l.Delay, DisableAfter: uint32(l.DisableAfter)}
}

// tries returns how many PINs somebody tries for a person within a time, who types one each time that it is not refused unseen, and
// takes ten seconds for it. The owner comes in so often a day, and a technician resets the lock-out so often a day. With patience
// whoever tries leaves the last failure before the lock-out, and waits until the owner has come in.
func tries(t *testing.T, l admit.Limits, within time.Duration, visits, resets int, patience bool) (n int) {
	t.Helper()
	a := door(t, admit.Rules{Table: admit.Alone(pin), Limits: map[attempt.Means]admit.Limits{pin: l}})
	every := func(times int) time.Duration {
		if times == 0 {
			return within + time.Hour
		}
		return 24 * time.Hour / time.Duration(times)
	}
	visit, reset, failures := every(visits), every(resets), uint32(0)
	weigh := func(now time.Duration, f attempt.Finding) {
		if v := a.Weigh(attempt.Attempt{Means: pin, Asked: start.Add(now), Person: anna, Finding: f}, true); len(v.Counts) > 0 {
			failures = v.Counts[0].Failures
		}
	}
	for now := time.Duration(0); now < within; now += 10 * time.Second {
		if now >= visit {
			visit += every(visits)
			weigh(now, matched)
		}
		if now >= reset {
			reset += every(resets)
			a.Reset()
			failures = 0
		}
		if !a.Closed(pin, anna, start.Add(now)) && (!patience || failures+1 < l.DisableAfter) {
			n++
			weigh(now, near)
		}
	}
	return n
}

// TestSearchOfPINs says how long it takes to try all 10^6 PINs of six digits of one person at the door, by the limits as they stand
// and whoever cannot be stopped from typing. It has to be more than ten years, also where the owner and a technician do what lets
// more be tried.
func TestSearchOfPINs(t *testing.T) {
	const all, days, year = 1e6, 10, 365.25
	l := pinLimits()
	t.Logf("after %d failures a PIN waits %v after each, after %d it opens nothing until a technician resets it", l.DelayAfter, l.Delay, l.DisableAfter)
	if n := tries(t, l, days*24*time.Hour, 0, 0, false); n != int(l.DisableAfter) {
		t.Errorf("%d are tried before the PIN opens nothing any more", n)
	}
	for _, tt := range []struct {
		name           string
		visits, resets int
		patience       bool
	}{
		{"a technician resets it once a day", 0, 1, false},
		{"the owner comes in 4 times a day, and the last failure is left", 4, 0, true},
		{"the owner comes in 10 times a day, and the last failure is left", 10, 0, true},
		{"the owner comes in 10 times a day, a technician resets it once a day, and the last failure is left", 10, 1, true},
	} {
		n := tries(t, l, days*24*time.Hour, tt.visits, tt.resets, tt.patience)
		years := all * days / float64(n) / year
		t.Logf("%s: %d PINs are tried in %d days, and all in %.0f years", tt.name, n, days, years)
		if years <= 10 {
			t.Errorf("%s: all are tried in %.1f years", tt.name, years)
		}
	}
}

// TestOwnerForgivesFew checks that a right PIN ends what its owner has mistyped, and not what somebody else has tried; and that a
// right card ends all failures of cards.
func TestOwnerForgivesFew(t *testing.T) {
	l := admit.Limits{DelayAfter: 3, Delay: time.Second, DisableAfter: 10}
	a := door(t, admit.Rules{
		Table: admit.Alone(pin, card), Limits: map[attempt.Means]admit.Limits{pin: l, card: l},
	})
	now := start
	do := func(m attempt.Means, f attempt.Finding) admit.Verdict {
		now = now.Add(time.Minute)
		return a.Weigh(attempt.Attempt{Means: m, Asked: now, Person: anna, Finding: f}, true)
	}
	left := func(m attempt.Means, failures int) uint32 {
		for range failures {
			do(m, near)
		}
		v := do(m, matched)
		if v.Answer != open || len(v.Counts) != 1 || v.Counts[0].Disabled || !v.Counts[0].Until.IsZero() {
			t.Fatalf("%v after %d failures: %+v", m, failures, v)
		}
		return v.Counts[0].Failures
	}
	for _, tt := range []struct {
		means    attempt.Means
		failures int
		want     uint32
	}{{pin, 2, 0}, {pin, 3, 0}, {pin, 8, 5}, {pin, 2, 4}, {pin, 0, 1}, {pin, 0, 0}, {card, 9, 0}} {
		if got := left(tt.means, tt.failures); got != tt.want {
			t.Errorf("%v after %d failures: %d are left, want %d", tt.means, tt.failures, got, tt.want)
		}
	}
}
