package v4l2

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blackjack/webcam"
	"github.com/google/go-cmp/cmp"

	"facegate/device"
	"facegate/device/controls"
)

// Controls of a usual UVC camera, by their numbers in v4l2-controls.h.
const (
	cidGain      = 0x00980913
	cidPowerLine = 0x00980918
	cidBacklight = 0x0098091c
	cidAuto      = 0x009a0901
	cidExposure  = 0x009a0902
)

// adjustable gives d the controls of a usual UVC camera.
func adjustable(d *driver) *driver {
	d.controls = map[webcam.ControlID]webcam.Control{
		cidGain: {Max: 100}, cidPowerLine: {Max: 2}, cidBacklight: {Max: 4},
		cidAuto: {Max: 3}, cidExposure: {Min: 3, Max: 2047}, 0x00980900: {Max: 255}, // brightness
	}
	d.values = map[webcam.ControlID]int32{cidGain: 20, cidPowerLine: 1, cidBacklight: 1, cidAuto: 3, cidExposure: 312}
	return d
}

func TestControls(t *testing.T) {
	d := adjustable(newDriver(32, 16, pixMJPEG))
	got, err := d.source(Config{}).Controls()
	if err != nil {
		t.Fatal(err)
	}
	want := []controls.Control{
		{Name: controls.PowerLine, Max: 2, Value: 1},
		{Name: controls.Backlight, Max: 4, Value: 1},
		{Name: controls.AutoExposure, Max: 3, Value: 3},
		{Name: controls.Exposure, Min: 3, Max: 2047, Value: 312},
		{Name: controls.Gain, Max: 100, Value: 20},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Equal(d.calls, []string{"open", "Close"}) {
		t.Errorf("the camera was asked %q", d.calls)
	}

	d.fail["GetControl 0x9a0902"] = errors.New("input/output error")
	d.values[cidGain] = 101 // more than it says it can have
	if got, _ = d.source(Config{}).Controls(); len(got) != 3 {
		t.Errorf("of a camera that does not know its values: %+v", got)
	}
	d.fail["open"] = errors.New("gone")
	if got, err := d.source(Config{}).Controls(); err == nil || got != nil {
		t.Errorf("of no camera: %+v, %v", got, err)
	}
}

// TestAdjust opens cameras of which something is wanted.
func TestAdjust(t *testing.T) {
	wanted := controls.Wanted{Exposure: 10 * time.Millisecond, PowerLine: controls.Hz60, Backlight: new(9)}
	for _, test := range []struct {
		name   string
		d      *driver
		wanted controls.Wanted
		fails  string
		calls  []string // those that set a control
		log    string
	}{
		{"nothing wanted", adjustable(newDriver(32, 16, pixMJPEG)), controls.Wanted{}, "", nil, ""},
		{
			"all there", adjustable(newDriver(32, 16, pixMJPEG)), wanted, "",
			[]string{"SetControl 0x980918 2", "SetControl 0x98091c 4", "SetControl 0x9a0901 1", "SetControl 0x9a0902 100"},
			"",
		},
		{"none there", newDriver(32, 16, pixMJPEG), wanted, "", nil, "control=exposure_time_absolute"},
		{
			"one refused", adjustable(newDriver(32, 16, pixMJPEG)), wanted, "SetControl 0x9a0901 1",
			[]string{"SetControl 0x980918 2", "SetControl 0x98091c 4", "SetControl 0x9a0901 1", "SetControl 0x9a0902 100"},
			"the camera does not take a control",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var text bytes.Buffer
				if test.fails != "" {
					test.d.fail[test.fails] = errors.New("permission denied")
				}
				test.d.sends(2, makeJPEG(t, 32, 16))
				seqs, err := run(t, test.d, Config{Controls: test.wanted, Log: slog.New(slog.NewTextHandler(&text, nil))})
				if len(seqs) != 2 || !errors.Is(err, ErrHung) {
					t.Errorf("%d frames, %v: people want to pass", len(seqs), err)
				}
				var calls []string
				for _, c := range test.d.calls {
					if strings.HasPrefix(c, "SetControl") {
						calls = append(calls, c)
					}
				}
				if !slices.Equal(calls, test.calls) {
					t.Errorf("it was told %q, want %q", calls, test.calls)
				}
				if !strings.Contains(text.String(), test.log) || test.log == "" && text.Len() > 0 || strings.Contains(text.String(), "WARN") && !strings.Contains(text.String(), "hint=") {
					t.Errorf("the log says %q", &text)
				}
			})
		})
	}
}

var _ device.Controlled = (*source)(nil)
