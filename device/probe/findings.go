package probe

import (
	"cmp"
	"fmt"

	"facegate/configs/hint"
	"facegate/device"
)

// A Finding is something that is wrong, and what to do about it.
type Finding struct {
	Says string `json:"says"`
	Todo string `json:"todo"`
}

// Wanted is what the configuration asks of the camera. Of a recording width and height are 0, and its pictures may stand still.
type Wanted struct {
	FPS    int `json:"fps"`
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
}

// A Verdict is what a source has sent, what is wanted of it, and what is wrong.
type Verdict struct {
	Report
	Wanted   Wanted    `json:"wanted"`
	Findings []Finding `json:"findings"` // none if nothing is wrong
}

// Judge holds r against w.
func Judge(r Report, w Wanted) Verdict {
	return Verdict{Report: r, Wanted: w, Findings: append([]Finding{}, r.findings(w)...)}
}

// SlowBelow is the share of the wanted frames below which a camera is slow.
const SlowBelow = 0.8

// From where on something else is wrong.
const (
	stutterFrom = 0.5  // seconds without a frame: a face not seen for so long is a new one
	manyFrom    = 0.01 // of all frames
	sameFrom    = 0.5  // of all frames
	darkBelow   = 40   // grey value of the whole picture
	brightFrom  = 220
)

// findings says what is wrong, the worst first.
func (r Report) findings(w Wanted) (all []Finding) {
	add := func(wrong bool, says, todo string) {
		if wrong {
			all = append(all, Finding{says, todo})
		}
	}
	add(r.Error != "", r.Error, cmp.Or(r.Hint, device.AdviceDamaged))
	if r.Frames == 0 {
		add(r.Error == "", "the camera sends nothing", "unplug it and plug it in again; facegate camera list says which nodes are cameras")
		return all
	}
	damaged, refused, identical := r.share(r.Damaged), r.share(r.Refused-r.Damaged), float64(r.Identical)/float64(max(r.Frames-1, 1))
	add(damaged >= manyFrom, fmt.Sprintf("%.0f %% of the frames are damaged", 100*damaged), device.AdviceDamaged)
	if refused >= manyFrom {
		add(true, fmt.Sprintf("%.0f %% of the frames cannot be used: %v", 100*refused, r.why), hint.Of(r.why))
	}
	add(identical >= sameFrom && w.Width > 0, fmt.Sprintf("%.0f %% of the frames are the same as the one before", 100*identical),
		"move something before the camera: if that is not seen, it has frozen; unplug it and plug it in again")
	add(r.Grey < darkBelow, fmt.Sprintf("the picture is dark: mean grey value %.0f", r.Grey),
		"take off the cap, and light the place; in the dark a camera is slow as well")
	add(r.Grey >= brightFrom, fmt.Sprintf("the picture is white: mean grey value %.0f", r.Grey),
		"turn the camera away from lamp or window, or set camera.exposure")
	add(r.Rate < SlowBelow*float64(w.FPS), fmt.Sprintf("it sends %.1f frames a second, and %d are wanted", r.Rate, w.FPS), r.slow())
	add(r.Gap >= stutterFrom, fmt.Sprintf("for %.1f s no frame came", r.Gap), device.AdviceDamaged)
	add(w.Width > 0 && (r.Width != w.Width || r.Height != w.Height),
		fmt.Sprintf("it sends %dx%d, and %dx%d is wanted, which it does not have", r.Width, r.Height, w.Width, w.Height),
		fmt.Sprintf("set camera.width to %d and camera.height to %d, or choose from what facegate camera list shows", r.Width, r.Height))
	return all
}

// share returns how many of all frames n are.
func (r Report) share(n int) float64 { return float64(n) / float64(r.Frames+r.Refused) }

// slow says what to do about a camera that sends too few frames.
func (r Report) slow() string {
	switch {
	case r.Grey < 2*darkBelow:
		return "light the place: in the dark a camera exposes longer; or set camera.exposure"
	case r.Format == device.YUYV.String():
		return "set camera.format to mjpeg or choose a smaller size: a USB 2 bus carries little of yuyv"
	}
	return "choose a smaller size, or set camera.fps to what facegate camera list shows for this one"
}
