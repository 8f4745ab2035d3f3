package daemon_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/pipeline"
)

// count returns how many frames came to a state.
func (p *passages) count(s pipeline.State) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, of := range p.seen {
		if of.Report.State == s {
			n++
		}
	}
	return n
}

// TestWhoWasJustCapturedStandsThere captures somebody who goes on standing before the camera, and then has a fresh process take over,
// as after a capture anew. Neither opens the door. Whoever follows the capture is told what to do, and for how long there is time.
func TestWhoWasJustCapturedStandsThere(t *testing.T) {
	site, patient := gatetest.NewSite(t).FixKey(t), gatetest.Settings{"decide": "{rearm: 5m}"} // however slow the machine is
	stands := func(frames *passages, r *running) {
		gatetest.Eventually(t, "it is seen that p01 stands there", func() bool { return frames.count(pipeline.Lingering) >= 5 })
		if n := frames.count(pipeline.Granted); n > 0 || r.line.Active() {
			t.Errorf("p01 is let in %d times", n)
		}
	}
	var frames, after passages
	r := start(t, site, patient, daemon.Outside{Observe: frames.observe})
	ctx, cancel := context.WithCancel(t.Context())
	var there sync.WaitGroup
	there.Go(func() { r.appear(t, ctx, "p01") })
	var last people.Progress
	request := people.EnrolRequest{Label: "p01", Consent: "form p01", Age: "adult", Witness: "Li Na", Language: "zh"}
	_, err := r.client.Enrol(t.Context(), request, func(p people.Progress) { last = p })
	must(t, err)
	if last.Step == "" || !strings.Contains(last.Say, "请") || last.Left <= 0 || last.Left > 120 {
		t.Errorf("whoever enrols is told %+v", last)
	}
	stands(&frames, r)
	if !r.Lingers() {
		t.Error("p01 has left, as far as is known")
	}
	cancel()
	there.Wait()
	r.stop()

	r = start(t, site, patient, daemon.Outside{Observe: after.observe, Left: daemon.Left{Stands: true}})
	ctx, cancel = context.WithCancel(t.Context())
	defer there.Wait()
	defer cancel()
	there.Go(func() { r.appear(t, ctx, "p01") })
	stands(&after, r)
}
