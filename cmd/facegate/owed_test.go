package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/store/receipt"
)

// asMounted is set in the environment of a test that runs with mounts of its own.
const asMounted = "FACEGATE_TEST_AS_MOUNTED"

// withMounts runs the test in a process that has mounts of its own, and reports whether this is that process.
func withMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(asMounted) != "" {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), asMounted+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		t.Skip("no process with mounts of its own here: ", err)
	}
	if t.Log(string(out)); err != nil {
		t.Error(err)
	}
	return false
}

// smallDisk mounts a disk with little room at dir.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	must(t, os.Mkdir(dir, 0o700))
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=700")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("not permitted to mount: ", err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
}

// fillDisk leaves no room on the disk of dir, until the file that it returns is removed.
func fillDisk(t *testing.T, dir string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	return ballast
}

// TestErasureOnAFullDisk has somebody withdraw at a gate whose disk is full, starts that anew, and makes room.
func TestErasureOnAFullDisk(t *testing.T) {
	if !withMounts(t) {
		return
	}
	site := gatetest.NewSite(t)
	smallDisk(t, site.State())
	l := startLive(t, site, nil)
	for _, person := range []string{"p01", "p02"} {
		if p := l.enroll(t, person); p.code != exitOK {
			t.Fatal(p.err)
		}
	}
	ballast := fillDisk(t, site.State())
	paper := site.Path("receipt.json")
	withdraw := []string{"person", "withdraw", "p01", "--yes", "--receipt", paper}
	const owed = "the erasure is owed, and whoever it concerns does not match any more"
	for range 2 {
		p := l.do(t, withdraw...)
		p.want(t, exitOwed, "", owed)
		p.want(t, exitOwed, "", "to do: make room on the disk, or mend it: it is then done by itself")
		absent(t, paper)
		mustBeOwed(t, l)
		l.stop()
		l = startLive(t, site, nil) // on the disk that is full still
		mustBeOwed(t, l)
	}
	l.stop()

	config := site.WriteConfig(t, nil)
	offline := func(args ...string) printout { return facegate(t.Context(), append(args, "--config", config)...) }
	offline("people").want(t, exitOK, "erasures owed: 1", "")
	offline(withdraw...).want(t, exitOwed, "", owed)
	offline("person", "pass", "p01", "--yes", "--png", site.Path("pass.png")).want(t, exitFailed, "", "this person is to be erased")

	must(t, os.Remove(ballast))
	l = startLive(t, site, nil)
	gatetest.Eventually(t, "the erasure", func() bool {
		var s status.Status
		l.do(t, "status", "--json").decode(t, &s)
		return s.People.Owed == 0
	})
	var all []people.Person
	l.do(t, "people", "--json").decode(t, &all)
	if len(all) != 1 || all[0].Label != "p02" {
		t.Errorf("people --json says %+v", all)
	}
	var fetched []string
	l.do(t, "receipt", "fetch", site.Dir, "--json").decode(t, &fetched)
	if len(fetched) != 1 {
		t.Fatalf("fetched %v", fetched)
	}
	key := strings.TrimSpace(l.do(t, "device", "pubkey").out)
	genuine(t, fetched[0], key, receipt.Erasure, "withdrawn")
}

// mustBeOwed checks that the gate says of p01 that the erasure is owed, and that p02 alone matches.
func mustBeOwed(t *testing.T, l *live) {
	t.Helper()
	var s status.Status
	l.do(t, "status", "--json").decode(t, &s)
	if s.People.Owed != 1 || s.People.Enrolled != 1 {
		t.Errorf("status --json says %+v", s.People)
	}
	p := l.do(t, "status")
	p.want(t, exitOK, "1 erasure is owed, the first since ", "")
	p.want(t, exitOK, "1 to be erased, who do not match any more", "")
	p.want(t, exitOK, "an erasure needs", "") // the disk is full
	p = l.do(t, "people")
	p.want(t, exitOK, "form p01 - to be erased, asked for on ", "")
	p.want(t, exitOK, "erasures owed: 1", "")
}
