package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestReleaseAgain builds a release anew with a compiler that writes what it is told to, and wants the same bytes to pass, others to
// fail, and nothing to be left in the folder for temporary files.
func TestReleaseAgain(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("a release is built on amd64")
	}
	const program = "#!/bin/sh\necho facegate 1.2.0\n"
	for _, tt := range []struct {
		built, says string
		ok          bool
	}{{program, "the same bytes", true}, {program + "#\n", "it is not the same", false}} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"release/facegate-amd64":   program,
			"built":                    tt.built,
			"source/scripts/opencv.sh": "#!/bin/sh\n",
			"bin/git":                  "#!/bin/sh\ntar -cf - -C " + dir + "/source .\n",
			"bin/go":                   "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\ncp " + dir + "/built \"$2\"\n",
			"tmp/.keep":                "",
		} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		sums := exec.Command("sh", "-c", "sha256sum facegate-amd64 >SHA256SUMS")
		sums.Dir = filepath.Join(dir, "release")
		if out, err := sums.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		cmd := exec.Command("./release.sh", "again", filepath.Join(dir, "release"))
		cmd.Env = append(os.Environ(), fmt.Sprintf("PATH=%s/bin:%s", dir, os.Getenv("PATH")), "TMPDIR="+dir+"/tmp")
		out, err := cmd.CombinedOutput()
		if (err == nil) != tt.ok || !strings.Contains(string(out), tt.says) {
			t.Errorf("%v, want %q:\n%s", err, tt.says, out)
		}
		if left, err := filepath.Glob(dir + "/tmp/tmp*"); err != nil || len(left) > 0 {
			t.Errorf("%v is left, %v", left, err)
		}
	}
}
