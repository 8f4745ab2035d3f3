package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sum returns a hash for a test.
func sum(digit string) string { return strings.Repeat(digit, 64) }

var whole = sum("a") + " pool/main/o/opencv/opencv_4.10.0+dfsg.orig.tar.xz\n" +
	"pool/main/p/protobuf/libprotobuf-dev_3.21.12-3+deb12u1 " + sum("1") + " " + sum("2") + "\n" +
	"pool/main/libj/libjpeg-turbo/libjpeg62-turbo-dev_2.1.5-2 " + sum("3") + " " + sum("4") + "\n" +
	"pool/main/z/zlib/zlib1g-dev_1.2.13.dfsg-1 " + sum("5") + " " + sum("6") + "\n" +
	"x86_64-linux-gnu-g++ (Debian 12.2.0-14) 12.2.0\n"

const list = `{"bomFormat": "CycloneDX", "metadata": {"component": {"bom-ref": "main", "name": "facegate"}},
  "components": [{"bom-ref": "gocv", "name": "gocv.io/x/gocv"}], "dependencies": [{"ref": "main", "dependsOn": ["gocv"]}, {"ref": "gocv"}]}`

// TestLibraries adds the libraries of each architecture, with its hashes.
func TestLibraries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made-of")
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	for arch, want := range map[string][4]string{"amd64": {"a", "1", "3", "5"}, "arm64": {"a", "2", "4", "6"}} {
		var out bytes.Buffer
		if err := run(strings.NewReader(list), &out, arch, file); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Components []struct {
				Name, Version, Purl string
				Hashes              []struct{ Content string }
			}
			Dependencies []struct{ DependsOn []string }
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Components) != 5 || len(got.Dependencies[0].DependsOn) != 5 {
			t.Fatalf("%s: %+v", arch, got)
		}
		for i, name := range []string{"OpenCV 4.10.0", "protobuf 3.21.12-3+deb12u1", "libjpeg-turbo 2.1.5-2", "zlib 1.2.13.dfsg-1"} {
			c := got.Components[i+1]
			if c.Name+" "+c.Version != name || c.Hashes[0].Content != sum(want[i]) {
				t.Errorf("%s: %+v, want %s with %s", arch, c, name, want[i])
			}
		}
	}
}

// TestLibrariesMissing refuses what does not name every library, or one that nobody has looked at.
func TestLibrariesMissing(t *testing.T) {
	for _, text := range []string{
		"", strings.Replace(whole, "zlib1g-dev", "zlib2-dev", 1), strings.Replace(whole, sum("5"), "5", 1),
		whole + "pool/main/x/xz/liblzma-dev_5 " + sum("7") + " " + sum("8") + "\n",
	} {
		if got, err := parse(text, "arm64"); !errors.Is(err, errMadeOf) {
			t.Errorf("%.80q: %v, %v", text, got, err)
		}
	}
	if _, err := parse(whole, "riscv64"); err == nil {
		t.Error("another architecture has libraries")
	}
}
