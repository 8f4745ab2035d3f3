// Package packaging tests the Debian package: what is in it, and what a machine comes to by it.
package packaging

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// nfpm returns the program that makes packages. It takes minutes to build, so that tests of the package are for those who have it.
// They are for a PC: the small gates that they pack and start are programs for it.
func nfpm(t *testing.T) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("packages are tested on amd64")
	}
	for _, path := range []string{os.Getenv("FACEGATE_NFPM"), "../../.build/tools/nfpm"} {
		if _, err := os.Stat(path); path != "" && err == nil {
			path, err = filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	t.Skip("there is no nfpm (scripts/package/tools.sh .build/tools)")
	return ""
}

// standIn returns the program of a small gate for this machine.
var standIn = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "standin")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", dir+"/standin", "./standin")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(dir + "/standin")
})

// A gate is one that a package is made of.
type gate struct{ version, arch, how string }

// machineOf is where an ELF file says for which processor it is, and what arm64 is there; entryPoint where it says where it begins
// (ELF-64 object file format).
const machineOf, arm64, entryPoint = 18, 183, 26

// build makes a package in dir, and returns its path. The program of one for arm64 says that it is, which is enough to pack it.
func (g gate) build(t *testing.T, dir string, env ...string) string {
	t.Helper()
	program, err := standIn()
	if err != nil {
		t.Fatal(err)
	}
	program = fmt.Appendf(bytes.Clone(program), "\n%s", g.how)
	words := filepath.Join(dir, "words")
	write(t, words, program, 0o755)
	switch {
	case g.arch == "arm64":
		program[machineOf] = arm64
	case g.how == "broken":
		program[entryPoint] ^= 0xff
	}
	binary := filepath.Join(dir, "facegate-"+g.version)
	write(t, binary, program, 0o755)
	cmd := exec.Command("./build.sh", binary, g.arch, dir)
	cmd.Env = append(append(os.Environ(), "NFPM="+nfpm(t), "VERSION="+g.version, "WORDS="+words, "SOURCE_DATE_EPOCH=1700000000"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, fmt.Sprintf("facegate_%s_%s.deb", g.version, g.arch))
}

func write(t *testing.T, path string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// field returns what a package says of itself.
func field(t *testing.T, deb, name string) string {
	t.Helper()
	out, err := exec.Command("dpkg-deb", "--field", deb, name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// An entry is a file of a package.
type entry struct {
	mode    os.FileMode
	owner   string
	content []byte
}

// entries returns the files of a package by their names.
func entries(t *testing.T, deb string) map[string]entry {
	t.Helper()
	out, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]entry)
	for r := tar.NewReader(bytes.NewReader(out)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, ".")] = entry{h.FileInfo().Mode(), fmt.Sprintf("%d:%d", h.Uid, h.Gid), content}
	}
}

// TestPackage looks into the packages of both architectures: the program in them is for that architecture and wants no library
// that is not in Depends, and the rest is where a machine looks for it.
func TestPackage(t *testing.T) {
	dir := t.TempDir()
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		deb := gate{"1.2.0+3.g0a1b2c3", arch, "well"}.build(t, dir)
		for name, want := range map[string]string{"Package": "facegate", "Version": "1.2.0+3.g0a1b2c3", "Architecture": arch} {
			if got := field(t, deb, name); got != want {
				t.Errorf("%s: %s is %q, want %q", arch, name, got, want)
			}
		}
		files := entries(t, deb)
		program, err := elf.NewFile(bytes.NewReader(files["/usr/bin/facegate"].content))
		if err != nil {
			t.Fatal(err)
		}
		libraries, err := program.ImportedLibraries()
		if err != nil || program.Machine != machine {
			t.Errorf("%s: the program is for %v, %v", arch, program.Machine, err)
		}
		if depends := field(t, deb, "Depends"); len(libraries) > 0 || depends != "systemd, passwd" {
			t.Errorf("%s: the program wants %q, and the package %q", arch, libraries, depends)
		}
		looksRight(t, files)
	}
}

// looksRight checks the files of a package.
func looksRight(t *testing.T, files map[string]entry) {
	t.Helper()
	for name, mode := range map[string]os.FileMode{
		"/usr/bin/facegate": 0o755, "/usr/lib/facegate/watch-update": 0o755,
		"/usr/lib/systemd/system/facegate.service": 0o644, "/usr/lib/systemd/system/facegate-update.service": 0o644,
		"/usr/lib/udev/rules.d/99-zz-facegate.rules": 0o644, "/usr/lib/sysusers.d/facegate.conf": 0o644,
		"/usr/lib/tmpfiles.d/facegate.conf": 0o644, "/usr/share/doc/facegate/copyright": 0o644,
		"/usr/share/doc/facegate/changelog.gz": 0o644, "/usr/share/doc/facegate/notices.gz": 0o644,
		"/usr/share/man/man1/facegate.1.gz": 0o644, "/usr/share/doc/facegate/examples/facegate.yaml": 0o644,
		"/usr/share/doc/facegate/examples/alerts.yaml": 0o644,
	} {
		if got, ok := files[name]; !ok || got.mode.Perm() != mode {
			t.Errorf("%s is there: %t, mode %v, want %v", name, ok, got.mode, mode)
		}
	}
	for _, unit := range []string{"facegate", "facegate-update"} {
		text := string(files["/usr/lib/systemd/system/"+unit+".service"].content)
		for _, m := range regexp.MustCompile(`(?m)^Exec\w+=(\S+)`).FindAllStringSubmatch(text, -1) {
			if files[m[1]].mode.Perm()&0o111 == 0 {
				t.Errorf("%s.service starts %s, which the package does not have", unit, m[1])
			}
		}
	}
	for name, e := range files {
		if e.owner != "0:0" || e.mode.Perm()&0o022 != 0 {
			t.Errorf("%s belongs to %s with mode %v", name, e.owner, e.mode)
		}
	}
	if z, err := gzip.NewReader(bytes.NewReader(files["/usr/share/doc/facegate/changelog.gz"].content)); err != nil {
		t.Error(err)
	} else if text, err := io.ReadAll(z); err != nil || !strings.HasPrefix(string(text), "facegate (1.2.0+3.g0a1b2c3) ") {
		t.Errorf("the changelog is %.100q, %v", text, err)
	}
}

// TestRuleWins checks that the rule for the lines of a board comes after those that systems for boards have, because the last one
// wins, and that it gives the lines to a group of the gate's.
func TestRuleWins(t *testing.T) {
	const ours = "99-zz-facegate.rules"
	for _, theirs := range []string{"60-gpio.rules", "99-com.rules", "99-gpio.rules", "99-tegra-devices.rules"} {
		if ours < theirs {
			t.Errorf("%s is before %s", ours, theirs)
		}
	}
	rule := string(read(t, "../../configs/"+ours))
	for _, want := range []string{`SUBSYSTEM=="gpio"`, `KERNEL=="gpiochip[0-9]*"`, `GROUP="gpio"`, `MODE="0660"`, `SUBSYSTEM=="tpmrm", GROUP="tss"`} {
		if !strings.Contains(rule, want) {
			t.Errorf("the rule does not say %s", want)
		}
	}
	users, unit := string(read(t, "../../configs/sysusers.conf")), string(read(t, "../../configs/facegate.service"))
	for _, group := range []string{"video", "gpio", "input", "tss"} {
		if !strings.Contains(users, "\nm facegate "+group+"\n") {
			t.Errorf("the user is not in group %s", group)
		}
	}
	if !strings.Contains(unit, "\nSupplementaryGroups=video gpio input tss\n") {
		t.Error("the unit has other groups than the user")
	}
}

// TestSameTwice makes each package twice, in other places and with another umask.
func TestSameTwice(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		var sums []string
		for _, umask := range []int{0o022, 0o077} {
			old := syscall.Umask(umask)
			deb := gate{"1.2.0", arch, "well"}.build(t, t.TempDir())
			syscall.Umask(old)
			sums = append(sums, fmt.Sprintf("%x", sha256.Sum256(read(t, deb))))
		}
		if sums[0] != sums[1] {
			t.Errorf("%s: %q", arch, sums)
		}
	}
}

// TestBuildRefuses does not pack a program for another architecture, nor what is none.
func TestBuildRefuses(t *testing.T) {
	dir := t.TempDir()
	program, err := standIn()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/program", program, 0o755)
	write(t, dir+"/script", []byte("#!/bin/sh\n"), 0o755)
	for _, tt := range []struct{ binary, arch, version, says string }{
		{"program", "arm64", "1", "is not for arm64"},
		{"script", "amd64", "1", "is not for amd64"},
		{"program", "riscv64", "1", "neither amd64 nor arm64"},
		{"program", "amd64", "v1 2", "is no version"},
	} {
		cmd := exec.Command("./build.sh", filepath.Join(dir, tt.binary), tt.arch, dir)
		cmd.Env = append(os.Environ(), "NFPM="+nfpm(t), "VERSION="+tt.version)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), tt.says) {
			t.Errorf("%v: %v, %s", tt, err, out)
		}
	}
}

// TestShared packs a program with shared libraries as somebody who is not root, whose PATH has no sbin: the package depends on the
// packages that have the libraries.
func TestShared(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/words", []byte("#!/bin/sh\necho words\n"), 0o755)
	gocmd, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-linkmode=external", "-o", dir+"/shared", "./standin").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command("./build.sh", dir+"/shared", "amd64", dir)
	cmd.Env = append(os.Environ(), "NFPM="+nfpm(t), "VERSION=1.0", "WORDS="+dir+"/words", "PATH="+filepath.Dir(gocmd)+":/usr/bin:/bin")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if depends := field(t, dir+"/facegate_1.0_amd64.deb", "Depends"); depends != "systemd, passwd, libc6" {
		t.Errorf("the package wants %q", depends)
	}
}

// TestUnits takes the units as they are, and refuses one with a line that systemd does not know, and one that may do everything.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed (apt-get install systemd)")
	}
	// At a boot the gate may wait for the network longer than the watch over an update waits for the gate.
	if watch := string(read(t, "../../configs/facegate-update.service")); !strings.Contains(watch, "\nAfter=facegate.service\n") {
		t.Error("an update is watched before the gate is started")
	}
	unit := string(read(t, "../../configs/facegate.service"))
	sandbox := regexp.MustCompile(`(?m)^(Protect|Restrict|Private|System|Capability|User|Device).*\n`)
	for _, tt := range []struct{ name, unit, says string }{
		{"as it is", unit, ""},
		{"a key that is none", strings.Replace(unit, "NoNewPrivileges=", "NoNewPrivilege=", 1), "Unknown key"},
		{"a program that is not there", strings.ReplaceAll(unit, "/usr/bin/facegate ", "/usr/bin/gate "), "/usr/bin/gate"},
		{"no sandbox", sandbox.ReplaceAllString(unit, ""), "exposure level"},
	} {
		dir := t.TempDir()
		write(t, dir+"/facegate.service", []byte(tt.unit), 0o644)
		out, err := exec.Command("./units.sh", dir).CombinedOutput()
		if (err == nil) != (tt.says == "") || !strings.Contains(string(out), tt.says) {
			t.Errorf("%s: %v, %s", tt.name, err, out)
		}
	}
}
