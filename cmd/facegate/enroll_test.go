package main

import (
	"bytes"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
)

// coaching are moments of a capture.
func coaching() []people.Progress {
	return []people.Progress{
		{State: "no frame from the camera", Advice: "see the camera in facegate status", Want: 5, Left: 60},
		{State: "nobody", Advice: "step in front of the camera", Step: "step-in", Say: "Please stand in front of the camera.", Want: 5, Left: 59},
		{State: "poor picture", Reason: "too far", Advice: "come closer, or lower zone.min_face", Step: "come-closer", Say: "Please come a little closer.", Want: 5, Left: 58},
		{State: "poor picture", Reason: "too far", Advice: "come closer, or lower zone.min_face", Step: "come-closer", Say: "Please come a little closer.", Want: 5, Left: 57},
		{State: "captured", Step: "hold-still", Say: "Hold still and look at the camera.", Taken: 5, Want: 5, Left: 55},
	}
}

// TestCoach shows a capture on a terminal, in a file and to a program.
func TestCoach(t *testing.T) {
	for name, test := range map[string]struct {
		command enrollCommand
		redraws bool
		want    []string // each once, in this order
		never   string
	}{
		"a terminal": {redraws: true, never: "zone.min_face", want: []string{
			"0/5  no frame from the camera  (60 s)", "\x1b[1A\r0/5  Please stand in front of the camera.  (59 s)\x1b[K\n",
			"Please come a little closer.  (58 s)", "Please come a little closer.  (57 s)", "5/5  Hold still and look at the camera.  (55 s)",
		}},
		"a file": {never: "\x1b", want: []string{
			"0 of 5 frames: no frame from the camera - see the camera in facegate status\n", "0 of 5 frames: nobody - Please stand in front of the camera.\n",
			"0 of 5 frames: too far - Please come a little closer.\n", "5 of 5 frames: captured\n",
		}},
		"a program": {command: enrollCommand{jsonFlag: jsonFlag{JSON: true}}, redraws: true, never: "\x1b", want: []string{
			`"seconds_left":60}`, `"step":"step-in","say":"Please stand in front of the camera.","seconds_left":59}`, `"seconds_left":58}`, `"seconds_left":57}`, `"taken":5`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			show := test.command.coach(terminal{err: &out, redraws: test.redraws})
			for _, p := range coaching() {
				show(p)
			}
			rest := out.String()
			for _, want := range test.want {
				before, after, found := strings.Cut(rest, want)
				if !found || strings.Contains(before, want) {
					t.Fatalf("there is no %q in\n%q", want, out.String())
				}
				rest = after
			}
			if strings.Contains(out.String(), test.never) || strings.Contains(rest, "frames") {
				t.Errorf("it shows\n%q", out.String())
			}
		})
	}
}

// TestEnrollSaysWhatToDo captures somebody who has read the notice in Chinese, and nobody who has read one that there is not.
func TestEnrollSaysWhatToDo(t *testing.T) {
	l := startLive(t, gatetest.NewSite(t), nil)
	p := l.enroll(t, "p01", "--lang", "zh", "--json")
	if p.code != exitOK || !strings.Contains(p.err, `"say":"请看摄像头，保持不动。"`) {
		t.Errorf("code %d\n%s%s", p.code, p.out, p.err)
	}
	l.enroll(t, "p02", "--lang", "fr").want(t, exitFailed, "", "to do: have the person read one that facegate notice prints")
}
