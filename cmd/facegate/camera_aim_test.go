package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/pipeline/quality"
)

func aimed(change func(*status.View)) status.View {
	v := status.View{Sees: "a face, near and clear enough", Figures: status.Figures{Rate: 14.9, RateWanted: 15, Face: status.Sight{
		Width: 100, MinWidth: 50, Light: 133, MinLight: 40, MaxLight: 220, Sharpness: 42, MinSharpness: 15, Right: -0.5, Down: 0.1,
	}}}
	if change != nil {
		change(&v)
	}
	return v
}

// TestAimDrawing shows what is drawn of a face, and of none.
func TestAimDrawing(t *testing.T) {
	want := []string{
		"rate      [################################|-------] 14.9 of 15 frames a second",
		"face      [##########|#########--------------------] 100 px wide, at least 50",
		"light     [######|##############--------------|----] 133, from 40 to 220",
		"sharpness [################|#####------------------] 42, at least 15",
		"framing   [----------O---------|-------------------] 50 % left, 10 % down",
		"a face, near and clear enough", "", "",
	}
	if got := drawing(aimed(nil)); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("it draws\n%s", strings.Join(got, "\n"))
	}
	nobody := aimed(func(v *status.View) { v.Sees, v.Figures.Face = "nobody", status.Sight{} })
	if got := strings.Join(drawing(nobody), "\n"); strings.Count(got, "] no face\n") != 4 || !strings.Contains(got, "\nnobody\n") {
		t.Errorf("of nobody it draws\n%s", got)
	}
}

// TestAimDrawingHolds checks that a drawing has as many lines, none too long, whatever is measured and advised.
func TestAimDrawingHolds(t *testing.T) {
	views := []status.View{{}, {Sees: "no frame"}, aimed(func(v *status.View) { v.Figures.Face.Right, v.Figures.Face.Down = -7, 9 })}
	views = append(views, aimed(func(v *status.View) {
		f := &v.Figures.Face
		f.Width, f.Light, f.Sharpness, v.Figures.Rate = 1920, 255, 1<<20, 120
	}))
	for _, r := range quality.Reasons() {
		views = append(views, aimed(func(v *status.View) { v.Sees, v.Advice = r.String(), r.Advice() }))
	}
	for _, v := range views {
		lines := drawing(v)
		if len(lines) != len(drawing(aimed(nil))) {
			t.Errorf("%+v is drawn in %d lines", v, len(lines))
		}
		for _, l := range lines {
			if len(l) > textWidth+10 || strings.ContainsAny(l, "\n\r\x1b") {
				t.Errorf("%q", l)
			}
			if open := strings.IndexByte(l, '['); open > 0 && strings.IndexByte(l, ']') != open+barWidth+1 {
				t.Errorf("a bar of another width: %q", l)
			}
		}
		if joined := strings.Join(strings.Fields(strings.Join(lines[6:], " ")), " "); joined != v.Advice {
			t.Errorf("the advice reads %q, want %q", joined, v.Advice)
		}
	}
}

// TestAimDisplay shows a few views on a terminal, which is rewritten, elsewhere line by line, and as JSON.
func TestAimDisplay(t *testing.T) {
	start := time.Now()
	play := func(c cameraAimCommand, draws bool) string {
		var out strings.Builder
		display := c.display(terminal{out: &out, draws: draws})
		far := aimed(func(v *status.View) { v.Sees, v.Advice = "too far", "come closer" })
		for _, step := range []struct {
			v  status.View
			at time.Duration
		}{
			{aimed(nil), 0},
			{aimed(func(v *status.View) { v.Figures.Face.Light = 134 }), 50 * time.Millisecond}, // too soon to be seen
			{far, 200 * time.Millisecond},
			{far, 300 * time.Millisecond},
			{aimed(func(v *status.View) { v.Sees, v.Advice, v.Figures.Face.Light = "too far", "come closer", 90 }), 1500 * time.Millisecond},
		} {
			display(step.v, start.Add(step.at))
		}
		return out.String()
	}
	drawn := play(cameraAimCommand{}, true)
	if n := len(drawing(aimed(nil))); strings.Count(drawn, "\x1b[8A") != 2 || n != 8 || strings.Count(drawn, "\n") != 3*n || strings.Contains(drawn, "134") {
		t.Errorf("it draws %q", drawn)
	}
	lines := play(cameraAimCommand{}, false)
	want := `a face, near and clear enough (14.9 frames/s, face 100 px, light 133, sharpness 42, 50 % left, 10 % down)
too far - come closer (14.9 frames/s, face 100 px, light 133, sharpness 42, 50 % left, 10 % down)
too far - come closer (14.9 frames/s, face 100 px, light 90, sharpness 42, 50 % left, 10 % down)
`
	if lines != want {
		t.Errorf("it says\n%s", lines)
	}
	for _, draws := range []bool{false, true} {
		text := play(cameraAimCommand{jsonFlag: jsonFlag{JSON: true}}, draws)
		var views []status.View
		for d := json.NewDecoder(strings.NewReader(text)); d.More(); {
			var v status.View
			must(t, d.Decode(&v))
			views = append(views, v)
		}
		if len(views) != 4 || views[0] != aimed(nil) || strings.Contains(text, "\x1b") {
			t.Errorf("as JSON it is\n%s", text)
		}
	}
}

// TestCameraAim aims the camera of a live gate at somebody enrolled, with a terminal and without.
func TestCameraAim(t *testing.T) {
	l := startLive(t, gatetest.NewSite(t), nil)
	ctx, cancel := context.WithCancel(t.Context())
	played := make(chan error, 1)
	go func() {
		played <- l.stage.Play(ctx, gatetest.Hold(gatetest.Clip(t, "people/p02")[5:6], 100*time.Second))
	}()
	var seen status.View
	for _, lasts := range []string{"3s", "15s", "40s"} { // a busy machine takes longer
		p := facegate(t.Context(), "camera", "aim", "--json", "--for", lasts, "--socket", l.site.Socket())
		for d := json.NewDecoder(strings.NewReader(p.out)); d.More(); {
			must(t, d.Decode(&seen))
		}
		if f := seen.Figures; p.code == exitOK && f.Rate > 0 && f.RateWanted > 0 && f.Face.Width >= f.Face.MinWidth && f.Face.Light > 0 {
			break
		}
	}
	f := seen.Figures.Face
	if seen.Sees == "" || f.Width < f.MinWidth || f.Light <= f.MinLight || f.Sharpness <= f.MinSharpness || f.MaxLight == 0 || f.Right < -1 || f.Right > 1 {
		t.Errorf("it sees %+v", seen)
	}
	var out strings.Builder
	code := run(t.Context(), []string{"camera", "aim", "--for", "3s", "--socket", l.site.Socket()}, terminal{in: os.Stdin, out: &out, err: &out, draws: true})
	if code != exitOK || !strings.Contains(out.String(), "framing   [") || !strings.Contains(out.String(), "\x1b[8A") {
		t.Errorf("exit code %d: %q", code, out.String())
	}
	cancel()
	<-played
}
