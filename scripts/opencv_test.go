package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A bench is a checkout of its own with a compiler and a builder that do next to nothing, and a cache.
type bench struct {
	t   *testing.T
	dir string
}

func newBench(t *testing.T) bench {
	b := bench{t, t.TempDir()}
	for name, text := range map[string]string{
		"checkout/scripts/opencv.sh":   readFile(t, "opencv.sh"),
		"checkout/scripts/opencv/sums": "",
		// It packs a tree with the one file built, and notes that it was asked to.
		"checkout/scripts/opencv/build.sh": "#!/bin/sh\nmkdir -p \"$2.tree\" && echo archive >\"$2.tree/built\" && tar -C \"$2.tree\" -cf \"$2\" . && rm -r \"$2.tree\"\n" +
			"echo once >>" + b.dir + "/builds\n",
		"bin/x86_64-linux-gnu-g++": "#!/bin/sh\necho a compiler\n",
		"bin/zstd":                 "#!/bin/sh\ncat \"$2\"\n",
	} {
		b.write(name, text)
	}
	return b
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// opencv runs the script, checks that what it leaves is what was built, and returns what it says and how often it has built by now.
func (b bench) opencv() (said string, builds int) {
	b.t.Helper()
	cmd := exec.Command(filepath.Join(b.dir, "checkout/scripts/opencv.sh"), "amd64")
	cmd.Env = append(os.Environ(), "PATH="+b.dir+"/bin:"+os.Getenv("PATH"), "FACEGATE_CACHE="+b.dir+"/cache")
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v:\n%s", err, out)
	}
	if text := readFile(b.t, b.dir+"/checkout/.build/opencv/amd64/built"); text != "archive\n" {
		b.t.Errorf("what is linked with is %q, want what was built; it says:\n%s", text, out)
	}
	if marks, _ := filepath.Glob(b.dir + "/checkout/.build/opencv/amd64/opencv-*"); len(marks) != 1 {
		b.t.Errorf("the tree is named %v", marks)
	}
	return string(out), strings.Count(readFile(b.t, b.dir+"/builds"), "once")
}

// artefact returns the name of what is in the cache.
func (b bench) artefact() string {
	b.t.Helper()
	found, err := filepath.Glob(b.dir + "/cache/*.tar.zst")
	if err != nil || len(found) != 1 {
		b.t.Fatalf("the cache has %v, %v", found, err)
	}
	return filepath.Base(found[0])
}

// TestOpenCVIsCheckedAtEachUse takes an artefact out of the cache only while it is the one that was built, or one whose hash others know.
func TestOpenCVIsCheckedAtEachUse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		do     func(b bench, artefact string)
		builds int
		says   string
	}{
		{"as it was", func(bench, string) {}, 1, ""},
		{"damaged", func(b bench, artefact string) { b.write("cache/"+artefact, "another") }, 2, "is damaged"},
		{"half of it", func(b bench, artefact string) {
			b.write("cache/"+artefact, readFile(b.t, b.dir+"/cache/"+artefact)[:600])
		}, 2, "is damaged"},
		{"without its hash", func(b bench, artefact string) { os.Remove(b.dir + "/cache/" + artefact + ".sha256") }, 2, "nobody knows who built it"},
		{"without its hash, which others know", func(b bench, artefact string) {
			b.write("checkout/scripts/opencv/sums", readFile(b.t, b.dir+"/cache/"+artefact+".sha256"))
			os.Remove(b.dir + "/cache/" + artefact + ".sha256")
		}, 1, ""},
		{"damaged, with a whole one beside the checkout", func(b bench, artefact string) {
			b.write("checkout/scripts/opencv/sums", readFile(b.t, b.dir+"/cache/"+artefact+".sha256"))
			b.write(artefact, readFile(b.t, b.dir+"/cache/"+artefact))
			b.write("cache/"+artefact, "another")
		}, 1, "took "},
		{"damaged, with another one beside the checkout", func(b bench, artefact string) {
			b.write(artefact, "a third")
			b.write("cache/"+artefact, "another")
		}, 2, "is left alone"},
		{"damaged where it was unpacked", func(b bench, _ string) { b.write("checkout/.build/opencv/amd64/built", "another") }, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			if said, builds := b.opencv(); builds != 1 {
				t.Fatalf("at first it was built %d times:\n%s", builds, said)
			}
			tt.do(b, b.artefact())
			if said, builds := b.opencv(); builds != tt.builds || !strings.Contains(said, tt.says) {
				t.Errorf("it was built %d times, want %d; it says, want %q in it:\n%s", builds, tt.builds, tt.says, said)
			}
		})
	}
}
