package daemon_test

import (
	"context"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/device"
	"facegate/device/reader"
	"facegate/pipeline/attempt"
	"facegate/pipeline/embed"
	"facegate/pipeline/vision/visiontest"
)

// faceOf returns the mean embedding of the first pictures of a person of testdata.
func faceOf(t *testing.T, person string) embed.Vector {
	t.Helper()
	engine := gatetest.Engine(t)
	defer engine.Close()
	mean := make(embed.Vector, engine.Dim())
	for _, picture := range gatetest.Clip(t, "people/"+person)[:3] {
		v, err := visiontest.Embed(engine, device.Frame{Format: device.JPEG, Data: picture})
		must(t, err)
		for i := range v {
			mean[i] += v[i]
		}
	}
	return mean
}

// waitsForFace shows a pass, and returns how long it was until the door was opened by the face that is before the camera. It is
// shown again where a busy machine has let the claim lapse.
func (h *hall) waitsForFace(t *testing.T, pass string) time.Duration {
	t.Helper()
	before := len(h.line.Edges())
	for range 5 {
		shown := time.Now()
		if o := h.show(t, reader.Code, pass); o.Wait != attempt.Face || !o.Opened.IsZero() {
			t.Fatalf("a pass of somebody with a face: %+v", o)
		}
		for deadline := shown.Add(25 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if edges := h.line.Edges(); len(edges) > before {
				return edges[before].At.Sub(shown)
			}
		}
	}
	t.Fatalf("pass and face do not open the door:\n%s", h.log)
	return 0
}

// TestDecliningCostsNothing has somebody with a face, and somebody who declines it, come in by their passes where one is compared
// with one: who declines has no more to do, and does not wait for longer.
func TestDecliningCostsNothing(t *testing.T) {
	h := open(t, gatetest.NewSite(t).FixKey(t), with(otherWays, "match", "{mode: one-to-one}"), daemon.Outside{})
	e, err := h.Register().Enrol(people.EnrolRequest{Label: "p01", Consent: "form 1", Age: "adult", Witness: "Li Na", Pass: true}, faceOf(t, "p01"))
	must(t, err)
	declines := h.joins(t, "none")

	shown := time.Now()
	o := h.show(t, reader.Code, declines)
	without := o.Opened.Sub(shown)
	if o.Opened.IsZero() {
		t.Fatalf("a pass of somebody who declines the face is not enough: %+v", o)
	}
	gatetest.Eventually(t, "the door is locked again", func() bool { return !h.line.Active() })

	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		h.appear(t, ctx, "p01")
	}()
	with := h.waitsForFace(t, e.Pass.Text())
	cancel()
	<-gone
	t.Logf("one step, and the door was open after %v; pass and face: two steps, %v", without, with)
	if without > with {
		t.Errorf("without a face it took %v, and with one %v", without, with)
	}
}
