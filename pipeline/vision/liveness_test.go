package vision_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"facegate/device"
	"facegate/pipeline/evaluate/attacks"
	"facegate/pipeline/liveness"
	"facegate/pipeline/liveness/thresholds"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// A set of liveness networks, with the AUC that it has on the pictures of NUAA, a little below what was measured.
type set struct {
	name     string
	networks []int // of measured
	auc      float64
}

// measured are the networks of all sets.
func measured() []string {
	return []string{"frliveness", "minifasv2se", "silentface_v2_27", "silentface_v1se_40"}
}

func sets() []set {
	return []set{
		{"frliveness", []int{0}, 0.9995},
		{"minifasv2se", []int{1}, 0.99},
		{"silentface_v2_27 and silentface_v1se_40", []int{2, 3}, 0.9995},
	}
}

// of returns what the set says of the scores of all networks.
func (s set) of(scores []float64) float64 {
	var some []float64
	for _, i := range s.networks {
		some = append(some, scores[i])
	}
	return liveness.Fuse(some)
}

// TestLivenessOnNUAA measures sets of liveness networks on the pictures of FACEGATE_EVAL/nuaa-dev, all with FACEGATE_SLOW, otherwise
// on every second one. On those the first two have 0.9995 and 0.974 when they are shown other crops of a face.
func TestLivenessOnNUAA(t *testing.T) {
	dir := os.Getenv("FACEGATE_EVAL")
	if dir == "" {
		t.Skip("FACEGATE_EVAL does not name a folder of evaluation pictures")
	}
	pictures, err := filepath.Glob(filepath.Join(dir, "nuaa-dev", "*", "*", "*.jpg"))
	if err != nil || len(pictures) == 0 {
		t.Skipf("no pictures in %s/nuaa-dev: %v", dir, err)
	}
	if !slow() {
		pictures = everySecond(pictures)
	}
	scores := judgeAll(t, pictures)
	for _, set := range sets() {
		c := attacks.Camera{Name: "nuaa-dev", Attacks: map[string][]attacks.Shown{}}
		noFace := 0
		for i, s := range scores {
			if len(s) == 0 {
				noFace++
				continue
			}
			of := filepath.Dir(pictures[i])
			kind, p := filepath.Base(filepath.Dir(of)), set.of(s)
			c.Add(kind, kind == "live", attacks.Shown{Subject: filepath.Base(of), Evidence: liveness.Evidence{Mean: p, Newest: p}})
		}
		r, err := attacks.Measure(set.name, 1, []attacks.Camera{c}, attacks.Question{Aims: attacks.Aims{Doubted: 0.05, Refused: 0.01}})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: AUC %.5f of %d pictures", set.name, r.Cameras[0].AUC, len(pictures))
		if auc := r.Cameras[0].AUC; auc < set.auc {
			t.Errorf("%s: AUC %.5f, want at least %.4f", set.name, auc, set.auc)
		}
		if noFace > len(pictures)/50 {
			t.Errorf("no face in %d of %d pictures", noFace, len(pictures))
		}
	}
}

func everySecond(all []string) (half []string) {
	for i := 0; i < len(all); i += 2 {
		half = append(half, all[i])
	}
	return half
}

// TestRecordingsAreToldApart checks with the thresholds of each set that people who walk up are live once they are near, and
// that no print, phone or tablet of the recordings ever is, however long it is held up.
func TestRecordingsAreToldApart(t *testing.T) {
	testdata := filepath.Join("..", "..", "testdata")
	var pictures []string
	frames := func(pattern string) int {
		list, err := filepath.Glob(filepath.Join(testdata, pattern))
		if err != nil || len(list) == 0 {
			t.Fatalf("nothing is at %s: %v", pattern, err)
		}
		pictures = append(pictures, list...)
		return len(pictures)
	}
	ends := []int{frames("walk/p01/006?.jpg"), frames("walk/s02/006?.jpg"), frames("walk/duo/006?.jpg"), frames("spoof/*.jpg")}
	scores := judgeAll(t, pictures)
	for _, set := range sets() {
		var networks []string
		for _, i := range set.networks {
			networks = append(networks, measured()[i])
		}
		f, err := thresholds.Shipped(networks)
		if err != nil {
			t.Fatal(err)
		}
		lives, start := 0, 0
		for _, end := range ends[:3] {
			window := liveness.NewWindow(f.Window)
			for _, s := range scores[start:end] {
				if window.Add(set.of(s)); window.Judge(f.Thresholds()) == liveness.Live {
					lives++
				}
			}
			start = end
		}
		if lives < 20 { // of 24: of the first two frames of each walk nothing is known
			t.Errorf("%s: people are live in %d of 24 frames", set.name, lives)
		}
		for i, s := range scores[start:] {
			window := liveness.NewWindow(f.Window)
			for range 2 * f.Window {
				if window.Add(set.of(s)); window.Judge(f.Thresholds()) == liveness.Live && set.name != "minifasv2se" { // which one print fools
					t.Errorf("%s: %s is live", set.name, filepath.Base(pictures[start+i]))
				}
			}
		}
	}
}

// judgeAll returns the scores of the main face of each picture by all measured networks, nil where there is none.
func judgeAll(t *testing.T, pictures []string) [][]float64 {
	t.Helper()
	var engines []*vision.Engine
	for range 2 {
		engines = append(engines, visiontest.Open(t, "registry", measured()...))
	}
	scores := make([][]float64, len(pictures))
	err := visiontest.Each(engines, len(pictures), func(e *vision.Engine, i int) (err error) {
		scores[i], err = judge(e, pictures[i])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return scores
}

// judge returns the scores of the main face, nil if there is none.
func judge(e *vision.Engine, path string) ([]float64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	face, err := visiontest.Main(e, device.Frame{Format: device.JPEG, Data: data})
	if errors.Is(err, visiontest.ErrNoFace) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return e.Live(nil, &face)
}
