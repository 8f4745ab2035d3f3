package worsen_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"

	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/evaluate/worsen"
	"facegate/pipeline/models"
	"facegate/pipeline/quality"
	"facegate/pipeline/vision"
)

// engine opens the networks of the registry bundle, or skips the test.
func engine(t *testing.T) *vision.Engine {
	t.Helper()
	dir := os.Getenv("FACEGATE_MODELS")
	if dir == "" {
		t.Skip("FACEGATE_MODELS does not name the folder of the models; make test sets it")
	}
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := manifest.Bundle("registry")
	if err != nil {
		t.Fatal(err)
	}
	networks, err := vision.Read(bundle, models.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	e, err := vision.Open(networks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// look measures the face of a picture.
func look(t *testing.T, e *vision.Engine, picture []byte) (detect.Face, quality.Measure) {
	t.Helper()
	if err := e.Load(device.Frame{Format: device.JPEG, Data: picture}); err != nil {
		t.Fatal(err)
	}
	faces, err := e.Detect()
	if err != nil || len(faces) == 0 {
		t.Fatalf("%d faces, %v", len(faces), err)
	}
	face := faces[0]
	if err := e.Locate(&face); err != nil {
		t.Fatal(err)
	}
	bgr, size, err := e.Align(&face)
	if err != nil {
		t.Fatal(err)
	}
	return face, quality.Of(bgr, size, face.Landmarks)
}

func still(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../testdata/people", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func encode(t *testing.T, img image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func change(t *testing.T, name string) worsen.Change {
	t.Helper()
	for _, c := range worsen.Changes() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no change is called %s", name)
	return worsen.Change{}
}

// TestSideLightIsMeasured lights people who do not exist from known angles, from either side.
func TestSideLightIsMeasured(t *testing.T) {
	e := engine(t)
	for _, person := range []string{"p01", "p02", "p04", "p09"} {
		picture := still(t, person+"/01.jpg")
		face, before := look(t, e, picture)
		img, err := jpeg.Decode(bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(before.SideLight) > 20 {
			t.Errorf("%s in even light: %.0f degrees", person, before.SideLight)
		}
		last := -90.
		for _, level := range []float64{15, 30, 45, 60} {
			_, right := look(t, e, encode(t, change(t, "lamp alone").Make(worsen.RGBA(img), face.Landmarks, level)))
			_, left := look(t, e, encode(t, change(t, "lamp alone").Make(worsen.RGBA(img), face.Landmarks, -level)))
			t.Logf("%s, a lamp at %g: %.0f and %.0f", person, level, right.SideLight, left.SideLight)
			// What is uneven in the face itself, and in the light that it was taken in, adds to the one and takes from the other.
			if mean := (right.SideLight - left.SideLight) / 2; math.Abs(mean-level) > 8 {
				t.Errorf("%s, a lamp at %g degrees: %.0f from the right, %.0f from the left", person, level, right.SideLight, left.SideLight)
			}
			if right.SideLight <= last {
				t.Errorf("%s: a lamp at %g degrees is told as %.0f, one before it as %.0f", person, level, right.SideLight, last)
			}
			last = right.SideLight
		}
	}
}

// TestRenderedSideLight tells the stills that were rendered in side light from those in even light.
func TestRenderedSideLight(t *testing.T) {
	e := engine(t)
	for _, person := range []string{"p01", "p02", "p04", "p09"} {
		_, even := look(t, e, still(t, person+"/02.jpg"))
		_, side := look(t, e, still(t, person+"/06.jpg"))
		t.Logf("%s: even light %.0f, side light %.0f", person, even.SideLight, side.SideLight)
		if math.Abs(side.SideLight) < math.Abs(even.SideLight)+10 || math.Abs(side.SideLight) < 26 {
			t.Errorf("%s: even light is told as %.0f degrees, side light as %.0f", person, even.SideLight, side.SideLight)
		}
	}
}

// TestChangesChange checks that each step of a change makes a picture worse in what it is about, and leaves its source alone.
func TestChangesChange(t *testing.T) {
	e := engine(t)
	picture := still(t, "p01/01.jpg")
	face, _ := look(t, e, picture)
	img, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	src := worsen.RGBA(img)
	before := bytes.Clone(src.Pix)
	worse := map[string]func(f detect.Face, m quality.Measure) float64{ // grows with the level
		"side light": func(_ detect.Face, m quality.Measure) float64 { return m.SideLight },
		"lamp alone": func(_ detect.Face, m quality.Measure) float64 { return m.SideLight },
		"blur":       func(_ detect.Face, m quality.Measure) float64 { return -m.Sharpness },
		"darkness":   func(_ detect.Face, m quality.Measure) float64 { return -m.Brightness },
		"glare":      func(_ detect.Face, m quality.Measure) float64 { return m.Brightness },
		"distance":   func(f detect.Face, _ quality.Measure) float64 { return -float64(f.Box.Width()) },
		"lean":       func(_ detect.Face, m quality.Measure) float64 { return m.Roll },
	}
	for _, c := range worsen.Changes() {
		value := worse[c.Name]
		if value == nil {
			t.Errorf("nothing says whether %s makes a picture worse", c.Name)
			continue
		}
		last := math.Inf(-1)
		for _, level := range c.Levels[:3] {
			face, m := look(t, e, encode(t, c.Make(src, face.Landmarks, level)))
			if v := value(face, m); v <= last {
				t.Errorf("%s by %g %s: %g, and one level before it %g", c.Name, level, c.Unit, v, last)
			} else {
				last = v
			}
		}
	}
	if !bytes.Equal(before, src.Pix) {
		t.Error("the source was changed")
	}
}
