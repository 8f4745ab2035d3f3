// Package quality says whether a face is good enough to be recognised, and if not, what the person or the technician
// can do about it.
package quality

import (
	"math"

	"facegate/pipeline/detect"
)

// A Reason says why a face is not used. The zero Reason is OK.
type Reason uint8

// The reasons, nearest to the door first.
const (
	OK          Reason = iota
	OutsideZone        // outside the region of interest: nobody who wants in
	TooFar             // the face is smaller than the zone's smallest
	TooDark
	TooBright
	TurnedAway // yaw or pitch: looking past the camera
	Tilted     // roll: the head leans to a shoulder
	Blurred
	SideLit // one half of the face gets most of the light
)

// Reasons are all Reasons other than OK.
func Reasons() []Reason {
	return []Reason{OutsideZone, TooFar, TooDark, TooBright, TurnedAway, Tilted, Blurred, SideLit}
}

var texts = [...]struct{ name, advice string }{
	OK:          {"ok", ""},
	OutsideZone: {"outside the zone", "stand in front of the door, or widen zone.region"},
	TooFar:      {"too far", "come closer, or lower zone.min_face"},
	TooDark:     {"too dark", "add light in front of the person, or lower quality.min_brightness"},
	TooBright:   {"too bright", "keep direct light off the face, or raise quality.max_brightness"},
	TurnedAway:  {"turned away", "look at the camera; if everybody is refused, aim the camera at face height"},
	Tilted:      {"tilted", "hold the head upright; if everybody is refused, level the camera"},
	Blurred:     {"blurred", "stand still; if everybody is refused, clean and focus the lens"},
	SideLit:     {"light from the side", "face the lamp or window; if everybody is refused, add light on the dark side, or turn the camera"},
}

func (r Reason) String() string { return texts[r].name }

// Advice says what to do about r.
func (r Reason) Advice() string { return texts[r].advice }

// A Zone is where a face must be to be looked at further. Whoever passes by outside it is left alone.
type Zone struct {
	Region  detect.Box // in fractions of the picture, 0 to 1
	MinFace float32    // smallest width of a face's box in pixels
}

// Check returns OK, OutsideZone or TooFar for a box in a picture of width by height pixels.
func (z Zone) Check(b detect.Box, width, height int) Reason {
	c := b.Center()
	x, y := c.X/float32(width), c.Y/float32(height)
	switch {
	case x < z.Region.Left || x > z.Region.Right || y < z.Region.Top || y > z.Region.Bottom:
		return OutsideZone
	case b.Width() < z.MinFace:
		return TooFar
	}
	return OK
}

// Limits are the worst values that a face may have.
type Limits struct {
	MinSharpness  float64 // see Measure
	MinBrightness float64 // see Measure
	MaxBrightness float64
	MaxYaw        float64 // degrees either way
	MaxPitch      float64
	MaxRoll       float64
	MaxSideLight  float64 // degrees either way; see Measure and Warn
}

// A Measure is what can be told of an aligned face.
type Measure struct {
	Sharpness  float64 // variance of the Laplacian of the grey face (Pech-Pacheco et al., 2000), larger is sharper
	Brightness float64 // mean grey value of the face, 0 to 255
	Yaw        float64 // degrees, positive to the picture's right; from five points, so good to about ten degrees
	Pitch      float64 // degrees, positive downwards; likewise
	Roll       float64 // degrees, positive clockwise in the picture
	SideLight  float64 // degrees from which a single lamp would light the face so, positive from the picture's right; see SideLight
}

// Check compares m with l and returns the first Reason not to use the face, or OK. A value that is no number is never
// within its limit.
func (l Limits) Check(m Measure) Reason {
	switch {
	case !(m.Brightness >= l.MinBrightness):
		return TooDark
	case m.Brightness > l.MaxBrightness:
		return TooBright
	case !(math.Abs(m.Yaw) <= l.MaxYaw && math.Abs(m.Pitch) <= l.MaxPitch):
		return TurnedAway
	case !(math.Abs(m.Roll) <= l.MaxRoll):
		return Tilted
	case !(m.Sharpness >= l.MinSharpness):
		return Blurred
	}
	return OK
}

// Warn returns SideLit where that may be why the face is not recognised, or OK. Most such faces are recognised all the same
// (docs/camera.md has the figures), so that they are compared. Templates are made of none.
func (l Limits) Warn(m Measure) Reason {
	if !(math.Abs(m.SideLight) <= l.MaxSideLight) {
		return SideLit
	}
	return OK
}

// Of measures an aligned face: bgr is size by size pixels of blue, green and red bytes.
func Of(bgr []byte, size int, points detect.Landmarks) Measure {
	m := pose(points)
	m.Sharpness, m.Brightness = texture(bgr, size)
	m.SideLight = SideLight(bgr, size)
	return m
}

// Grey returns the grey value of the pixel that p begins with, in blue, green and red (ITU-R BT.601).
func Grey(p []byte) byte { return byte(grey(p)) }

func grey(p []byte) int32 { return (29*int32(p[0]) + 150*int32(p[1]) + 77*int32(p[2])) >> 8 }

// texture walks the picture once, with the grey values of three rows at hand.
func texture(bgr []byte, size int) (sharpness, brightness float64) {
	if size < 3 || len(bgr) < 3*size*size {
		return 0, 0
	}
	rows := [3][]int32{make([]int32, size), make([]int32, size), make([]int32, size)}
	var sum, lap, lap2 int64
	for y := range size {
		row := rows[y%3]
		for x := range row {
			row[x] = grey(bgr[3*(y*size+x):])
			sum += int64(row[x])
		}
		if y < 2 {
			continue
		}
		up, mid := rows[(y-2)%3], rows[(y-1)%3]
		for x := 1; x < size-1; x++ {
			l := int64(up[x] + row[x] + mid[x-1] + mid[x+1] - 4*mid[x])
			lap += l
			lap2 += l * l
		}
	}
	n := float64((size - 2) * (size - 2))
	mean := float64(lap) / n
	return float64(lap2)/n - mean*mean, float64(sum) / float64(size*size)
}

// A face in mean proportions: how far the tip of the nose stands out of the plane of eyes and mouth, against the
// distance between the eyes and between eyes and mouth, and how far down that line it lies when seen from the front.
const (
	eyesToNoseDepth = 2.1
	noseHeight      = 0.495
)

// pose estimates the turn of the head from where the nose lies between eyes and mouth (weak perspective).
func pose(p detect.Landmarks) Measure {
	eyes, mouth := middle(p[detect.LeftEye], p[detect.RightEye]), middle(p[detect.LeftMouth], p[detect.RightMouth])
	ax, ay := float64(p[detect.RightEye].X-p[detect.LeftEye].X), float64(p[detect.RightEye].Y-p[detect.LeftEye].Y)
	width := math.Hypot(ax, ay)
	if !(width > 0) {
		return Measure{Yaw: 90}
	}
	ax, ay = ax/width, ay/width // along the eyes; (-ay, ax) is down the face
	along := func(v detect.Point) (right, down float64) {
		x, y := float64(v.X-eyes.X), float64(v.Y-eyes.Y)
		return x*ax + y*ay, -x*ay + y*ax
	}
	mouthRight, height := along(mouth)
	noseRight, noseDown := along(p[detect.NoseTip])
	if !(height > 0) {
		return Measure{Pitch: 90}
	}
	// The nose is compared with the line from eyes to mouth, so that a lean of the head does not count as a turn.
	aside := noseRight - mouthRight*noseDown/height
	return Measure{
		Yaw:   degrees(math.Atan(eyesToNoseDepth * aside / width)),
		Pitch: degrees(math.Atan(eyesToNoseDepth * (noseDown/height - noseHeight))),
		Roll:  degrees(math.Atan2(ay, ax)),
	}
}

func middle(a, b detect.Point) detect.Point {
	return detect.Point{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2}
}

func degrees(radians float64) float64 { return radians * 180 / math.Pi }
