package doctor_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/doctor"
	"facegate/cmd/facegate/internal/health"
)

// TestAssess checks that the worst comes first, what is said twice once, and advice on a part that is wrong not before that is mended.
func TestAssess(t *testing.T) {
	find := func(part health.Part, state doctor.State, reason string) doctor.Finding {
		return doctor.Finding{Part: part, State: state, Reason: reason, Todo: "mend it"}
	}
	weak, hidden := find(health.Faces, doctor.Advice, "weak"), find(health.Key, doctor.Unknown, "hidden")
	gone, twice := find(health.Camera, doctor.Wrong, "gone"), find(health.Camera, doctor.Wrong, "gone")
	later := find(health.Camera, doctor.Advice, "later")
	r := doctor.Assess(
		doctor.Look{Parts: []health.Part{health.Faces, health.Clock}, Findings: []doctor.Finding{weak, later}},
		doctor.Look{Parts: []health.Part{health.Camera, health.Clock, health.Disk}, Findings: []doctor.Finding{hidden, gone, twice}},
	)
	want := doctor.Report{
		State: doctor.Wrong, Findings: []doctor.Finding{gone, hidden, weak}, Well: []health.Part{health.Clock, health.Disk},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("the report (-want +got):\n%s", diff)
	}
	if r := doctor.Assess(); r.State != doctor.OK || r.Findings == nil || r.Well == nil {
		t.Errorf("of nothing: %+v", r)
	}
}

// TestBandwidth holds what a camera is to send against what its port carries.
func TestBandwidth(t *testing.T) {
	for _, c := range []struct {
		speed, todo string
		mbps        float64
	}{
		{"480", "", 0},
		{"480", "", 640 * 480 * 15 * 16 / 1e6},
		{"480", "set camera.format to mjpeg", 1280 * 720 * 30 * 16 / 1e6},
		{"5000", "", 1280 * 720 * 30 * 16 / 1e6},
		{"12", "plug it into a port of the board itself", 0},
	} {
		m := doctor.Machine{Camera: doctor.Stream{Node: "video0", Mbps: c.mbps}, Root: fstest.MapFS{
			"sys/class/video4linux/video0/device": &fstest.MapFile{Data: []byte("../../../1-1:1.0"), Mode: fs.ModeSymlink},
			"sys/bus/usb/devices/1-1/speed":       &fstest.MapFile{Data: []byte(c.speed + "\n")},
		}}
		found := m.Look().Findings
		if len(found) > 1 || (len(found) == 1) != (c.todo != "") || len(found) == 1 && !strings.Contains(found[0].Todo, c.todo) {
			t.Errorf("%s, %.0f Mbit/s: %+v", c.speed, c.mbps, found)
		}
	}
}
