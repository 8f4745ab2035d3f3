package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/device/probe"
	"facegate/device/v4l2/nodes"
)

// machineNodes are those of a Raspberry Pi with a USB camera.
func machineNodes() []nodes.Node {
	id := nodes.Identity{Card: "Maker: Camera", Driver: "uvcvideo", Bus: "usb-1.2"}
	csi := nodes.Identity{Card: "unicam", Driver: "unicam", Bus: "platform:fe801000.csi"}
	return []nodes.Node{
		{
			Path: "/dev/video0", Lasting: "/dev/v4l/by-id/usb-Maker-video-index0", Identity: id, Kind: nodes.Camera,
			Formats: []nodes.Format{
				{Code: "MJPG", Usable: true, Sizes: []nodes.Size{{Width: 640, Height: 480, Rates: []float64{30, 15, 7.5}}, {Width: 1280, Height: 720}}},
				{Code: "H264", Sizes: []nodes.Size{{Width: 16, Height: 16, MaxWidth: 1920, MaxHeight: 1080}}},
			},
		},
		{Path: "/dev/video1", Identity: id, Kind: nodes.Metadata, Problem: "no pictures", ToDo: "use the camera"},
		{Path: "/dev/video14", Identity: csi, Kind: nodes.Sensor, Problem: "it is of a CSI camera", ToDo: "CSI cameras need libcamera"},
		{Path: "/dev/video15", Problem: "permission denied", ToDo: "be root"},
	}
}

// TestCameraListReads checks what a technician reads of each node, and of the one that the configuration names.
func TestCameraListReads(t *testing.T) {
	for _, tt := range []struct {
		name   string
		nodes  []nodes.Node
		device string
		found  bool
		says   []string
		not    string
	}{
		{
			"named by a number", machineNodes(), "/dev/video0", true,
			[]string{
				"/dev/video0: camera, Maker: Camera, the configuration names it\n",
				"  lasting name  /dev/v4l/by-id/usb-Maker-video-index0\n", "  driver        uvcvideo, at usb-1.2\n",
				"  MJPG          640x480 at 30, 15, 7.5; 1280x720\n",
				"  H264          16x16 to 1920x1080; which a gate does not read\n",
				"/dev/video1: metadata, Maker: Camera\n", "  not usable  no pictures\n              to do: use the camera\n",
				"/dev/video14: sensor, unicam\n", "to do: CSI cameras need libcamera\n", "/dev/video15: unknown\n",
				"to do: set camera.device to its lasting name: the kernel may give /dev/video0 to another camera; the lasting name of this one is /dev/v4l/by-id/usb-Maker-video-index0\n",
			},
			"is not there",
		},
		{"named for good", machineNodes(), "/dev/v4l/by-id/usb-Maker-video-index0", true, []string{"video0: camera, Maker: Camera, the configuration"}, "may give"},
		{"another is named", machineNodes(), "/dev/video9", false, []string{"to do: /dev/video9, which camera.device names, is not there"}, "the configuration names it"},
		{"none is named", machineNodes(), "", false, []string{"/dev/video0: camera, Maker: Camera\n"}, "camera.device"},
		{"none can be used", machineNodes()[1:], "/dev/video0", false, []string{"to do: plug in a USB camera (UVC)"}, "is not there"},
		{"none at all", nil, "", false, []string{"this machine has no video node\nto do: plug in"}, "camera.device"},
	} {
		var text strings.Builder
		w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		l := listCameras(tt.nodes, tt.device)
		l.write(w)
		w.Flush()
		for _, want := range tt.says {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s: it does not say %q:\n%s", tt.name, want, &text)
			}
		}
		if strings.Contains(text.String(), tt.not) || strings.Contains(text.String(), "%!") || l.Found != tt.found {
			t.Errorf("%s, found %v: it reads\n%s", tt.name, l.Found, &text)
		}
	}
}

// TestCameraList lists what this machine has, without a gate and without a configuration.
func TestCameraList(t *testing.T) {
	if p := facegate(t.Context(), "camera", "list"); p.code != exitOK || p.out == "" || p.err != "" {
		t.Errorf("%+v", p)
	}
	config := gatetest.NewSite(t).WriteConfig(t, gatetest.Settings{"camera": "{source: v4l2, device: /dev/no-camera}"})
	p := facegate(t.Context(), "camera", "list", "--json", "--config", config)
	var l cameraList
	unmarshal(t, p.out, &l)
	if l.Configured != "/dev/no-camera" || l.Found || l.Nodes == nil || len(l.Advice) == 0 {
		t.Errorf("%s", p.out)
	}
	facegate(t.Context(), "camera", "list", "--config", filepath.Join(t.TempDir(), "none")).want(t, exitFailed, "", "to do: ")
}

// TestCameraTest tests the camera of a gate that does not run, and of one that does.
func TestCameraTest(t *testing.T) {
	pictures := t.TempDir()
	for i, data := range gatetest.Clip(t, "people/p02")[:5] {
		must(t, os.WriteFile(filepath.Join(pictures, fmt.Sprint(i, ".jpg")), data, 0o600))
	}
	must(t, os.WriteFile(filepath.Join(pictures, "half.jpg"), gatetest.Clip(t, "people/p02")[0][:500], 0o600))
	recorded := gatetest.NewSite(t).WriteConfig(t, gatetest.Settings{"camera": fmt.Sprintf("{source: replay, path: %s, fps: 10, loop: true}", pictures)})
	p := facegate(t.Context(), "camera", "test", "--config", recorded, "--json")
	var v probe.Verdict
	unmarshal(t, p.out, &v)
	if p.code != exitFailed || v.Frames < 5 || v.Rate == 0 || v.Damaged == 0 || v.Format != "JPEG" || v.Width == 0 || v.Grey == 0 || v.Wanted.FPS != 10 || len(v.Findings) == 0 {
		t.Errorf("%s", p.out)
	}
	none := gatetest.NewSite(t).WriteConfig(t, gatetest.Settings{"camera": "{source: v4l2, device: /dev/no-camera}"})
	facegate(t.Context(), "camera", "test", "--config", none).want(t, exitFailed, "no such file or directory\n  to do: plug the camera in", "")

	l, config, _ := startWith(t, gatetest.Settings{"camera": fmt.Sprintf("{source: replay, path: %s, fps: 10, max_age: 3s}", pictures)})
	before, err := os.ReadDir(l.site.Dir)
	must(t, err)
	facegate(t.Context(), "camera", "test", "--config", config).want(t, exitOK, "nothing is wrong with the camera\n", "")
	after, err := os.ReadDir(l.site.Dir)
	must(t, err)
	if len(after) != len(before) {
		t.Errorf("there are files more: %v", after)
	}
}

// TestProbeReads checks what a technician reads of a camera.
func TestProbeReads(t *testing.T) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	writeProbe(w, probe.Judge(probe.Report{
		Source: "camera /dev/video0", Format: "JPEG", Width: 640, Height: 480, Frames: 50, Rate: 10.1, Gap: 0.2, Refused: 12, Damaged: 10, Grey: 30,
	}, probe.Wanted{FPS: 15, Width: 640, Height: 480}))
	w.Flush()
	for _, want := range []string{
		"picture  640x480, JPEG, mean grey value 30 of 255\n", "rate     10.1 frames a second, 15 wanted; longest gap 0.2 s\n",
		"frames   50 good, 10 damaged, 2 not usable for other reasons, 0 the same as the one before\n",
		"16 % of the frames are damaged\n  to do: try another cable", "the picture is dark: mean grey value 30\n  to do: take off the cap",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &text)
		}
	}
}
