package vision_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

// eachFile calls look for every file of the manifest that is here and that this OpenCV takes.
func eachFile(t *testing.T, look func(t *testing.T, m models.Model, f models.File, network vision.Model)) {
	dir := os.Getenv("FACEGATE_MODELS")
	if dir == "" {
		t.Skip("FACEGATE_MODELS does not name a folder of models; make test sets it")
	}
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range manifest.Models() {
		for _, f := range m.Files {
			one := m
			one.Files = []models.File{f}
			data, _, err := models.Dir(dir).ReadVerified(one, vision.OpenCV())
			if errors.Is(err, models.ErrMissing) || errors.Is(err, models.ErrOpenCV) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Run(f.File, func(t *testing.T) {
				look(t, m, f, vision.Model{Name: m.Name, Kind: m.Kind, Data: data, Answer: m.Answer})
			})
		}
	}
}

// TestAnswers holds the answers of the manifest against what the files here give.
func TestAnswers(t *testing.T) {
	eachFile(t, func(t *testing.T, m models.Model, f models.File, network vision.Model) {
		got, err := vision.Answer(network)
		if err != nil {
			t.Fatal(err)
		}
		if off := vision.Apart(got, m.Answer); !(off < 1e-4) {
			t.Errorf("the answer is off by %.1e: %.6g, want %.6g", off, got, m.Answer)
		}
	})
}

// TestOtherWeights opens networks with an answer that is not theirs, as one would be with other weights.
func TestOtherWeights(t *testing.T) {
	eachFile(t, func(t *testing.T, m models.Model, f models.File, network vision.Model) {
		for name, change := range map[string]func(a []float64) []float64{
			"slightly off": func(a []float64) []float64 { a[0] *= 1.1; a[1] += 0.2; return a },
			"cut short":    func(a []float64) []float64 { return a[:len(a)-1] },
		} {
			network.Answer = change(slices.Clone(m.Answer))
			err := vision.Prove(network)
			if !errors.Is(err, vision.ErrNetwork) || !strings.Contains(err.Error(), "other numbers") || hint.Of(err) == "" {
				t.Errorf("%s: %v, hint %q", name, err, hint.Of(err))
			}
		}
		network.Answer = m.Answer
		if err := vision.Prove(network); err != nil {
			t.Error(err)
		}
	})
}
