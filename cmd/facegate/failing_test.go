package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
)

// TestStatusOfAGateThatFails wants the last reason, its advice and the log where somebody looks for the gate.
func TestStatusOfAGateThatFails(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, gatetest.Settings{"camera": "{source: replay, path: /nonexistent}"})
	facegate(t.Context(), "status", "--config", config).want(t, exitNotRunning, "", "systemctl start facegate")
	for range 3 {
		facegate(t.Context(), "run", "--config", config).want(t, exitFailed, "", ": camera.path: ")
	}
	for _, args := range [][]string{{"status", "--config", config}, {"status", "--socket", site.Socket()}, {"door", "test", "--config", config}} {
		p := facegate(t.Context(), args...)
		for _, want := range []string{"it failed 3 times in a row", "camera.path", "folder of JPEG files", "journalctl -u facegate"} {
			if p.code != exitNotRunning || !strings.Contains(p.err, want) {
				t.Errorf("%q: exit code %d:\n%s\nwant %q in it", args, p.code, p.err, want)
			}
		}
	}
	facegate(t.Context(), "status", "--check", "--config", config).want(t, checkDown, "it failed 3 times in a row", "")
	var c complaint
	p := facegate(t.Context(), "status", "--json", "--config", config)
	unmarshal(t, p.err, &c)
	if c.Code != exitNotRunning || !strings.Contains(c.Error, "camera.path") || !strings.Contains(c.ToDo, "journalctl") {
		t.Errorf("as JSON: %+v", c)
	}
	left, err := filepath.Glob(site.Path("*.failure"))
	if err != nil || len(left) != 1 {
		t.Fatalf("the reason is in %q, %v", left, err)
	}
	if info, err := os.Stat(left[0]); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("everybody may read the reason: %v, %v", info, err)
	}
}

// TestFailureBesideARunningGate starts a second gate at a socket at which one answers, which is no failure of that one.
func TestFailureBesideARunningGate(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, nil)
	l, err := net.Listen("unix", site.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	facegate(t.Context(), "run", "--config", config).want(t, exitFailed, "", "control.socket")
	if left, err := filepath.Glob(site.Path("*.failure")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestStatusOfAGateThatWasKilled wants what systemd says of a process that had no time to say anything.
func TestStatusOfAGateThatWasKilled(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, nil)
	for _, ended := range []struct{ result, how, status, want string }{
		{"success", "exited", "0", "systemctl start facegate"},
		{"exit-code", "exited", "1", "systemctl start facegate"}, // which has told its reason itself
		{"oom-kill", "killed", "KILL", "more memory than MemoryMax="},
		{"signal", "killed", "SEGV", "the system ended the process: signal (killed, SEGV)"},
	} {
		t.Setenv("SERVICE_RESULT", ended.result)
		t.Setenv("EXIT_CODE", ended.how)
		t.Setenv("EXIT_STATUS", ended.status)
		facegate(t.Context(), "door", "safe", "--config", config).want(t, exitOK, "safe level", "")
		facegate(t.Context(), "status", "--config", config).want(t, exitNotRunning, "", ended.want)
	}
}

// TestFacesOffForWantOfRecords wants no advice that such a gate would refuse.
func TestFacesOffForWantOfRecords(t *testing.T) {
	var s status.Status
	s.Camera.State, s.FacesOff = status.CameraOff, &status.FacesOff{Reason: "the records cannot be opened"}
	if got := faces(s); !strings.Contains(got, "records") || strings.Contains(got, "faces on") {
		t.Errorf("it says %q", got)
	}
}
