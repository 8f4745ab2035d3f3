package sheettest_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"facegate/pipeline/challenge/sheettest"
)

// marked is a white picture with a black dot at x, y.
func marked(x, y int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 200, 200))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	for dy := -4; dy <= 4; dy++ {
		for dx := -4; dx <= 4; dx++ {
			m.Set(x+dx, y+dy, color.Black)
		}
	}
	return m
}

// dot is where the dot is seen: the centre of all that is dark.
func dot(m image.Image) (x, y float64) {
	var n float64
	b := m.Bounds()
	for py := b.Min.Y; py < b.Max.Y; py++ {
		for px := b.Min.X; px < b.Max.X; px++ {
			w := float64(255 - color.GrayModel.Convert(m.At(px, py)).(color.Gray).Y)
			n, x, y = n+w, x+w*float64(px), y+w*float64(py)
		}
	}
	return x / n, y / n
}

// TestWhereADotIsSeen holds drawings against where a pinhole camera sees a point 50 mm right of and 30 mm below the middle.
func TestWhereADotIsSeen(t *testing.T) {
	c := sheettest.Camera{Width: 320, Height: 240, Focus: 400, Background: color.Gray{Y: 255}}
	s := sheettest.Sheet{Picture: marked(150, 130), Width: 200, Edge: color.Gray{Y: 255}, Profile: sheettest.Flat(200)}
	bent, folded := s, s
	bent.Profile, folded.Profile = sheettest.Bent(200, 80), sheettest.Folded(200, 0, 60)
	const turn = 30 * math.Pi / 180
	for name, tt := range map[string]struct {
		sheet   sheettest.Sheet
		pose    sheettest.Pose
		x, y, z float64 // where the point is
	}{
		"ahead":  {s, sheettest.Pose{Distance: 600}, 50, 30, 600},
		"aside":  {s, sheettest.Pose{X: 20, Y: -10, Distance: 500}, 70, 20, 500},
		"leant":  {s, sheettest.Pose{Roll: 90, Distance: 600}, -30, 50, 600},
		"turned": {s, sheettest.Pose{Yaw: 30, Distance: 600}, 50 * math.Cos(turn), 30, 600 + 50*math.Sin(turn)},
		"tilted": {s, sheettest.Pose{Pitch: 30, Distance: 600}, 50, 30 * math.Cos(turn), 600 + 30*math.Sin(turn)},
		"bent":   {bent, sheettest.Pose{Distance: 600}, 80 * math.Sin(50.0/80), 30, 600 + 80*(1-math.Cos(50.0/80))},
		"folded": {folded, sheettest.Pose{Distance: 600}, 50 * math.Cos(2*turn), 30, 600 + 50*math.Sin(2*turn)},
	} {
		x, y := dot(c.Draw(tt.sheet, tt.pose))
		wantX, wantY := 159.5+400*tt.x/tt.z, 119.5+400*tt.y/tt.z
		if math.Abs(x-wantX) > 0.6 || math.Abs(y-wantY) > 0.6 {
			t.Errorf("%s: seen at %.1f, %.1f, want %.1f, %.1f", name, x, y, wantX, wantY)
		}
	}
}
