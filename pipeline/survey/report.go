package survey

import (
	"cmp"
	"math"
	"slices"

	"facegate/device/controls"
	"facegate/pipeline/quality"
)

// A Gate is what a Survey is held against: what the configuration in use says.
type Gate struct {
	Zone     quality.Zone
	Quality  quality.Limits
	FPS      int                // wanted of the camera
	Controls []controls.Control // of the camera, none for a recording
}

// A Report is what a Survey has come to.
type Report struct {
	Seconds   float64            `json:"seconds"`
	Frames    int                `json:"frames"`    // that were looked at
	Empty     int                `json:"empty"`     // of them, without a face
	Delivered float64            `json:"delivered"` // frames a second that the camera sent
	Looked    float64            `json:"looked"`    // frames a second that were looked at
	Width     int                `json:"width"`     // of the picture, pixels
	Height    int                `json:"height"`    //
	Place     Place              `json:"place"`     // without anybody; zero if it was never empty
	Flicker   Flicker            `json:"flicker"`
	Faces     *Faces             `json:"faces,omitempty"` // nil if there were too few
	Controls  []controls.Control `json:"controls"`
	Findings  []Finding          `json:"findings"`  // the worst first
	Proposals []Proposal         `json:"proposals"` // for the configuration
}

// A Place is the door without anybody.
type Place struct {
	Brightness float64 `json:"brightness"` // mean grey value, 0 to 255
	Contrast   float64 `json:"contrast"`   // standard deviation of grey values
	White      float64 `json:"white"`      // percent of the picture that is as bright as can be
	Noise      float64 `json:"noise"`      // standard deviation of one pixel from frame to frame, in grey values
}

// Faces are those of whoever stood there.
type Faces struct {
	Frames     int     `json:"frames"`
	Width      Spread  `json:"width"` // pixels
	Brightness Spread  `json:"brightness"`
	Contrast   Spread  `json:"contrast"`
	White      Spread  `json:"white"` // percent of the face that is as bright as can be
	Sharpness  Spread  `json:"sharpness"`
	SideLight  Spread  `json:"side_light"` // degrees, positive from the picture's right
	Backlight  Spread  `json:"backlight"`  // stops by which what is behind is brighter than the face
	Yaw        Spread  `json:"yaw"`
	Pitch      Spread  `json:"pitch"`
	Roll       Spread  `json:"roll"`
	Still      float64 `json:"still"`  // median sharpness of faces that hardly move, 0 if there were too few
	Moving     float64 `json:"moving"` // and of those that do
	Refused    []Share `json:"refused"`
}

// A Share is how many faces the configuration in use refuses for a reason, or warns of.
type Share struct {
	Reason  string  `json:"reason"`
	Percent float64 `json:"percent"`
}

// fewestFaces is how many frames with a face something can be said of.
const fewestFaces = 15

// From how many widths of the face a second a face moves, and below how many it is still.
const (
	moving = 0.6
	still  = 0.15
)

// Report says what the frames so far tell.
func (s *Survey) Report(g Gate) Report {
	r := Report{Frames: s.frames, Empty: s.empty, Width: s.last.Width, Height: s.last.Height, Controls: g.Controls}
	if r.Controls == nil {
		r.Controls = []controls.Control{}
	}
	if seconds := s.last.Time.Sub(s.first.Time).Seconds(); seconds > 0 {
		r.Seconds = rounded(seconds)
		r.Delivered = rounded(float64(s.last.Seq-s.first.Seq) / seconds)
		r.Looked = rounded(float64(s.frames-1) / seconds)
	}
	if n := float64(s.empty); n > 0 {
		r.Place = Place{
			Brightness: rounded(s.shades.Mean / n), Contrast: rounded(s.shades.Contrast / n), White: rounded(100 * s.shades.White / n),
			Noise: rounded(deviation(s.noise)),
		}
		r.Flicker = flicker(s.rows, s.shades.Mean/n)
	}
	if len(s.faces) >= fewestFaces {
		r.Faces = s.facesOf(g)
	}
	r.Findings = findings(&r, g)
	r.Proposals = proposals(&r, g) // which look at the findings
	return r
}

func (s *Survey) facesOf(g Gate) *Faces {
	f := s.faces
	return &Faces{
		Frames:     len(f),
		Width:      spread(f, func(l look) float64 { return l.width }),
		Brightness: spread(f, func(l look) float64 { return l.measure.Brightness }),
		Contrast:   spread(f, func(l look) float64 { return l.shades.Contrast }),
		White:      spread(f, func(l look) float64 { return 100 * l.shades.White }),
		Sharpness:  spread(f, func(l look) float64 { return l.measure.Sharpness }),
		SideLight:  spread(f, func(l look) float64 { return l.measure.SideLight }),
		Backlight:  spread(f, func(l look) float64 { return l.behind }),
		Yaw:        spread(f, func(l look) float64 { return l.measure.Yaw }),
		Pitch:      spread(f, func(l look) float64 { return l.measure.Pitch }),
		Roll:       spread(f, func(l look) float64 { return l.measure.Roll }),
		Still:      sharpness(f, func(l look) bool { return 0 <= l.speed && l.speed < still }),
		Moving:     sharpness(f, func(l look) bool { return l.speed >= moving }),
		Refused:    s.refused(g),
	}
}

// sharpness returns the median of those for which which holds, 0 if they are too few.
func sharpness(faces []look, which func(look) bool) float64 {
	some := slices.DeleteFunc(slices.Clone(faces), func(l look) bool { return !which(l) })
	if len(some) < fewestFaces/3 {
		return 0
	}
	return spread(some, func(l look) float64 { return l.measure.Sharpness }).Median
}

// refused counts by reason, the most frequent first.
func (s *Survey) refused(g Gate) []Share {
	count := map[quality.Reason]int{}
	for _, f := range s.faces {
		reason := g.reason(f)
		if reason == quality.OK {
			reason = g.Quality.Warn(f.measure)
		}
		count[reason]++
	}
	shares := []Share{}
	for _, reason := range quality.Reasons() {
		if n := count[reason]; n > 0 {
			shares = append(shares, Share{reason.String(), rounded(100 * float64(n) / float64(len(s.faces)))})
		}
	}
	slices.SortStableFunc(shares, func(a, b Share) int { return cmp.Compare(b.Percent, a.Percent) })
	return shares
}

// reason says why the gate would not use a face, or OK.
func (g Gate) reason(f look) quality.Reason {
	r := g.Zone.Region
	switch {
	case f.x < float64(r.Left) || f.x > float64(r.Right) || f.y < float64(r.Top) || f.y > float64(r.Bottom):
		return quality.OutsideZone
	case f.width < float64(g.Zone.MinFace):
		return quality.TooFar
	}
	return g.Quality.Check(f.measure)
}

// deviation returns the standard deviation of one pixel, from how often two frames of it differed by how much: 68 of 100 differ by
// less than the deviation of the difference, whatever moved in the rest of the picture.
func deviation(differences [256]int) float64 {
	all := 0
	for _, n := range differences {
		all += n
	}
	want, below := 0.6827*float64(all), 0.
	for d, n := range differences {
		if n > 0 && below+float64(n) >= want {
			if d == 0 {
				return 0
			}
			return (float64(d) - 0.5 + (want-below)/float64(n)) / math.Sqrt2
		}
		below += float64(n)
	}
	return 0
}
