package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/models"
)

// foreign writes a file of the embedder that nobody knows: an unknown field behind it changes its hash and nothing else.
func foreign(t *testing.T, name string, change func([]byte) []byte) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(gatetest.Models(t), gatetest.Bundle(t).Embedder.Files[0].File))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, change(append(data, 0x92, 0x03, 0x04, 'o', 'u', 'r', 's')), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// modelsCopy is a folder with the networks, to adopt into.
func modelsCopy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(gatetest.Models(t))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAdoptRefuses brings what cannot be adopted. Nothing of it stays, and each refusal says what to do.
func TestAdoptRefuses(t *testing.T) {
	t.Setenv(asProgram, "1")
	dir, people := modelsCopy(t), gatetest.Testdata(t, "people")
	same := func(data []byte) []byte { return data }
	whole := foreign(t, "ours.onnx", same)
	shipped := gatetest.Bundle(t)
	for _, test := range []struct {
		name  string
		file  string
		flags []string
		says  string // in the error
		todo  string // in the advice
	}{
		{"too few people", whole, []string{"--colour", "bgr"}, "could not be measured", "measure on more people"},
		{"cut short", foreign(t, "cut.onnx", func(d []byte) []byte { return d[:len(d)/2] }), nil, "could not be measured", "does not run it"},
		{"no network", foreign(t, "page.onnx", func([]byte) []byte { return []byte("<html>404</html>") }), nil, "could not be measured", "export it anew"},
		{"another dimension", whole, []string{"--dim", "128"}, "512 numbers instead of 128", "check --kind, --side and --dim"},
		{"another size", whole, []string{"--side", "160"}, "instead of 512", "check --kind, --side and --dim"},
		{"nine numbers for points", whole, []string{"--points", "1,2,3,4,5,6,7,8,9"}, "takes ten", "adopt --help"},
		{"two means", whole, []string{"--mean", "1,2"}, "one or three", "adopt --help"},
		{"a detector", whole, []string{"--kind", "yunet"}, "only an embedder", "come with facegate"},
		{"an unknown kind", whole, []string{"--kind", "arcface"}, "only an embedder", "stated"},
		{"an unknown bundle", whole, []string{"--bundle", "best"}, "not in the manifest", "the bundles are registry"},
		{"the name of another", whole, []string{"--name", "sface"}, "cannot be called so", "choose another with --name"},
		{"a name that is a path", whole, []string{"--name", "../x"}, "cannot be called so", "choose another"},
		{"a detector of the manifest", filepath.Join(dir, shipped.Detector.Files[0].File), nil, "only an embedder", "models import"},
		{"an embedder of the manifest", filepath.Join(dir, shipped.Embedder.Files[0].File), nil, "a calibration of it already", "models import"},
		{"nothing", filepath.Join(dir, "nothing.onnx"), nil, "nothing.onnx", "name the ONNX file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"models", "adopt", test.file, "--pictures", people, "--bundle", "registry", "--dir", dir}, test.flags...)
			p := facegate(t.Context(), args...)
			p.want(t, exitFailed, "", test.says)
			p.want(t, exitFailed, "", test.todo)
		})
	}
	if left, err := os.ReadDir(dir); err != nil || strings.Contains(listNames(left), "ours") || strings.Contains(listNames(left), models.AdoptedFile) {
		t.Errorf("left behind: %s, %v", listNames(left), err)
	}
}

func listNames(entries []os.DirEntry) string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestMeasurementCarries decides by figures alone.
func TestMeasurementCarries(t *testing.T) {
	shipped, err := calibrate.Shipped(gatetest.Bundle(t).Embedder.ID())
	if err != nil {
		t.Fatal(err)
	}
	good := measurement{folder: "pictures", calibration: shipped, fnmr: 0.05, measurable: true}
	if err := good.carries(); err != nil {
		t.Error(err)
	}
	lenient := *shipped
	lenient.Decisions = nil
	for _, d := range shipped.Decisions {
		d.Points = d.Points[:4]
		lenient.Decisions = append(lenient.Decisions, d)
	}
	for name, change := range map[string]func(*measurement){
		"few people":       func(m *measurement) { m.calibration = &lenient },
		"many missed":      func(m *measurement) { m.fnmr = 0.4 },
		"nobody can tell":  func(m *measurement) { m.measurable = false },
		"all that is lost": func(m *measurement) { m.fnmr = 1 },
	} {
		m := good
		change(&m)
		if err := m.carries(); err == nil || !strings.Contains(err.Error(), "is not adopted: ") || !strings.Contains(err.Error(), "enrolled at an FPIR") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAdopted runs a gate with an embedder that was adopted: the check, the status and the list say so, and the hashes decide.
func TestAdopted(t *testing.T) {
	dir, bundle := modelsCopy(t), gatetest.Bundle(t)
	path := foreign(t, "ours.onnx", func(d []byte) []byte { return d })
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := modelsAdoptCommand{
		File: path, Bundle: "registry", Kind: "mobilefacenet", Licence: "MIT", Source: "S", Provenance: "P",
	}
	network, err := c.network(m, data)
	if err != nil {
		t.Fatal(err)
	}
	network.Answer, network.Adopted.Measured = bundle.Embedder.Answer, "on people who do not exist"
	calibration, err := calibrate.Shipped(bundle.Embedder.ID())
	if err != nil {
		t.Fatal(err)
	}
	calibration.ModelID, calibration.Embedder = network.ID(), network.Name
	var text bytes.Buffer
	if err := calibrate.Write(&text, calibration); err != nil {
		t.Fatal(err)
	}
	if err := m.Adopt(models.Dir(dir), network, data, text.Bytes()); err != nil {
		t.Fatal(err)
	}

	site := gatetest.NewSite(t)
	settings := gatetest.Settings{"vision": "{models_dir: " + dir + ", bundle: registry, embedder: ours}"}
	config := site.WriteConfig(t, settings)
	facegate(t.Context(), "config", "check", "--config", config).want(t, exitOK, "ours was adopted here on "+network.Adopted.Day, "")
	facegate(t.Context(), "models", "list", "--dir", dir).want(t, exitOK, "adopted here on "+network.Adopted.Day, "")
	l := startLive(t, site, settings)
	l.do(t, "status", "--config", config).want(t, exitOK, "ours (adopted here on "+network.Adopted.Day+")", "")
	l.stop()

	if err := os.WriteFile(filepath.Join(dir, network.Adopted.Calibration), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	facegate(t.Context(), "config", "check", "--config", config).want(t, exitFailed, "", "vision.calibration: ")
	l = startLive(t, site, settings)
	l.do(t, "status", "--config", config).want(t, exitOK, "adopt the network anew", "")
	l.stop()
	if err := os.WriteFile(filepath.Join(dir, models.AdoptedFile), []byte("networks: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	facegate(t.Context(), "config", "check", "--config", config).want(t, exitFailed, "", "vision.models_dir: ")
}
