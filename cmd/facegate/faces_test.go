package main

import (
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
)

// TestFaces turns faces off on the running gate and on the stopped one, and on again, and reads what the status says.
func TestFaces(t *testing.T) {
	l, _, do := startWith(t, nil)
	site := l.site
	do("faces", "off", "--reason", "a film is made").want(t, exitOK, "none is looked at", "")
	do("status").want(t, exitOK, ": a film is made", "")
	var s status.Status
	do("status", "--json").decode(t, &s)
	if s.Health.State != health.Down || s.FacesOff == nil || s.FacesOff.Reason != "a film is made" {
		t.Errorf("the status is %+v, %+v", s.Health, s.FacesOff)
	}
	do("enroll", "p01", "--consent", "form", "--age", "adult").want(t, exitFailed, "", "to do: facegate faces on")
	gatetest.Eventually(t, "frames come to nothing", func() bool {
		do("status", "--json").decode(t, &s)
		return s.Frames.Now == "faces off"
	})
	do("faces", "off", "--reason", "a\tb").want(t, exitUsage, "", "U+0009 control")
	l.stop()

	do("faces", "on", "--json").want(t, exitOK, `"faces": true`, "")
	do("faces", "off").want(t, exitOK, "faces are off", "")
	l = startLive(t, site, nil)
	do("status").want(t, exitOK, "faces were turned off on ", "")
	do("faces", "on").want(t, exitOK, "faces are on", "")
	l.enroll(t, "p01").want(t, exitOK, "p01 is enrolled", "captured")
	do("audit", "verify").want(t, exitOK, "the audit log is whole", "")
}

// TestFormerName checks that whoever types lockdown destroys nothing, and learns what there is.
func TestFormerName(t *testing.T) {
	for _, args := range [][]string{{"lockdown"}, {"lockdown", "--end"}, {"lockdown", "--yes", "--socket", "/none"}} {
		p := facegate(t.Context(), args...)
		p.want(t, exitUsage, "", "facegate faces off")
		p.want(t, exitUsage, "", "facegate destroy-templates")
	}
	facegate(t.Context(), "--help").want(t, exitOK, "destroy-templates", "")
}
