package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs"
	"facegate/pipeline/survey"
)

// TestCameraCalibrate measures the light at a live gate, without a terminal, and writes a configuration that passes the check.
func TestCameraCalibrate(t *testing.T) {
	l, config, _ := startWith(t, gatetest.Settings{"camera": "\n  fps: 15 # of the recording\n  max_age: 3s", "zone": "\n  min_face: 20"})
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	written := l.site.Path("new.yaml")
	var p printout
	var r survey.Report
	for _, lasts := range []time.Duration{6 * time.Second, 25 * time.Second, 100 * time.Second} { // a busy machine takes longer
		os.Remove(written)
		played := make(chan error, 1)
		time.AfterFunc(5*time.Second, func() {
			played <- l.stage.Play(t.Context(), gatetest.Hold(gatetest.Clip(t, "people/p02")[5:6], lasts))
		})
		p = facegate(t.Context(), "camera", "calibrate", "--empty", "5s", "--occupied", lasts.String(), "--write", written, "--config", config, "--json")
		if err := <-played; err != nil {
			t.Error(err)
		}
		if p.code != exitOK {
			t.Fatal(p.err)
		}
		r = survey.Report{}
		unmarshal(t, p.out, &r)
		if r.Faces != nil {
			break
		}
	}
	lit := false
	for _, f := range r.Findings {
		lit = lit || f.Code == "side-light" && f.Move != ""
	}
	if !lit || r.Faces == nil || len(r.Proposals) == 0 {
		t.Errorf("it comes to %s", p.out)
	}
	if !strings.Contains(p.err, `"phase":"empty"`) || !strings.Contains(p.err, `"phase":"occupied"`) {
		t.Errorf("the progress is %s", p.err)
	}
	text, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	c, err := configs.Parse(written, strings.NewReader(string(text)))
	if err != nil || c.Zone.MinFace < survey.LeastFace || !strings.Contains(string(text), "fps: 15 # of the recording") {
		t.Errorf("%v in what was written:\n%s", err, text)
	}
	facegate(t.Context(), "config", "check", "--config", written).want(t, exitOK, "is valid", "")
	if after, _ := os.ReadFile(config); string(after) != string(before) {
		t.Error("the configuration in use was changed")
	}
	for _, refused := range [][]string{
		{"--write", written, "--config", config},                        // is there
		{"--write", config, "--config", config},                         // is in use
		{"--write", l.site.Path("x.yaml"), "--socket", l.site.Socket()}, // of what?
		{"--empty", "1s", "--config", config},
		{"--occupied", "3m", "--config", config},
	} {
		facegate(t.Context(), append([]string{"camera", "calibrate"}, refused...)...).want(t, exitFailed, "", "to do: ")
	}
}

// TestSurveyReads checks what a technician reads: what is wrong first, then lines that can be pasted.
func TestSurveyReads(t *testing.T) {
	var text strings.Builder
	writeSurvey(&text, survey.Report{
		Width: 640, Height: 480, Delivered: 15, Looked: 14.8, Frames: 900, Empty: 300, Place: survey.Place{Brightness: 120, Contrast: 40},
		Faces:    &survey.Faces{Frames: 600, SideLight: survey.Spread{Low: -40, Median: -35, High: -20}, Refused: []survey.Share{{Reason: "too dark", Percent: 12}}},
		Findings: []survey.Finding{{Code: "side-light", Says: "the light comes from the left", Move: "add light on the right"}},
		Proposals: []survey.Proposal{
			{Key: "quality.min_sharpness", Value: "40", Why: "why"},
			{Key: "quality.min_brightness", Value: "60", Why: "why"},
			{Key: "camera.power_line", Value: "50hz", Why: "lamps flicker"},
		},
	})
	for _, want := range []string{
		"the light comes from the left\n  to do: add light on the right\n",
		"quality:\n  min_sharpness: 40  # why\n  min_brightness: 60  # why\ncamera:\n  power_line: 50hz  # lamps flicker\n",
		"640x480, 15.0 frames a second sent, 14.8 looked at", "-40\t-35\t-20", "too dark\t12 %",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "%!") {
		t.Errorf("it reads\n%s", &text)
	}
	text.Reset()
	writeSurvey(&text, survey.Report{})
	if !strings.HasPrefix(text.String(), "nothing is wrong with camera and light\n") {
		t.Errorf("it reads\n%s", &text)
	}
}
