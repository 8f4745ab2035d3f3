package main

import (
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
)

// TestEnrollAgain has somebody else stand before the camera when somebody is captured again.
func TestEnrollAgain(t *testing.T) {
	l := startLive(t, gatetest.NewSite(t), nil)
	l.enroll(t, "p01").want(t, exitOK, "p01 is enrolled until ", "5 of 5 frames: captured\n")
	if p := l.enrollAs(t, "p02", "p01", "--again"); p.code != exitFailed || p.out != "" ||
		!strings.Contains(p.err, "facegate: the gate refused the request: this is not the face of the former template of p01\n") ||
		!strings.Contains(p.err, "to do: have p01 stand before the camera; if it is them, and a document says so, capture them with --changed-face\n") {
		t.Errorf("somebody else: code %d\n%s%s", p.code, p.out, p.err)
	}
	l.enroll(t, "p01", "--again").want(t, exitOK, "\nthe face is that of the former template\n", "5 of 5 frames: captured\n")
	var answer struct{ Former, Receipt string }
	l.enroll(t, "p01", "--again", "--json").decode(t, &answer)
	if answer.Former != "the face is that of the former template" || answer.Receipt == "" {
		t.Errorf("--again --json says %+v", answer)
	}
	l.enrollAs(t, "p02", "p01", "--again", "--changed-face").want(t, exitOK, "\nthe face was not compared: it has changed, as was said\n", "5 of 5 frames: captured\n")
	config := l.site.WriteConfig(t, nil)
	l.do(t, "person", "show", "p01", "--config", config).want(t, exitOK, ": face-changed", "")
	l.do(t, "enroll", "p09", "--consent", "f", "--age", "adult", "--changed-face").want(t, exitFailed, "", "to do: leave out --changed-face")
}
