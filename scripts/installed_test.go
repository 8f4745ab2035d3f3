package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// planted are tests that do what no test may, each with what installed.sh says of it, and one that does not.
var planted = []struct{ name, body, says string }{
	{"stays in its folder", `os.WriteFile(t.TempDir()+"/file", nil, 0o600)`, ""},
	{"asks for any port", `l, _ := net.Listen("tcp", "127.0.0.1:0"); l.Close()`, ""},
	{"looks for a configuration", `os.Stat("/etc/facegate/facegate.yaml")`, "touches the installed gate"},
	{"looks by another way", `os.Chdir("/var"); os.Open("lib/facegate-keys/people.key")`, "touches the installed gate"},
	{"has a program look", `exec.Command("ls", "/var/lib/facegate").Run()`, "touches the installed gate"},
	{"calls a running gate", `net.Dial("unix", "/run/facegate/control.sock")`, "touches the installed gate"},
	{"reads the unit", `os.ReadFile("/etc/systemd/system/facegate.service")`, "touches the installed gate"},
	{"asks what was refused", `os.ReadFile("/var/lib/facegate-package/refused")`, "touches the installed gate"},
	{"starts the program", `exec.Command("/usr/bin/facegate", "version").Run()`, "touches the installed gate"},
	{"looks for a certificate", `os.Stat("/var/backups/facegate-wiped-20260101T000000Z/certificate")`, "touches the installed gate"},
	{"writes beside itself", `os.WriteFile("litter", nil, 0o600)`, "writes elsewhere"},
	{"takes a port", `l, _ := net.Listen("tcp", "127.0.0.7:47123"); l.Close()`, "takes a port of its own choice"},
	{"fails", `t.Fail()`, "FAIL"},
}

func TestInstalled(t *testing.T) {
	mayTrace(t)
	script, err := filepath.Abs("installed.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range planted {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range map[string]string{
				"go.mod": "module planted\n",
				"planted_test.go": "package planted\n\nimport (\n\"net\"\n\"os\"\n\"os/exec\"\n\"testing\"\n)\n\n" +
					"var _, _ = net.Dial, exec.Command\n\nfunc TestPlanted(t *testing.T) {\n_ = os.Args\n" + tt.body + "\n}\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(script, "-vet=off")
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if (err == nil) != (tt.says == "") || !strings.Contains(string(out), tt.says) {
				t.Errorf("%v, want one that says %q:\n%s", err, tt.says, out)
			}
		})
	}
}

// TestOwned checks that what the package installs, makes and removes is what no test may touch.
func TestOwned(t *testing.T) {
	out, err := exec.Command("./installed.sh", "--owned").Output()
	if err != nil {
		t.Fatal(err)
	}
	owned := strings.Fields(string(out))
	guarded := func(path string) bool {
		return slices.ContainsFunc(owned, func(o string) bool {
			prefix, open := strings.CutSuffix(o, "*")
			return path == o || strings.HasPrefix(path, o+"/") || open && strings.HasPrefix(path, prefix)
		})
	}
	installed := regexp.MustCompile(`(?m)^ +(?:put \S+|\[\[.*\]\] \|\| put \S+|.* \| pack|words completion \w+ >"\$stage/|mkdir -p "\$stage/|dst:) ?"?/?((?:usr|etc)/[^\s"{]+)`)
	made := regexp.MustCompile(`(/(?:etc|var/lib|var/backups|run)/(?:[\w./-]*/)?facegate[\w./-]*)`)
	found := 0
	for name, paths := range map[string]*regexp.Regexp{
		"package/build.sh": installed, "package/nfpm.yaml": installed, "package/preinst": made, "package/postinst": made,
		"package/prerm": made, "package/postrm": made, "package/watch-update": made, "../configs/tmpfiles.conf": made,
	} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range paths.FindAllStringSubmatch(string(text), -1) {
			found++
			if path := "/" + strings.TrimPrefix(m[1], "/"); !guarded(path) {
				t.Errorf("%s has %s, which tests may touch", name, path)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d paths are found", found)
	}
}

// mayTrace skips the test where installed.sh cannot run.
func mayTrace(t *testing.T) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "TracerPid:\t0\n") {
		t.Skip("this process is traced already")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed (apt-get install strace)")
	}
	if out, err := exec.Command("unshare", "--map-root-user", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("no mounts of its own for a process: %s", out)
	}
}
