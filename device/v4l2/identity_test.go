package v4l2

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/v4l2/nodes"
)

// TestOtherCamera has other cameras under the name of the one at the start, and that one under other names.
func TestOtherCamera(t *testing.T) {
	const numbered, lasting = "/dev/video0", "/dev/v4l/by-id/usb-Maker_Camera-video-index0"
	mine := nodes.Identity{Card: "Camera", Driver: "uvcvideo", Bus: "usb-1", Serial: "usb-Maker_Camera_1"}
	moved, twin, nameless, other := mine, mine, mine, nodes.Identity{Card: "Other", Driver: "uvcvideo", Bus: "usb-1"}
	moved.Bus, twin.Serial, nameless.Serial = "usb-2", "usb-Maker_Camera_2", ""
	type there = map[string]nodes.Identity
	tests := []struct {
		name   string
		device string
		before nodes.Identity
		now    there
		opened string // "" for none
		err    error
		final  bool
		logged string
	}{
		{"back in its place", numbered, mine, there{numbered: mine}, numbered, nil, false, ""},
		{"back in another port", numbered, mine, there{numbered: moved}, numbered, nil, false, ""},
		{"back, and udev is slow", numbered, mine, there{numbered: nameless}, numbered, nil, false, ""},
		{"gone", numbered, mine, there{}, "", unix.ENOENT, true, ""},
		{"another make", numbered, mine, there{numbered: other}, "", ErrOther, true, ""},
		{"another of the same make", numbered, mine, there{numbered: twin}, "", ErrOther, true, ""},
		{"another, which udev has not named", numbered, nameless, there{numbered: other}, "", ErrOther, true, ""},
		{"under another number", numbered, mine, there{"/dev/video2": mine}, "/dev/video2", nil, false, "another number"},
		{"they have changed places", numbered, mine, there{numbered: twin, "/dev/video2": mine}, "/dev/video2", nil, false, "another number"},
		{
			"two without a name have changed places", numbered, nameless,
			there{numbered: {Card: "Camera", Driver: "uvcvideo", Bus: "usb-2"}, "/dev/video2": nameless},
			"/dev/video2", nil, false, "another number",
		},
		{"only another is there", numbered, mine, there{"/dev/video2": twin}, "", unix.ENOENT, true, ""},
		{"a lasting name was given on purpose", lasting, mine, there{lasting: other}, lasting, nil, false, "another camera has the name"},
		{"a lasting name is followed alone", lasting, mine, there{"/dev/video2": mine}, "", unix.ENOENT, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				d := newDriver(32, 16, pixMJPEG).sends(2, makeJPEG(t, 32, 16)).errs(1, unix.ENODEV)
				s := d.source(Config{Width: 32, Height: 16, Log: slog.New(slog.NewTextHandler(&log, nil))})
				s.cfg.Device = tt.device
				now := there{tt.device: tt.before}
				s.paths = func() []string { return slices.Sorted(maps.Keys(now)) }
				s.identify = func(path string) (nodes.Identity, error) {
					if is, ok := now[path]; ok {
						return is, nil
					}
					return nodes.Identity{}, unix.ENOENT
				}
				opened := ""
				s.open = func(path string) (camera, error) {
					opened = path
					return d, nil
				}
				if err := s.Stream(t.Context(), func(device.Frame) {}); !errors.Is(err, unix.ENODEV) || opened != tt.device {
					t.Fatalf("at the start: %s, %v", opened, err)
				}
				now, opened = tt.now, ""
				err := s.Stream(t.Context(), func(device.Frame) {})
				if tt.err == nil {
					tt.err = ErrHung // the driver has no more frames
				}
				if diff := cmp.Diff(tt.opened, opened); diff != "" || !errors.Is(err, tt.err) || device.Final(err) != tt.final || hint.Of(err) == "" {
					t.Errorf("opened %q: %v, final %v, to do %q; want %q, %v", opened, err, device.Final(err), hint.Of(err), tt.opened, tt.err)
				}
				if errors.Is(err, ErrOther) && !strings.Contains(hint.Of(err), "facegate camera list") {
					t.Errorf("to do %q", hint.Of(err))
				}
				if got := log.String(); !strings.Contains(got, tt.logged) || (got == "") != (tt.logged == "") {
					t.Errorf("the log has %q", got)
				}
				if tt.opened != "" && s.node() != tt.opened {
					t.Errorf("controls are those of %s", s.node())
				}
			})
		})
	}
}

// TestNoCamera opens nodes that are of no camera.
func TestNoCamera(t *testing.T) {
	s := newDriver(32, 16, pixMJPEG).source(Config{})
	s.identify = func(string) (nodes.Identity, error) { return nodes.Identity{}, nodes.Metadata.Err() }
	err := s.Stream(t.Context(), func(device.Frame) { t.Error("a frame from nowhere") })
	if !errors.Is(err, nodes.ErrKind) || !device.Final(err) || !strings.Contains(hint.Of(err), "facegate camera list") {
		t.Errorf("%v, final %v, to do %q", err, device.Final(err), hint.Of(err))
	}
}
