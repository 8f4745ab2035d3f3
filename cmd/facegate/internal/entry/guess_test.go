package entry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/entry"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

// withPIN has a PIN alone open the door.
func withPIN(r *admit.Rules, _ *entry.Parts) { r.Table = admit.Alone(attempt.Face, attempt.PIN) }

// typed is a PIN that was typed just now.
func typed(person template.PersonID, f attempt.Finding) attempt.Attempt {
	a := try(attempt.PIN, person, f)
	a.Counted = true
	return a
}

// TestRefusalsTakeTheSameTime checks that nobody learns from how long it takes whether a number is somebody's, whether its PIN opens
// nothing any more, nor whether the disk was slow; and that a PIN that is right is told at once.
func TestRefusalsTakeTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startWith(t, withPIN)
		asks := func(what string, a attempt.Attempt, hash, want time.Duration) attempt.Outcome {
			t.Helper()
			time.Sleep(hash)
			o := b.Ask(a)
			if took := time.Since(a.Asked); took != want {
				t.Errorf("%s is told after %v, want %v", what, took, want)
			}
			return o
		}
		const told = 2 * time.Second
		asks("a number of nobody", typed(template.PersonID{}, attempt.NearMiss), 0, told)
		asks("a wrong PIN", typed(anna, attempt.NearMiss), 0, told)
		asks("a wrong PIN on a slow board", typed(anna, attempt.NearMiss), 300*time.Millisecond, told)
		if o := asks("a PIN that is closed", typed(anna, attempt.Matched), 0, told); o.Reason != attempt.Closed {
			t.Errorf("a PIN that is closed: %+v", o)
		}
		asks("a PIN that is over", typed(bert, attempt.Ended), 0, told)
		if o := asks("a right PIN", typed(bert, attempt.Matched), 0, 0); o.Opened.IsZero() {
			t.Errorf("a right PIN: %+v", o)
		}
		asks("a card of another house", try(attempt.Card, template.PersonID{}, attempt.Unknown), 0, 0)
	})
}

// TestRightPINWaitsForNoDisk checks that a PIN opens the door while the disk does not answer, also after one that was mistyped: that it was
// right is no secret that could be lost.
func TestRightPINWaitsForNoDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startWith(t, withPIN)
		b.Ask(typed(anna, attempt.NearMiss))
		before := time.Now()
		if o := b.Ask(typed(anna, attempt.Matched)); o.Opened.IsZero() || time.Since(before) != 0 {
			t.Errorf("a right PIN after %v: %+v", time.Since(before), o)
		}
	})
}
