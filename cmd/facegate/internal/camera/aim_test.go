package camera

import (
	"errors"
	"testing"

	"facegate/cmd/facegate/internal/status"
	"facegate/pipeline"
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
