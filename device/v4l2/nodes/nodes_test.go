package nodes

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestABI compares with the numbers in the kernel's videodev2.h, on a 64-bit system and on others.
func TestABI(t *testing.T) {
	for name, pair := range map[string][2]uintptr{
		"VIDIOC_QUERYCAP":            {queryCap, 0x80685600},
		"VIDIOC_ENUM_FMT":            {enumFmt, 0xc0405602},
		"VIDIOC_ENUM_FRAMESIZES":     {enumSizes, 0xc02c564a},
		"VIDIOC_ENUM_FRAMEINTERVALS": {enumRates, 0xc034564b},
		"device_caps":                {unsafe.Offsetof(capability{}.node), 88},
		"pixelformat":                {unsafe.Offsetof(fmtDesc{}.pixels), 44},
		"step_height":                {unsafe.Offsetof(frameSize{}.stepH), 32},
		"denominator":                {unsafe.Offsetof(frameInterval{}.denominator), 24},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %#x, want %#x", name, pair[0], pair[1])
		}
	}
}

// A machine in memory has files for nodes, and says of each what its driver would.
type machine struct {
	Machine
	t     *testing.T
	nodes map[string]node // by name
}

type node struct {
	driver, card, bus string
	can               uint32
	formats           []Format
	index             string
	err               error
}

func newMachine(t *testing.T, nodes map[string]node, links map[string]string) machine {
	t.Helper()
	root := t.TempDir()
	m := machine{Machine{Dev: filepath.Join(root, "dev"), Class: filepath.Join(root, "class")}, t, nodes}
	m.ask = m.answer
	m.write("dev/vcs", "")
	for name, n := range nodes {
		m.write("dev/"+name, "")
		m.write("class/"+name+"/index", n.index+"\n")
	}
	for name, to := range links {
		link := m.path("v4l/by-id/" + name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o700), os.Symlink("../../"+to, link)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m machine) path(name string) string { return filepath.Join(m.Dev, name) }

func (m machine) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(filepath.Dir(m.Dev), name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) answer(path string, formats bool) (c capability, list []Format, err error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return c, nil, unix.ENOENT
	}
	n := m.nodes[filepath.Base(real)]
	copy(c.driver[:], n.driver)
	copy(c.card[:], n.card)
	copy(c.bus[:], n.bus)
	// Every node of a UVC camera says that the camera can capture.
	c.capabilities, c.node = capDeviceCaps|capCapture|capStreaming|n.can, n.can
	if formats {
		list = n.formats
	}
	return c, list, n.err
}

const capture = capCapture | capStreaming

func webcamNodes() map[string]node {
	mjpeg := []Format{{Code: "MJPG", Usable: true}, {Code: "YUYV", Usable: true}}
	return map[string]node{
		"video0":  {driver: "uvcvideo", card: "Maker: Camera", bus: "usb-1.2", can: capture, formats: mjpeg, index: "0"},
		"video1":  {driver: "uvcvideo", card: "Maker: Camera", bus: "usb-1.2", can: capMetadata | capStreaming, index: "1"},
		"video2":  {driver: "uvcvideo", card: "Film", bus: "usb-1.3", can: capture, formats: []Format{{Code: "H264"}}, index: "0"},
		"video10": {driver: "bcm2835-codec", card: "decoder", bus: "platform", can: capM2M | capStreaming},
		"video11": {driver: "unicam", card: "unicam", bus: "platform", can: capture, formats: []Format{{Code: "YUYV", Usable: true}}},
		"video12": {driver: "rp1-cfe", card: "rp1-cfe", bus: "platform", can: capture | capController},
		"video13": {driver: "future", card: "isp", bus: "platform", can: capture | capController},
		"video14": {driver: "vivid", card: "out", bus: "platform", can: 0x2 | capStreaming},
		"video15": {driver: "tuner", card: "radio", bus: "pci", can: 0x50000},
		"video18": {driver: "v4l2 loopback", card: "Dummy", bus: "platform", can: 0x1 | 0x2 | 0x8000 | capStreaming, formats: mjpeg},
		"video16": {err: unix.EACCES},
		"video17": {err: unix.ENOTTY},
	}
}

// TestList shows what is said of each node of a Raspberry Pi with two USB cameras and a CSI camera.
func TestList(t *testing.T) {
	m := newMachine(t, webcamNodes(), map[string]string{
		"usb-Maker_Camera_1234-video-index0": "video0", "usb-Maker_Camera_1234-video-index1": "video1", "usb-Gone-video-index0": "video9",
	})
	list := m.List()
	type row struct {
		name    string
		kind    Kind
		lasting string
		says    string
	}
	want := []row{
		{"video0", Camera, "usb-Maker_Camera_1234-video-index0", ""},
		{"video1", Metadata, "usb-Maker_Camera_1234-video-index1", "says of its pictures"},
		{"video2", Camera, "", "no picture format that can be used: it has [H264]"},
		{"video10", Codec, "", "turns pictures into others"},
		{"video11", Sensor, "", "CSI camera"},
		{"video12", Sensor, "", "CSI camera"},
		{"video13", Sensor, "", "CSI camera"},
		{"video14", Output, "", "shows pictures"},
		{"video15", Other, "", "takes no pictures"},
		{"video16", "", "", "permission denied"},
		{"video17", "", "", "inappropriate ioctl"},
		{"video18", Camera, "", ""},
	}
	var got []row
	for i, n := range list {
		r := row{name: filepath.Base(n.Path), kind: n.Kind}
		if n.Lasting != "" {
			r.lasting = filepath.Base(n.Lasting)
		}
		if i < len(want) && strings.Contains(n.Problem, want[i].says) && n.Usable() == (want[i].says == "") {
			r.says = want[i].says
		} else {
			r.says = n.Problem
		}
		if (n.ToDo == "") != n.Usable() {
			t.Errorf("%s: %q, to do %q", n.Path, n.Problem, n.ToDo)
		}
		if csi := strings.Contains(n.ToDo, "libcamera"); csi != (n.Kind == Sensor) {
			t.Errorf("%s, a %s: to do %q", n.Path, n.Kind, n.ToDo)
		}
		got = append(got, r)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestIdentify asks which camera a node is of, by its own name and by its lasting one.
func TestIdentify(t *testing.T) {
	m := newMachine(t, webcamNodes(), map[string]string{"usb-Maker_Camera_1234-video-index0": "video0"})
	want := Identity{Card: "Maker: Camera", Driver: "uvcvideo", Bus: "usb-1.2", Serial: "usb-Maker_Camera_1234-video-index0"}
	for _, name := range []string{"video0", "v4l/by-id/usb-Maker_Camera_1234-video-index0"} {
		if got, err := m.Identify(m.path(name)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, want := range map[string]error{
		"video1": ErrKind, "video11": ErrKind, "video16": unix.EACCES, "video99": unix.ENOENT,
	} {
		if _, err := m.Identify(m.path(name)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// TestNote says what somebody should know who has named a node.
func TestNote(t *testing.T) {
	for _, tt := range []struct {
		node Node
		says string // "" for nothing
	}{
		{Node{Path: "/dev/video0"}, ""},
		{Node{Path: "/dev/video0", Lasting: "/dev/v4l/by-id/x"}, "may give /dev/video0 to another camera; the lasting name of this one is /dev/v4l/by-id/x"},
		{Node{Path: "/dev/v4l/by-id/x", Lasting: "/dev/v4l/by-id/x"}, ""},
		{Node{Path: "/dev/door-camera", Lasting: "/dev/v4l/by-id/x"}, ""},
		{Node{Path: "/dev/video1", Lasting: "/dev/v4l/by-id/y", Problem: "no pictures", ToDo: "use another"}, "/dev/video1 cannot be used: no pictures; use another"},
	} {
		if got := tt.node.Note(); !strings.Contains(got, tt.says) || (got == "") != (tt.says == "") {
			t.Errorf("%+v: %q", tt.node, got)
		}
	}
	for path, want := range map[string]bool{"/dev/video0": true, "/dev/video12": true, "/dev/video": false, "/dev/video0-door": false, "/dev/v4l/by-id/x": false} {
		if Numbered(path) != want {
			t.Errorf("%s: want %v", path, want)
		}
	}
}

func TestAlike(t *testing.T) {
	one := Identity{Card: "Camera", Driver: "uvcvideo", Bus: "usb-1", Serial: "1"}
	tests := []struct {
		name string
		now  Identity
		want bool
	}{
		{"itself", one, true},
		{"elsewhere", Identity{Card: "Camera", Driver: "uvcvideo", Bus: "usb-2", Serial: "1"}, true},
		{"elsewhere, without a lasting name", Identity{Card: "Camera", Driver: "uvcvideo", Bus: "usb-2"}, true},
		{"a twin", Identity{Card: "Camera", Driver: "uvcvideo", Bus: "usb-1", Serial: "2"}, false},
		{"another make", Identity{Card: "Other", Driver: "uvcvideo", Bus: "usb-1"}, false},
		{"another node of it", Identity{Card: "Camera", Driver: "uvcvideo", Bus: "usb-1", Index: 2}, false},
	}
	for _, tt := range tests {
		same := tt.want && tt.now.Bus == one.Bus
		if one.Alike(tt.now) != tt.want || tt.now.Alike(one) != tt.want || one.Same(tt.now) != same || tt.now.Same(one) != same {
			t.Errorf("%s: want %v", tt.name, tt.want)
		}
	}
}

// TestKernel asks the kernel about files that are no video nodes, and what there is on this machine.
func TestKernel(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]error{dir + "/none": unix.ENOENT, dir: unix.EISDIR, "/dev/null": unix.ENOTTY} {
		if _, err := This().Identify(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		if n := This().Describe(path); n.Usable() {
			t.Errorf("%s: %+v", path, n)
		}
	}
	path := os.Getenv("FACEGATE_CAMERA")
	if path == "" {
		return
	}
	n := This().Describe(path)
	if !n.Usable() || n.Card == "" || n.Driver == "" || n.Bus == "" || len(n.Formats) == 0 || len(n.Formats[0].Sizes) == 0 {
		t.Errorf("%+v", n)
	}
}
