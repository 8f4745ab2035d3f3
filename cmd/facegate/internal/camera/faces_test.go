package camera_test

import (
	"errors"
	"testing"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/pipeline"
)

// TestFacesOff turns faces off with somebody enrolled who then walks up, before and after a restart, and on again.
func TestFacesOff(t *testing.T) {
	site := gatetest.NewSite(t)
	b := start(t, site, defaults())
	b.mustEnrol("p01")
	if err := b.gallery.As(1000).TurnFacesOff(t.Context(), "a film\nis made"); err == nil || b.gallery.FacesOff() {
		t.Errorf("a reason of two lines: %v", err)
	}
	if err := b.gallery.As(1000).TurnFacesOff(t.Context(), "a film is made"); err != nil {
		t.Fatal(err)
	}
	shut := func(b *bench) {
		t.Helper()
		passages := b.show(gatetest.Arrival(t)...)
		if blind(passages, camera.FacesOff) != len(passages) || b.pulses() != 0 {
			t.Errorf("%d of %d frames came to nothing, %d pulses", blind(passages, camera.FacesOff), len(passages), b.pulses())
		}
		for _, p := range passages {
			if p.Report.Faces != 0 {
				t.Error("a face was looked for")
			}
		}
	}
	b.stop()
	b = start(t, site, defaults())
	shut(b)
	if _, err := b.ask(t.Context(), request("p02"), func(camera.Progress) {}); !errors.Is(err, people.ErrFacesOff) || hint.Of(err) == "" {
		t.Errorf("an enrolment: %v, hint %q", err, hint.Of(err))
	}
	if err := b.gallery.As(1000).TurnFacesOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if passages := b.show(gatetest.Arrival(t)...); count(passages, pipeline.Granted) != 1 {
		t.Errorf("turned on: %d grants", count(passages, pipeline.Granted))
	}
}

// TestFacesOffDuringEnrolment ends the enrolment that is under way.
func TestFacesOffDuringEnrolment(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	done := make(chan error, 1)
	waiting := make(chan struct{}, 100)
	go func() {
		_, err := b.ask(t.Context(), request("p01"), func(camera.Progress) { waiting <- struct{}{} })
		done <- err
	}()
	for len(waiting) == 0 {
		b.show(gatetest.Corridor(t))
	}
	if err := b.gallery.As(1000).TurnFacesOff(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	b.show(gatetest.Corridor(t))
	if err := <-done; !errors.Is(err, people.ErrFacesOff) {
		t.Errorf("the enrolment ended with %v", err)
	}
}
