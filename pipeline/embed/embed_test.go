package embed_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
)

var templates = map[string]embed.Template{
	"ArcFace112": embed.ArcFace112(), "Reidentification128": embed.Reidentification128(),
}

// A template is of an upright face within its picture: a slip in one of its numbers would cost accuracy in silence.
func TestTemplates(t *testing.T) {
	for name, tpl := range templates {
		p := tpl.Points
		for i, at := range p {
			if !(at.X > 0 && at.X < float32(tpl.Size) && at.Y > 0 && at.Y < float32(tpl.Size)) {
				t.Errorf("%s: point %d at %v is outside", name, i, at)
			}
		}
		near := func(a, b float32) bool { return math.Abs(float64(a-b)) < 0.01*float64(tpl.Size) }
		eye, mouth := p[detect.RightEye].X-p[detect.LeftEye].X, p[detect.RightMouth].X-p[detect.LeftMouth].X
		if !(near(p[detect.LeftEye].Y, p[detect.RightEye].Y) && near(p[detect.LeftMouth].Y, p[detect.RightMouth].Y) &&
			near(p[detect.LeftEye].X+eye/2, p[detect.NoseTip].X) && near(p[detect.LeftMouth].X+mouth/2, p[detect.NoseTip].X) &&
			p[detect.LeftEye].Y < p[detect.NoseTip].Y && p[detect.NoseTip].Y < p[detect.LeftMouth].Y && eye > mouth && mouth > 0) {
			t.Errorf("%s is no upright face: %v", name, p)
		}
	}
}

// A face that is the template turned, scaled and moved is brought back onto it exactly.
func TestAlignRecoversASimilarity(t *testing.T) {
	for name, tpl := range templates {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				angle := rapid.Float64Range(-math.Pi, math.Pi).Draw(t, "angle")
				scale := rapid.Float64Range(0.1, 10).Draw(t, "scale")
				placed := embed.Similarity{
					A: scale * math.Cos(angle), B: scale * math.Sin(angle),
					X: rapid.Float64Range(-2000, 2000).Draw(t, "x"), Y: rapid.Float64Range(-2000, 2000).Draw(t, "y"),
				}
				var face detect.Landmarks
				for i, p := range tpl.Points {
					face[i] = placed.Apply(p)
				}
				back, ok := tpl.Align(face)
				if !ok {
					t.Fatal("refused")
				}
				if got := math.Hypot(back.A, back.B) * scale; math.Abs(got-1) > 1e-4 {
					t.Fatalf("scaled by %v in all", got)
				}
				for i, p := range face {
					got, want := back.Apply(p), tpl.Points[i]
					if d := math.Hypot(float64(got.X-want.X), float64(got.Y-want.Y)); d > 1e-2 {
						t.Fatalf("point %d lands %v pixels off", i, d)
					}
				}
			})
		})
	}
}

// Of all similarities the one found leaves the least squared error: no small change of it does better.
func TestAlignIsLeastSquares(t *testing.T) {
	tpl := embed.ArcFace112()
	offset := rapid.Float32Range(-15, 15)
	rapid.Check(t, func(t *rapid.T) {
		face := tpl.Points
		for i := range face {
			face[i].X += offset.Draw(t, "x")
			face[i].Y += offset.Draw(t, "y")
		}
		s, ok := tpl.Align(face)
		if !ok {
			t.Fatal("refused")
		}
		squares := func(s embed.Similarity) (sum float64) {
			for i, p := range face {
				x, y := float64(p.X), float64(p.Y)
				dx := s.A*x - s.B*y + s.X - float64(tpl.Points[i].X)
				dy := s.B*x + s.A*y + s.Y - float64(tpl.Points[i].Y)
				sum += dx*dx + dy*dy
			}
			return sum
		}
		least := squares(s)
		for _, d := range []embed.Similarity{{A: 1e-3}, {A: -1e-3}, {B: 1e-3}, {B: -1e-3}, {X: .1}, {X: -.1}, {Y: .1}, {Y: -.1}} {
			if other := (embed.Similarity{A: s.A + d.A, B: s.B + d.B, X: s.X + d.X, Y: s.Y + d.Y}); squares(other) < least {
				t.Fatalf("%+v leaves %v, %+v only %v", s, least, other, squares(other))
			}
		}
	})
}

func TestAlignRefuses(t *testing.T) {
	nan, at := float32(math.NaN()), detect.Point{X: 300, Y: 200}
	for name, face := range map[string]detect.Landmarks{
		"nowhere":             {},
		"all in one point":    {at, at, at, at, at},
		"within half a pixel": {at, at, {X: 300.5, Y: 200}, at, {X: 300, Y: 200.5}},
		"not a number":        {{X: nan}, {X: 100}, {X: 50, Y: 50}, {Y: 100}, {X: 100, Y: 100}},
	} {
		if s, ok := embed.ArcFace112().Align(face); ok {
			t.Errorf("%s: aligned by %+v", name, s)
		}
	}
}

func TestNormalize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := embed.Vector(rapid.SliceOf(rapid.Float32()).Draw(t, "v"))
		was := slices.Clone(v)
		if !v.Normalize() {
			if slices.ContainsFunc(was, func(x float32) bool { return x != 0 }) || !slices.Equal(v, was) {
				t.Fatalf("%v is refused and left as %v", was, v)
			}
			return
		}
		if got := embed.Cosine(v, v); math.Abs(got-1) > 1e-5 {
			t.Fatalf("%v has length² %v afterwards", was, got)
		}
		for i, x := range v {
			if math.Signbit(float64(x)) != math.Signbit(float64(was[i])) {
				t.Fatalf("%v points elsewhere afterwards: %v", was, v)
			}
		}
	})
	tiny := embed.Vector{0, 1e-40}
	if !tiny.Normalize() || tiny[1] != 1 {
		t.Errorf("a tiny vector becomes %v", tiny)
	}
	for name, v := range map[string]embed.Vector{
		"empty": {}, "zero": {0, 0}, "infinite": {1, float32(math.Inf(-1))}, "not a number": {1, float32(math.NaN())},
	} {
		was := slices.Clone(v)
		if v.Normalize() || len(v) > 0 && v[0] != was[0] {
			t.Errorf("%s: normalised to %v", name, v)
		}
	}
}

func TestCosine(t *testing.T) {
	for _, test := range []struct {
		a, b embed.Vector
		want float64
	}{
		{embed.Vector{1, 0}, embed.Vector{1, 0}, 1},
		{embed.Vector{1, 0}, embed.Vector{0, 1}, 0},
		{embed.Vector{1, 0}, embed.Vector{-1, 0}, -1},
		{embed.Vector{0.6, 0.8}, embed.Vector{1, 0}, 0.6},
	} {
		if got := embed.Cosine(test.a, test.b); math.Abs(got-test.want) > 1e-7 {
			t.Errorf("Cosine(%v, %v) = %v, want %v", test.a, test.b, got, test.want)
		}
	}
}
