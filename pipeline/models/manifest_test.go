package models_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facegate/pipeline/models"
)

func load(t *testing.T) *models.Manifest {
	t.Helper()
	m, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func namesOf(b models.Bundle) []string {
	var names []string
	for _, m := range b.Models() {
		names = append(names, m.Name)
	}
	return names
}

func TestSelect(t *testing.T) {
	tests := []struct {
		name, bundle, embedder string
		liveness               []string
		want                   []string
	}{
		{"registry as it is", "registry", "", nil, []string{"rfb320", "landmarks68", "mobilefacenet", "frliveness"}},
		{"zoo as it is", "zoo", "", nil, []string{"yunet", "reid0095", "minifasv2se"}},
		{"the other embedder", "zoo", "sface", nil, []string{"yunet", "sface", "minifasv2se"}},
		{
			"liveness of both", "registry", "",
			[]string{"frliveness", "minifasv2se"},
			[]string{"rfb320", "landmarks68", "mobilefacenet", "frliveness", "minifasv2se"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, err := load(t).Select(test.bundle, test.embedder, test.liveness)
			if err != nil {
				t.Fatal(err)
			}
			if got := namesOf(b); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if hasPackage := b.Package != nil; hasPackage != (test.bundle == "registry") {
				t.Errorf("package %v", b.Package)
			}
		})
	}
}

func TestSelectUnknown(t *testing.T) {
	tests := []struct {
		name, bundle, embedder string
		liveness               []string
		advice                 string
	}{
		{"bundle", "best", "", nil, "the bundles are registry, zoo"},
		{"embedder", "zoo", "arcface", nil, "to choose from: reid0095, sface"},
		{"embedder of another bundle", "registry", "sface", nil, "to choose from: mobilefacenet"},
		{"liveness", "zoo", "", []string{"blink"}, "to choose from: frliveness, minifasv2se"},
		{"detector for liveness", "zoo", "", []string{"yunet"}, "to choose from: frliveness, minifasv2se"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(t).Select(test.bundle, test.embedder, test.liveness)
			wantError(t, err, models.ErrUnknown, test.advice)
		})
	}
}

// What facegate refuses to do, it must not be able to load either.
func TestManifestHoldsNoProfiling(t *testing.T) {
	for _, m := range load(t).Models() {
		for _, word := range []string{"age", "gender", "sex", "expression", "emotion", "pose"} {
			named := func(f models.File) bool { return f.File == "fr_"+word+".onnx" }
			if m.Name == word || slices.ContainsFunc(m.Files, named) {
				t.Errorf("the manifest names %s", m.Name)
			}
		}
		if m.ID() != m.Files[0].SHA256 || len(m.ID()) != 64 {
			t.Errorf("%s has ID %q", m.Name, m.ID())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := manifestText([]byte("tarball"))
	parse(t, good)
	detector := sha(weights["detect.onnx"])
	tests := []struct {
		name, old, new string
		want           string
	}{
		{"unknown key", "licence: L", "license: L", `unknown field "license"`},
		{"repeated key", "licence: L", "licence: L, licence: L", "already defined"},
		{"no licence", "licence: L", "licence: ''", "licence is empty"},
		{"no provenance", "provenance: P", "provenance: ''", "provenance is empty"},
		{"short hash", detector, detector[1:], "64 lower-case hexadecimal digits"},
		{"upper-case hash", detector, strings.ToUpper(detector), "64 lower-case hexadecimal digits"},
		{"the same hash twice", sha(weights["live.onnx"]), detector, "stands there twice"},
		{"the same file twice", "file: live.onnx", "file: detect.onnx", "stands there twice"},
		{"the same name twice", "name: live,", "name: det,", "not in the manifest"},
		{"path for a file", "file: detect.onnx", "file: a/detect.onnx", "not a plain file name"},
		{"parent for a file", "file: detect.onnx", "file: ..", "not a plain file name"},
		{"hidden file", "file: detect.onnx", "file: .detect", "not a plain file name"},
		{"unknown kind", "kind: yunet", "kind: yolo", `kind "yolo"`},
		{"role of another kind", "role: detector", "role: embedder", `kind "yunet" with role "embedder"`},
		{"no size", "size: 12,", "size: 0,", "size 0 is not within"},
		{"size past all reason", "size: 12,", "size: 999999999,", "size 999999999 is not within"},
		{"model of no bundle", "bundles: [npm, bare]", "bundles: []", "belongs to no bundle"},
		{"model of an unknown bundle", "bundles: [npm, bare]", "bundles: [npm, bare, x]", `bundle "x": not in the manifest`},
		{"bundle of an unknown model", "embedder: emb", "embedder: x", `embedder "x": not in the manifest`},
		{"bundle without liveness", "liveness: [live]", "liveness: []", "no liveness model"},
		{"bundle of an unknown package", "package: faces,", "package: x,", `package "x": not in the manifest`},
		{"option for a package", "name: faces,", "name: --global,", "not a name and an exact version"},
		{"range for a version", "1.2.3", "^1.2.3", "not a name and an exact version"},
		{"weaker integrity", "sha512-", "sha1-", "is not sha512-"},
		{"short integrity", "==}", "=}", "is not sha512-"},
		{"folder outside the package", "folder: package/model", "folder: ../model", "not a path inside the package"},
		{"nothing", good, "", "EOF"},
		{"empty", good, "models: []", "names no models"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(good, test.old, test.new, 1)
			if text == good {
				t.Fatalf("the manifest has no %q to replace", test.old)
			}
			_, err := models.Parse([]byte(text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(manifestText([]byte("tarball"))))
	f.Add([]byte("models: []\nbundles: {}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := models.Parse(text)
		if err != nil {
			return
		}
		for _, name := range m.Bundles() {
			if b, err := m.Bundle(name); err != nil || len(b.Liveness) == 0 {
				t.Errorf("an accepted bundle does not resolve: %+v, %v", b, err)
			}
		}
		for _, model := range m.Models() {
			for _, f := range model.Files {
				if f.Size <= 0 || len(f.SHA256) != 64 || strings.ContainsAny(f.File, "/\\") {
					t.Errorf("an accepted file: %+v", f)
				}
			}
		}
	})
}

// TestChoose checks that the preferred liveness networks serve in every bundle as soon as all of their files are there, unless
// others are named.
func TestChoose(t *testing.T) {
	m, dir := load(t), t.TempDir()
	preferred := m.Preferred()
	if len(preferred) != 2 {
		t.Fatalf("the preferred networks are %v", models.Names(preferred))
	}
	expect := func(liveness []string, want ...string) {
		t.Helper()
		b, err := m.Choose("registry", "", liveness, models.Dir(dir))
		if got := models.Names(b.Liveness); err != nil || !slices.Equal(got, want) {
			t.Errorf("chosen are %v, %v, want %v", got, err, want)
		}
	}
	expect(nil, "frliveness")
	write(t, filepath.Join(dir, preferred[0].Files[0].File), "anything")
	expect(nil, "frliveness")
	write(t, filepath.Join(dir, preferred[1].Files[0].File), "anything")
	expect(nil, models.Names(preferred)...)
	expect([]string{"minifasv2se"}, "minifasv2se")
}
