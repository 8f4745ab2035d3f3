package v4l2

import (
	"fmt"

	"github.com/blackjack/webcam"

	"facegate/device/controls"
)

// ids are the numbers of controls (v4l2-controls.h).
func ids() map[controls.Name]webcam.ControlID {
	const user, camera = 0x00980900, 0x009a0900 // V4L2_CID_BASE, V4L2_CID_CAMERA_CLASS_BASE
	return map[controls.Name]webcam.ControlID{
		controls.AutoGain: user + 18, controls.Gain: user + 19, controls.PowerLine: user + 24, controls.Backlight: user + 28,
		controls.AutoExposure: camera + 1, controls.Exposure: camera + 2,
	}
}

// Controls implements device.Controlled, by a second opening, as a technician's tools do it beside a stream.
func (s *source) Controls() ([]controls.Control, error) {
	cam, err := s.open(s.node())
	if err != nil {
		return nil, explain(s.cfg.Device, fmt.Errorf("v4l2: %s: open: %w", s.cfg.Device, err))
	}
	defer cam.Close()
	return controlsOf(cam), nil
}

// controlsOf lists the controls of cam that are used. One whose value cannot be read, or lies outside its own bounds, is left
// out: nothing can be said of it.
func controlsOf(cam camera) (list []controls.Control) {
	offered, numbers := cam.GetControls(), ids()
	for _, name := range controls.Names() {
		c, ok := offered[numbers[name]]
		if !ok {
			continue
		}
		value, err := cam.GetControl(numbers[name])
		if err == nil && c.Min <= value && value <= c.Max {
			list = append(list, controls.Control{
				Name: name, Min: int(c.Min), Max: int(c.Max), Value: int(value),
			})
		}
	}
	return list
}

// adjust sets what is wanted of cam. A camera that cannot be set is used as it is: people want to pass.
func (s *source) adjust(cam camera) {
	if s.cfg.Controls == (controls.Wanted{}) {
		return
	}
	set, missing := s.cfg.Controls.Settings(controlsOf(cam))
	for _, name := range missing {
		s.cfg.Log.Warn("the camera has no such control", "source", s.String(), "control", string(name),
			"hint", "leave it out of camera in the configuration; facegate camera calibrate lists what there is")
	}
	for _, c := range set {
		if err := cam.SetControl(ids()[c.Name], int32(c.Value)); err != nil {
			s.cfg.Log.Warn("the camera does not take a control", "source", s.String(), "control", string(c.Name), "value", c.Value,
				"error", err, "hint", "leave it out of camera in the configuration, or choose another value")
		}
	}
}
