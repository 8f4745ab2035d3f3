package daemon

import (
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/attempt"
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
