// Package scripts tests the scripts: what they say on machines unlike this one.
package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A machine is what setup.sh sees: commands that answer as another machine's would.
type machine struct {
	system    string // /etc/os-release
	arch      string
	goVersion string // "" for no go command
	user      string // numeric
	installed string // packages, separated by blanks
	apt       string // what apt-get does with the arguments "$*"
	commands  string // further commands that are there, separated by blanks
	services  string // what systemctl does with the arguments "$*"; "" for no systemctl
}

// debian is a machine that lacks nothing for a build.
func debian() machine {
	return machine{
		system:    "ID=debian\nVERSION_ID=\"12\"\n",
		arch:      "amd64",
		goVersion: "go1.26.8",
		user:      "0",
		installed: "ca-certificates g++ pkg-config libopencv-dev libjpeg-dev",
		apt:       "echo apt-get was called; exit 1",
		commands:  "npm",
	}
}

func (m machine) setup(t *testing.T, what string) (output string, ok bool) {
	t.Helper()
	bin, system := t.TempDir(), filepath.Join(t.TempDir(), "os-release")
	for _, name := range strings.Fields("bash env dirname sed sort grep mktemp tail awk") {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	scripts := map[string]string{
		"id":      "echo " + m.user,
		"dpkg":    "echo " + m.arch,
		"apt-get": m.apt,
		// These would change the machine that runs the test.
		"tee": "exit 0", "chmod": "exit 0", "rm": "exit 0",
		"dpkg-query": fmt.Sprintf(`for p in "$@"; do case " %s " in *" $p "*) echo installed $p ;; esac; done; exit 1`, m.installed),
	}
	if m.goVersion != "" {
		scripts["go"] = "echo " + m.goVersion
	}
	if m.services != "" {
		scripts["systemctl"] = m.services
	}
	for _, name := range strings.Fields(m.commands) {
		scripts[name] = "exit 1"
	}
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(system, []byte(m.system), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("./setup.sh", what)
	cmd.Env = []string{"PATH=" + bin, "OS_RELEASE=" + system, "TMPDIR=" + t.TempDir()}
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

func TestSetupChangesNothingWhenNothingIsMissing(t *testing.T) {
	for _, user := range []string{"0", "1000"} {
		m := debian()
		m.user = user
		if output, ok := m.setup(t, "build"); !ok || output != "" {
			t.Errorf("user %s: ok %v, output %q", user, ok, output)
		}
	}
}

// plan begins an apt-get that knows what would have to be installed.
const plan = `case "$*" in
*simulate*) echo 'Inst mosquitto'; echo 'Inst libmosquitto1' ;;
*print-uris*) echo "'http://x/a.deb' a.deb 5000000 SHA256:0"; echo "'http://x/b.deb' b.deb 2400000 SHA256:0" ;;
`

func TestSetupSaysWhatToDo(t *testing.T) {
	tests := []struct {
		name   string
		change func(*machine)
		what   string
		want   []string
	}{
		{"no argument", func(*machine) {}, "", []string{"usage: scripts/setup.sh build|test"}},
		{
			"another distribution", func(m *machine) { m.system = "ID=ubuntu\nVERSION_ID=24.04\n" }, "build",
			[]string{"this system is ubuntu 24.04", "a Debian 12 container"},
		},
		{
			"a later Debian", func(m *machine) { m.system = "ID=debian\nVERSION_ID=13\n" }, "build",
			[]string{"this system is debian 13", "OpenCV 4.6.0"},
		},
		{"no idea which system", func(m *machine) { m.system = "exit 1" }, "build", []string{"this system is unknown"}},
		{"a 32-bit system", func(m *machine) { m.arch = "armhf" }, "build", []string{"this processor is armhf", "install the 64-bit system"}},
		{"no Go", func(m *machine) { m.goVersion = "" }, "build", []string{"found: none", "linux-amd64 from https://go.dev/dl/"}},
		{"an old Go", func(m *machine) { m.goVersion = "go1.19.8" }, "build", []string{"Go 1.26.0 or newer is needed; found: go1.19.8"}},
		{
			"no root and no sudo", func(m *machine) { m.user, m.installed = "1000", "g++" }, "build",
			[]string{"only root may install", "as root: apt-get install --no-install-recommends ca-certificates pkg-config libopencv-dev libjpeg-dev"},
		},
		{
			"no password for sudo", func(m *machine) { m.user, m.commands = "1000", "sudo" }, "build",
			[]string{"only root may install", "recommends npm"},
		},
		{
			"a lab", func(m *machine) {
				m.user, m.installed, m.commands = "1000", "qemu-system-x86 cpio kmod make xz-utils bc libelf1 gcc-12 g++-aarch64-linux-gnu", ""
			}, "lab",
			[]string{"as root: apt-get install --no-install-recommends qemu-system-arm\n"},
		},
		{
			"a release", func(m *machine) {
				m.user, m.installed, m.commands = "1000", "cmake make zstd g++-aarch64-linux-gnu qemu-user-static mmdebstrap uidmap xz-utils lintian openssh-client procps", ""
			}, "release",
			[]string{"as root: apt-get install --no-install-recommends protobuf-compiler lld\n"},
		},
		{
			"no package lists", func(m *machine) { m.installed, m.apt = "g++", "echo 'E: Unable to locate package'; exit 100" }, "build",
			[]string{"missing: ca-certificates pkg-config libopencv-dev libjpeg-dev", "some package lists could not be read", "E: Unable to locate", "check the network"},
		},
		{
			"the network goes away", func(m *machine) {
				m.apt = plan + "*install*) echo 'E: Failed to fetch libmosquitto'; exit 100 ;;\nesac"
			}, "test",
			[]string{"installing 2 packages (about 7 MB", "E: Failed to fetch", "check the network", "from a mirror or a disc: mosquitto prometheus ffmpeg strace chromium fonts-wqy-microhei systemd openssh-client swtpm poppler-utils"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := debian()
			test.change(&m)
			output, ok := m.setup(t, test.what)
			if ok {
				t.Error("setup.sh succeeded")
			}
			for _, want := range test.want {
				if !strings.Contains(output, want) {
					t.Errorf("output %q, want %q in it", output, want)
				}
			}
		})
	}
}

// TestSetupLeavesServicesAlone installs packages with services on machines with and without such services of their own.
func TestSetupLeavesServicesAlone(t *testing.T) {
	for _, test := range []struct {
		name, enabled, active, installed string
		want                             []string
	}{
		{
			"none", "not-found", "inactive", "",
			[]string{"disable mosquitto.service", "stop mosquitto.service", "disable prometheus.service", "stop prometheus.service"},
		},
		{"one that is started by hand", "disabled", "active", "", []string{"disable mosquitto.service", "disable prometheus.service"}},
		{"one that starts with the machine", "enabled", "active", "", nil},
		{"one that is enabled, and was stopped", "enabled", "inactive", "", []string{"stop mosquitto.service", "stop prometheus.service"}},
		{"Debian's own is there", "enabled", "active", " mosquitto", nil},
		{"Debian's own are there, and off", "disabled", "inactive", " mosquitto prometheus", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls := filepath.Join(t.TempDir(), "calls")
			m := debian()
			m.installed += test.installed
			m.apt = plan + "esac"
			m.services = fmt.Sprintf(`case "$*" in
*is-enabled*) echo %s ;;
*is-active*) echo %s ;;
*) echo "$2" "$3" >> %s ;;
esac`, test.enabled, test.active, calls)
			if output, ok := m.setup(t, "test"); !ok {
				t.Fatalf("setup.sh failed:\n%s", output)
			}
			text, _ := os.ReadFile(calls)
			if want := strings.Join(append(test.want, ""), "\n"); string(text) != want {
				t.Errorf("systemctl was asked to\n%s, want\n%s", text, want)
			}
		})
	}
}

func TestSetupShowsProgress(t *testing.T) {
	m := debian()
	m.apt = plan + `*update*) ;;
*) echo dlstatus:1:50.0:Retrieving; echo 'Setting up'; echo pmstatus:a:b:0.0:x; echo pmstatus:libc6:amd64:33.3:Unpacking
   echo pmstatus:a:35.0:x; echo pmstatus:a:100.0:x ;;
esac`
	output, ok := m.setup(t, "test")
	want := "facegate: missing: mosquitto prometheus ffmpeg strace chromium fonts-wqy-microhei systemd openssh-client swtpm poppler-utils\n" +
		"facegate: reading Debian's package lists\n" +
		"facegate: installing 2 packages (about 7 MB to download)\n" +
		"facegate:   30 %\n" +
		"facegate:   100 %\n" +
		"facegate: installed\n"
	if !ok || output != want {
		t.Errorf("ok %v, output\n%s\nwant\n%s", ok, output, want)
	}
}
