package daemon_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/controls"
	"facegate/device/replay"
	"facegate/pipeline/survey"
	"facegate/store/audit"
)

// A knob is a source with a control.
type knob struct{ device.Source }

func (knob) Controls() ([]controls.Control, error) {
	return []controls.Control{{Name: controls.PowerLine, Max: 2, Value: 1}}, nil
}

// TestCalibrate has camera and light measured over the socket: of the gate it tells what is wrong with them, the journal holds
// that it was done and for whom, and nothing else is left of it.
func TestCalibrate(t *testing.T) {
	site, stage := gatetest.NewSite(t), gatetest.Stage(t)
	r := start(t, site, nil, daemon.Outside{Source: knob{stage}})
	gatetest.Eventually(t, "frames are looked at", func() bool { return r.Status().Frames.Now == "looking for faces" })
	before := r.log.String()
	var report survey.Report
	surveys := 0
	for _, lasts := range []time.Duration{6 * time.Second, 25 * time.Second, 100 * time.Second} { // a busy machine takes longer
		if report = calibrated(t, r, stage, lasts); report.Faces != nil {
			break
		}
		surveys++
	}
	surveys++
	lit := slices.ContainsFunc(report.Findings, func(f survey.Finding) bool { return f.Code == "side-light" })
	if report.Faces == nil || report.Empty == 0 || !lit || len(report.Controls) != 1 {
		t.Errorf("it comes to %+v, faces %+v", report, report.Faces)
	}
	for _, line := range strings.Split(strings.TrimPrefix(r.log.String(), before), "\n") {
		if line != "" && !strings.Contains(line, "control request") && !strings.Contains(line, "broker") {
			t.Errorf("the log says: %s", line)
		}
	}
	gatetest.Eventually(t, "faces are looked for again", func() bool { return r.Status().Frames.Now == "looking for faces" })
	if n := r.Status().Door.Pulses; n != 0 {
		t.Errorf("%d pulses", n)
	}
	r.stop()
	s, err := opening.Store(site.Config(t, nil), systime.New(), slog.New(slog.DiscardHandler))
	must(t, err)
	defer s.Close()
	log, err := s.Log().Read()
	must(t, err)
	done := 0
	for _, rec := range log.Records {
		if e := rec.Entry; e.Kind == audit.Calibrated {
			done++
			if want := (audit.Entry{Seq: e.Seq, Time: e.Time, Kind: e.Kind, Actor: audit.Actor(os.Getuid()), Marks: e.Marks, Salt: e.Salt}); *e != want {
				t.Errorf("the entry is %+v", e)
			}
		}
	}
	if done != surveys {
		t.Errorf("%d entries in the audit log, of %d surveys", done, surveys)
	}
}

// calibrated has a survey see the empty corridor, and then for a time somebody in light from the side.
func calibrated(t *testing.T, r *running, stage *replay.Stage, lasts time.Duration) survey.Report {
	t.Helper()
	played, phase := make(chan error, 1), ""
	report, err := r.client.Calibrate(t.Context(), status.SurveyPlan{Empty: 5 * time.Second, Occupied: lasts}, func(s status.SurveyStep) {
		if s.Phase == "occupied" && phase == "empty" {
			go func() {
				played <- stage.Play(t.Context(), gatetest.Hold(gatetest.Clip(t, "people/p04")[5:6], lasts-time.Second))
			}()
		}
		if phase = s.Phase; s.Do == "" || s.LeftS < 0 || s.Sees == "" {
			t.Errorf("a step says %+v", s)
		}
	})
	must(t, err)
	must(t, <-played)
	return report
}

// TestCalibrateIsBounded checks that nobody can watch a door by measuring it again and again, and that a survey ends.
func TestCalibrateIsBounded(t *testing.T) {
	r := start(t, gatetest.NewSite(t), nil, daemon.Outside{})
	quiet := func(status.SurveyStep) {}
	for _, plan := range []status.SurveyPlan{
		{},
		{Empty: time.Second, Occupied: time.Minute},
		{Empty: time.Minute, Occupied: 61 * time.Second},
		{Empty: -time.Minute, Occupied: 2 * time.Minute},
		{Empty: 1 << 62, Occupied: 1 << 62},
	} {
		if _, err := r.client.Calibrate(t.Context(), plan, quiet); !errors.Is(err, control.ErrRefused) || hint.Of(err) == "" {
			t.Errorf("%+v: %v", plan, err)
		}
	}
	again := func() error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := r.client.Calibrate(ctx, status.SurveyPlan{Empty: 5 * time.Second, Occupied: 5 * time.Second}, func(status.SurveyStep) { cancel() })
		return err
	}
	for n := 0; n < 10; {
		if err := again(); errors.Is(err, context.Canceled) {
			n++ // others came while the one before was ending
		}
	}
	var err error
	gatetest.Eventually(t, "the last one has ended", func() bool {
		err = again()
		return !errors.Is(err, context.Canceled) && strings.HasPrefix(hint.Of(err), "wait ") && !strings.HasPrefix(hint.Of(err), "wait for")
	})
	if err := r.client.Aim(t.Context(), func(status.View) {}); err == nil || !strings.HasPrefix(hint.Of(err), "wait ") {
		t.Errorf("aiming after ten surveys: %v", err)
	}
}

// TestFloorsAreTheReference checks that what is proposed for a poor place is not below the limits of the reference.
func TestFloorsAreTheReference(t *testing.T) {
	if c := configs.Defaults(); c.Quality.MinSharpness != survey.LeastSharpness || c.Quality.MinBrightness != survey.LeastBrightness || c.Zone.MinFace != survey.LeastFace {
		t.Errorf("the reference has %+v and %+v", c.Quality, c.Zone)
	}
}
