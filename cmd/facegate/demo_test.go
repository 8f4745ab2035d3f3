package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs/hint"
	"facegate/pipeline"
)

// TestDemoOnASlowMachine tells a machine that cannot keep up from a gate that is wrong.
func TestDemoOnASlowMachine(t *testing.T) {
	granted := scene{name: "he walks up", clip: walk("p01"), passes: 1, sees: []pipeline.State{pipeline.Granted}}
	print := scene{name: "a print", clip: walk("p01"), sees: []pipeline.State{pipeline.NotLive}}
	at := func(fps float64, s sighting) sighting {
		s.faces, s.busy = 100, time.Duration(100/fps*float64(time.Second))
		return s
	}
	good := sighting{pulses: 1, events: []time.Time{{}}, states: map[pipeline.State]bool{pipeline.Granted: true}}
	opened := sighting{pulses: 1, states: map[pipeline.State]bool{pipeline.NotLive: true}}
	failed := errors.New("the time is over")
	tests := []struct {
		name    string
		play    func(a *account)
		want    error
		summary string
	}{
		{"good", func(a *account) { a.scene(granted, at(15, good)) }, nil, "ok"},
		{"good, though slow", func(a *account) { a.scene(granted, at(3, good)) }, nil, "ok"},
		{"wrong", func(a *account) { a.scene(granted, at(15, sighting{})) }, errScene, "WRONG: [the door opened 0 times"},
		{"too slow", func(a *account) { a.scene(granted, at(3.7, sighting{})) }, errTooSlow, "too slow: 3.7 frames a second"},
		{
			"hardly a frame", func(a *account) { a.scene(granted, sighting{frames: 2, lasted: 4 * time.Second}) },
			errTooSlow, "too slow: 0.5 frames a second",
		},
		{"slow, and the door opened", func(a *account) { a.scene(print, at(3, opened)) }, errScene, "WRONG: [the door opened 1 times"},
		{"slow, and something was kept", func(a *account) { a.scene(print, at(3, sighting{kept: true})) }, errScene, "WRONG"},
		{"not enrolled", func(a *account) { a.enrolled("p01", time.Second, 15, failed) }, errScene, "WRONG: [the time is over"},
		{"too slow to enrol", func(a *account) {
			a.enrolled("p01", time.Second, 2, failed)
			a.scene(granted, at(15, sighting{}))
			a.withdrawn("p01", time.Second, failed)
		}, errTooSlow, "too slow before"},
		{"wrong before it was too slow", func(a *account) {
			a.scene(granted, at(15, sighting{}))
			a.scene(granted, at(2, sighting{}))
		}, errScene, "too slow: 2.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAccount(io.Discard)
			tt.play(a)
			err := a.verdict()
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if errors.Is(err, errTooSlow) && (hint.Of(err) == "" || codeOf(err) != exitTooSlow) {
				t.Errorf("%v, exit code %d, to do %q", err, codeOf(err), hint.Of(err))
			}
			var text bytes.Buffer
			w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
			a.summary(w)
			w.Flush()
			if !strings.Contains(text.String(), tt.summary) {
				t.Errorf("the summary does not say %q:\n%s", tt.summary, &text)
			}
		})
	}
}

// TestWitnessRate measures the rate of a gate that looks at frames with a face for 250 ms each, and at others for 50 ms.
func TestWitnessRate(t *testing.T) {
	w := newOnlooker()
	now := w.since
	see := func(faces int, took time.Duration) {
		w.see(camera.Passage{Report: pipeline.Report{Faces: faces, Time: now}, Decided: now.Add(took)})
		now = now.Add(took)
	}
	for range 20 {
		see(0, 50*time.Millisecond)
	}
	for range 20 {
		see(1, 250*time.Millisecond)
	}
	if got := w.end().rate(); math.Abs(got-4) > 0.01 {
		t.Errorf("%.2f frames a second, want 4", got)
	}
}

// TestBenchmarkOfOneFrame holds that the benchmark of the way of a frame works with any number of iterations.
func TestBenchmarkOfOneFrame(t *testing.T) {
	gatetest.Models(t)
	benchtime := flag.Lookup("test.benchtime").Value
	before := benchtime.String()
	if err := benchtime.Set("1x"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := benchtime.Set(before); err != nil {
			t.Error(err)
		}
	}()
	r := testing.Benchmark(func(b *testing.B) { benchmarkFrame(b, "registry") })
	if r.N != 1 || r.Extra["p50-ms"] <= 0 {
		t.Errorf("%+v", r)
	}
}
