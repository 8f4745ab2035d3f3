package controls_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/device/controls"
)

// all are the controls of a camera that has every one.
func all() (list []controls.Control) {
	for _, n := range controls.Names() {
		list = append(list, controls.Control{Name: n, Max: 500})
	}
	return list
}

func TestSettings(t *testing.T) {
	everything := controls.Wanted{Exposure: 10 * time.Millisecond, Gain: new(7), PowerLine: controls.Hz50, Backlight: new(2)}
	narrow := []controls.Control{{Name: controls.Exposure, Min: 3, Max: 50}, {Name: controls.Gain, Min: 16, Max: 64}}
	for _, test := range []struct {
		name    string
		wanted  controls.Wanted
		has     []controls.Control
		set     []controls.Setting
		missing []controls.Name
	}{
		{"nothing", controls.Wanted{}, all(), nil, nil},
		{"everything", everything, all(), []controls.Setting{
			{controls.PowerLine, 1},
			{controls.Backlight, 2},
			{controls.AutoExposure, controls.Manual},
			{controls.Exposure, 100},
			{controls.AutoGain, 0},
			{controls.Gain, 7},
		}, nil},
		{
			"of a camera without any", everything, nil, nil,
			[]controls.Name{controls.PowerLine, controls.Backlight, controls.Exposure, controls.Gain},
		},
		{
			"more than the camera can, of one that does nothing by itself", everything, narrow,
			[]controls.Setting{{controls.Exposure, 50}, {controls.Gain, 16}},
			[]controls.Name{controls.PowerLine, controls.Backlight},
		},
		{"no filter", controls.Wanted{PowerLine: controls.Off}, all(), []controls.Setting{{controls.PowerLine, 0}}, nil},
		{"as it is", controls.Wanted{PowerLine: controls.AsItIs}, all(), nil, nil},
		{"off by zero", controls.Wanted{Backlight: new(0)}, all(), []controls.Setting{{controls.Backlight, 0}}, nil},
	} {
		set, missing := test.wanted.Settings(test.has)
		if diff := cmp.Diff(test.set, set); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.missing, missing); diff != "" {
			t.Errorf("%s: missing (-want +got):\n%s", test.name, diff)
		}
	}
}
