package main

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/gatetest"
)

// TestAnswers asks for a gate that is there, one that is gone, and one that hangs, at whose socket too many wait already.
func TestAnswers(t *testing.T) {
	site := gatetest.NewSite(t)
	socket := site.Path("control.sock")
	if answers(socket) || answers(filepath.Join(site.Dir, "none", "control.sock")) {
		t.Error("nobody answers")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: socket}))
	must(t, unix.Listen(fd, 1))
	for range 4 {
		if !answers(socket) {
			t.Error("a gate that hangs is taken for one that is gone")
		}
	}
	must(t, unix.Close(fd))
	if answers(socket) {
		t.Error("nobody answers any more")
	}
}
