package camera_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/pipeline"
	"facegate/pipeline/detect"
	"facegate/pipeline/quality"
	"facegate/pipeline/survey"
)

func against() survey.Gate {
	return survey.Gate{
		Zone:    quality.Zone{Region: detect.Box{Right: 1, Bottom: 1}, MinFace: 45},
		Quality: quality.Limits{MinSharpness: 25, MinBrightness: 40, MaxBrightness: 220, MaxYaw: 35, MaxPitch: 35, MaxRoll: 25, MaxSideLight: 45},
	}
}

// measure has a survey see pictures, first of the empty door and then of somebody. It is stopped after them by hand if stopped
// is set.
func (b *bench) measure(empty, occupied [][]byte, stopped bool) (survey.Report, error) {
	b.t.Helper()
	type outcome struct {
		report survey.Report
		err    error
	}
	begun, done := make(chan struct{}), make(chan outcome, 1)
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	go func() {
		r, err := b.camera.Survey(ctx, plan, func() error { close(begun); return nil }, against, func(s status.SurveyStep) {
			if s.Do == "" || s.Sees == "" {
				b.t.Errorf("a step says %+v", s)
			}
		})
		done <- outcome{r, err}
	}()
	<-begun
	for b.show(empty[0])[0].Blind != camera.Surveying {
	}
	for i, pictures := range [][][]byte{empty[1:], occupied} {
		for _, p := range b.show(pictures...) {
			if p.Blind != camera.Surveying || p.Report.State == pipeline.Granted {
				b.t.Errorf("a frame comes to %v, %v", p.Report.State, p.Blind)
			}
		}
		if i == 1 && stopped {
			cancel()
		} else {
			b.phases <- time.Now()
		}
	}
	o := <-done
	return o.report, o.err
}

// plan has phases that the bench ends.
var plan = status.SurveyPlan{Empty: time.Hour, Occupied: time.Hour}

// TestSurvey stops a survey by hand, during which somebody enrolled stood there, and lets them in after it.
func TestSurvey(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	b.mustEnrol("p01")
	b.show(gatetest.Hold([][]byte{gatetest.Corridor(t)}, 6*time.Second)...)
	_, err := b.measure(gatetest.Hold([][]byte{gatetest.Corridor(t)}, time.Second), gatetest.Arrival(t), true)
	if !errors.Is(err, camera.ErrStopped) || hint.Of(err) == "" || b.pulses() != 0 {
		t.Errorf("%v, hint %q, %d pulses", err, hint.Of(err), b.pulses())
	}
	if n := count(b.show(gatetest.Arrival(t)...), pipeline.Granted); n != 1 || b.pulses() != 1 {
		t.Errorf("after the survey %d grants, %d pulses", n, b.pulses())
	}
}

// TestSurveyReports has the light before a door measured, on people who do not exist.
func TestSurveyReports(t *testing.T) {
	empty := gatetest.Hold([][]byte{gatetest.Corridor(t)}, time.Second)
	b := start(t, gatetest.NewSite(t), defaults())
	for _, test := range []struct {
		name  string
		still int    // of p02
		finds string // "" for nothing about light
	}{{"even light", 0, ""}, {"side light", 5, "side-light"}} {
		r, err := b.measure(empty, gatetest.Hold(gatetest.Clip(t, "people/p02")[test.still:test.still+1], 2*time.Second), false)
		if err != nil || r.Faces == nil || r.Empty < len(empty) {
			t.Fatalf("%s: %+v, %v", test.name, r, err)
		}
		found := ""
		for _, f := range r.Findings {
			if slices.Contains([]string{"side-light", "backlight", "dark", "glare"}, f.Code) {
				found = f.Code
			}
		}
		if found != test.finds {
			t.Errorf("%s: it finds %q, want %q: %+v", test.name, found, test.finds, r.Faces)
		}
	}
}

// TestSurveyAndEnrolment checks that the camera is given to one of them at a time, and to none while faces are off.
func TestSurveyAndEnrolment(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	quiet := func(status.SurveyStep) {}
	full := errors.New("no space left on device")
	if _, err := b.camera.Survey(t.Context(), plan, func() error { return full }, against, quiet); !errors.Is(err, full) {
		t.Errorf("where it cannot be noted: %v", err)
	}
	if p := b.show(gatetest.Corridor(t))[0]; p.Blind != camera.Sees {
		t.Errorf("after that a frame is looked at as %v", p.Blind)
	}
	during := func() error {
		if _, err := b.camera.Survey(t.Context(), plan, func() error { return nil }, against, quiet); !errors.Is(err, camera.ErrSurveying) || hint.Of(err) == "" {
			t.Errorf("a second survey: %v", err)
		}
		if _, err := b.ask(t.Context(), request("p01"), func(camera.Progress) {}); !errors.Is(err, camera.ErrSurveying) {
			t.Errorf("an enrolment meanwhile: %v", err)
		}
		return full
	}
	if _, err := b.camera.Survey(t.Context(), plan, during, against, quiet); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := b.gallery.As(1).TurnFacesOff(t.Context(), "a film is made"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.camera.Survey(t.Context(), plan, func() error { return nil }, against, quiet); err == nil || hint.Of(err) == "" {
		t.Errorf("while faces are off: %v", err)
	}
}

// TestSurveyEndsWithFaces turns faces off during a survey.
func TestSurveyEndsWithFaces(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := b.camera.Survey(t.Context(), plan,
			func() error { close(begun); return nil }, against, func(status.SurveyStep) {})
		ended <- err
	}()
	<-begun
	for b.show(gatetest.Corridor(t))[0].Blind != camera.Surveying {
	}
	if err := b.gallery.As(1).TurnFacesOff(t.Context(), "a film is made"); err != nil {
		t.Fatal(err)
	}
	b.show(gatetest.Corridor(t))
	if err := <-ended; err == nil || errors.Is(err, camera.ErrStopped) {
		t.Errorf("it ends with %v", err)
	}
}
