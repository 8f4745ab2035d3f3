package quality_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/quality"
)

func TestZone(t *testing.T) {
	zone := quality.Zone{Region: detect.Box{Left: 0.25, Top: 0.5, Right: 0.75, Bottom: 1}, MinFace: 50}
	at := func(x, y, side float32) detect.Box {
		return detect.Box{Left: x - side/2, Top: y - side/2, Right: x + side/2, Bottom: y + side/2}
	}
	for _, test := range []struct {
		name string
		box  detect.Box
		want quality.Reason
	}{
		{"in the middle", at(320, 360, 100), quality.OK},
		{"in the corner of the region", at(160, 240, 100), quality.OK},
		{"half outside the picture", at(320, 480, 100), quality.OK},
		{"left of it", at(159, 360, 100), quality.OutsideZone},
		{"right of it", at(481, 360, 100), quality.OutsideZone},
		{"above it", at(320, 239, 100), quality.OutsideZone},
		{"below the picture", at(320, 481, 100), quality.OutsideZone},
		{"just large enough", at(320, 360, 50), quality.OK},
		{"small", at(320, 360, 49), quality.TooFar},
		{"small and left of it", at(100, 360, 20), quality.OutsideZone},
	} {
		if got := zone.Check(test.box, 640, 480); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestLimits(t *testing.T) {
	limits := quality.Limits{
		MinSharpness: 25, MinBrightness: 40, MaxBrightness: 220, MaxYaw: 35, MaxPitch: 30, MaxRoll: 25,
	}
	nan := math.NaN()
	sound := quality.Measure{Sharpness: 25, Brightness: 40, Yaw: -35, Pitch: 30, Roll: -25} // each at its limit
	for _, test := range []struct {
		name   string
		change func(*quality.Measure)
		want   quality.Reason
	}{
		{"at every limit", func(m *quality.Measure) {}, quality.OK},
		{"at the other limits", func(m *quality.Measure) { *m = quality.Measure{1e9, 220, 35, -30, 25, 90} }, quality.OK},
		{"dark", func(m *quality.Measure) { m.Brightness = 39 }, quality.TooDark},
		{"bright", func(m *quality.Measure) { m.Brightness = 221 }, quality.TooBright},
		{"turned left", func(m *quality.Measure) { m.Yaw = -36 }, quality.TurnedAway},
		{"turned right", func(m *quality.Measure) { m.Yaw = 36 }, quality.TurnedAway},
		{"looking up", func(m *quality.Measure) { m.Pitch = -31 }, quality.TurnedAway},
		{"looking down", func(m *quality.Measure) { m.Pitch = 31 }, quality.TurnedAway},
		{"tilted left", func(m *quality.Measure) { m.Roll = -26 }, quality.Tilted},
		{"tilted right", func(m *quality.Measure) { m.Roll = 26 }, quality.Tilted},
		{"blurred", func(m *quality.Measure) { m.Sharpness = 24 }, quality.Blurred},
		{"all of it", func(m *quality.Measure) { *m = quality.Measure{0, 0, 90, 90, 90, 0} }, quality.TooDark},
		{"bright and the rest", func(m *quality.Measure) { *m = quality.Measure{0, 255, 90, 90, 90, 0} }, quality.TooBright},
		{"turned and the rest", func(m *quality.Measure) { *m = quality.Measure{0, 99, 90, 0, 90, 0} }, quality.TurnedAway},
		{"tilted and blurred", func(m *quality.Measure) { *m = quality.Measure{0, 99, 0, 0, 90, 0} }, quality.Tilted},
		{"brightness not a number", func(m *quality.Measure) { m.Brightness = nan }, quality.TooDark},
		{"yaw not a number", func(m *quality.Measure) { m.Yaw = nan }, quality.TurnedAway},
		{"pitch not a number", func(m *quality.Measure) { m.Pitch = nan }, quality.TurnedAway},
		{"roll not a number", func(m *quality.Measure) { m.Roll = nan }, quality.Tilted},
		{"sharpness not a number", func(m *quality.Measure) { m.Sharpness = nan }, quality.Blurred},
	} {
		m := sound
		test.change(&m)
		if got := limits.Check(m); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// head is a face of mean proportions seen by a far camera after turns in degrees: yaw to the picture's right, pitch
// downwards, then roll clockwise in the picture. It stands on its own: a rigid head of five points, not the formulae
// under test.
func head(yaw, pitch, roll float64) (out detect.Landmarks) {
	// x to the right of the picture, y down, z towards the camera, with the eyes 63 mm apart.
	points := [5][3]float64{{-31.5, 0, 0}, {31.5, 0, 0}, {0, 33.7, 30}, {-25, 68, 0}, {25, 68, 0}}
	sinY, cosY := math.Sincos(yaw * math.Pi / 180)
	sinP, cosP := math.Sincos(pitch * math.Pi / 180)
	sinR, cosR := math.Sincos(roll * math.Pi / 180)
	for i, p := range points {
		x, y, z := p[0], p[1], p[2]
		y, z = y*cosP+z*sinP, z*cosP-y*sinP // the chin comes in, the nose goes down
		x = x*cosY + z*sinY                 // the nose goes to the right
		x, y = x*cosR-y*sinR, x*sinR+y*cosR
		out[i] = detect.Point{X: float32(3*x + 300), Y: float32(3*y + 200)}
	}
	return out
}

func pose(points detect.Landmarks) quality.Measure { return quality.Of(nil, 0, points) }

func TestPose(t *testing.T) {
	const tolerance = 10 // degrees: what is claimed of five points
	for _, test := range []struct {
		name             string
		yaw, pitch, roll float64
	}{
		{"straight", 0, 0, 0},
		{"turned right", 30, 0, 0},
		{"turned left", -30, 0, 0},
		{"looking down", 0, 20, 0},
		{"looking up", 0, -20, 0},
		{"tilted clockwise", 0, 0, 20},
		{"tilted the other way", 0, 0, -20},
		{"turned and tilted", 25, 0, -30},
		{"looking down and tilted", 0, 20, 30},
		{"on its side", 0, 0, 90},
		{"upside down", 0, 0, 180},
	} {
		m := pose(head(test.yaw, test.pitch, test.roll))
		off := max(math.Abs(m.Yaw-test.yaw), math.Abs(m.Pitch-test.pitch), math.Abs(m.Roll-test.roll))
		if off > tolerance {
			t.Errorf("%s: yaw %.0f, pitch %.0f, roll %.0f", test.name, m.Yaw, m.Pitch, m.Roll)
		}
	}
}

// Neither where a face is in the picture, nor how large, nor how the head leans changes where it looks.
func TestPoseOfASimilarFace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		turn := rapid.Float64Range(-40, 40)
		points := head(turn.Draw(t, "yaw"), turn.Draw(t, "pitch"), 0)
		angle := rapid.Float64Range(-3, 3).Draw(t, "angle")
		scale := rapid.Float64Range(0.3, 3).Draw(t, "scale")
		s := embed.Similarity{
			A: scale * math.Cos(angle), B: scale * math.Sin(angle),
			X: rapid.Float64Range(-500, 500).Draw(t, "x"), Y: rapid.Float64Range(-500, 500).Draw(t, "y"),
		}
		want, moved := pose(points), points
		for i, p := range points {
			moved[i] = s.Apply(p)
		}
		got := pose(moved)
		// The eyes of a head that is turned and looks down are not level: its roll is not zero, but grows by angle.
		lean := math.Remainder(got.Roll-want.Roll-angle*180/math.Pi, 360)
		if math.Abs(got.Yaw-want.Yaw) > 0.1 || math.Abs(got.Pitch-want.Pitch) > 0.1 || math.Abs(lean) > 0.1 {
			t.Fatalf("%+v, but %+v turned by %v", got, want, angle)
		}
	})
}

// The templates of the embedders are mean faces that look into the camera.
func TestPoseOfTheTemplates(t *testing.T) {
	for name, tpl := range map[string]embed.Template{"ArcFace": embed.ArcFace112(), "reid": embed.Reidentification128()} {
		if m := pose(tpl.Points); math.Abs(m.Yaw) > 5 || math.Abs(m.Pitch) > 10 || math.Abs(m.Roll) > 2 {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestPoseOfNoFaceIsRefused(t *testing.T) {
	limits := quality.Limits{MaxBrightness: 255, MaxYaw: 89, MaxPitch: 89, MaxRoll: 89}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	straight := head(0, 0, 0)
	faces := map[string]detect.Landmarks{
		"one point":              {},
		"mouth above the eyes":   {straight[3], straight[4], straight[2], straight[0], straight[1]},
		"mouth between the eyes": {straight[0], straight[1], straight[2], straight[0], straight[1]},
	}
	for i := range straight {
		for name, bad := range map[string]float32{"NaN": nan, "Inf": inf} {
			f := straight
			f[i].X = bad
			faces[name+" at point "+string(rune('0'+i))] = f
		}
	}
	for name, f := range faces {
		if m := pose(f); limits.Check(m) != quality.TurnedAway {
			t.Errorf("%s passes as %+v", name, m)
		}
	}
}

// picture fills one of size by size pixels with blue, green and red of paint.
func picture(size int, paint func(x, y int) [3]byte) []byte {
	var bgr []byte
	for y := range size {
		for x := range size {
			p := paint(x, y)
			bgr = append(bgr, p[:]...)
		}
	}
	return bgr
}

func TestTexture(t *testing.T) {
	grey := func(g int) [3]byte { return [3]byte{byte(g), byte(g), byte(g)} }
	for _, test := range []struct {
		name                  string
		paint                 func(x, y int) [3]byte
		sharpness, brightness float64
	}{
		{"black", func(x, y int) [3]byte { return grey(0) }, 0, 0},
		{"white", func(x, y int) [3]byte { return grey(255) }, 0, 255},
		{"flat", func(x, y int) [3]byte { return grey(100) }, 0, 100},
		{"blue", func(x, y int) [3]byte { return [3]byte{255, 0, 0} }, 0, 28},
		{"green", func(x, y int) [3]byte { return [3]byte{0, 255, 0} }, 0, 149},
		{"red", func(x, y int) [3]byte { return [3]byte{0, 0, 255} }, 0, 76},
		{"even slope", func(x, y int) [3]byte { return grey(2*x + y) }, 0, 16.5},  // no second derivative
		{"parabola", func(x, y int) [3]byte { return grey(x * x) }, 0, 506. / 12}, // the same one everywhere
		// At each pixel the Laplacian is four times the step, up on one half and down on the other.
		{"checkerboard", func(x, y int) [3]byte { return grey(100 + 50*((x+y)%2)) }, 200 * 200, 125},
		{"faint checkerboard", func(x, y int) [3]byte { return grey(100 + 2*((x+y)%2)) }, 8 * 8, 101},
		{"stripes", func(x, y int) [3]byte { return grey(100 + 50*(x%2)) }, 100 * 100, 125},
		{"one dot", func(x, y int) [3]byte {
			if x == 5 && y == 5 {
				return grey(100)
			}
			return grey(0)
		}, (400*400 + 4*100*100) / 100., 100. / 144},
	} {
		m := quality.Of(picture(12, test.paint), 12, head(0, 0, 0))
		if math.Abs(m.Sharpness-test.sharpness) > 1e-6 || math.Abs(m.Brightness-test.brightness) > 1e-6 {
			t.Errorf("%s: sharpness %v, brightness %v, want %v and %v",
				test.name, m.Sharpness, m.Brightness, test.sharpness, test.brightness)
		}
	}
}

// A picture cut short or too small to measure is dark and blurred, not a panic.
func TestTextureOfNoPicture(t *testing.T) {
	for _, test := range []struct{ bytes, size int }{{0, 0}, {0, 112}, {3*112*112 - 1, 112}, {12, 2}} {
		if m := quality.Of(make([]byte, test.bytes), test.size, head(0, 0, 0)); m.Sharpness != 0 || m.Brightness != 0 {
			t.Errorf("%d bytes of size %d: %+v", test.bytes, test.size, m)
		}
	}
}

func TestReasonsHaveAdvice(t *testing.T) {
	if quality.OK.String() != "ok" || quality.OK.Advice() != "" {
		t.Errorf("OK is %q, with advice %q", quality.OK, quality.OK.Advice())
	}
	names := map[string]bool{"ok": true}
	for i, r := range quality.Reasons() {
		if int(r) != i+1 {
			t.Errorf("reason %d is listed in place %d", r, i+1)
		}
		if r.String() == "" || names[r.String()] || r.Advice() == "" {
			t.Errorf("reason %d is named %q, with advice %q", r, r, r.Advice())
		}
		names[r.String()] = true
	}
	if last := quality.Reasons()[len(quality.Reasons())-1]; last != quality.SideLit {
		t.Errorf("the list ends with %v", last)
	}
}

// lit is an aligned face of a matt round head as a lamp at an angle lights it, positive from the picture's right. It stands on
// its own: a ball, not the formulae under test.
func lit(size int, angle float64, skin float64) []byte {
	sin, cos := math.Sincos(angle * math.Pi / 180)
	return picture(size, func(x, y int) [3]byte {
		const wide = 0.37 // the half of a head
		u := ((float64(x)+0.5)/float64(size) - 0.5) / wide
		light := 0.
		if u > -1 && u < 1 {
			light = max(0, u*sin+math.Sqrt(1-u*u)*cos)
		}
		v := byte(min(255, 255*math.Sqrt(skin*light))) // as a camera codes it
		return [3]byte{v, v, v}
	})
}

func TestSideLight(t *testing.T) {
	for _, size := range []int{112, 128} {
		for _, skin := range []float64{0.9, 0.3, 0.05} {
			for _, angle := range []float64{0, 10, 20, 26, 35, 45, 55, 65, 75} {
				right, left := quality.SideLight(lit(size, angle, skin), size), quality.SideLight(lit(size, -angle, skin), size)
				if math.Abs(right-angle) > 5 || math.Abs(left+angle) > 5 {
					t.Errorf("size %d, skin %g: a lamp at %g degrees is told as %.1f, from the left as %.1f", size, skin, angle, right, left)
				}
			}
		}
	}
}

func TestSideLightOfNoPicture(t *testing.T) {
	for _, test := range []struct{ bytes, size int }{{0, 0}, {0, 112}, {3*112*112 - 1, 112}, {12, 2}, {3 * 112 * 112, 112}} {
		if got := quality.SideLight(make([]byte, test.bytes), test.size); got != 0 {
			t.Errorf("%d black bytes of size %d: %v", test.bytes, test.size, got)
		}
	}
	half := picture(112, func(x, _ int) [3]byte {
		return [3]byte{byte(255 * (x / 56)), byte(255 * (x / 56)), byte(255 * (x / 56))}
	})
	if got := quality.SideLight(half, 112); !(got > 75 && got <= 90) {
		t.Errorf("one half black, one white: %v", got)
	}
}

// TestWarn checks that side light is told, and refuses nothing: most faces in it are recognised.
func TestWarn(t *testing.T) {
	limits := quality.Limits{MaxBrightness: 255, MaxYaw: 90, MaxPitch: 90, MaxRoll: 90, MaxSideLight: 45}
	for angle, want := range map[float64]quality.Reason{
		0: quality.OK, 45: quality.OK, -45: quality.OK, 46: quality.SideLit, -46: quality.SideLit, math.NaN(): quality.SideLit,
	} {
		m := quality.Measure{SideLight: angle}
		if got := limits.Warn(m); got != want || limits.Check(m) != quality.OK {
			t.Errorf("light from %v degrees: warned of %v, refused for %v", angle, got, limits.Check(m))
		}
	}
}

// BenchmarkOf measures a frame's aligned face with its side light, and without.
func BenchmarkOf(b *testing.B) {
	chip, points := lit(112, 30, 128), head(0, 0, 0)
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			quality.Of(chip, 112, points)
		}
	})
	b.Run("side light", func(b *testing.B) {
		for b.Loop() {
			quality.SideLight(chip, 112)
		}
	})
}
