package models_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/pipeline/models"
)

// brought is a network that a site has brought.
func brought() models.Model {
	feed := models.Feed{
		Side: 112, Mean: [3]float64{127.5, 127.5, 127.5}, Scale: [3]float64{1, 1, 1}, Colour: "rgb", Dim: 128,
		Points: [10]float64{38, 51, 73, 51, 56, 71, 41, 92, 70, 92},
	}
	return models.Model{
		Name: "ours", Bundles: []string{"bare"}, Role: models.Embedder, Kind: models.Stated, Feed: &feed, Answer: []float64{1.5, -2},
		Licence: "L", Source: "S", Provenance: "P", Input: "as its kind", Output: "as its kind",
		Files:   []models.File{{File: "ours.onnx", SHA256: sha("our network"), Size: 11, OpenCV: "4.10"}},
		Adopted: &models.Adoption{Day: "2026-01-31", Measured: "on 9 people: fine"},
	}
}

func TestAdopt(t *testing.T) {
	m, dir := parse(t, manifestText([]byte("tarball"))), models.Dir(t.TempDir())
	if with, err := m.With(dir); err != nil || with != m {
		t.Errorf("without a file: %v", err)
	}
	network := brought()
	if err := m.Adopt(dir, network, []byte("our network"), []byte("thresholds")); err != nil {
		t.Fatal(err)
	}
	with, err := m.With(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := with.Select("bare", "ours", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Embedder.Files[0].URLs = nil
	if diff := cmp.Diff(network, b.Embedder); diff != "" {
		t.Errorf("it comes back otherwise (-want +got):\n%s", diff)
	}
	if data, _, err := dir.ReadVerified(b.Embedder, "4.10.0"); err != nil || string(data) != "our network" {
		t.Errorf("%q, %v", data, err)
	}
	if text, err := dir.Calibration(b.Embedder); err != nil || string(text) != "thresholds" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := m.Select("bare", "ours", nil); !errors.Is(err, models.ErrUnknown) {
		t.Errorf("the manifest itself has changed: %v", err)
	}
	if _, err := with.Select("npm", "ours", nil); !errors.Is(err, models.ErrUnknown) {
		t.Errorf("it serves in a bundle that it was not measured with: %v", err)
	}

	again := brought()
	again.Adopted.Measured = "on 10 people"
	if err := m.Adopt(dir, again, []byte("our network"), []byte("other thresholds")); err != nil {
		t.Fatal(err)
	}
	if list, err := dir.Adopted(); err != nil || len(list) != 1 || list[0].Adopted.Measured != "on 10 people" {
		t.Errorf("adopted again: %+v, %v", list, err)
	}
	write(t, filepath.Join(string(dir), "ours.calibration.json"), "thresholds that somebody changed")
	if _, err := dir.Calibration(again); !errors.Is(err, models.ErrHash) || hint.Of(err) == "" {
		t.Errorf("a changed calibration: %v", err)
	}
	if _, err := dir.Calibration(m.Models()[1]); !errors.Is(err, models.ErrMissing) {
		t.Errorf("a network that was never adopted: %v", err)
	}
}

// TestAdoptWhatIsKnown calibrates a network of the manifest that had no calibration.
func TestAdoptWhatIsKnown(t *testing.T) {
	m, dir := parse(t, manifestText([]byte("tarball"))), models.Dir(t.TempDir())
	network := m.Models()[1]
	network.Adopted, network.Answer = brought().Adopted, []float64{3}
	if err := m.Adopt(dir, network, []byte(weights["feature.onnx"]), []byte("thresholds")); err != nil {
		t.Fatal(err)
	}
	with, err := m.With(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := with.Bundle("npm")
	if err != nil || b.Embedder.Adopted == nil || b.Embedder.Answer[0] != 3 || len(with.Models()) != len(m.Models()) {
		t.Errorf("%+v, %v", b.Embedder, err)
	}
}

func TestAdoptedRefuses(t *testing.T) {
	m, good := parse(t, manifestText([]byte("tarball"))), t.TempDir()
	if err := m.Adopt(models.Dir(good), brought(), []byte("our network"), nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(good, models.AdoptedFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"another schema", "facegate-adopted/1", "facegate-adopted/2", "schema is"},
		{"unknown key", "licence:", "license:", "unknown field"},
		{"the name of another", "name: ours", "name: live", "stands there twice"},
		{"the file of another", "file: ours.onnx", "file: detect.onnx", "stands there twice"},
		{"a path", "file: ours.onnx", "file: ../ours.onnx", "not a plain file name"},
		{"a path for the calibration", "calibration: ours.", "calibration: ../ours.", "not a plain file name"},
		{"a detector", "kind: stated", "kind: yunet", "no embedder"},
		{"no kind", "kind: stated", "kind: yolo", `kind "yolo"`},
		{"a feed for a known kind", "kind: stated", "kind: sface", "do not go together"},
		{"an unknown bundle", "- bare", "- best", `bundle "best"`},
		{"a colour", "colour: rgb", "colour: grey", "neither bgr nor rgb"},
		{"a size", "side: 112", "side: 5000", "not within 32..512"},
		{"a dimension", "dim: 128", "dim: 1", "not within 16..4096"},
		{"a point", "- 51.0", "- 151.0", "not in the picture"},
		{"a scale", "scale:\n    - 1.0", "scale:\n    - 0.0", "not of pixels"},
		{"a colour too many", "scale:\n", "scale:\n    - 1.0\n", "has 4 numbers, and takes 3"},
		{"a colour too few", "scale:\n    - 1.0\n", "scale:\n", "has 2 numbers, and takes 3"},
		{"a point too many", "points:\n", "points:\n    - 51.0\n", "has 11 numbers, and takes 10"},
		{"a point too few", "points:\n    - 38.0\n", "points:\n", "has 9 numbers, and takes 10"},
		{"no list of points", "points:\n", "points: none\n    spare:\n", "string"},
		{"a mean", "- 127.5", "- .nan", "not of pixels"},
		{"a day", "2026-01-31", "2026-02-31", "is not a day"},
		{"a hash", sha("our network"), sha("our network")[1:], "64 lower-case hexadecimal digits"},
		{"an answer", "- 1.5", "- .nan", "not finite"},
		{"nothing", string(text), "", "EOF"},
	} {
		changed := strings.Replace(strings.Replace(string(text), "answer: [1.5, -2.0]", "answer:\n  - 1.5\n  - -2.0", 1), test.old, test.new, 1)
		if test.name == "nothing" {
			changed = ""
		} else if !strings.Contains(changed, test.new) {
			t.Errorf("%s: there is no %q in\n%s", test.name, test.old, text)
			continue
		}
		dir := t.TempDir()
		write(t, filepath.Join(dir, models.AdoptedFile), changed)
		_, err := m.With(models.Dir(dir))
		if !errors.Is(err, models.ErrAdopted) || !strings.Contains(err.Error(), test.want) || hint.Of(err) == "" {
			t.Errorf("%s: %v, hint %q; want %q", test.name, err, hint.Of(err), test.want)
		}
	}
	if err := os.Chmod(filepath.Join(good, models.AdoptedFile), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := m.With(models.Dir(good)); !errors.Is(err, models.ErrAdopted) || !strings.Contains(hint.Of(err), "chmod o-w") {
		t.Errorf("a file that every user may write to: %v, hint %q", err, hint.Of(err))
	}
}

func FuzzAdopted(f *testing.F) {
	m, err := models.Parse([]byte(manifestText([]byte("tarball"))))
	if err != nil {
		f.Fatal(err)
	}
	dir := models.Dir(f.TempDir())
	if err := m.Adopt(dir, brought(), []byte("our network"), nil); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(string(dir), models.AdoptedFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, models.AdoptedFile), string(text))
		with, err := m.With(models.Dir(dir))
		if err != nil {
			return
		}
		for _, x := range with.Models() {
			if x.Role != models.Embedder && x.Adopted != nil || (x.Kind == models.Stated) != (x.Feed != nil) {
				t.Errorf("accepted: %+v", x)
			}
		}
	})
}
