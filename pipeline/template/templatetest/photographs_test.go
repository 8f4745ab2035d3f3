package templatetest_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"facegate/device"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/models"
	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// TestProtectionOfPhotographs is TestProtection on Labeled Faces in the Wild and the networks that ship. By default it takes
// two pictures of every third person who has two. With FACEGATE_SLOW it takes all, checks the published figures, and
// measures what the protection costs in recognition. Embeddings stay in memory.
func TestProtectionOfPhotographs(t *testing.T) {
	root := os.Getenv("FACEGATE_EVAL")
	if root == "" {
		t.Skip("FACEGATE_EVAL does not name a folder of pictures")
	}
	slow := os.Getenv("FACEGATE_SLOW") != ""
	plain, mean := photographs(t, filepath.Join(root, "lfw-dev"), slow)
	var figures map[string][]float64
	if slow {
		figures = published(t, "LFW, 2,862 people")
	}
	s := newSuite(centred(t, plain, mean), figures)
	s.run(t)
	if slow {
		t.Run("performance", func(t *testing.T) { s.performance(t, plain) })
	}
}

// performance compares recognition by the stored hash with that by the plain cosine of what the network gives, over all
// pairs of samples.
func (s suite) performance(t *testing.T, plain templatetest.People) {
	r := newRotation(t, laneKey(templatetest.Key("device"), 1, 3), s.dim())
	var samples []evaluate.Sample
	var codes []evaluate.Code
	for p, vectors := range s.people {
		for i, v := range vectors {
			y := make([]float32, template.Bits)
			r.Rotate(y, v)
			c := template.Sign(y)
			codes = append(codes, evaluate.Code{Probe: y, Bits: c[:]})
			samples = append(samples, evaluate.Sample{Subject: p, Vector: plain[p][i]})
		}
	}
	cosine, err := evaluate.NewCosine(samples)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := evaluate.NewHash(codes, r.Scale())
	if err != nil {
		t.Fatal(err)
	}
	without, with := s.compare(t, samples, cosine), s.compare(t, samples, hash)
	for _, tt := range []struct {
		row      string
		fmr      float64
		mostLoss float64 // of TMR, in points
	}{{"loss of TMR at FMR 1e-4", 1e-4, 0.5}, {"loss of TMR at FMR 1e-5", 1e-5, 1}} {
		before, after := trueMatchRate(t, without, tt.fmr), trueMatchRate(t, with, tt.fmr)
		t.Logf("%s: %.3f %% to %.3f %%, %.3f points", tt.row, before, after, before-after)
		s.notBelow(t, tt.row, 0, before-after)
		if before-after > tt.mostLoss {
			t.Errorf("want at most %v points", tt.mostLoss)
		}
	}
}

func (s suite) compare(t *testing.T, samples []evaluate.Sample, by evaluate.Scorer) *evaluate.Performance {
	t.Helper()
	p, err := evaluate.Compare(t.Context(), samples, by, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// trueMatchRate returns 1 - FNMR in per cent at the threshold of an FMR.
func trueMatchRate(t *testing.T, p *evaluate.Performance, fmr float64) float64 {
	t.Helper()
	threshold, ok := p.Impostor.Threshold(fmr)
	if !ok {
		t.Fatalf("no threshold at FMR %v", fmr)
	}
	return 100 * (1 - p.FNMR(threshold))
}

// centred returns people less the public mean.
func centred(t *testing.T, people templatetest.People, mean template.Mean) templatetest.People {
	t.Helper()
	all := make(templatetest.People, len(people))
	for p, vectors := range people {
		for _, v := range vectors {
			v = slices.Clone(v)
			if !template.Center(v, mean) {
				t.Fatal("an embedding equals the mean")
			}
			all[p] = append(all[p], v)
		}
	}
	return all
}

// photographs embeds the pictures below root, all or two each of every third person who has two, and returns the public mean
// as well.
func photographs(t *testing.T, root string, all bool) (templatetest.People, template.Mean) {
	t.Helper()
	networks := visiontest.Networks(t, "registry", "")
	calibration, err := calibrate.Shipped(modelID(t))
	if err != nil {
		t.Fatal(err)
	}
	files := pictures(t, root, all)
	vectors := make([]embed.Vector, len(files))
	var engines []*vision.Engine
	for range runtime.GOMAXPROCS(0) {
		e, err := vision.Open(networks)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		engines = append(engines, e)
	}
	err = visiontest.Each(engines, len(files), func(e *vision.Engine, i int) (err error) {
		vectors[i], err = embedding(e, files[i])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return byPerson(files, vectors), template.Mean(calibration.Mean)
}

// byPerson groups the vectors by the folder of their file, those with the fewest samples first and the rest in the order
// of files, so that the last, who are attacked, have a second sample.
func byPerson(files []string, vectors []embed.Vector) templatetest.People {
	var people templatetest.People
	last := ""
	for i, file := range files {
		if vectors[i] == nil {
			continue // no face
		}
		if dir := filepath.Dir(file); dir != last {
			people, last = append(people, nil), dir
		}
		people[len(people)-1] = append(people[len(people)-1], vectors[i])
	}
	slices.SortStableFunc(people, func(a, b []embed.Vector) int { return min(len(a), 2) - min(len(b), 2) })
	return people
}

// modelID names the embedder of the bundle.
func modelID(t *testing.T) string {
	t.Helper()
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.Select("registry", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.Embedder.ID()
}

func pictures(t *testing.T, root string, all bool) []string {
	t.Helper()
	folders, err := os.ReadDir(root)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	two := 0 // how many people have two
	for _, folder := range folders {
		found, err := filepath.Glob(filepath.Join(root, folder.Name(), "*.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case all:
			files = append(files, found...)
		case len(found) > 1:
			if two%3 == 0 {
				files = append(files, found[:2]...)
			}
			two++
		}
	}
	return files
}

// embedding returns the embedding of the main face in a picture, or nil if it has none that can be aligned.
func embedding(e *vision.Engine, path string) (embed.Vector, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v, err := visiontest.Embed(e, device.Frame{Format: device.JPEG, Data: data})
	if errors.Is(err, visiontest.ErrNoFace) || errors.Is(err, vision.ErrFace) {
		return nil, nil
	}
	return v, err
}
