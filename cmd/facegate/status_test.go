package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
)

// TestStatusBegins checks that whoever asks reads first whose law the gate keeps to, then how it is, and why.
func TestStatusBegins(t *testing.T) {
	s := status.Status{Profile: "eu", Health: health.Assess(
		health.Condition{Part: health.Broker, State: health.Degraded, Reason: "the broker is away", Todo: "start it"},
		health.Condition{Part: health.Camera, State: health.Down, Reason: "the camera is lost", Todo: "plug it in"},
	)}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	writeStatus(w, s)
	w.Flush()
	want := "profile eu health down broker degraded: the broker is away to do: start it " +
		"camera down: the camera is lost to do: plug it in gate "
	if got := strings.Join(strings.Fields(out.String()), " "); !strings.HasPrefix(got, want) {
		t.Errorf("status begins %q, want %q", got[:min(len(got), len(want))], want)
	}
}

// TestStatusOfACrowd checks that the word for a crowd is there, with what to do, and nothing while there is none.
func TestStatusOfACrowd(t *testing.T) {
	for people, want := range map[status.People]string{
		{Enrolled: 7}: "people 7 clock",
		{Enrolled: 7, Crowding: "as in the calibration"}:          "people 7 crowding as in the calibration clock",
		{Enrolled: 7, Crowding: "more", Advice: "ask for a pass"}: "people 7 crowding more to do: ask for a pass clock",
	} {
		var out strings.Builder
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		writeStatus(w, status.Status{People: people})
		w.Flush()
		if got := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(got, want) {
			t.Errorf("of %+v status says %q", people, got)
		}
	}
}

// TestStatusCheck holds the line and the exit code of every answer against each other.
func TestStatusCheck(t *testing.T) {
	slow := health.Condition{Part: health.Broker, State: health.Degraded, Reason: "the broker is away", Todo: "start it"}
	lost := health.Condition{Part: health.Camera, State: health.Down, Reason: "the camera is lost", Todo: "plug it in"}
	for _, c := range []struct {
		report health.Report
		err    error
		code   int
		line   string
	}{
		{health.Assess(), nil, 0, "ok\n"},
		{health.Assess(slow), nil, 1, "degraded: broker: the broker is away; to do: start it\n"},
		{health.Assess(slow, lost), nil, 2, "down: camera: the camera is lost; to do: plug it in (and 1 more: facegate status)\n"},
		{health.Report{State: "odd"}, nil, 3, "odd\n"},
		{health.Report{}, fmt.Errorf("%w: nothing answers", control.ErrNotRunning), 2, "down: gate: it is not running; to do: "},
		{health.Report{}, fs.ErrPermission, 3, ""},
	} {
		var out strings.Builder
		err := (&statusCommand{Check: true}).check(terminal{out: &out}, c.report, c.err)
		var e exit
		if !errors.As(err, &e) || e.code != c.code || !strings.HasPrefix(out.String(), c.line) {
			t.Errorf("%+v, %v: exit %v with %q, want %d with %q", c.report, c.err, err, out.String(), c.code, c.line)
		}
	}
}

// TestStatusCheckOfAGate asks a gate that runs without its broker, and one that does not run.
func TestStatusCheckOfAGate(t *testing.T) {
	l := startLive(t, gatetest.NewSite(t), nil)
	l.do(t, "status", "--check").want(t, checkDegraded, "degraded: ", "")
	var r health.Report
	p := l.do(t, "status", "--check", "--json")
	p.decodeAs(t, checkDegraded, &r)
	if r.State != health.Degraded || len(r.Conditions) == 0 {
		t.Errorf("as JSON it is %+v", r)
	}
	l.stop()
	l.do(t, "status", "--check").want(t, checkDown, "down: gate: it is not running", "")
}
