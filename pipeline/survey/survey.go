// Package survey says what a minute of frames tells of a camera and of the light before a door, what is wrong with it, what to
// move, and which limits fit the place. It keeps numbers alone, over all frames together: neither a picture nor when anybody was
// there can be had from it.
package survey

import (
	"math"
	"slices"
	"time"

	"facegate/pipeline/detect"
	"facegate/pipeline/quality"
	"facegate/pipeline/track"
)

// The grid on which a picture is sampled. A row of it sees a lamp flicker, which a camera reads out row by row.
const (
	GridWidth  = 160
	GridHeight = 120
)

// most is how many frames are kept in numbers: two minutes at 60 frames a second.
const most = 7200

// A Frame is what is measured of one picture.
type Frame struct {
	Time          time.Time
	Seq           uint64 // see device.Frame
	Width, Height int    // of the picture
	Grid          []byte // GridWidth by GridHeight grey values at even distances
	Face          *Face  // the nearest, nil without any
}

// A Face is what is measured of a face.
type Face struct {
	Track   track.ID
	Box     detect.Box // in pixels of the picture
	Measure quality.Measure
	Shades  Shades
}

// Shades say how the grey values of a picture are spread.
type Shades struct {
	Mean, Contrast float64 // mean and standard deviation, 0 to 255
	White          float64 // share of pixels that are as bright as can be
}

// white is the grey value from which a pixel shows nothing.
const white = 250

// ShadesOf measures grey values.
func ShadesOf(grey []byte) (s Shades) {
	var sum, squares, over float64
	for _, v := range grey {
		sum += float64(v)
		squares += float64(v) * float64(v)
		if v >= white {
			over++
		}
	}
	n := float64(max(len(grey), 1))
	s.Mean, s.White = sum/n, over/n
	s.Contrast = math.Sqrt(max(squares/n-s.Mean*s.Mean, 0))
	return s
}

// ShadesOfFace measures the middle of an aligned face, size by size pixels of blue, green and red bytes.
func ShadesOfFace(bgr []byte, size int) Shades {
	if len(bgr) < 3*size*size {
		return Shades{}
	}
	var grey []byte
	for y := size * 3 / 10; y < size*9/10; y++ {
		for x := size / 4; x < size*3/4; x++ {
			grey = append(grey, quality.Grey(bgr[3*(y*size+x):]))
		}
	}
	defer clear(grey)
	return ShadesOf(grey)
}

// A Survey gathers frames. It is not safe for concurrent use.
type Survey struct {
	frames, empty int
	first, last   Frame // without their grids
	previous      []byte
	still         bool // previous is of an empty place

	shades Shades // sums over empty frames
	noise  [256]int
	rows   []profile // of empty frames
	faces  []look
}

// A profile is the mean grey value of each row of one frame.
type profile struct {
	at   float64 // seconds since the first frame
	rows [GridHeight]float32
}

// A look is what is kept of one face in one frame.
type look struct {
	at      float64 // seconds since the first frame
	track   track.ID
	width   float64 // pixels
	x, y    float64 // of its middle, as fractions of the picture
	measure quality.Measure
	shades  Shades
	behind  float64 // by how many stops what is around it is brighter
	speed   float64 // widths of the face a second, negative where it is not known
}

// New returns an empty Survey.
func New() *Survey { return &Survey{} }

// Add takes the numbers of one frame. It keeps none of the picture but the grid, until the next frame or Clear.
func (s *Survey) Add(f Frame) {
	if len(f.Grid) != GridWidth*GridHeight || s.frames == most {
		return
	}
	if s.frames == 0 {
		s.first = Frame{Time: f.Time, Seq: f.Seq}
	}
	s.frames++
	s.last = Frame{Time: f.Time, Seq: f.Seq, Width: f.Width, Height: f.Height}
	if f.Face == nil {
		s.addEmpty(f)
	} else {
		s.addFace(f)
	}
	s.previous = append(s.previous[:0], f.Grid...)
	s.still = f.Face == nil
}

// Clear overwrites what is left of a picture, and forgets all numbers.
func (s *Survey) Clear() {
	clear(s.previous[:cap(s.previous)])
	*s = Survey{previous: s.previous[:0]}
}

func (s *Survey) since(f Frame) float64 { return f.Time.Sub(s.first.Time).Seconds() }

func (s *Survey) addEmpty(f Frame) {
	s.empty++
	one := ShadesOf(f.Grid)
	s.shades.Mean += one.Mean
	s.shades.Contrast += one.Contrast
	s.shades.White += one.White
	if s.still && len(s.previous) == len(f.Grid) {
		s.addNoise(f.Grid)
	}
	p := profile{at: s.since(f)}
	for y := range p.rows {
		var sum int
		for _, v := range f.Grid[y*GridWidth : (y+1)*GridWidth] {
			sum += int(v)
		}
		p.rows[y] = float32(sum) / GridWidth
	}
	s.rows = append(s.rows, p)
}

// addNoise counts by how much each pixel differs from what it was, but for what its whole row does: that is the lamps.
func (s *Survey) addNoise(grid []byte) {
	for y := 0; y < len(grid); y += GridWidth {
		now, was := grid[y:y+GridWidth], s.previous[y:y+GridWidth]
		shift := 0
		for x, v := range now {
			shift += int(v) - int(was[x])
		}
		shift = int(math.Round(float64(shift) / GridWidth))
		for x, v := range now {
			s.noise[min(abs(int(v)-int(was[x])-shift), 255)]++
		}
	}
}

func abs(v int) int { return max(v, -v) }

func (s *Survey) addFace(f Frame) {
	b, c := f.Face.Box, f.Face.Box.Center()
	k := look{
		at: s.since(f), track: f.Face.Track, width: float64(b.Width()), measure: f.Face.Measure, shades: f.Face.Shades,
		x: float64(c.X) / float64(f.Width), y: float64(c.Y) / float64(f.Height), speed: -1,
	}
	k.behind = stops(around(f), light(f.Face.Shades.Mean))
	if n := len(s.faces); n > 0 && s.faces[n-1].track == k.track {
		was := s.faces[n-1]
		if apart := k.at - was.at; apart > 0 && apart < 0.5 && k.width > 0 {
			k.speed = math.Hypot((k.x-was.x)*float64(f.Width), (k.y-was.y)*float64(f.Height)) / k.width / apart
		}
	}
	s.faces = append(s.faces, k)
}

// light returns the light behind a grey value: pixels are about as the square root of it (sRGB).
func light(grey float64) float64 { return grey * grey }

// stops returns by how many times two a is more than b. Black is taken for nearly black.
func stops(a, b float64) float64 { return math.Log2(max(a, 1) / max(b, 1)) }

// around returns the mean light of what is beside and above a face: farther from its middle than hair and shoulders are, and no
// farther than would be seen behind the person.
func around(f Frame) float64 {
	near, far := f.Face.Box.Scale(1.7), f.Face.Box.Scale(4)
	var sum, n float64
	for i, v := range f.Grid {
		x := (float32(i%GridWidth) + 0.5) * float32(f.Width) / GridWidth
		y := (float32(i/GridWidth) + 0.5) * float32(f.Height) / GridHeight
		if y < f.Face.Box.Bottom && inside(far, x, y) && !inside(near, x, y) {
			sum += light(float64(v))
			n++
		}
	}
	if n == 0 { // the face fills the picture
		return light(f.Face.Shades.Mean)
	}
	return sum / n
}

func inside(b detect.Box, x, y float32) bool {
	return b.Left <= x && x < b.Right && b.Top <= y && y < b.Bottom
}

// A Spread is how a number is spread over frames: what a tenth of them are below, half, and a tenth above.
type Spread struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}

func spread(faces []look, of func(look) float64) Spread {
	if len(faces) == 0 {
		return Spread{}
	}
	values := make([]float64, len(faces))
	for i, f := range faces {
		values[i] = of(f)
	}
	slices.Sort(values)
	at := func(q float64) float64 { return rounded(values[int(q*float64(len(values)-1)+0.5)]) }
	return Spread{at(0.1), at(0.5), at(0.9)}
}

// rounded leaves what can be told apart: a report with more digits would be of the moment, not of the place.
func rounded(v float64) float64 {
	if math.Abs(v) >= 100 {
		return math.Round(v)
	}
	return math.Round(10*v) / 10
}
