package survey

import (
	"fmt"
	"math"
	"slices"

	"facegate/device/controls"
)

// A Finding is one thing that is wrong, and what to move.
type Finding struct {
	Code string `json:"code"` // does not change from version to version
	Says string `json:"says"`
	Move string `json:"move"`
}

// From where on something is wrong. docs/camera.md has the figures behind those that concern light.
const (
	sideLight    = 26  // degrees
	backlight    = 2   // stops
	dark         = 60  // grey value of a face
	glare        = 8   // percent of a face that is white
	noisy        = 7   // grey values
	flat         = 12  // contrast of the empty place
	steep        = 15  // degrees of pitch, as a median
	leaning      = 8   // degrees of roll, as a median
	slower       = 0.8 // of the frames that are wanted
	near         = 0.6 // of the width of the picture
	smears       = 2.5 // times sharper when still
	unsharp      = 30  // sharpness of a face that is still
	refusedShare = 20  // percent of faces outside the zone
	fewestLooks  = 3   // frames a second with which somebody is recognised
)

// findings lists what is wrong, the worst first: what keeps everybody out, then light, then the rest.
func findings(r *Report, g Gate) (list []Finding) {
	list = []Finding{}
	add := func(wrong bool, code, move, format string, args ...any) {
		if wrong {
			list = append(list, Finding{code, fmt.Sprintf(format, args...), move})
		}
	}
	if r.Frames == 0 {
		add(true, "no-frames", "see the camera in facegate status, then calibrate again", "the camera sent no picture")
		return list
	}
	add(r.Empty == 0, "never-empty", "step aside while it says so, and calibrate again", "somebody was there all the time")
	add(r.Faces == nil, "nobody", "stand where people stop, look at the camera, and calibrate again",
		"no face was seen long enough: nothing can be said of faces")
	if r.Faces != nil {
		lightOfFaces(r, add)
		faces(r, g, add)
	}
	picture(r, g, add)
	return list
}

type adder func(wrong bool, code, move, format string, args ...any)

// lightOfFaces finds what is wrong with the light on faces.
func lightOfFaces(r *Report, add adder) {
	f := r.Faces
	bright := f.Backlight.Median >= backlight
	add(bright, "backlight",
		"turn the camera or the way to the door so that the window or lamp is not behind people, or cover it; or add light from the camera's side"+
			compensation(r.Controls),
		"what is behind people is %.1f stops brighter than their faces", f.Backlight.Median)
	add(f.Brightness.Median < dark && !bright, "dark", "add light in front of the person, at the height of the face, not above",
		"faces are dark: grey value %.0f of 255", f.Brightness.Median)
	side, other := "left", "right"
	if f.SideLight.Median > 0 {
		side, other = other, side
	}
	add(math.Abs(f.SideLight.Median) >= sideLight, "side-light",
		fmt.Sprintf("add light on the %s side of the picture, or turn the camera so that people face the light on the %s", other, side),
		"the light comes from the %s of the picture, from %.0f degrees: of 100 faces that a lamp alone lights from 30 degrees 23 are "+
			"not let in at once, from 45 degrees 33, and from 55 degrees 47", side, math.Abs(f.SideLight.Median))
	add(f.White.Median >= glare || f.Brightness.Median > 200, "glare", "shade or dim the light that falls on the face, or move the lamp farther away",
		"faces are over-exposed: grey value %.0f of 255, %.0f %% of the face white", f.Brightness.Median, f.White.Median)
}

func compensation(list []controls.Control) string {
	if find(list, controls.Backlight) == nil {
		return ""
	}
	return "; the camera can make up for some of it, see below"
}

// faces finds what is wrong with how faces stand in the picture.
func faces(r *Report, g Gate, add adder) {
	f := r.Faces
	add(f.Width.Median < float64(g.Zone.MinFace), "far",
		"mount the camera nearer to where people stop, or set camera.width and camera.height to a larger picture",
		"faces are %.0f pixels wide where people stop, and %.0f are wanted (zone.min_face)", f.Width.Median, g.Zone.MinFace)
	add(f.Width.Median > near*float64(r.Width), "near", "mount the camera farther away: faces are cut off as soon as somebody moves",
		"faces fill the picture: they are %.0f of its %d pixels wide", f.Width.Median, r.Width)
	outside := slices.IndexFunc(f.Refused, func(s Share) bool { return s.Reason == "outside the zone" && s.Percent >= refusedShare })
	add(outside >= 0, "aside", "turn the camera to where people stop, or widen zone.region", "people stand outside the zone")
	add(math.Abs(f.Pitch.Median) >= steep, "height", "mount the camera at the height of the face, about 1.5 m, or tilt it",
		"faces are seen from %s, by %.0f degrees", above(f.Pitch.Median), math.Abs(f.Pitch.Median))
	add(math.Abs(f.Roll.Median) >= leaning, "level", "level the camera", "faces lean by %.0f degrees", math.Abs(f.Roll.Median))
	sharp := max(f.Still, f.Sharpness.Median)
	add(sharp < unsharp, "lens", "clean the lens, take a film off it, and focus it at where people stop",
		"faces are blurred even when they are still: sharpness %.0f", sharp)
	add(f.Still > 0 && f.Moving > 0 && f.Still > smears*f.Moving && f.Moving < unsharp, "motion",
		"add light and shorten camera.exposure, so that whoever walks is not smeared",
		"who moves is smeared: sharpness %.0f against %.0f when still", f.Moving, f.Still)
}

// above says from where a face that looks down, or up, is seen.
func above(pitch float64) string {
	if pitch > 0 {
		return "above"
	}
	return "below"
}

// picture finds what is wrong with the picture as such.
func picture(r *Report, g Gate, add adder) {
	slow := r.Seconds > 0 && g.FPS > 0 && r.Delivered < slower*float64(g.FPS)
	add(slow, "slow", "add light: a camera that is left to itself exposes longer in the dark; or set camera.exposure, or camera.fps to what it can do",
		"the camera sends %.1f frames a second instead of %d", r.Delivered, g.FPS)
	add(r.Seconds > 0 && r.Looked < fewestLooks, "machine", "set camera.width and camera.height to a smaller picture, or use a faster board",
		"only %.1f frames a second can be looked at", r.Looked)
	add(r.Flicker.Hz > 0, "flicker", fmt.Sprintf("set camera.power_line to %dhz, or use lamps that do not flicker", r.Flicker.Hz),
		"lamps flicker with the mains of %d Hz, by %.1f %%", r.Flicker.Hz, r.Flicker.Percent)
	add(r.Place.Noise >= noisy, "noise", "add light: the camera amplifies what little there is",
		"the picture is noisy: each pixel varies by %.1f grey values", r.Place.Noise)
	add(r.Empty > 0 && r.Place.Contrast < flat, "flat", "clean the lens, and keep lamps and sun from shining into it",
		"the picture is flat: contrast %.0f", r.Place.Contrast)
}

func find(list []controls.Control, name controls.Name) *controls.Control {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}
