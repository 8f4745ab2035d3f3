package visiontest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// emulator names what runs a program for an architecture of a release where the processor does not.
func emulator(arch string) string {
	return map[string]string{"amd64": "qemu-x86_64-static", "arm64": "qemu-aarch64-static"}[arch]
}

// Released returns a command that runs a file of the release for an architecture, below the folder that FACEGATE_RELEASE names. It
// skips the test where that is not there, or cannot be run.
func Released(t testing.TB, file, arch string, args ...string) *exec.Cmd {
	t.Helper()
	dir := os.Getenv("FACEGATE_RELEASE")
	if dir == "" {
		t.Skip("FACEGATE_RELEASE does not name the folder of a release; make release sets it")
	}
	path := filepath.Join(dir, file)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no release for %s: make release builds it (%v)", arch, err)
	}
	if arch == runtime.GOARCH {
		return exec.CommandContext(t.Context(), path, args...)
	}
	under, err := exec.LookPath(emulator(arch))
	if err != nil {
		t.Skipf("nothing here runs programs for %s: %v", arch, err)
	}
	return exec.CommandContext(t.Context(), under, append([]string{path}, args...)...)
}
