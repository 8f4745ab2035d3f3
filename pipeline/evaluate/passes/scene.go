// Package passes draws what a camera sees of a pass that is held to it, and measures how soon a code is read from it. There is
// no other way to know from how far, on what, and in which light a pass opens a door.
//
// The drawings are made by calculation, from a seed: a plane with the code on it, held in a hand that moves, before a camera
// of 640x480 with a lens of 60 degrees. They are no photographs; what they leave out is said in docs/passes.md.
package passes

import (
	"image"
	"math"
	"math/rand/v2"

	"rsc.io/qr"
)

// The camera.
const (
	Width  = 640 // pixels
	Height = 480
	FPS    = 10
	focus  = Width / 2 / 0.57735 // pixels: 60 degrees from side to side
	centre = Width / 2
	middle = Height / 2
)

// A Medium is what shows a code.
type Medium string

// The media.
const (
	Paper Medium = "paper"
	Phone Medium = "phone"
)

// A Condition is what makes a code hard to read.
type Condition struct {
	Name    string
	Tilt    float64 // degrees by which the plane is turned away from the camera
	Turn    float64 // degrees by which the code stands askew at most
	Blur    float64 // pixels: deviation of the lens's blur, besides that of any lens
	Motion  float64 // pixels by which the hand moves while a frame is exposed
	Noise   float64 // grey levels: deviation
	Light   float64 // of the brightness that there should be
	Veil    float64 // grey levels that stray light adds
	Glare   bool    // the reflection of a lamp lies on the code
	Shadow  float64 // by how much the part in the shadow is darker
	Worn    float64 // share of the code that lies under dirt
	Crowded bool    // stripes and squares are all around
}

// Any code stands somewhat askew.
const askew = 10 // degrees

// Conditions returns all that is measured.
func Conditions() []Condition {
	list := []Condition{
		{Name: "clean"},
		{Name: "tilt 30", Tilt: 30},
		{Name: "tilt 45", Tilt: 45},
		{Name: "turned 30", Turn: 30},
		{Name: "blur 1 px", Blur: 1},
		{Name: "motion 4 px", Motion: 4},
		{Name: "noise 25", Noise: 25},
		{Name: "low light", Light: 0.2, Noise: 6},
		{Name: "backlight", Light: 0.45, Veil: 60},
		{Name: "glare", Glare: true},
		{Name: "shadow", Shadow: 0.6},
		{Name: "worn, busy", Worn: 0.01, Crowded: true},
	}
	for i := range list {
		c := &list[i]
		if c.Turn == 0 {
			c.Turn = askew
		}
		if c.Light == 0 {
			c.Light = 1
		}
		c.Noise = max(c.Noise, 2) // of any camera
	}
	return list
}

// Distances are those from the camera that are measured, in centimetres.
func Distances() []float64 { return []float64{10, 15, 20, 25, 30, 40, 50, 60} }

// A Scene is a pass before the camera.
type Scene struct {
	Condition Condition
	Medium    Medium
	Side      float64 // of the code without its margin, in centimetres
	Distance  float64 // in centimetres
}

// A Showing is one time that somebody holds a pass to the camera. Its frames differ as the hand moves.
type Showing struct {
	scene Scene
	code  *qr.Code
	rand  *rand.Rand
	pose  pose
	look  look

	turned [2]float64 // how far the hand has turned the plane since the first frame, radians

	light []float32 // the memory of a picture
	spare []float32
}

// A pose is where the plane of the code is.
type pose struct {
	turn, yaw, pitch float64 // radians
	x, y, distance   float64 // of the code's centre, in centimetres
}

// A look is what stays the same as long as a pass is shown.
type look struct {
	glareX, glareY   float64 // on the code, in its widths from its centre
	shadowX, shadowY float64 // the direction across the edge of the shadow
	moireX, moireY   float64 // of the beat of a screen's pixels with the camera's, radians a pixel
	spots            [][3]float64
	background       [4]float64
}

// NewShowing returns a Showing of the code. The same numbers from r make the same frames.
func NewShowing(s Scene, code *qr.Code, r *rand.Rand) *Showing {
	const half = math.Pi
	around := func(most float64) float64 { return most * (2*r.Float64() - 1) }
	degrees := math.Pi / 180
	axis := around(half)
	tilt := (s.Condition.Tilt + around(5)) * degrees
	w := &Showing{scene: s, code: code, rand: r}
	w.pose = pose{
		turn: around(s.Condition.Turn) * degrees,
		yaw:  tilt * math.Cos(axis), pitch: tilt * math.Sin(axis),
		distance: s.Distance,
	}
	// A hand holds the pass so that it is in the picture, where it fits.
	w.pose.x = around(max(0.3, s.Distance*Width/focus/2-0.8*s.Side))
	w.pose.y = around(max(0.3, s.Distance*Height/focus/2-0.8*s.Side))
	w.look = look{glareX: around(0.4), glareY: around(0.4), background: [4]float64{r.Float64(), r.Float64(), r.Float64(), r.Float64()}}
	edge := around(half)
	w.look.shadowX, w.look.shadowY = math.Cos(edge), math.Sin(edge)
	beat, period := around(half), 3+12*r.Float64()
	w.look.moireX, w.look.moireY = 2*math.Pi/period*math.Cos(beat), 2*math.Pi/period*math.Sin(beat)
	w.wear()
	return w
}

// wear puts specks of dirt on the code.
func (w *Showing) wear() {
	for left := w.scene.Condition.Worn; left > 0; {
		radius := 0.01 + 0.015*w.rand.Float64()
		w.look.spots = append(w.look.spots, [3]float64{w.rand.Float64(), w.rand.Float64(), radius})
		left -= math.Pi * radius * radius
	}
}

// Next draws the next frame.
func (w *Showing) Next() *image.Gray {
	w.draw()
	w.expose()
	g := image.NewGray(image.Rect(0, 0, Width, Height))
	noise := float32(w.scene.Condition.Noise)
	for i, v := range w.light {
		g.Pix[i] = uint8(min(max(v+noise*float32(w.rand.NormFloat64()), 0), 255))
	}
	w.move()
	return g
}

// Skip lets a frame go by that nobody looks at.
func (w *Showing) Skip() { w.move() }

// InView reports whether the whole code is in the picture that is drawn next.
func (w *Showing) InView() bool {
	s := w.pose.sheet()
	half := w.scene.Side / 2
	for _, u := range []float64{-half, half} {
		for _, v := range []float64{-half, half} {
			if x, y := s.seen(u, v); x < 0 || y < 0 || x > Width || y > Height {
				return false
			}
		}
	}
	return true
}

// move is what a hand does in a tenth of a second.
func (w *Showing) move() {
	n := w.rand.NormFloat64
	w.pose.x += 0.15 * n()
	w.pose.y += 0.15 * n()
	w.pose.distance *= 1 + 0.01*n()
	w.pose.turn += 0.015 * n()
	yaw, pitch := 0.02*n(), 0.02*n()
	w.pose.yaw += yaw
	w.pose.pitch += pitch
	w.turned[0] += yaw
	w.turned[1] += pitch
}
