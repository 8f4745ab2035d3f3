package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// madeOf is what scripts/opencv.sh leaves, with hashes of nothing.
func madeOf() string {
	sum := strings.Repeat("0", 64)
	text := sum + " pool/main/o/opencv/opencv_4.10.0+dfsg.orig.tar.xz\n"
	for _, name := range []string{"libprotobuf-dev_3.21.12-3", "libjpeg62-turbo-dev_2.1.5-2", "zlib1g-dev_1.2.13"} {
		text += fmt.Sprintf("pool/main/%s %s %s\n", name, sum, sum)
	}
	return text
}

// gitThat returns a folder with a git that says so of the files of the checkout, which somebody may be working on, and of the commit.
func gitThat(t *testing.T, says, commit string) string {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	text := "#!/bin/sh\ncase $1 in\nstatus) " + says + " ;;\nrev-parse) echo " + commit + " ;;\n*) exec " + git + " \"$@\" ;;\nesac\n"
	write(t, filepath.Join(bin, "git"), []byte(text), 0o755)
	return bin
}

// TestReleaseOfWhatGitHas signs nothing else, whoever calls the script.
func TestReleaseOfWhatGitHas(t *testing.T) {
	for _, tt := range []struct {
		name, git, version, built, says string
	}{
		{"a changed file", "echo ' M main.go'", "1.2.0", "", "files that git does not have"},
		{"a file that git does not know", "echo '?? main.go'", "1.2.0", "", "files that git does not have"},
		{"no repository", "exit 128", "1.2.0", "", "git does not say"},
		{"programs of files that git does not have", "true", "1.2.0+3.g0a1b2c3.dirty", "", "version 1.2.0+3.g0a1b2c3.dirty was built of files"},
		{"programs of another commit", "true", "1.2.0", "0a1b2c3d", "are of commit 0a1b2c3d"},
	} {
		dir := t.TempDir()
		write(t, makeFolder(t, dir, "built")+"/facegate-amd64", []byte("program"), 0o755)
		if tt.built != "" {
			write(t, makeFolder(t, dir, "built/tests")+"/commit", []byte(tt.built+"\n"), 0o644)
		}
		write(t, makeFolder(t, dir, "packages")+"/SHA256SUMS", []byte("of the release before"), 0o644)
		cmd := exec.Command("./release.sh", tt.version, dir+"/built", dir+"/packages")
		cmd.Env = append(os.Environ(), "PATH="+gitThat(t, tt.git, "4e5f6a7b")+":"+os.Getenv("PATH"), "RELEASE_KEY="+dir+"/key")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), tt.says) {
			t.Errorf("%s: %v, want %q:\n%s", tt.name, err, tt.says, out)
		}
		read(t, dir+"/packages/SHA256SUMS")
	}
}

// TestRelease makes the same release twice, with a key of its own, and checks it as docs/release.md says.
func TestRelease(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("FACEGATE_SLOW is not set")
	}
	nfpm(t)
	program, err := standIn()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := "PATH=" + gitThat(t, "true", "4e5f6a7b") + ":" + os.Getenv("PATH")
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), path, "RELEASE_KEY="+dir+"/key", "OPENCV="+dir, "WORDS="+dir+"/facegate-amd64", "SOURCE_DATE_EPOCH=1700000000", "DIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir+"/key")
	for _, arch := range []string{"amd64", "arm64"} {
		if err := os.Mkdir(filepath.Join(dir, arch), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, arch, "made-of"), []byte(madeOf()), 0o644)
		if arch == "arm64" {
			program[machineOf] = arm64
		}
		write(t, filepath.Join(dir, "facegate-"+arch), program, 0o755)
	}
	for _, folder := range []string{"once", "again"} {
		run("./release.sh", "1.2.0", dir, filepath.Join(dir, folder))
	}
	write(t, dir+"/of-another-form", read(t, dir+"/key.pub"), 0o644)
	cmd := exec.Command("./release.sh", "1.2.0", dir, filepath.Join(dir, "unchecked"))
	cmd.Env = append(os.Environ(), path, "RELEASE_KEY="+dir+"/key", "RELEASE_PUB="+dir+"/of-another-form", "OPENCV="+dir, "WORDS="+dir+"/facegate-amd64")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "not signed: RELEASE_PUB has no line") {
		t.Errorf("a release is signed that nobody could check: %v\n%s", err, out)
	}
	said := run("bash", "-euc", `
cd "$DIR/once"
cmp SHA256SUMS ../again/SHA256SUMS
is=$(ls | paste -sd' ')
[[ $is == "SHA256SUMS SHA256SUMS.sig facegate_1.2.0_amd64.cdx.json facegate_1.2.0_amd64.deb facegate_1.2.0_arm64.cdx.json facegate_1.2.0_arm64.deb" ]] ||
  { echo "$is"; exit 1; }
dpkg-deb -x facegate_1.2.0_arm64.deb "$DIR/root"
ssh-keygen -Y verify -f "$DIR/root/usr/share/facegate/release.pub" -I facegate-release -n facegate-release -s SHA256SUMS.sig <SHA256SUMS
sha256sum --check --quiet SHA256SUMS
grep -c '"name": "OpenCV"' *.json
`)
	if !strings.Contains(said, "amd64.cdx.json:1\n") {
		t.Errorf("the list of parts has no OpenCV:\n%s", said)
	}
}

// TestReleaseLeavesThePrograms makes no packages in a folder that it would have to empty of the programs.
func TestReleaseLeavesThePrograms(t *testing.T) {
	dir := t.TempDir()
	from := makeFolder(t, dir, "built")
	write(t, from+"/facegate-amd64", []byte("program"), 0o755)
	for _, folder := range []string{from, dir} {
		out, err := exec.Command("./release.sh", "1.2.0", from, folder).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "has the programs, and would be emptied") {
			t.Errorf("%s: %v\n%s", folder, err, out)
		}
		read(t, from+"/facegate-amd64")
	}
}
