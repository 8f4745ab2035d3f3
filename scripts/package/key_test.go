package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A maker makes releases, and holds the keys that they are signed with.
type maker struct {
	t   *testing.T
	dir string
}

func (m maker) run(env []string, name string, args ...string) (string, error) {
	m.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (m maker) must(env []string, name string, args ...string) {
	m.t.Helper()
	if out, err := m.run(env, name, args...); err != nil {
		m.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// key makes a key, and returns its line for release.pub.
func (m maker) key(name string) string {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	m.must(nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
	return "facegate-release " + string(read(m.t, path+".pub"))
}

// release makes and signs a release. Its package carries the keys that lines has, or otherwise the key that signs alone.
func (m maker) release(version, key, lines string) (folder string) {
	m.t.Helper()
	// lintian looks at such packages in TestRelease, and takes a quarter of a minute for each.
	write(m.t, filepath.Join(m.dir, "bin", "lintian"), []byte("#!/bin/sh\n"), 0o755)
	env := []string{"PATH=" + gitThat(m.t, "true", "4e5f6a7b") + ":" + m.dir + "/bin:" + os.Getenv("PATH"), "RELEASE_KEY=" + filepath.Join(m.dir, key), "OPENCV=" + m.dir, "WORDS=" + filepath.Join(m.dir, "facegate-amd64")}
	if lines != "" {
		write(m.t, filepath.Join(m.dir, "keys-"+version), []byte(lines), 0o644)
		env = append(env, "RELEASE_PUB="+filepath.Join(m.dir, "keys-"+version))
	}
	folder = filepath.Join(m.dir, version)
	m.must(env, "./release.sh", version, m.dir, folder)
	return folder
}

// carried returns the keys that the package of a release brings to a gate.
func (m maker) carried(folder, version string) string {
	m.t.Helper()
	root := filepath.Join(m.dir, "root-"+version)
	m.must(nil, "dpkg-deb", "-x", filepath.Join(folder, "facegate_"+version+"_amd64.deb"), root)
	return filepath.Join(root, "usr/share/facegate/release.pub")
}

// TestKeyIsReplaced follows gates over the releases that replace the key, from the first on, by the program itself: what is on the gate
// checks what comes next. A gate that missed the release which brings the new key does not take the one after, until it has had it.
func TestKeyIsReplaced(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("FACEGATE_SLOW is not set")
	}
	nfpm(t)
	gate := "../../.build/facegate"
	if _, err := os.Stat(gate); err != nil {
		t.Skip("there is no .build/facegate (make build)")
	}
	program, err := standIn()
	if err != nil {
		t.Fatal(err)
	}
	m := maker{t, t.TempDir()}
	makeFolder(t, m.dir, "bin")
	write(t, filepath.Join(m.dir, "facegate-amd64"), program, 0o755)
	if err := os.Mkdir(filepath.Join(m.dir, "amd64"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(m.dir, "amd64/made-of"), []byte(madeOf()), 0o644)
	older, newer, thief := m.key("older"), m.key("newer"), m.key("thief")
	first := m.release("1.0.0", "older", "")
	bridge := m.release("1.1.0", "older", older+newer)
	after := m.release("1.2.0", "newer", newer)
	forged := m.release("1.3.0", "thief", thief)
	for _, tt := range []struct {
		name, has, wants, from, says string
	}{
		{"the release with both keys, by the older", m.carried(first, "1.0.0"), "1.1.0", bridge, "is facegate 1.1.0 for amd64"},
		{"the next, by the newer", m.carried(bridge, "1.1.0"), "1.2.0", after, "is facegate 1.2.0 for amd64"},
		{"the same again, by the newer alone", m.carried(after, "1.2.0"), "1.2.0", after, "is facegate 1.2.0 for amd64"},
		{"the next, where the one between was missed", m.carried(first, "1.0.0"), "1.2.0", after, "which is not one of releases"},
		{"an older release, where its key is left out", m.carried(after, "1.2.0"), "1.1.0", bridge, "which is not one of releases"},
		{"somebody else's", m.carried(bridge, "1.1.0"), "1.3.0", forged, "which is not one of releases"},
	} {
		out, err := m.run(nil, gate, "update", "--check", filepath.Join(tt.from, "facegate_"+tt.wants+"_amd64.deb"), "--key", tt.has)
		if good := strings.HasPrefix(tt.says, "is "); (err == nil) != good || !strings.Contains(out, tt.says) {
			t.Errorf("%s: %v\n%s", tt.name, err, out)
		}
		// ssh-keygen says the same by the same file.
		_, err = m.run(nil, "bash", "-c", `ssh-keygen -Y verify -f "$1" -I facegate-release -n facegate-release -s "$2/SHA256SUMS.sig" <"$2/SHA256SUMS"`,
			"bash", tt.has, tt.from)
		if good := strings.HasPrefix(tt.says, "is "); (err == nil) != good {
			t.Errorf("%s: ssh-keygen says %v", tt.name, err)
		}
	}
}
