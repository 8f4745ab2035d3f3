// Package controls names the settings of a camera that decide how a face comes out: how long it exposes, how far it amplifies,
// and what it does about lamps that flicker and about bright windows. It knows no camera: a child of package device has them.
package controls

import (
	"slices"
	"time"
)

// A Name names a control, as v4l2-ctl --list-ctrls does.
type Name string

// The controls that are used, where the camera has them.
const (
	AutoExposure Name = "auto_exposure"          // see Manual; the other values leave the time to the camera
	Exposure     Name = "exposure_time_absolute" // in units of Unit
	Gain         Name = "gain"                   // in units of the camera
	AutoGain     Name = "gain_automatic"         // 0 or 1
	PowerLine    Name = "power_line_frequency"   // a Mains
	Backlight    Name = "backlight_compensation" // in units of the camera; 0 is none
)

// Names are all Names, in the order in which they have to be set: what is automatic cannot be set by hand.
func Names() []Name { return []Name{PowerLine, Backlight, AutoExposure, Exposure, AutoGain, Gain} }

// Unit is that of Exposure (videodev2.h, V4L2_CID_EXPOSURE_ABSOLUTE).
const Unit = 100 * time.Microsecond

// Manual is the value of AutoExposure that makes Exposure count (V4L2_EXPOSURE_MANUAL).
const Manual = 1

// A Control is what a camera says of one of its settings.
type Control struct {
	Name  Name `json:"name"`
	Min   int  `json:"min"`
	Max   int  `json:"max"`
	Value int  `json:"value"` // at present
}

// A Mains is how often the light of lamps swells, which a camera can go by.
type Mains string

// The ways to go by lamps. A camera that does not know Automatic takes the setting for Hz50 or Hz60 alone.
const (
	AsItIs    Mains = "keep"
	Off       Mains = "off"
	Hz50      Mains = "50hz"
	Hz60      Mains = "60hz"
	Automatic Mains = "auto"
)

// mains are the values of PowerLine (V4L2_CID_POWER_LINE_FREQUENCY).
var mains = [...]Mains{Off, Hz50, Hz60, Automatic}

// Wanted is what a site wants of its camera. The zero Wanted wants nothing.
type Wanted struct {
	Exposure  time.Duration // of each picture; 0 leaves it to the camera
	Gain      *int          // in units of the camera; nil leaves it as it is
	PowerLine Mains         // "" is AsItIs
	Backlight *int          // in units of the camera; nil leaves it as it is
}

// A Setting is a value for a control.
type Setting struct {
	Name  Name
	Value int
}

// Settings returns what has to be set, in order, on a camera that has these controls, and which of those that are wanted it does
// not have. A value beyond what the camera can do is brought within.
func (w Wanted) Settings(has []Control) (set []Setting, missing []Name) {
	for _, s := range w.values() {
		i := slices.IndexFunc(has, func(c Control) bool { return c.Name == s.Name })
		switch {
		case i >= 0:
			set = append(set, Setting{s.Name, min(max(s.Value, has[i].Min), has[i].Max)})
		case s.Name != AutoExposure && s.Name != AutoGain: // then there is nothing to be switched off
			missing = append(missing, s.Name)
		}
	}
	return set, missing
}

// values returns what w comes to, in the order of Names.
func (w Wanted) values() (all []Setting) {
	if i := slices.Index(mains[:], w.PowerLine); i >= 0 {
		all = append(all, Setting{PowerLine, i})
	}
	if w.Backlight != nil {
		all = append(all, Setting{Backlight, *w.Backlight})
	}
	if w.Exposure > 0 {
		all = append(all, Setting{AutoExposure, Manual}, Setting{Exposure, int(w.Exposure / Unit)})
	}
	if w.Gain != nil {
		all = append(all, Setting{AutoGain, 0}, Setting{Gain, *w.Gain})
	}
	return all
}
