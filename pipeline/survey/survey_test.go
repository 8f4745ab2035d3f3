package survey_test

import (
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/device/controls"
	"facegate/pipeline/detect"
	"facegate/pipeline/quality"
	"facegate/pipeline/survey"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A scene is a minute before a door, frame by frame, as numbers.
type scene struct {
	fps      float64
	sent     float64 // frames a second that the camera sends; fps if 0
	grey     float64 // of the empty place
	contrast float64 // of its pattern, up and down
	noise    float64
	swell    float64 // of the lamps, as a share of the grey value
	mains    float64 // Hz
	empty    int     // frames
	occupied int
	face     func(i int) *survey.Face // in the frame i of those
	behind   float64                  // grey value of what is around a face; that of the empty place if 0
}

// ordinary is a place where nothing is wrong.
func ordinary() scene {
	return scene{fps: 15, grey: 120, contrast: 40, noise: 2, empty: 150, occupied: 150, face: func(int) *survey.Face { return person() }}
}

const width, height = 640, 480

// person is a good face before the door.
func person() *survey.Face {
	return &survey.Face{
		Track: 1, Box: detect.Box{Left: 260, Top: 180, Right: 380, Bottom: 320},
		Measure: quality.Measure{Sharpness: 120, Brightness: 125, Yaw: 2, Pitch: 3, Roll: 1, SideLight: 6},
		Shades:  survey.Shades{Mean: 125, Contrast: 35},
	}
}

func gate() survey.Gate {
	return survey.Gate{
		Zone:    quality.Zone{Region: detect.Box{Right: 1, Bottom: 1}, MinFace: 50},
		Quality: quality.Limits{MinSharpness: 15, MinBrightness: 40, MaxBrightness: 220, MaxYaw: 35, MaxPitch: 35, MaxRoll: 35, MaxSideLight: 45},
		FPS:     15,
	}
}

// play has a survey see the scene.
func (s scene) play() *survey.Survey {
	out, random := survey.New(), rand.New(rand.NewPCG(7, 7))
	begin := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	noise := make([]float64, 104729)
	for i := range noise {
		noise[i] = random.NormFloat64()
	}
	each := 1.
	if s.sent > 0 {
		each = s.sent / s.fps
	}
	for i := range s.empty + s.occupied {
		at := float64(i) / s.fps
		f := survey.Frame{
			Time: begin.Add(time.Duration(at * float64(time.Second))), Seq: uint64(float64(i)*each) + 1, Width: width, Height: height,
			Grid: make([]byte, survey.GridWidth*survey.GridHeight),
		}
		grey := s.grey
		if i >= s.empty {
			if f.Face = s.face(i - s.empty); s.behind > 0 {
				grey = s.behind
			}
		}
		first := random.IntN(len(noise))
		for y := range survey.GridHeight {
			// A frame is read out row by row within a thirtieth of a second.
			row := grey + grey*s.swell*math.Cos(4*math.Pi*s.mains*(at+float64(y)/survey.GridHeight/30)) + 0.5
			for x := range survey.GridWidth {
				p := y*survey.GridWidth + x
				v := row + s.contrast*float64((x/8+y/8)%2*2-1) + s.noise*noise[(first+p)%len(noise)]
				f.Grid[p] = byte(min(max(v, 0), 255))
			}
		}
		out.Add(f)
	}
	return out
}

func codes(r survey.Report) (list []string) {
	for _, f := range r.Findings {
		list = append(list, f.Code)
	}
	return list
}

func faces(change func(i int, f *survey.Face)) func(int) *survey.Face {
	return func(i int) *survey.Face {
		f := person()
		change(i, f)
		return f
	}
}

// TestFindings makes one thing wrong at a time.
func TestFindings(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*scene)
		want   []string // codes
		move   string   // part of what to do about the first
	}{
		{"nothing", func(*scene) {}, nil, ""},
		{"no frame", func(s *scene) { s.empty, s.occupied = 0, 0 }, []string{"no-frames"}, "facegate status"},
		{"nobody", func(s *scene) { s.occupied = 5 }, []string{"nobody"}, "look at the camera"},
		{"never empty", func(s *scene) { s.empty = 0 }, []string{"never-empty"}, "step aside"},
		{"light from the left", func(s *scene) { s.face = faces(func(_ int, f *survey.Face) { f.Measure.SideLight = -40 }) }, []string{"side-light"}, "light on the right side"},
		{"light from the right", func(s *scene) { s.face = faces(func(_ int, f *survey.Face) { f.Measure.SideLight = 40 }) }, []string{"side-light"}, "light on the left side"},
		{"a head that is turned left and right", func(s *scene) {
			s.face = faces(func(i int, f *survey.Face) { f.Measure.SideLight = 40 * float64(i%2*2-1) * float64(i%3) })
		}, nil, ""},
		{"a window behind", func(s *scene) {
			s.behind = 200
			s.face = faces(func(_ int, f *survey.Face) { f.Measure.Brightness, f.Shades.Mean = 50, 50 })
		}, []string{"backlight"}, "window or lamp is not behind"},
		{"night", func(s *scene) {
			s.grey, s.contrast = 40, 20
			s.face = faces(func(_ int, f *survey.Face) { f.Measure.Brightness, f.Shades.Mean = 35, 35 })
		}, []string{"dark"}, "add light in front"},
		{"sun on the face", func(s *scene) {
			s.face = faces(func(_ int, f *survey.Face) {
				f.Measure.Brightness, f.Shades = 210, survey.Shades{Mean: 210, White: 0.3}
			})
		}, []string{"glare"}, "shade or dim"},
		{"far away", func(s *scene) { s.face = faces(func(_ int, f *survey.Face) { f.Box.Right = f.Box.Left + 40 }) }, []string{"far"}, "nearer"},
		{"too near", func(s *scene) {
			s.face = faces(func(_ int, f *survey.Face) { f.Box = detect.Box{Left: 100, Top: 20, Right: 500, Bottom: 460} })
		}, []string{"near"}, "farther away"},
		{"camera at the ceiling", func(s *scene) { s.face = faces(func(_ int, f *survey.Face) { f.Measure.Pitch = 25 }) }, []string{"height"}, "height of the face"},
		{"camera askew", func(s *scene) { s.face = faces(func(_ int, f *survey.Face) { f.Measure.Roll = -12 }) }, []string{"level"}, "level the camera"},
		{"film on the lens", func(s *scene) { s.face = faces(func(_ int, f *survey.Face) { f.Measure.Sharpness = 18 }) }, []string{"lens"}, "clean the lens"},
		{"who walks is smeared", func(s *scene) {
			s.face = faces(func(i int, f *survey.Face) {
				if i >= 60 { // 8 pixels a frame, of a face of 120, 15 times a second
					f.Measure.Sharpness, f.Track = 12, 2
					f.Box.Left, f.Box.Right = f.Box.Left+float32(max(i%20-10, 10-i%20)-10)*8, f.Box.Right+float32(max(i%20-10, 10-i%20)-10)*8
				}
			})
		}, []string{"motion"}, "shorten camera.exposure"},
		{"half of the frames", func(s *scene) { s.fps = 7.5 }, []string{"slow"}, "exposes longer in the dark"},
		{"a slow board", func(s *scene) { s.fps, s.sent, s.empty, s.occupied = 2, 15, 60, 60 }, []string{"machine"}, "smaller picture"},
		{"noise", func(s *scene) { s.noise = 12 }, []string{"noise"}, "add light"},
		{"lamps of 50 Hz", func(s *scene) { s.mains, s.swell = 50, 0.06 }, []string{"flicker"}, "50hz"},
		{"lamps of 60 Hz", func(s *scene) { s.fps, s.mains, s.swell = 14, 60, 0.06 }, []string{"flicker"}, "60hz"},
		{"mains that are a little off", func(s *scene) { s.mains, s.swell = 50.17, 0.06 }, []string{"flicker"}, "50hz"},
		{"fog", func(s *scene) { s.contrast = 4 }, []string{"flat"}, "clean the lens"},
		{"beside the zone", func(s *scene) {
			s.face = faces(func(_ int, f *survey.Face) { f.Box.Left, f.Box.Right = f.Box.Left-250, f.Box.Right-250 })
		}, []string{"aside"}, "turn the camera"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := ordinary()
			test.change(&s)
			g := gate()
			if test.name == "beside the zone" {
				g.Zone.Region = detect.Box{Left: 0.3, Right: 0.7, Bottom: 1}
			}
			r := s.play().Report(g)
			if got := codes(r); !slices.Equal(got, test.want) {
				t.Fatalf("it finds %q, want %q: %+v", got, test.want, r)
			}
			for _, f := range r.Findings {
				if f.Says == "" || f.Move == "" || strings.Contains(f.Says+f.Move, "%!") {
					t.Errorf("%+v", f)
				}
			}
			if len(r.Findings) > 0 && !strings.Contains(r.Findings[0].Move, test.move) {
				t.Errorf("it says to %q, want %q", r.Findings[0].Move, test.move)
			}
		})
	}
}

// TestNumbers checks what is measured against what was put in.
func TestNumbers(t *testing.T) {
	s := ordinary()
	s.noise, s.swell, s.mains = 5, 0.04, 50
	s.behind = 240
	s.contrast = 0
	r := s.play().Report(gate())
	near := func(what string, got, want, off float64) {
		t.Helper()
		if math.Abs(got-want) > off {
			t.Errorf("%s %.2f, want %.2f", what, got, want)
		}
	}
	near("frames a second", r.Delivered, 15, 0.1)
	near("looked at", r.Looked, 15, 0.1)
	near("brightness", r.Place.Brightness, 120, 1)
	near("noise", r.Place.Noise, 5, 0.3)
	near("flicker", r.Flicker.Percent, 4, 0.5)
	near("width", r.Faces.Width.Median, 120, 0)
	near("backlight", r.Faces.Backlight.Median, 2*math.Log2(240./125), 0.1)
	if r.Frames != 300 || r.Empty != 150 || r.Faces.Frames != 150 || r.Flicker.Hz != 50 {
		t.Errorf("%+v", r)
	}
	if r.Faces.Still != 120 || r.Faces.Moving != 0 {
		t.Errorf("sharpness when still %g, when moving %g", r.Faces.Still, r.Faces.Moving)
	}
}

// TestNoFlickerIsSeenWhereThereIsNone looks at light that changes as clouds and passers-by change it, and at lamps whose bands
// stand still.
func TestNoFlickerIsSeenWhereThereIsNone(t *testing.T) {
	for _, fps := range []float64{15, 25, 30} {
		s := ordinary()
		s.fps = fps
		for _, mains := range []float64{0.05, 0.4, 3} {
			s.swell, s.mains = 0.05, mains
			if r := s.play().Report(gate()); r.Flicker.Hz != 0 {
				t.Errorf("at %g frames a second, light that swells at %g Hz is told as %+v", fps, 2*mains, r.Flicker)
			}
		}
	}
	s := ordinary()
	s.mains, s.swell = 60, 0.05 // 120 swells, 15 frames: eight in each
	if r := s.play().Report(gate()); r.Flicker.Hz != 0 {
		t.Errorf("bands that stand still are told as %+v", r.Flicker)
	}
}

// TestProposals gives the place values far from the limits in use, and cameras with controls and without.
func TestProposals(t *testing.T) {
	all := []controls.Control{
		{Name: controls.PowerLine, Max: 2}, {Name: controls.Backlight, Max: 4}, {Name: controls.Exposure, Min: 3, Max: 2047, Value: 333},
	}
	for _, test := range []struct {
		name     string
		change   func(*scene)
		controls []controls.Control
		want     map[string]string
	}{
		{"a good place", func(*scene) {}, all, map[string]string{"zone.min_face": "70", "quality.min_sharpness": "50", "quality.min_brightness": "60"}},
		{"a poor place keeps the least", func(s *scene) {
			s.face = faces(func(_ int, f *survey.Face) {
				f.Measure.Sharpness, f.Measure.Brightness, f.Box.Right = 20, 62, f.Box.Left+60
			})
		}, nil, map[string]string{}},
		{"lamps", func(s *scene) { s.mains, s.swell, s.occupied = 50, 0.06, 0 }, all, map[string]string{"camera.power_line": "50hz"}},
		{"lamps, without the control", func(s *scene) { s.mains, s.swell, s.occupied = 50, 0.06, 0 }, nil, map[string]string{}},
		{"half of the frames", func(s *scene) { s.fps, s.occupied = 7.5, 0 }, all, map[string]string{"camera.exposure": "60ms"}},
		{"a window behind", func(s *scene) {
			s.behind = 200
			s.face = faces(func(_ int, f *survey.Face) {
				f.Measure.Brightness, f.Shades.Mean, f.Measure.Sharpness = 50, 50, 40
				f.Box.Right = f.Box.Left + 80
			})
		}, all, map[string]string{"camera.backlight": "2"}},
		{"nobody", func(s *scene) { s.occupied = 3 }, all, map[string]string{}},
	} {
		s, g := ordinary(), gate()
		test.change(&s)
		g.Controls = test.controls
		got := map[string]string{}
		for _, p := range s.play().Report(g).Proposals {
			if got[p.Key] = p.Value; p.Why == "" {
				t.Errorf("%s: %s without a reason", test.name, p.Key)
			}
		}
		if len(got) != len(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		for k, v := range test.want {
			if got[k] != v {
				t.Errorf("%s: %s is %q, want %q", test.name, k, got[k], v)
			}
		}
	}
}

// TestProposalsSettle checks that nothing more is proposed once what was proposed is in use.
func TestProposalsSettle(t *testing.T) {
	g := gate()
	g.Zone.MinFace, g.Quality.MinSharpness, g.Quality.MinBrightness = 70, 50, 60
	if p := ordinary().play().Report(g).Proposals; len(p) > 0 {
		t.Errorf("%+v", p)
	}
}

// TestNothingIsLeft checks that a survey which is cleared tells nothing, and that a report does not say when anybody was there.
func TestNothingIsLeft(t *testing.T) {
	s := ordinary().play()
	text, err := json.Marshal(s.Report(gate()))
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"2026", "08:00", "time", "track"} {
		if strings.Contains(string(text), never) {
			t.Errorf("the report says %q: %s", never, text)
		}
	}
	s.Clear()
	if r := s.Report(gate()); r.Frames != 0 || r.Faces != nil || r.Place != (survey.Place{}) {
		t.Errorf("after Clear: %+v", r)
	}
}

// TestHostileFrames gives a survey what no camera sends.
func TestHostileFrames(t *testing.T) {
	s := survey.New()
	nan := math.NaN()
	whole := make([]byte, survey.GridWidth*survey.GridHeight)
	for i, f := range []survey.Frame{
		{},
		{Grid: whole[1:]},
		{Grid: whole},
		{Grid: whole, Face: &survey.Face{}},
		{Grid: whole, Width: width, Height: height, Face: &survey.Face{Measure: quality.Measure{Sharpness: nan, SideLight: nan, Roll: nan}}},
		{Grid: whole, Width: width, Height: height, Face: &survey.Face{Box: detect.Box{Left: -1e30, Right: 1e30, Bottom: 1}}},
	} {
		for range 20 {
			f.Time = time.Unix(int64(i), 0)
			s.Add(f)
		}
	}
	for range 10_000 {
		s.Add(survey.Frame{Grid: whole, Time: time.Unix(9, 0)})
	}
	if r := s.Report(gate()); r.Frames > 7200 || r.Frames < 100 {
		t.Errorf("%d frames", r.Frames)
	}
}

// TestGolden holds the report of a place with several faults.
func TestGolden(t *testing.T) {
	s := ordinary()
	s.mains, s.swell, s.behind, s.noise = 50, 0.05, 190, 8
	s.face = faces(func(i int, f *survey.Face) {
		f.Measure.SideLight, f.Measure.Brightness, f.Shades.Mean = -35+float64(i%7), 45, 45
		f.Measure.Sharpness = 60 + float64(i%11)
	})
	g := gate()
	g.Controls = []controls.Control{{Name: controls.PowerLine, Max: 2}, {Name: controls.Backlight, Max: 1}}
	got, err := json.MarshalIndent(s.play().Report(g), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", "report.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != string(got) {
		t.Errorf("%v; it is\n%s\nrun with -update where that is meant", err, got)
	}
}
