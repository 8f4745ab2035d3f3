package detect_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/detect"
)

// box draws a box of 1 to 200 pixels in a picture of about 600.
var box = rapid.Custom(func(t *rapid.T) detect.Box {
	b := detect.Box{Left: rapid.Float32Range(-50, 600).Draw(t, "left"), Top: rapid.Float32Range(-50, 600).Draw(t, "top")}
	b.Right = b.Left + rapid.Float32Range(1, 200).Draw(t, "width")
	b.Bottom = b.Top + rapid.Float32Range(1, 200).Draw(t, "height")
	return b
})

var faces = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) detect.Face {
	return detect.Face{Box: box.Draw(t, "box"), Score: rapid.Float32Range(0, 1).Draw(t, "score")}
}), 0, 60)

func TestIoU(t *testing.T) {
	unit := detect.Box{Right: 10, Bottom: 10}
	for _, test := range []struct {
		name string
		b    detect.Box
		want float32
	}{
		{"itself", unit, 1},
		{"half to the right", detect.Box{Left: 5, Right: 15, Bottom: 10}, 1. / 3},
		{"a quarter inside", detect.Box{Left: 5, Top: 5, Right: 10, Bottom: 10}, .25},
		{"corner", detect.Box{Left: 5, Top: 5, Right: 15, Bottom: 15}, 1. / 7},
		{"edges touch", detect.Box{Left: 10, Right: 20, Bottom: 10}, 0},
		{"apart both ways", detect.Box{Left: 20, Top: 20, Right: 30, Bottom: 30}, 0},
		{"apart one way", detect.Box{Left: 5, Top: 20, Right: 15, Bottom: 30}, 0},
		{"empty", detect.Box{Left: 5, Top: 5, Right: 5, Bottom: 5}, 0},
	} {
		if got := detect.IoU(unit, test.b); math.Abs(float64(got-test.want)) > 1e-6 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestIoUProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := box.Draw(t, "a"), box.Draw(t, "b")
		o := detect.IoU(a, b)
		if o != detect.IoU(b, a) || o < 0 || o > 1 || math.Abs(float64(detect.IoU(a, a))-1) > 1e-4 {
			t.Fatalf("IoU %v one way, %v the other, %v with itself", o, detect.IoU(b, a), detect.IoU(a, a))
		}
		dx := rapid.Float32Range(-500, 500).Draw(t, "dx")
		shift := func(b detect.Box) detect.Box {
			return detect.Box{Left: b.Left + dx, Top: b.Top, Right: b.Right + dx, Bottom: b.Bottom}
		}
		if moved := detect.IoU(shift(a), shift(b)); math.Abs(float64(moved-o)) > 1e-3 {
			t.Fatalf("IoU %v, and %v after both moved", o, moved)
		}
		factor := rapid.Float32Range(1, 3).Draw(t, "factor")
		if grown := detect.IoU(a, a.Scale(factor)); math.Abs(float64(grown*factor*factor)-1) > 1e-2 {
			t.Fatalf("IoU with itself grown %v-fold: %v", factor, grown)
		}
	})
}

// checkSuppressed fails if faces are not what Suppress promises to leave.
func checkSuppressed(t interface{ Fatalf(string, ...any) }, kept []detect.Face, overlap float32) {
	if len(kept) > 128 {
		t.Fatalf("%d faces are kept", len(kept))
	}
	for i, f := range kept {
		if i > 0 && f.Score > kept[i-1].Score {
			t.Fatalf("face %d of score %v follows one of %v", i, f.Score, kept[i-1].Score)
		}
		for _, other := range kept[:i] {
			if o := detect.IoU(f.Box, other.Box); !(o <= overlap) {
				t.Fatalf("%+v and %+v overlap by %v", other.Box, f.Box, o)
			}
		}
	}
}

func TestSuppress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, overlap := faces.Draw(t, "faces"), rapid.Float32Range(0, 1).Draw(t, "overlap")
		kept := detect.Suppress(slices.Clone(all), overlap)
		checkSuppressed(t, kept, overlap)
		for _, f := range kept {
			if !slices.Contains(all, f) {
				t.Fatalf("%+v was not among the faces", f)
			}
		}
		for _, f := range all {
			if !slices.ContainsFunc(kept, func(k detect.Face) bool {
				return k == f || k.Score >= f.Score && detect.IoU(k.Box, f.Box) > overlap
			}) {
				t.Fatalf("%+v went without a better one in its place", f)
			}
		}
	})
}

// However many weak faces a picture seems to show, the work is bounded and the best one stays, wherever it stands.
func TestSuppressKeepsTheBestOfTooMany(t *testing.T) {
	var all []detect.Face
	for i := range 5000 {
		x, y := float32(i%100)*20, float32(i/100)*20
		all = append(all, detect.Face{Score: 0.7, Box: detect.Box{Left: x, Top: y, Right: x + 10, Bottom: y + 10}})
	}
	best := detect.Face{Score: 0.99, Box: detect.Box{Left: -300, Top: 0, Right: -100, Bottom: 200}}
	kept := detect.Suppress(append(all, best), 0.4)
	checkSuppressed(t, kept, 0.4)
	if len(kept) != 128 || kept[0] != best {
		t.Errorf("%d are kept, first %+v", len(kept), kept[0])
	}
}

func TestMainFace(t *testing.T) {
	square := func(x, y, side float32) detect.Face {
		return detect.Face{Box: detect.Box{Left: x - side/2, Top: y - side/2, Right: x + side/2, Bottom: y + side/2}}
	}
	for _, test := range []struct {
		name  string
		faces []detect.Face
		want  int
	}{
		{"nobody", nil, -1},
		{"one in the corner", []detect.Face{square(10, 10, 20)}, 0},
		{"the larger of two in the middle", []detect.Face{square(120, 120, 50), square(130, 130, 90)}, 1},
		{"the middle one of two alike", []detect.Face{square(40, 40, 60), square(125, 125, 60), square(210, 125, 60)}, 1},
		{"a larger bystander at the edge", []detect.Face{square(20, 125, 110), square(125, 125, 90)}, 1},
	} {
		if got := detect.Main(test.faces, 250, 250); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestFinite(t *testing.T) {
	sound := detect.Face{Box: detect.Box{Right: 1, Bottom: 1}, Score: 1}
	if !sound.Finite() {
		t.Fatal("a plain face is not finite")
	}
	numbers := func(f *detect.Face) []*float32 {
		all := []*float32{&f.Box.Left, &f.Box.Top, &f.Box.Right, &f.Box.Bottom, &f.Score}
		for i := range f.Landmarks {
			all = append(all, &f.Landmarks[i].X, &f.Landmarks[i].Y)
		}
		return all
	}
	for i := range numbers(&sound) {
		for _, bad := range []float32{nan, inf, -inf} {
			f := sound
			*numbers(&f)[i] = bad
			if f.Finite() {
				t.Errorf("number %d as %v is taken for finite", i, bad)
			}
		}
	}
}

func ExampleBox_Scale() {
	fmt.Println(detect.Box{Left: 10, Top: 10, Right: 30, Bottom: 20}.Scale(2))
	// Output: {0 5 40 25}
}

func BenchmarkSuppress(b *testing.B) {
	var all []detect.Face
	for i := range 8400 { // every cell of YuNet at 640x640
		x, y := float32(i%100)*6, float32(i/100)*7
		all = append(all, detect.Face{
			Score: float32(i*7919%1000) / 1000, Box: detect.Box{Left: x, Top: y, Right: x + 10, Bottom: y + 10},
		})
	}
	work := make([]detect.Face, len(all))
	for b.Loop() {
		copy(work, all)
		detect.Suppress(work, 0.3)
	}
}

// Found by fuzzing: areas below the least float32 gave 0/0, and boxes that a comparison with NaN does not part.
func TestIoUOfNothing(t *testing.T) {
	a := detect.Box{Left: -7e-24, Top: -1e-32, Right: 1e-23, Bottom: 1e-35}
	b := detect.Box{Left: 7e-39, Top: -6e-19, Right: 1e-28, Bottom: 2e-29}
	if got := detect.IoU(a, b); got != 0 {
		t.Errorf("IoU is %v, want 0", got)
	}
}

func TestWithin(t *testing.T) {
	for _, test := range []struct {
		name      string
		box, want detect.Box
		factor    float32
	}{
		{"inside", detect.Box{Left: 40, Top: 30, Right: 60, Bottom: 50}, detect.Box{Left: 30, Top: 20, Right: 70, Bottom: 60}, 2},
		{"beyond left and top", detect.Box{Left: 0, Top: 5, Right: 20, Bottom: 25}, detect.Box{Left: 0, Top: 0, Right: 40, Bottom: 40}, 2},
		{"beyond right and bottom", detect.Box{Left: 90, Top: 60, Right: 100, Bottom: 80}, detect.Box{Left: 80, Top: 39, Right: 100, Bottom: 79}, 2},
		{"too large", detect.Box{Left: 10, Top: 20, Right: 50, Bottom: 60}, detect.Box{Left: 0, Top: 0, Right: 79, Bottom: 79}, 4},
	} {
		if got := test.box.Within(test.factor, 101, 80); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
