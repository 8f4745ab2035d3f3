package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"facegate/scripts/lab/supervise"
)

// The packages on the stick: the one that is installed, a newer one, and one whose program ends at once.
const stick, first, newer, bad = "/media/stick", "74.11.1", "74.11.2", "74.11.3"

// somebody is the label of the person who is enrolled, and form the reference of their consent.
const somebody, form = "Wilhelmina-Zabriskie", "FORM-4711"

// A machine is one on which Debian is installed as it comes, with systemd, and then the package. One that is contained has no kernel
// of its own, and so neither camera nor lines: a recording that begins anew takes the place of the one, and files that of the others.
type machine struct {
	*gate
	contained bool
	booted    time.Duration     // how long it took from power-on until the bare system was up; 0 in a container
	before    map[string]string // the files of the bare system, each with what tells whether it is the same
	key       []byte            // the device key
}

// TestMachine installs the package on a bare Debian as a technician does, until somebody is let in, and goes on as it goes on in the
// life of a gate: it is killed, hangs, is configured badly, updated, taken back, removed, and purged.
func TestMachine(t *testing.T) {
	inside(t)
	m := &machine{gate: &gate{t: t}, contained: os.Getenv("FACEGATE_LAB_CONTAINED") != ""}
	if m.contained {
		m.site.pins = newFilePins(t, "/var/lib/facegate/lines")
	} else {
		m.site.pins, m.empty = newSimPins(t, 0), picture(t, recorded(nobody))
		m.stage = newStage(t, m.empty)
		t.Cleanup(func() { m.stage.close() })
	}
	begun := time.Now()
	m.goThrough(t, []part{
		{"a bare system", m.bare, true},
		{"to the first pass", m.technician, true},
		{"the unit", m.unit, true},
		{"killed", m.killed, true},
		{"suspended", m.suspended, true},
		{"configured badly", m.misconfigured, true},
		{"updated", m.updated, true},
		{"taken back", m.takenBack, true},
		{"removed, and installed again", m.removed, true},
		{"purged", m.purged, true},
	})
	fmt.Printf("lab: machine: all of it took %.0f s, by the clock of the machine\n", (m.booted + time.Since(begun)).Seconds())
}

// sh runs a command as a user, in the folder of the stick, and returns what it prints and whether it succeeds.
func (m *machine) sh(user, command string) (out string, err error) {
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Minute)
	defer cancel()
	var said bytes.Buffer
	// Not by runuser, of which the journal notes the command line with the label in it.
	cmd := exec.CommandContext(ctx, "setpriv", "--reuid", user, "--regid", user, "--init-groups", "bash", "-o", "pipefail", "-c", command)
	cmd.Dir = stick
	cmd.Stdout = io.MultiWriter(&said, os.Stdout)
	cmd.Stderr = cmd.Stdout
	err = cmd.Run()
	return said.String(), err
}

// must runs a command as root that has to succeed.
func (m *machine) must(format string, args ...any) string {
	m.t.Helper()
	out, err := m.sh("root", fmt.Sprintf(format, args...))
	if err != nil {
		m.t.Fatalf("%s: %v", fmt.Sprintf(format, args...), err)
	}
	return strings.TrimSpace(out)
}

// property returns what systemd says of a unit.
func (m *machine) property(unit, name string) string {
	m.t.Helper()
	out, err := exec.Command("systemctl", "show", "--property", name, "--value", unit).Output()
	if err != nil {
		m.t.Fatalf("systemctl show %s: %v", unit, err)
	}
	return strings.TrimSpace(string(out))
}

// pid returns the process of the gate, 0 if there is none.
func (m *machine) pid() int {
	n, _ := strconv.Atoi(m.property("facegate.service", "MainPID"))
	return n
}

// settles waits until ok, and ends the test if that takes too long. It looks once a second: to ask systemd starts a program, which
// an emulated processor would do nothing else than.
func (m *machine) settles(what string, patience time.Duration, ok func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			m.t.Fatalf("after %v it is not so that %s", patience, what)
		}
	}
}

// up waits until the gate is in service in another process than former.
func (m *machine) up(former int) {
	m.t.Helper()
	m.settles("the unit is active again", 2*time.Minute, func() bool {
		return m.property("facegate.service", "ActiveState") == "active" && m.pid() != former
	})
}

// bare looks at the system before anything is installed.
func (m *machine) bare(t *testing.T) {
	m.must("systemctl is-system-running --wait || systemctl --failed --no-legend")
	if first, err := os.Readlink("/proc/1/exe"); err != nil || filepath.Base(first) != "systemd" {
		t.Errorf("the first process is %q, %v", first, err)
	}
	if up, _, ok := strings.Cut(string(read(t, "/proc/uptime")), " "); ok && !m.contained {
		seconds, err := strconv.ParseFloat(up, 64)
		if err != nil {
			t.Fatal(err)
		}
		m.booted = time.Duration(seconds * float64(time.Second))
		fmt.Printf("lab: machine: up %.1f s after power-on\n", seconds)
	}
	fmt.Printf("lab: machine: %s, %s\n", m.must(". /etc/os-release && echo $PRETTY_NAME"), m.must("systemctl --version | head -n 1"))
	m.before = files(t)
	for path := range m.before {
		if strings.Contains(strings.ToLower(path), "facegate") {
			t.Errorf("%s is on a bare system", path)
		}
	}
}

// files returns all files of the disk, each with what tells whether it was changed.
func files(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	var root syscall.Stat_t
	if err := syscall.Stat("/", &root); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		var s syscall.Stat_t
		if err == nil {
			err = syscall.Lstat(path, &s)
		}
		switch {
		case os.IsNotExist(err):
			return nil
		case err != nil:
			return err
		case s.Dev != root.Dev && d.IsDir():
			return fs.SkipDir
		case !d.IsDir():
			all[path] = fmt.Sprintf("%o %d:%d %d bytes of %v", s.Mode, s.Uid, s.Gid, s.Size, time.Unix(s.Mtim.Unix()))
		default:
			all[path] = fmt.Sprintf("%o %d:%d", s.Mode, s.Uid, s.Gid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// aKey is how long somebody takes for a key who types rarely.
const aKey = 500 * time.Millisecond

// What the first pass may take from a bare system on, and the machine of that.
const toFirstPass, ofTheMachine = 10 * time.Minute, 2 * time.Minute

// technician does what scripts/machine/technician says. The clock is that of the machine, from power-on to the relay; what somebody takes
// to type it comes on top of that.
func (m *machine) technician(t *testing.T) {
	commands, keys := 0, 0
	begun := time.Now()
	for line := range work(t, "/run/test/technician") {
		keys += len(strings.TrimSpace(line)) + len("\n")
		commands++
		m.give(t, commands, line)
	}
	if m.contained {
		before := m.changes()
		m.await("the relay has pulled in and let go", 2*time.Minute, func() bool { return m.changes() >= before+2 && m.rests() })
	} else {
		m.walkUp(t)
	}
	took := m.site.pins.changes()[m.changes()-2].at.Sub(begun)
	typing := time.Duration(keys) * aKey
	fmt.Printf("lab: machine: somebody is let in %.1f s after the first of %d commands, by the clock of the machine\n", took.Seconds(), commands)
	fmt.Printf("lab: machine: the commands are %d keys; with %v for each key it is %v from the bare system\n",
		keys, aKey, (m.booted + took + typing).Round(time.Second))
	if took += m.booted; !m.contained && (took > ofTheMachine || took+typing > toFirstPass) { // a container goes by the clock of a host that may be busy
		t.Errorf("the machine took %v of it, want %v at most, and typing %v, want %v in all", took, ofTheMachine, typing, toFirstPass)
	}
	m.must("facegate faces off") // an emulated processor is busy all the time with what is before the camera
	m.key = read(t, "/etc/facegate/device.key")
}

// work returns the lines of a technician's work.
func work(t *testing.T, file string) iter.Seq[string] {
	lines := strings.Lines(string(read(t, file)))
	return func(yield func(string) bool) {
		for line := range lines {
			if !strings.HasPrefix(line, "#") && !yield(strings.TrimRight(line, "\n")) {
				return
			}
		}
	}
}

// TestTechnician checks that a technician has each command of the work from the page about installing, whoever gives it there.
func TestTechnician(t *testing.T) {
	page := strings.ReplaceAll(string(read(t, "../../docs/install.md")), "sudo ", "")
	commands := 0
	for line := range work(t, "../machine/technician") {
		command := strings.ReplaceAll(line, "sudo ", "")
		if commands++; !strings.Contains(page, "    "+command) && !strings.Contains(page, ": "+command) {
			t.Errorf("docs/install.md does not say: %s", line)
		}
	}
	if commands < 5 {
		t.Errorf("the work has %d commands", commands)
	}
}

// give gives one of the technician's commands.
func (m *machine) give(t *testing.T, number int, command string) {
	leave := func() {}
	switch {
	case strings.Contains(command, "config check"):
		m.adapt(t)
	case strings.Contains(command, "enroll") && !m.contained:
		leave = m.arrive(t, "p01", 60, 61, 62)
	}
	defer leave()
	begun := time.Now()
	out, err := m.sh("technician", strings.NewReplacer(
		"./facegate_1.2.0_arm64.deb", "./facegate_"+first+"_amd64.deb", "adduser NAME", "adduser technician",
		"enroll NAME", "enroll "+somebody, "FORM-NUMBER", form).Replace(command))
	fmt.Printf("lab: machine: command %d, %.1f s: %s\n", number, time.Since(begun).Seconds(), command)
	if err != nil {
		t.Fatalf("%s: %v:\n%s", command, err, out)
	}
	if strings.Contains(command, "enroll") {
		leave()
		time.Sleep(2 * pulse) // longer than decide.rearm: whoever was just enrolled has to be gone for so long before they are let in
		m.await("the relay rests", 5*time.Second, m.rests)
	}
}

// edit changes the first place in the configuration that a pattern is found in.
func (m *machine) edit(t *testing.T, pattern, to string) {
	t.Helper()
	text := read(t, configFile)
	find := regexp.MustCompile(pattern)
	at := find.FindSubmatchIndex(text)
	if at == nil {
		t.Fatalf("the configuration has no %s", pattern)
	}
	changed := find.Expand(slices.Clone(text[:at[0]]), []byte(to), text, at)
	if err := os.WriteFile(configFile, append(changed, text[at[1]:]...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// adapt sets what an emulated processor needs, which sees two or three frames in a second, and what the test needs besides: stills that
// are no frozen camera, and contact and exit button, each with a level of its own.
func (m *machine) adapt(t *testing.T) {
	chip := `""`
	changes := map[string]string{
		`max_age: 500ms`: "max_age: 3s", `frozen_after: 3s`: "frozen_after: 0s", `min_face: 50`: "min_face: 45", `window: 5 `: "window: 2 ",
		`active: doubt`: `active: "off"`, `agree: 3`: "agree: 2", `window: 2s`: "window: 5s", `rearm: 5s`: "rearm: 1s",
		`frames: 5 `: "frames: 3 ", `pulse: 3s`: "pulse: 1s",
	}
	if m.contained {
		chip = m.lay(t)
		maps.Copy(changes, map[string]string{
			`driver: cdev`: "driver: sim", `(?m)^  chip: ""`: "  chip: " + chip,
			`source: v4l2`: "source: replay", `path: ""`: "path: " + film(t), `loop: false`: "loop: true", `fps: 15 `: "fps: 5 ",
		})
	} else {
		changes[`format: auto`] = "format: yuyv"
	}
	changes[`contact: {line: "", chip: "", active_low: false, bias: pull-up`] = `contact: {line: CONTACT, chip: ` + chip + `, active_low: false, bias: as-is`
	changes[`exit: {line: "", chip: "", active_low: true, bias: pull-up`] = `exit: {line: EXIT, chip: ` + chip + `, active_low: false, bias: as-is`
	for pattern, to := range changes {
		m.edit(t, pattern, to)
	}
}

// film makes a recording, and returns where. Somebody comes, stands there for twelve seconds, and is gone for three, so that a busy
// machine sees enough of them as well, at five pictures a second.
func film(t *testing.T) (dir string) {
	t.Helper()
	dir = "/run/film"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	shown := []int{20, 40}
	for _, near := range []int{60, 61, 62, 64, 65, 66} {
		shown = append(shown, slices.Repeat([]int{near}, 10)...)
	}
	for i, n := range append(shown, slices.Repeat([]int{107}, 15)...) {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.jpg", i)), read(t, clip("walk/p01", n)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lay lays the lines of a door that has none, where the gate may write, and returns their chip.
func (m *machine) lay(t *testing.T) string {
	t.Helper()
	m.must("install -d -o facegate -g facegate /var/lib/facegate/lines && cd /var/lib/facegate/lines && " +
		"echo 0 | tee RELAY CONTACT EXIT && chown facegate: *")
	return "/var/lib/facegate/lines"
}

// unit looks at what systemd makes of the units: that it understands every line of them, and that the gate is held as they say.
func (m *machine) unit(t *testing.T) {
	if said := m.must("systemctl is-active facegate && systemctl is-enabled facegate facegate-update"); strings.Fields(said)[0] != "active" {
		t.Error(said)
	}
	if said := m.must("systemd-analyze --man=no verify facegate.service facegate-update.service 2>&1"); said != "" {
		t.Errorf("systemd-analyze verify: %s", said)
	}
	m.must("systemd-analyze security --no-pager --threshold=20 facegate.service | tail -n 1")
	status := string(read(t, fmt.Sprintf("/proc/%d/status", m.pid())))
	for _, want := range []string{"NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "Seccomp:\t2"} {
		if !strings.Contains(status, want+"\n") {
			t.Errorf("the gate is not held by %q:\n%s", want, status)
		}
	}
	m.must("[[ $(ps -o supgid= -p %d | tr -s ', ' '\n\n' | sort -u | xargs) == $(id -G facegate | tr ' ' '\n' | sort -u | xargs) ]]", m.pid())
	for path, writable := range map[string]bool{
		"/etc/facegate": false, "/usr": false, "/var/lib": false, "/home": false, "/var/lib/facegate": true, "/var/lib/facegate-keys": true,
	} {
		_, err := m.sh("root", fmt.Sprintf("nsenter --target %d --mount -- touch %s/probe 2>/dev/null && nsenter --target %[1]d --mount -- rm %[2]s/probe",
			m.pid(), path))
		if (err == nil) != writable {
			t.Errorf("where the gate is %s can be written to: %v, want %v", path, err == nil, writable)
		}
	}
	text := read(t, "/usr/lib/systemd/system/facegate.service")
	unit, err := supervise.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	m.watchdog = unit.Watchdog
}

// killed has the gate killed inside a pulse.
func (m *machine) killed(t *testing.T) {
	took := m.endBy(t, syscall.SIGKILL, safeWithin)
	fmt.Printf("lab: machine: safe %.3f s after kill -9, by the clock of the machine\n", took.Seconds())
}

// suspended has it suspended, so that the watchdog ends it.
func (m *machine) suspended(t *testing.T) {
	took := m.endBy(t, syscall.SIGSTOP, m.watchdog+safeWithin)
	fmt.Printf("lab: machine: safe %.3f s after SIGSTOP, with a watchdog of %v, by the clock of the machine\n", took.Seconds(), m.watchdog)
	if said := m.must("journalctl --no-pager -u facegate | grep -i watchdog || true"); said == "" {
		t.Error("systemd does not say that the watchdog has ended the gate")
	}
}

// endBy sends the gate a signal inside a pulse, and returns how long the relay stayed as it was. systemd starts it again, with all who
// were enrolled.
func (m *machine) endBy(t *testing.T, s syscall.Signal, within time.Duration) time.Duration {
	t.Helper()
	m.press(t)
	before, pid, at := m.changes(), m.pid(), time.Now()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
	m.await("the relay has let go", within+30*time.Second, func() bool { return m.changes() > before })
	took := m.site.pins.changes()[before].at.Sub(at)
	if took > within && !m.contained { // which goes by the clock of a host that may be busy
		t.Errorf("the relay was safe %v after signal %v, want %v at most", took, s, within)
	}
	m.up(pid)
	if n := m.changes() - before; n != 1 {
		t.Errorf("until the gate was ready again the relay has moved %d times, want once", n)
	}
	m.enrolled(t)
	return took
}

// enrolled checks that the one person is enrolled.
func (m *machine) enrolled(t *testing.T) {
	t.Helper()
	if said := m.must("facegate people"); !strings.Contains(said, somebody) {
		t.Errorf("%s is not enrolled any more:\n%s", somebody, said)
	}
}

// misconfigured has the gate fail again and again for a word in its configuration. Whoever asks it how it is gets told.
func (m *machine) misconfigured(t *testing.T) {
	m.edit(t, `site: house`, "sight: house")
	if out, err := m.sh("root", "facegate config check"); err == nil || !strings.Contains(out, "sight") {
		t.Errorf("the configuration is taken for good: %v\n%s", err, out)
	}
	m.sh("root", "systemctl restart facegate")
	before, _ := strconv.Atoi(m.property("facegate.service", "NRestarts"))
	var said string
	m.settles("the gate says why it fails again and again", 2*time.Minute, func() bool {
		said, _ = m.sh("technician", "facegate status")
		starts, _ := strconv.Atoi(m.property("facegate.service", "NRestarts"))
		return strings.Contains(said, "sight") && starts >= before+2
	})
	out, err := m.sh("technician", "facegate status --check")
	if failed, ok := err.(*exec.ExitError); !ok || failed.ExitCode() < 2 || !strings.Contains(out, "sight") {
		t.Errorf("facegate status --check: %v: %s", err, out)
	}
	m.settles("systemctl status says why", time.Minute, func() bool { // which has the log of the last start alone
		return strings.Contains(m.must("systemctl status --no-pager facegate || true"), "sight")
	})
	m.edit(t, `sight: house`, "site: house")
	m.must("facegate config check && systemctl restart facegate")
	m.enrolled(t)
}

// update installs a version, waits until nobody watches any more, and returns how that ended.
func (m *machine) update(t *testing.T, version string) (result string) {
	t.Helper()
	begun := time.Now()
	m.must("dpkg --install facegate_%s_amd64.deb", version)
	if state := m.property("facegate-update.service", "ActiveState"); state != "active" {
		t.Errorf("the update is not watched: %s", state)
	}
	m.settles("the update has been watched", 5*time.Minute, func() bool {
		state := m.property("facegate-update.service", "ActiveState")
		return state == "inactive" || state == "failed"
	})
	fmt.Printf("lab: machine: the update to %s was watched to its end in %.0f s, by the clock of the machine\n", version, time.Since(begun).Seconds())
	m.must("journalctl --no-pager -o cat -u facegate-update | grep ^facegate: | tail -n 3")
	return m.property("facegate-update.service", "Result")
}

// is checks which version is installed, runs, and is up.
func (m *machine) is(t *testing.T, version string) {
	t.Helper()
	m.up(0)
	installed, running := m.must("dpkg-query -W -f '${Version}' facegate"), m.must("readlink /proc/%d/exe", m.pid())
	program := m.must("facegate version | cut -d' ' -f1,2")
	if said := m.must("facegate status"); installed != version || running != "/usr/bin/facegate" || !strings.Contains(said, program+",") {
		t.Errorf("installed is %s, the program is %s, %s runs, and status says:\n%s", installed, program, running, said)
	}
	m.enrolled(t)
}

// updated installs a newer version, which comes up.
func (m *machine) updated(t *testing.T) {
	if result := m.update(t, newer); result != "success" {
		t.Errorf("the update ended with %q", result)
	}
	m.is(t, newer)
}

// takenBack installs a version that does not come up, and wants the former one back, at a door that works.
func (m *machine) takenBack(t *testing.T) {
	if result := m.update(t, bad); result != "exit-code" {
		t.Errorf("the update ended with %q", result)
	}
	m.is(t, newer)
	if said := m.must("systemctl --failed --no-legend"); !strings.Contains(said, "facegate-update.service") {
		t.Errorf("systemctl --failed says nothing of it: %q", said)
	}
	if said := m.must("facegate status"); !strings.Contains(said, "version "+bad+" did not come up") {
		t.Errorf("status says nothing of it:\n%s", said)
	}
	m.must("dpkg --verify facegate")
	before := m.changes()
	m.press(t)
	m.await("the relay has let go", 5*time.Second, func() bool { return m.changes() == before+2 })
}

// removed removes the package, which keeps people, and installs it again.
func (m *machine) removed(t *testing.T) {
	m.must("apt-get remove --yes facegate")
	if m.pid() != 0 {
		t.Error("the gate runs on")
	}
	for _, gone := range []string{"/usr/bin/facegate", "/usr/lib/systemd/system/facegate.service", "/usr/lib/udev/rules.d/99-zz-facegate.rules"} {
		if _, err := os.Stat(gone); err == nil {
			t.Errorf("%s is left", gone)
		}
	}
	if !bytes.Equal(read(t, "/etc/facegate/device.key"), m.key) {
		t.Error("the device key was changed")
	}
	m.must("apt-get install --yes ./facegate_%s_amd64.deb", newer)
	m.is(t, newer)
}

// purged purges the package: the certificate is genuine, and nothing else is left.
func (m *machine) purged(t *testing.T) {
	keyrings := m.keyrings(t)
	said := m.must("apt-get purge --yes facegate")
	if !strings.Contains(said, "the certificate is in /var/backups/facegate-wiped-") {
		t.Errorf("there is no certificate:\n%s", said)
	}
	certificate := m.must("ls /var/backups/facegate-wiped-*/certificate")
	m.must("mkdir /run/unpacked && dpkg-deb -x facegate_%s_amd64.deb /run/unpacked", first)
	verified := m.must(`cd %s && /run/unpacked/usr/bin/facegate receipt verify certificate --key "$(sed -n 's/.*--key \([0-9a-f]*\).*/\1/p' how-to-check.txt)"`,
		filepath.Dir(certificate))
	if !strings.Contains(verified, "1 people") {
		t.Errorf("the certificate does not count who was enrolled:\n%s", verified)
	}
	m.must("! getent passwd facegate && ! getent group facegate")
	m.left(t)
	m.must("sync")
	fmt.Printf("lab: on the disk: %x\n", read(t, certificate)[:64])
	for _, gone := range append(keyrings, m.key, []byte(somebody)) {
		fmt.Printf("lab: nowhere on the disk: %x\n", gone)
	}
}

// keyrings returns what is in the files of keys, but for their beginning, which may be the same in all of a kind.
func (m *machine) keyrings(t *testing.T) (keys [][]byte) {
	paths, err := filepath.Glob("/var/lib/facegate-keys/*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no keyring: %v", err)
	}
	for _, path := range paths {
		text := read(t, path)
		keys = append(keys, text[len(text)-min(32, len(text)):])
	}
	return keys
}

// logs are where a system notes what was done to it, which packages it had, and who its users were before the last change. They may
// name the package, and no person.
var logs = regexp.MustCompile(`^/var/log/|^/var/cache/|^/var/lib/(dpkg|apt|systemd)/|^/var/backups/facegate-wiped-|^/etc/(passwd|group|shadow|gshadow)-$|^/(var/)?tmp/systemd-private-[0-9a-f]+-systemd-`)

// lists are those of users and groups, out of which the user of the gate was taken.
var lists = regexp.MustCompile(`^/etc/(passwd|group|shadow|gshadow)$`)

// left checks that nothing is left on the disk but the certificate and what logs say: no file that was not there before, no change of
// one but the lists of users, and no word of it in any.
func (m *machine) left(t *testing.T) {
	after := files(t)
	for _, path := range slices.Sorted(maps.Keys(after)) {
		if logs.MatchString(path) {
			continue
		}
		if was, ok := m.before[path]; !ok {
			t.Errorf("%s is left: %s", path, after[path])
		} else if was != after[path] && !lists.MatchString(path) {
			t.Errorf("%s is changed: it was %s and is %s", path, was, after[path])
		}
	}
	for path := range m.before {
		if _, ok := after[path]; !ok && !logs.MatchString(path) {
			t.Errorf("%s is gone", path)
		}
	}
	searched := 0
	for path := range after {
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() || m.before[path] == after[path] {
			continue
		}
		text := read(t, path)
		searched++
		if bytes.Contains(text, []byte(somebody)) || bytes.Contains(text, []byte(form)) || bytes.Contains(text, m.key) {
			t.Errorf("the person, or the key, is in %s", path)
		}
		if !logs.MatchString(path) && (bytes.Contains(text, []byte("facegate")) || bytes.Contains(text, []byte("FACEGATE"))) {
			t.Errorf("%s names facegate", path)
		}
	}
	fmt.Printf("lab: machine: of %d files %d are new or changed, and were searched\n", len(after), searched)
}
