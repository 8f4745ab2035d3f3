package daemon

import (
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

// TestRules checks that the limits of every means are those of the configuration, and that prints are counted as the pipeline does.
func TestRules(t *testing.T) {
	c := gatetest.NewSite(t).Config(t, gatetest.Settings{"lockout": "{delay_after: 4, delay: 45s, disable_after: 40}"})
	r := rules(c)
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	for _, m := range attempt.All() {
		if l := r.Limits[m]; l.DelayAfter != 4 || l.Delay != 45*time.Second || l.DisableAfter != 40 {
			t.Errorf("%v has the limits %+v", m, l)
		}
	}
	if l, a := r.Limits[attempt.Face], settings(c).Attempts; l.Flood != a.Flood || l.Forget != a.Rest {
		t.Errorf("faces are closed by %+v, and rest by %+v", l, a)
	}
}

// TestRulesWithoutDelay lets a face try again at once, and remembers no print: one that is never forgotten would close the
// door to faces for good.
func TestRulesWithoutDelay(t *testing.T) {
	c := gatetest.NewSite(t).Config(t, gatetest.Settings{"lockout": "{delay_after: 1, delay: 0s, disable_after: 3}"})
	weighs, err := admit.New(rules(c), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	for range 100 {
		weighs.Weigh(attempt.Attempt{Means: attempt.Face, Finding: attempt.Attack, Asked: now})
	}
	near := attempt.Attempt{Means: attempt.Face, Person: template.PersonID{1}, Finding: attempt.NearMiss, Asked: now}
	for i, off := range []bool{false, false, true} {
		if v := weighs.Weigh(near); v.Closed != off || weighs.Closed(attempt.Face, near.Person, now) != off {
			t.Errorf("failure %d: %+v", i+1, v)
		}
	}
	if weighs.Closed(attempt.Face, template.PersonID{2}, now) {
		t.Error("the failures of one person, or prints, close the door to another")
	}
	if a := settings(c).Attempts; a != (pipeline.Attempts{}) {
		t.Errorf("prints lead to %+v", a)
	}
}

// TestRulesOfTheOtherWays checks that what opens the door besides the face is what the configuration names, and that a face which
// is alike counts for half where something can be asked for with it.
func TestRulesOfTheOtherWays(t *testing.T) {
	face := attempt.Face
	for _, tt := range []struct {
		match, ways string
		alone       []attempt.Means
		alike       bool
	}{
		{"{}", "[key]", []attempt.Means{face}, false},
		{"{}", "[key, intercom]", []attempt.Means{face}, false},
		{"{}", "[card, key]", []attempt.Means{face, attempt.Card, attempt.SecureCard}, true},
		{"{}", "[pin, qr, card]", []attempt.Means{face, attempt.Pass, attempt.Visitor, attempt.Card, attempt.SecureCard, attempt.PIN}, true},
		{"{when_alike: refuse}", "[card]", []attempt.Means{face, attempt.Card, attempt.SecureCard}, false},
		{"{when_alike: warn}", "[card]", []attempt.Means{face, attempt.Card, attempt.SecureCard}, false},
		{"{mode: one-to-one}", "[card, qr]", nil, false},
	} {
		r := rules(gatetest.NewSite(t).Config(t, gatetest.Settings{"match": tt.match, "alternatives": tt.ways}))
		if !slices.Equal(r.Alone, tt.alone) || r.Alike != tt.alike || len(r.Together) != 0 {
			t.Errorf("%s, %s: %+v", tt.match, tt.ways, r)
		}
		if err := r.Check(); err != nil {
			t.Errorf("%s, %s: %v", tt.match, tt.ways, err)
		}
	}
}
