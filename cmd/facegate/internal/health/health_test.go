package health_test

import (
	"encoding/json"
	"slices"
	"testing"

	"facegate/cmd/facegate/internal/health"
)

func TestAssess(t *testing.T) {
	ok := health.Condition{Part: health.Clock, State: health.OK}
	slow := health.Condition{Part: health.Broker, State: health.Degraded, Reason: "the broker is away", Todo: "start it"}
	lost := health.Condition{Part: health.Camera, State: health.Down, Reason: "the camera is lost", Todo: "plug it in"}
	odd := health.Condition{Part: health.Door, State: "odd"}
	for _, c := range []struct {
		name       string
		conditions []health.Condition
		state      health.State
		kept       []health.Condition
		worst      health.Condition
	}{
		{"nothing", nil, health.OK, nil, health.Condition{}},
		{"all well", []health.Condition{ok}, health.OK, nil, health.Condition{}},
		{"degraded", []health.Condition{ok, slow}, health.Degraded, []health.Condition{slow}, slow},
		{"the worst counts", []health.Condition{slow, lost, slow}, health.Down, []health.Condition{slow, lost, slow}, lost},
		{"an unknown state is not well", []health.Condition{lost, odd}, "odd", []health.Condition{lost, odd}, odd},
	} {
		r := health.Assess(c.conditions...)
		worst, found := r.Worst()
		if r.State != c.state || !slices.Equal(r.Conditions, c.kept) || worst != c.worst || found != (len(c.kept) > 0) {
			t.Errorf("%s: %+v, the worst is %+v", c.name, r, worst)
		}
	}
}

func TestWhen(t *testing.T) {
	if got := health.When(false, health.DiskFull, health.Disk, health.Down, "full", "make room"); got != nil {
		t.Errorf("what does not hold is %+v", got)
	}
	got := health.When(true, health.DiskFull, health.Disk, health.Down, "full", "")
	if len(got) != 1 || got[0].Todo == "" || got[0].State != health.Down {
		t.Errorf("what holds is %+v", got)
	}
}

// TestJSON guards the form that monitoring reads.
func TestJSON(t *testing.T) {
	for want, r := range map[string]health.Report{
		`{"state":"ok","conditions":[]}`: health.Assess(),
		`{"state":"down","conditions":[{"name":"camera_lost","part":"camera","state":"down","reason":"lost","todo":"plug it in"}]}`: health.Assess(
			health.Condition{Name: health.CameraLost, Part: health.Camera, State: health.Down, Reason: "lost", Todo: "plug it in"}),
	} {
		if got, err := json.Marshal(r); err != nil || string(got) != want {
			t.Errorf("it is %s, %v; want %s", got, err, want)
		}
	}
}
