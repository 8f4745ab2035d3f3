package camera

import (
	"errors"
	"math"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/detect"
	"facegate/pipeline/quality"
)

// TestViewsTellNobody checks that whoever aims the camera learns of a good face nothing but that it is one.
func TestViewsTellNobody(t *testing.T) {
	good := viewOf(Passage{Report: pipeline.Report{State: pipeline.Unknown}})
	lit := viewOf(Passage{Report: pipeline.Report{State: pipeline.Unknown, Reason: quality.SideLit}})
	if lit == good || lit.Sees != "light from the side" || lit.Advice == "" {
		t.Errorf("light from the side is shown as %+v", lit)
	}
	for s := pipeline.Nobody; s <= pipeline.Skipped; s++ {
		v := viewOf(Passage{Report: pipeline.Report{State: s}})
		side := viewOf(Passage{Report: pipeline.Report{State: s, Reason: quality.SideLit}})
		switch s {
		case pipeline.Poor:
			v = viewOf(Passage{Report: pipeline.Report{State: s, Reason: quality.TooDark}})
			fallthrough
		case pipeline.Nobody, pipeline.Resting:
			if v == good || v.Sees == "" || v.Advice == "" {
				t.Errorf("%v is shown as %+v", s, v)
			}
		default:
			if v != good || side != lit {
				t.Errorf("%v is shown as %+v and %+v, and an unknown face as %+v and %+v", s, v, side, good, lit)
			}
		}
	}
	for _, b := range []Blind{FacesOff, AwaitingPass} {
		v := viewOf(Passage{Report: pipeline.Report{State: pipeline.Skipped}, Blind: b})
		if v == good || v.Sees == "" || v.Advice == "" {
			t.Errorf("%v is shown as %+v", b, v)
		}
	}
}

// TestSightTellsNobody checks that what is measured of a face is shown alike, whatever was decided about it.
func TestSightTellsNobody(t *testing.T) {
	limits := pipeline.Settings{Quality: quality.Limits{MinBrightness: 40, MaxBrightness: 220, MinSharpness: 15}}
	limits.Zone = quality.Zone{MinFace: 50, Region: detect.Box{Left: 0.5, Right: 1, Bottom: 1}}
	sight := pipeline.Sight{Box: detect.Box{Left: 420, Top: 120, Right: 540, Bottom: 360}, Width: 640, Height: 480}
	sight.Measure = quality.Measure{Brightness: 133.4, Sharpness: 42}
	for _, reason := range append(quality.Reasons(), quality.OK) {
		sight.Reason = reason
		want := viewOf(Passage{Report: pipeline.Report{State: pipeline.Unknown, Sight: sight}})
		if (want.Sees == reason.String()) != (reason != quality.OK) {
			t.Errorf("%v is shown as %+v", reason, want)
		}
		for s := pipeline.Poor; s <= pipeline.Skipped; s++ {
			r := pipeline.Report{State: s, Sight: sight}
			if s == pipeline.Poor {
				r.Reason = quality.TooDark // of another face than the nearest
			}
			if got := viewOf(Passage{Report: r}); s != pipeline.Resting && got != want {
				t.Errorf("%v, %v is shown as %+v, and an unknown face as %+v", reason, s, got, want)
			}
		}
	}
	want := status.Sight{
		Width: 120, MinWidth: 50, Light: 133, MinLight: 40, MaxLight: 220, Sharpness: 42, MinSharpness: 15, Right: 0, Down: 0,
	}
	if got := sightOf(sight, limits); got != want {
		t.Errorf("shown as %+v, want %+v", got, want)
	}
	if got := sightOf(pipeline.Sight{}, limits); got != (status.Sight{}) {
		t.Errorf("nobody is shown as %+v", got)
	}
	limits.Zone.Region = detect.Box{Right: 0.5, Bottom: 0.25}
	if got := sightOf(sight, limits); got.Right != 2 || got.Down != 3 {
		t.Errorf("outside the zone it is at %v, %v", got.Right, got.Down)
	}
}

// TestPace counts the frames that a camera sends, with those that were dropped.
func TestPace(t *testing.T) {
	var p pace
	at := time.Now()
	var seq uint64
	send := func(n int, every time.Duration, step uint64) (rate float64) {
		for range n {
			seq, at = seq+step, at.Add(every)
			rate = p.next(device.Frame{Seq: seq, Time: at})
		}
		return rate
	}
	if r := send(1, time.Second, 1); r != 0 {
		t.Errorf("one frame is %v a second", r)
	}
	for _, tt := range []struct {
		every time.Duration
		step  uint64
		want  float64
	}{{100 * time.Millisecond, 1, 10}, {200 * time.Millisecond, 1, 5}, {200 * time.Millisecond, 3, 15}} {
		if r := send(40, tt.every, tt.step); math.Abs(r-tt.want) > 0.01 {
			t.Errorf("%v a second, want %v", r, tt.want)
		}
	}
	seq = 0 // the camera was opened anew, and counts on from the start
	if r := send(40, 100*time.Millisecond, 1); math.Abs(r-10) > 0.01 {
		t.Errorf("opened anew: %v a second", r)
	}
}

// TestOneAims checks that one at a time is shown what the camera sees, and nobody of whom that cannot be noted.
func TestOneAims(t *testing.T) {
	var g Camera
	full := errors.New("no space left on device")
	view := func(status.View) { t.Error("something is shown") }
	if err := g.Aim(t.Context(), func() error { return full }, view); !errors.Is(err, full) {
		t.Errorf("where it cannot be noted: %v", err)
	}
	inner := func() error {
		if err := g.Aim(t.Context(), func() error { return nil }, view); !errors.Is(err, ErrAiming) {
			t.Errorf("while somebody aims: %v", err)
		}
		return full
	}
	if err := g.Aim(t.Context(), inner, view); !errors.Is(err, full) {
		t.Errorf("after the first has ended: %v", err)
	}
}
