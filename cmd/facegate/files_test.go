package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"facegate/configs"
)

// TestFilesFromOutside hands commands what is no file that they could read: they do not wait for it, nor take it into
// memory, and say what it is.
func TestFilesFromOutside(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must(t, syscall.Mkfifo(path("pipe"), 0o600))
	must(t, os.WriteFile(path("giant"), nil, 0o600))
	must(t, os.Truncate(path("giant"), 3<<30))
	must(t, os.WriteFile(path("open.yaml"), configs.Reference(), 0o600))
	must(t, os.Chmod(path("open.yaml"), 0o666))
	must(t, os.WriteFile(path("crowded.yaml"), []byte(strings.Repeat("[", 60_000)), 0o600))
	key := strings.Repeat("0", 64)
	for _, tt := range []struct{ command, says string }{
		{"config check --config " + path("pipe"), "pipe is not a regular file, but a pipe"},
		{"config check --config " + path("giant"), "giant is too large: 3221225472 bytes, where at most 65536 are wanted"},
		{"config check --config /dev/zero", "/dev/zero is not a regular file, but a device"},
		{"config check --config " + dir, "is not a regular file, but a folder"},
		{"config check --config " + path("open.yaml"), "open.yaml is not safe from others: every user may write to it"},
		{"config check --config " + path("crowded.yaml"), "crowded.yaml:1:501: more than 500 lists and sections begin in this file"},
		{"policy --config " + path("pipe"), "pipe is not a regular file"},
		{"people --socket /nonexistent --config " + path("pipe"), "pipe is not a regular file"},
		{"receipt verify --key " + key + " " + path("pipe"), "pipe is not a regular file"},
		{"receipt verify --key " + key + " " + path("giant"), "giant is too large"},
		{"receipt verify --key " + key + " /dev/zero", "/dev/zero is not a regular file"},
		{"erase --yes --pass " + path("pipe"), "pipe is not a regular file"},
		{"erase --yes --pass " + path("giant"), "giant is too large"},
	} {
		t.Run(tt.command, func(t *testing.T) {
			p := facegate(t.Context(), strings.Fields(tt.command)...)
			p.want(t, exitFailed, "", tt.says)
			if !strings.Contains(p.err, "to do: ") || len(p.err) > 1000 {
				t.Errorf("%d bytes: %.300s", len(p.err), p.err)
			}
		})
	}
}
