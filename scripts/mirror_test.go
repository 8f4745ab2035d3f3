package scripts

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMirror asks where distributions come from.
func TestMirror(t *testing.T) {
	bin := t.TempDir()
	apt := "#!/bin/sh\ncase \"$*\" in *'Origin: Debian Label: Debian '*) echo first; echo second ;; esac\n"
	if err := os.WriteFile(filepath.Join(bin, "apt-get"), []byte(apt), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ of, named, want string }{
		{"Debian", "", "first\n"},
		{"Debian", "DEBIAN_MIRROR=other", "other\n"},
		{"Debian", "UBUNTU_MIRROR=other", "first\n"},
		{"Ubuntu", "", ""},
		{"Ubuntu", "UBUNTU_MIRROR=other", "other\n"},
	} {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", ". ./mirror.sh && mirror "+tt.of)
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), tt.named}
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != tt.want {
			t.Errorf("%s, %q: %q, %v, want %q", tt.of, tt.named, out, err, tt.want)
		}
	}
}

// TestMirrorStandsOnce finds no other script that asks apt.
func TestMirrorStandsOnce(t *testing.T) {
	var asks []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".sh" && strings.Contains(readFile(t, path), "indextargets") {
			asks = append(asks, path)
		}
		return err
	})
	if err != nil || len(asks) != 1 {
		t.Errorf("%v ask apt where packages come from, %v; want mirror.sh alone", asks, err)
	}
}
