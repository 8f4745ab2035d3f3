package survey

import (
	"fmt"
	"math"

	"facegate/device/controls"
)

// A Proposal is a line for the configuration.
type Proposal struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// The least that is proposed, whatever the place: the limits of the reference. Below them recognition or the judgement of
// liveness suffers (docs/camera.md). The most that is proposed refuses hardly anybody in ordinary light.
const (
	LeastSharpness  = 15
	LeastBrightness = 40
	LeastFace       = 50

	mostSharpness  = 60
	mostBrightness = 60
	mostFace       = 200
)

// Which share of what nine of ten faces have is asked for: evenings are darker than the hour of the survey.
const (
	shareOfSharpness  = 0.4
	shareOfBrightness = 0.5
	shareOfFace       = 0.6
)

// proposals returns the lines that would change something.
func proposals(r *Report, g Gate) []Proposal {
	list := append([]Proposal{}, ofControls(r, g)...)
	if r.Faces == nil {
		return list
	}
	limit := func(key string, now, low, share, least, most float64, what string) {
		v := 5 * math.Round(min(max(share*low, least), most)/5)
		if math.Abs(v-now) > now/10 {
			list = append(list, Proposal{key, fmt.Sprintf("%.0f", v), fmt.Sprintf("nine of ten faces have %s of %.0f and more", what, low)})
		}
	}
	f := r.Faces
	limit("zone.min_face", float64(g.Zone.MinFace), f.Width.Low, shareOfFace, LeastFace, mostFace, "a width")
	limit("quality.min_sharpness", g.Quality.MinSharpness, f.Sharpness.Low, shareOfSharpness, LeastSharpness, mostSharpness, "a sharpness")
	limit("quality.min_brightness", g.Quality.MinBrightness, f.Brightness.Low, shareOfBrightness, LeastBrightness, mostBrightness, "a brightness")
	return list
}

// ofControls returns the lines for controls that the camera has.
func ofControls(r *Report, g Gate) (list []Proposal) {
	if c := find(r.Controls, controls.PowerLine); c != nil && r.Flicker.Hz > 0 && c.Value != r.Flicker.Hz/10-4 {
		list = append(list, Proposal{"camera.power_line", fmt.Sprintf("%dhz", r.Flicker.Hz), "lamps flicker"})
	}
	if c := find(r.Controls, controls.Backlight); c != nil && has(r, "backlight") && c.Value == c.Min && c.Max > c.Min {
		list = append(list, Proposal{"camera.backlight", fmt.Sprint(c.Min + (c.Max-c.Min+1)/2), "it is bright behind people"})
	}
	if c := find(r.Controls, controls.Exposure); c != nil {
		if unit := exposure(r, g); unit > 0 {
			unit = min(max(unit, c.Min), c.Max)
			list = append(list, Proposal{"camera.exposure", fmt.Sprintf("%gms", float64(unit)/10), "it exposes for too long"})
		}
	}
	return list
}

// exposure returns how long the camera is to expose, in units of controls.Unit, 0 if that is for it to decide. Whole swells of the
// lamps give each row the same light.
func exposure(r *Report, g Gate) int {
	swell := 100. // of 50 Hz
	if r.Flicker.Hz == 60 {
		swell = 10_000. / 120
	}
	switch {
	case has(r, "motion") && r.Faces.Brightness.Median >= dark:
		return int(swell)
	case has(r, "slow") && !has(r, "motion"):
		return int(swell * max(math.Floor(10_000/float64(g.FPS)*0.95/swell), 1))
	}
	return 0
}

func has(r *Report, code string) bool {
	for _, f := range r.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}
