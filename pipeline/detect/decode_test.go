package detect_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"facegate/pipeline/detect"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

// pixels compares to a thousandth of a pixel.
var pixels = cmpopts.EquateApprox(0, 1e-3)

func TestRFB(t *testing.T) {
	boxes := []float32{
		0.25, 0.5, 0.5, 0.75,
		0, 0, 1, 1, // background
		-0.125, 0.25, 0.25, 1.125, // reaches outside the picture
		0.5, 0.5, 0.25, 0.75, // right of itself
		0.5, 0.5, 0.75, 0.5, // flat
		nan, 0, 1, 1,
		0, 0, inf, 1,
		-4e35, 0, 4e35, 1, // finite in pixels, but its width is not
		0, 0, 1, 1, // a score that is no number
		0.5, 0, 0.75, 0.25,
	}
	scores := []float32{
		0.1, 0.875, 0.75, 0.25, 0, 0.75, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, nan, 0.5, 0.5,
	}
	earlier := detect.Face{Score: 0.5}
	got, err := detect.RFB([]detect.Face{earlier}, boxes, scores, 640, 480, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	want := []detect.Face{
		earlier,
		{Score: 0.875, Box: detect.Box{Left: 160, Top: 240, Right: 320, Bottom: 360}},
		{Score: 0.75, Box: detect.Box{Left: -80, Top: 120, Right: 160, Bottom: 540}},
		{Score: 0.5, Box: detect.Box{Left: 320, Top: 0, Right: 480, Bottom: 120}}, // at the threshold
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// level is one of YuNet with three columns and two rows, in which nothing is a face but what change makes of it.
func level(change func(*detect.YuNetLevel)) detect.YuNetLevel {
	l := detect.YuNetLevel{
		Stride: 8, Cols: 3, Rows: 2,
		Class: make([]float32, 6), Object: make([]float32, 6), Box: make([]float32, 24), Points: make([]float32, 60),
	}
	change(&l)
	return l
}

func TestYuNet(t *testing.T) {
	l := level(func(l *detect.YuNetLevel) {
		const cell = 4                            // column 1, row 1
		l.Class[cell], l.Object[cell] = 0.81, 1.5 // counts as 1
		copy(l.Box[4*cell:], []float32{0.5, -0.25, float32(math.Log(4)), float32(math.Log(2))})
		copy(l.Points[10*cell:], []float32{-1, -1, 2, -1, 0.5, 0, -0.5, 1, 1.5, 1})
		l.Class[0], l.Object[0] = 1.5, 0.24 // sqrt(0.24) is below 0.5
		l.Class[1], l.Object[1] = nan, 1
		l.Class[2], l.Object[2], l.Box[4*2+2] = 1, 1, 200     // exp overflows
		l.Class[3], l.Object[3], l.Points[10*3+7] = 1, 1, inf // a landmark that is not finite
		l.Class[5], l.Object[5], l.Box[4*5+3] = 1, 1, -200    // exp underflows: an empty box
	})
	got, err := detect.YuNet(nil, l, 2, 0.5) // a cell is 16 pixels of the picture
	if err != nil {
		t.Fatal(err)
	}
	want := []detect.Face{{
		Score: 0.9, Located: true,
		Box:       detect.Box{Left: 24 - 32, Top: 12 - 16, Right: 24 + 32, Bottom: 12 + 16},
		Landmarks: detect.Landmarks{{X: 0, Y: 0}, {X: 48, Y: 0}, {X: 24, Y: 16}, {X: 8, Y: 32}, {X: 40, Y: 32}},
	}}
	if diff := cmp.Diff(want, got, pixels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLandmarks68(t *testing.T) {
	points := make([]float32, 2*68)
	set := func(i int, x, y float32) { points[2*i], points[2*i+1] = x, y }
	for i := range 68 {
		set(i, 9, 9) // a point that does not count must not show
	}
	for k, i := range []int{37, 38, 40, 41} {
		set(i, 0.25+0.01*float32(k%2), 0.375+0.01*float32(k/2))
	}
	for k, i := range []int{43, 44, 46, 47} {
		set(i, 0.75-0.01*float32(k%2), 0.375-0.01*float32(k/2))
	}
	set(30, 0.5, 0.625)
	set(48, 0.3, 0.75)
	set(60, 0.4, 0.85)
	set(54, 0.7, 0.75)
	set(64, 0.6, 0.85)
	got, err := detect.Landmarks68(points, detect.Box{Left: 100, Top: 200, Right: 300, Bottom: 600})
	if err != nil {
		t.Fatal(err)
	}
	want := detect.Landmarks{{X: 151, Y: 352}, {X: 249, Y: 348}, {X: 200, Y: 450}, {X: 170, Y: 520}, {X: 230, Y: 520}}
	if diff := cmp.Diff(want, got, pixels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWrongShapes(t *testing.T) {
	rfb := func(boxes, scores int) func() error {
		return func() error {
			_, err := detect.RFB(nil, make([]float32, boxes), make([]float32, scores), 640, 480, 0.5)
			return err
		}
	}
	yunet := func(change func(*detect.YuNetLevel)) func() error {
		return func() error {
			_, err := detect.YuNet(nil, level(change), 1, 0.5)
			return err
		}
	}
	landmarks := func(n int) func() error {
		return func() error {
			_, err := detect.Landmarks68(make([]float32, n), detect.Box{Right: 1, Bottom: 1})
			return err
		}
	}
	for _, test := range []struct {
		name string
		err  func() error
	}{
		{"rfb: part of a box", rfb(6, 3)},
		{"rfb: more boxes than scores", rfb(12, 4)},
		{"rfb: more scores than boxes", rfb(4, 4)},
		{"rfb: no scores", rfb(4, 0)},
		{"yunet: class", yunet(func(l *detect.YuNetLevel) { l.Class = l.Class[1:] })},
		{"yunet: object", yunet(func(l *detect.YuNetLevel) { l.Object = nil })},
		{"yunet: box", yunet(func(l *detect.YuNetLevel) { l.Box = l.Box[4:] })},
		{"yunet: points", yunet(func(l *detect.YuNetLevel) { l.Points = append(l.Points, 0) })},
		{"yunet: another size of input", yunet(func(l *detect.YuNetLevel) { l.Cols = 4 })},
		{"landmarks: none", landmarks(0)},
		{"landmarks: 67", landmarks(134)},
		{"landmarks: 98", landmarks(196)},
	} {
		if err := test.err(); !errors.Is(err, detect.ErrShape) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// floats reads raw bytes as a network could leave them: every pattern of bits.
func floats(data []byte) []float32 {
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

func raw(values ...float32) (data []byte) {
	for _, x := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return data
}

// checkFaces holds whatever a decoder gave to what the stages after it rely on.
func checkFaces(t *testing.T, faces []detect.Face, threshold float32) {
	t.Helper()
	for _, f := range faces {
		w, h := f.Box.Width(), f.Box.Height()
		if !f.Finite() || !(f.Score >= threshold) || !(w > 0 && h > 0) || math.IsInf(float64(f.Box.Area()), 0) {
			t.Fatalf("unsound face %+v", f)
		}
	}
	checkSuppressed(t, detect.Suppress(faces, 0.4), 0.4)
}

func FuzzRFB(f *testing.F) {
	f.Add(raw(0.1, 0.1, 0.5, 0.5, 0.2, 0.2, 0.6, 0.6, 0, 1, 0, 0.9))
	f.Add(raw(-4e35, -4e35, 4e35, 4e35, 0, nan, 0, 1, 0, 1, 0, 1))
	f.Add(raw(1e36, 0, 1.0001e36, 1, inf, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		numbers := floats(data)
		n := len(numbers) / 6
		faces, err := detect.RFB(nil, numbers[:4*n], numbers[4*n:6*n], 640, 480, 0.5)
		if err != nil {
			t.Fatalf("%d rows: %v", n, err)
		}
		checkFaces(t, faces, 0.5)
	})
}

func FuzzYuNet(f *testing.F) {
	f.Add(uint8(1), uint8(1), raw(1, 1, 0, 0, 1, 1, 0, 0, 1, 0, .5, .5, 0, 1, 1, 1))
	f.Add(uint8(2), uint8(3), raw(nan, 1, 88, -88, inf, 1e38))
	f.Fuzz(func(t *testing.T, cols, rows uint8, data []byte) {
		numbers := floats(data)
		if len(numbers) == 0 {
			return
		}
		next := 0
		take := func(n int) []float32 { // the numbers over and over: a short input still fills the whole level
			out := make([]float32, n)
			for i := range out {
				out[i] = numbers[next%len(numbers)]
				next++
			}
			return out
		}
		l := detect.YuNetLevel{Stride: 32, Cols: int(cols % 8), Rows: int(rows % 8)}
		n := l.Cols * l.Rows
		l.Class, l.Object, l.Box, l.Points = take(n), take(n), take(4*n), take(10*n)
		faces, err := detect.YuNet(nil, l, 1.5, 0.7)
		if err != nil {
			t.Fatalf("%d cells: %v", n, err)
		}
		checkFaces(t, faces, 0.7)
	})
}
