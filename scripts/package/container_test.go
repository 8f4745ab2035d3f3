package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// containerfile returns the lines of the Containerfile by their instruction.
func containerfile(t *testing.T) map[string][]string {
	t.Helper()
	lines := make(map[string][]string)
	for line := range strings.Lines(string(read(t, "../../Containerfile"))) {
		if word, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok && word != "#" {
			lines[word] = append(lines[word], rest)
		}
	}
	return lines
}

// TestContainer checks that a container has the program and nothing that it does not need, that nothing in it runs as root, and that the
// user is the one whose folders are outside.
func TestContainer(t *testing.T) {
	lines := containerfile(t)
	for word, want := range map[string]string{
		"FROM": "scratch", "USER": "990:990", "STOPSIGNAL": "SIGTERM", "ENTRYPOINT": `["/usr/bin/facegate"]`,
		"VOLUME": `["/var/lib/facegate", "/var/lib/facegate-keys", "/etc/facegate/anchor"]`,
		"CMD":    `["run", "--config", "/etc/facegate/facegate.yaml"]`,
	} {
		if got := strings.Join(lines[word], "; "); got != want {
			t.Errorf("%s is %q, want %q", word, got, want)
		}
	}
	if len(lines["RUN"])+len(lines["ADD"])+len(lines["ENV"])+len(lines["EXPOSE"]) > 0 || len(lines["COPY"]) != 2 {
		t.Errorf("there is more in it than the program and its user: %q", lines)
	}
	for name, want := range map[string]string{"passwd": "facegate:x:990:990:", "group": "facegate:x:990:"} {
		path := "scripts/package/container/" + name
		if text := string(read(t, "../../"+path)); !strings.HasPrefix(text, want) || strings.Count(text, "\n") != 1 {
			t.Errorf("%s is %q", path, text)
		}
		if !strings.Contains(strings.Join(lines["COPY"], "\n"), path) {
			t.Errorf("%s is not in the container", path)
		}
	}
	docs := string(read(t, "../../docs/jetson.md"))
	for _, want := range []string{"--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "-o 990 -g 990", "--device /dev/gpiochip0"} {
		if !strings.Contains(docs, want) {
			t.Errorf("docs/jetson.md starts it without %s", want)
		}
	}
}

// TestContainerIsBuilt builds a container of a small gate, where there is buildah.
func TestContainerIsBuilt(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("FACEGATE_SLOW is not set")
	}
	buildah, err := exec.LookPath("buildah")
	if err != nil {
		t.Skip("buildah is not installed (apt-get install buildah)")
	}
	program, err := standIn()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir+"/facegate-arm64", program, 0o755)
	write(t, dir+"/Containerfile", read(t, "../../Containerfile"), 0o644)
	write(t, dir+"/policy", []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o644)
	if err := os.CopyFS(filepath.Join(dir, "scripts/package/container"), os.DirFS("container")); err != nil {
		t.Fatal(err)
	}
	place := []string{"--root", dir + "/root", "--runroot", dir + "/run", "--storage-driver", "vfs"}
	for _, args := range [][]string{
		{"bud", "--signature-policy", dir + "/policy", "--isolation", "chroot", "-t", "facegate", dir},
		{"inspect", "--type", "image", "facegate"},
	} {
		cmd := exec.Command(buildah, append(place[:len(place):len(place)], args...)...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil || args[0] == "inspect" && !strings.Contains(string(out), `"User": "990:990"`) {
			t.Fatalf("%v: %s", err, out)
		}
	}
}
