package camera_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/pipeline"
)

// aim shows pictures to somebody who aims the camera, and returns what they see of each.
func (b *bench) aim(pictures [][]byte) (views []status.View, passed []pipeline.State) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	begun, got, done := make(chan struct{}), make(chan status.View, 1), make(chan error, 1)
	go func() {
		done <- b.camera.Aim(ctx, func() error { close(begun); return nil }, func(v status.View) { got <- v })
	}()
	<-begun
	for _, p := range pictures {
		passed = append(passed, b.show(p)[0].Report.State)
		views = append(views, <-got)
	}
	cancel()
	if err := <-done; err != nil {
		b.t.Error(err)
	}
	return views, passed
}

// TestAimingTellsNobody aims the camera of two gates at the same person, who is enrolled at one of them and is let in: every frame is
// shown alike, with its figures, from the first with a face to the last.
func TestAimingTellsNobody(t *testing.T) {
	film := gatetest.Arrival(t)
	var views [2][]status.View
	var granted [2]int
	for i := range views {
		b := start(t, gatetest.NewSite(t), defaults())
		if i == 1 {
			b.mustEnrol("p01")
			b.clock.advance(10 * time.Second) // they go away
			b.show(gatetest.Corridor(t))
		}
		var states []pipeline.State
		views[i], states = b.aim(film)
		for _, s := range states {
			if s == pipeline.Granted {
				granted[i]++
			}
		}
		b.stop()
	}
	if granted != [2]int{0, 1} {
		t.Fatalf("let in %v times, want only where they are enrolled, and once", granted)
	}
	if diff := cmp.Diff(views[0], views[1]); diff != "" {
		t.Errorf("a stranger and somebody enrolled are shown otherwise:\n%s", diff)
	}
	faces := 0
	for _, v := range views[1] {
		if v.Figures.Face != (status.Sight{}) {
			faces++
		}
	}
	if faces < len(film)/2 {
		t.Errorf("of %d frames %d are shown with figures of a face", len(film), faces)
	}
}
