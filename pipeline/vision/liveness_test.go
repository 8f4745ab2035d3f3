package vision_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"facegate/device"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/liveness"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// TestLivenessOnNUAA measures both liveness networks and their mean on the pictures of FACEGATE_EVAL/nuaa-dev.
func TestLivenessOnNUAA(t *testing.T) {
	dir := os.Getenv("FACEGATE_EVAL")
	if dir == "" {
		t.Skip("FACEGATE_EVAL does not name a folder of evaluation pictures")
	}
	pictures, err := filepath.Glob(filepath.Join(dir, "nuaa-dev", "*", "*", "*.jpg"))
	if err != nil || len(pictures) == 0 {
		t.Skipf("no pictures in %s/nuaa-dev: %v", dir, err)
	}
	scores := make([][]float64, len(pictures))
	var engines []*vision.Engine
	for range 2 {
		engines = append(engines, visiontest.Open(t, "registry", "frliveness", "minifasv2se"))
	}
	err = visiontest.Each(engines, len(pictures), func(e *vision.Engine, i int) (err error) {
		scores[i], err = judge(e, pictures[i])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	noFace := 0
	want := []float64{0.9995, 0.99, 0.9993} // measured: 0.9999, 0.9938, 0.9999
	for network, name := range []string{"frliveness", "minifasv2se", "mean"} {
		p := evaluate.Presentations{Name: name, Attacks: map[string][]float64{}}
		noFace = 0
		for i, s := range scores {
			if len(s) == 0 {
				noFace++
				continue
			}
			s = append(s[:2:2], liveness.Fuse(s))
			if kind := filepath.Base(filepath.Dir(filepath.Dir(pictures[i]))); kind == "live" {
				p.BonaFide = append(p.BonaFide, s[network])
			} else {
				p.Attacks[kind] = append(p.Attacks[kind], s[network])
			}
		}
		r, err := p.Report(0.5)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: AUC %.5f, EER %.4f, of %d live and %d attacks", name, r.AUC, r.EER, len(p.BonaFide), len(pictures)-noFace-len(p.BonaFide))
		if r.AUC < want[network] {
			t.Errorf("%s: AUC %.5f, want at least %.4f", name, r.AUC, want[network])
		}
	}
	if noFace > len(pictures)/50 {
		t.Errorf("no face in %d of %d pictures", noFace, len(pictures))
	}
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
