package vision_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

func slow() bool { return os.Getenv("FACEGATE_SLOW") == "1" }

// bundles are what most tests run on.
var bundles = []string{"registry", "zoo", "open"}

// picture reads a picture of the top folder testdata, "people/p01/01.jpg".
func picture(t testing.TB, name string) device.Frame {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return device.Frame{Format: device.JPEG, Data: data}
}

// still returns number i, from 1, of the eight stills of a person.
func still(t testing.TB, person string, i int) device.Frame {
	t.Helper()
	return picture(t, "people/"+person+"/0"+string(rune('0'+i))+".jpg")
}

// A sight is all that an Engine tells of a face.
type sight struct {
	face   detect.Face
	live   []float64
	vector embed.Vector
}

// look leads one frame through all calls.
func look(e *vision.Engine, f device.Frame) (s sight, err error) {
	if s.face, err = visiontest.Locate(e, f); err != nil {
		return s, err
	}
	if _, _, err = e.Align(&s.face); err != nil {
		return s, err
	}
	if s.live, err = e.Live(nil, &s.face); err != nil {
		return s, err
	}
	s.vector = make(embed.Vector, e.Dim())
	return s, e.Embed(s.vector)
}

func mustLook(t testing.TB, e *vision.Engine, f device.Frame) sight {
	t.Helper()
	s, err := look(e, f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestGolden notices a change in what the networks are fed: the order of colours alone moves every one of these
// figures beyond its tolerance.
func TestGolden(t *testing.T) {
	const pixels, vector, probability = 0.5, 0.005, 0.05
	type golden struct {
		picture   string
		box       detect.Box
		landmarks detect.Landmarks
		vector    [4]float32 // its beginning
		live      [2]float64 // frliveness and minifasv2se
	}
	tests := map[string][]golden{
		"registry": {
			{
				"people/p01/01.jpg",
				detect.Box{Left: 101.6, Top: 93.5, Right: 219.0, Bottom: 239.8},
				detect.Landmarks{{X: 134.5, Y: 149.7}, {X: 185.3, Y: 149.3}, {X: 159.6, Y: 177.8}, {X: 142.9, Y: 204.8}, {X: 177.2, Y: 204.1}},
				[4]float32{0.0040, -0.0197, -0.0473, -0.0611},
				[2]float64{1.000, 0.999},
			},
			{
				"people/p09/02.jpg",
				detect.Box{Left: 109.8, Top: 82.1, Right: 205.5, Bottom: 222.6},
				detect.Landmarks{{X: 137.2, Y: 142.3}, {X: 180.6, Y: 144.7}, {X: 159.0, Y: 178.5}, {X: 143.6, Y: 192.8}, {X: 173.9, Y: 195.4}},
				[4]float32{0.0295, -0.0256, 0.0001, 0.0024},
				[2]float64{0.732, 1.000},
			},
			{
				"spoof/03-print.jpg",
				detect.Box{Left: 338.0, Top: 185.6, Right: 402.2, Bottom: 266.5},
				detect.Landmarks{{X: 355.1, Y: 215.7}, {X: 384.6, Y: 216.2}, {X: 370.1, Y: 233.1}, {X: 361.1, Y: 248.2}, {X: 381.3, Y: 248.1}},
				[4]float32{0.0162, -0.0553, -0.0432, -0.0449},
				[2]float64{0.000, 0.640},
			},
		},
		"zoo": {
			{
				"people/p01/01.jpg",
				detect.Box{Left: 105.0, Top: 93.1, Right: 215.6, Bottom: 239.0},
				detect.Landmarks{{X: 136.3, Y: 147.0}, {X: 187.0, Y: 147.2}, {X: 159.7, Y: 179.3}, {X: 139.2, Y: 201.4}, {X: 180.7, Y: 201.1}},
				[4]float32{-0.0050, -0.0471, 0.2696, -0.0331},
				[2]float64{1.000, 0.999},
			},
			{
				"people/p09/02.jpg",
				detect.Box{Left: 104.4, Top: 89.2, Right: 208.9, Bottom: 225.5},
				detect.Landmarks{{X: 138.8, Y: 150.2}, {X: 185.0, Y: 151.7}, {X: 164.6, Y: 185.0}, {X: 143.3, Y: 198.8}, {X: 180.7, Y: 199.4}},
				[4]float32{-0.0538, -0.0573, 0.1166, -0.0286},
				[2]float64{0.957, 1.000},
			},
			{
				"spoof/03-print.jpg",
				detect.Box{Left: 336.5, Top: 184.3, Right: 404.3, Bottom: 269.9},
				detect.Landmarks{{X: 355.1, Y: 215.3}, {X: 385.5, Y: 215.2}, {X: 370.0, Y: 232.1}, {X: 357.5, Y: 244.7}, {X: 384.1, Y: 246.1}},
				[4]float32{0.0245, -0.0621, 0.2518, -0.0819},
				[2]float64{0.000, 0.839},
			},
		},
	}
	for _, bundle := range bundles {
		t.Run(bundle, func(t *testing.T) {
			e := visiontest.Open(t, bundle, "frliveness", "minifasv2se")
			for _, want := range tests[bundle] {
				s := mustLook(t, e, picture(t, want.picture))
				b := s.face.Box
				within(t, want.picture+": box", pixels, []float32{b.Left, b.Top, b.Right, b.Bottom},
					[]float32{want.box.Left, want.box.Top, want.box.Right, want.box.Bottom})
				within(t, want.picture+": landmarks", pixels, coordinates(s.face.Landmarks), coordinates(want.landmarks))
				within(t, want.picture+": vector", vector, s.vector[:4], want.vector[:])
				within(t, want.picture+": liveness", probability, s.live, want.live[:])
			}
		})
	}
}

func coordinates(l detect.Landmarks) (xy []float32) {
	for _, p := range l {
		xy = append(xy, p.X, p.Y)
	}
	return xy
}

func within[T float32 | float64](t *testing.T, what string, tolerance float64, got, want []T) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i]-want[i])) <= tolerance) {
			t.Errorf("%s is %.4f, want %.4f to within %v", what, got, want, tolerance)
			return
		}
	}
}

// TestAgreement enrols each person from three stills; the other five must be nearer to that template than every still
// of everybody else.
func TestAgreement(t *testing.T) {
	const enrolled, stills = 3, 8
	people := []string{"p01", "p02", "p04", "p09"}
	tests := []struct{ bundle, embedder string }{{"registry", "mobilefacenet"}, {"zoo", "reid0095"}, {"zoo", "sface"}}
	for _, tt := range tests {
		t.Run(tt.embedder, func(t *testing.T) {
			e, err := vision.Open(visiontest.Networks(t, tt.bundle, tt.embedder))
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			vectors := map[string][]embed.Vector{}
			for _, person := range people {
				for i := range stills {
					vectors[person] = append(vectors[person], mustLook(t, e, still(t, person, i+1)).vector)
				}
			}
			for _, person := range people {
				template := make(embed.Vector, e.Dim())
				for _, v := range vectors[person][:enrolled] {
					for i, x := range v {
						template[i] += x
					}
				}
				template.Normalize()
				nearest := func(vs []embed.Vector) (least, most float64) {
					least, most = 2, -2
					for _, v := range vs {
						c := embed.Cosine(template, v)
						least, most = min(least, c), max(most, c)
					}
					return least, most
				}
				own, _ := nearest(vectors[person][enrolled:])
				for _, other := range people {
					if other == person {
						continue
					}
					if _, strange := nearest(vectors[other]); strange >= own {
						t.Errorf("%s is as near to %s, at %.3f, as a still of its own, at %.3f", other, person, strange, own)
					}
				}
			}
		})
	}
}

// TestClear looks for what a person leaves behind.
func TestClear(t *testing.T) {
	for _, bundle := range bundles {
		t.Run(bundle, func(t *testing.T) {
			e := visiontest.Open(t, bundle)
			before := mustLook(t, e, still(t, "p01", 1))
			if e.Remains() == 0 {
				t.Fatal("nothing to overwrite")
			}
			e.Clear()
			if n := e.Remains(); n != 0 {
				t.Errorf("%d bytes remain after Clear", n)
			}
			if w, h := e.Size(); w != 0 || h != 0 {
				t.Errorf("the size is %dx%d after Clear", w, h)
			}
			if _, err := e.Detect(); !errors.Is(err, vision.ErrPicture) {
				t.Errorf("Detect after Clear: %v", err)
			}
			if _, _, err := e.Align(&before.face); !errors.Is(err, vision.ErrFace) {
				t.Errorf("Align after Clear: %v", err)
			}
			if err := e.Embed(make(embed.Vector, e.Dim())); !errors.Is(err, vision.ErrFace) {
				t.Errorf("Embed after Clear: %v", err)
			}
			if after := mustLook(t, e, still(t, "p01", 1)); !slices.Equal(after.vector, before.vector) {
				t.Error("Clear changed what the networks compute")
			}
			e.Clear()
			if err := e.Load(still(t, "p01", 1)); err != nil {
				t.Fatal(err)
			}
			if err := e.Load(device.Frame{Format: device.JPEG}); err == nil {
				t.Fatal("an empty frame was loaded")
			}
			if n := e.Remains(); n != 0 {
				t.Errorf("%d bytes of a picture remain after the next frame was refused", n)
			}
		})
	}
}

// TestClearOfTheNextFrame checks that nobody's face stays in a network beyond the frame after it.
func TestClearOfTheNextFrame(t *testing.T) {
	for _, bundle := range bundles {
		t.Run(bundle, func(t *testing.T) {
			e := visiontest.Open(t, bundle)
			nobody := device.Frame{Format: device.JPEG, Data: grey(t, 320, 320)}
			for range 2 {
				before := mustLook(t, e, still(t, "p01", 1))
				e.Clear()
				if e.Stale() < 3 {
					t.Fatalf("only %d networks have seen the face", e.Stale())
				}
				for range 2 {
					if err := e.Load(nobody); err != nil {
						t.Fatal(err)
					}
					if _, err := e.Detect(); err != nil {
						t.Fatal(err)
					}
					e.Clear()
					if n := e.Stale(); n != 1 {
						t.Errorf("%d networks hold something after a frame of nobody, which only the detector has seen", n)
					}
				}
				if after := mustLook(t, e, still(t, "p01", 1)); !slices.Equal(after.vector, before.vector) {
					t.Error("the pass on zeros changed what the networks compute")
				}
			}
		})
	}
}

// TestEmbedNeedsAlign holds that no vector is of another face than the one at hand.
func TestEmbedNeedsAlign(t *testing.T) {
	e := visiontest.Open(t, "registry")
	v := make(embed.Vector, e.Dim())
	refused := func(when string) {
		t.Helper()
		if err := e.Embed(v); !errors.Is(err, vision.ErrFace) {
			t.Errorf("Embed %s: %v", when, err)
		}
	}
	refused("of a new Engine")
	s := mustLook(t, e, still(t, "p01", 1))
	if err := e.Load(still(t, "p02", 1)); err != nil {
		t.Fatal(err)
	}
	refused("after the next frame")
	if _, _, err := e.Align(&s.face); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Align(&detect.Face{}); !errors.Is(err, vision.ErrFace) {
		t.Fatal(err)
	}
	refused("after an Align that failed")
	if _, _, err := e.Align(&s.face); err != nil {
		t.Fatal(err)
	}
	if err := e.Embed(v[1:]); err == nil {
		t.Error("a vector of the wrong length was filled")
	}
}

func TestClosed(t *testing.T) {
	e := visiontest.Open(t, "registry")
	s := mustLook(t, e, still(t, "p01", 1))
	e.Close()
	e.Close()
	e.Clear()
	calls := map[string]func() error{
		"Load":   func() error { return e.Load(still(t, "p01", 1)) },
		"Detect": func() error { _, err := e.Detect(); return err },
		"Locate": func() error { return e.Locate(&detect.Face{}) },
		"Align":  func() error { _, _, err := e.Align(&s.face); return err },
		"Live":   func() error { _, err := e.Live(nil, &s.face); return err },
		"Embed":  func() error { return e.Embed(s.vector) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, vision.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNetworkTime(t *testing.T) {
	e := visiontest.Open(t, "registry")
	if d := e.NetworkTime(); d != 0 {
		t.Errorf("%v before the first frame", d)
	}
	last := e.NetworkTime()
	for i := 1; i <= 3; i++ {
		mustLook(t, e, still(t, "p01", i))
		if d := e.NetworkTime(); d <= last {
			t.Errorf("%v after %d frames, %v before the last of them", d, i, last)
		} else {
			last = d
		}
	}
}

// TestOpenRefuses covers what is wrong with a bundle and not with a file; damage_test.go has damaged files.
func TestOpenRefuses(t *testing.T) {
	good := visiontest.Networks(t, "registry", "")
	tests := map[string]func(n *vision.Networks){
		"detector":  func(n *vision.Networks) { n.Detector.Kind = models.SFace },
		"landmarks": func(n *vision.Networks) { n.Landmarks = &n.Embedder },
		"embedder":  func(n *vision.Networks) { n.Embedder.Kind = models.YuNet },
		"liveness":  func(n *vision.Networks) { n.Liveness = []vision.Model{n.Embedder} },
	}
	for role, spoil := range tests {
		n := good
		spoil(&n)
		if e, err := vision.Open(n); !errors.Is(err, vision.ErrKind) {
			t.Errorf("%s of another kind: %v", role, err)
			e.Close()
		}
	}
}
