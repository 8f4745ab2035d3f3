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
// fail, and nothing to be left in the folder for temporary files. The source is that of the commit that the release was built of,
// whatever came since, and a release of files that no commit has is refused.
func TestReleaseAgain(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("a release is built on amd64")
	}
	const (
		program = "#!/bin/sh\necho facegate 1.2.0\n"
		dirty   = "#!/bin/sh\necho facegate 1.2.0+3.g0a1b2c3.dirty\n"
		commit  = "0a1b2c3d"
	)
	for _, tt := range []struct {
		was, built, says string
		ok               bool
	}{
		{program, program, "the same bytes", true},
		{program, program + "#\n", "it is not the same", false},
		{dirty, dirty, "files that git does not have", false},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"release/facegate-amd64":   tt.was,
			"release/facegate-arm64":   tt.was,
			"release/tests/commit":     commit + "\n",
			"built":                    tt.built,
			"source/scripts/opencv.sh": "#!/bin/sh\nmkdir -p .build/opencv/$1\n",
			"bin/ld.lld":               "",
			"bin/git":                  "#!/bin/sh\n[ \"$*\" = 'archive " + commit + "' ] && tar -cf - -C " + dir + "/source .\n",
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
		sums := exec.Command("sh", "-c", "sha256sum facegate-* >SHA256SUMS")
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
