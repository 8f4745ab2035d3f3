package daemon

import (
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/pipeline"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

// TestRules checks that the limits of every means are those of the configuration, and that prints are counted as the pipeline does.
func TestRules(t *testing.T) {
	c := gatetest.NewSite(t).Config(t, gatetest.Settings{"lockout": "{delay_after: 4, delay: 45s, disable_after: 40}"})
	r, err := rulebook.Of(c)
	if err != nil {
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
	r, err := rulebook.Of(c)
	if err != nil {
		t.Fatal(err)
	}
	weighs, err := admit.New(r, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	for range 100 {
		weighs.Weigh(attempt.Attempt{Means: attempt.Face, Finding: attempt.Attack, Asked: now}, true)
	}
	near := attempt.Attempt{Means: attempt.Face, Person: template.PersonID{1}, Finding: attempt.NearMiss, Asked: now}
	for i, off := range []bool{false, false, true} {
		if v := weighs.Weigh(near, true); v.Closed != off || weighs.Closed(attempt.Face, near.Person, now) != off {
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
