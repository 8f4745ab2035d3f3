package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/device/replay"
	"facegate/gpio"
	"facegate/pipeline/models"
)

// want checks a printout: its code, and what each stream says. An empty text wants an empty stream.
func (p printout) want(t *testing.T, code int, out, err string) {
	t.Helper()
	if p.code != code {
		t.Errorf("exit code %d, want %d", p.code, code)
	}
	for _, stream := range []struct{ name, got, want string }{{"output", p.out, out}, {"errors", p.err, err}} {
		if stream.want == "" && stream.got != "" || !strings.Contains(stream.got, stream.want) {
			t.Errorf("%s:\n%s\nwant:\n%s", stream.name, stream.got, stream.want)
		}
	}
}

// decode reads a printout as JSON.
func (p printout) decode(t *testing.T, v any) {
	t.Helper()
	p.decodeAs(t, exitOK, v)
}

// decodeAs reads a printout as JSON that came with an exit code.
func (p printout) decodeAs(t *testing.T, code int, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.out), v); err != nil || p.code != code {
		t.Fatalf("code %d, %v:\n%s%s", p.code, err, p.out, p.err)
	}
}

func TestVersion(t *testing.T) {
	facegate(t.Context(), "version").want(t, exitOK, "facegate development (go1.", "")
	var v struct{ Version, Go, System string }
	facegate(t.Context(), "version", "--json").decode(t, &v)
	if v.Version != version || v.Go == "" || v.System == "" {
		t.Errorf("version --json says %+v", v)
	}
}

// leaves returns every command that can be given.
func leaves(t *testing.T) []*kong.Node {
	t.Helper()
	parser, err := kong.New(&commandLine{}, kong.Name("facegate"), kong.Vars{"version": version}, typed(), kong.Bind(terminal{}))
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Leaves(true)
}

// TestHelp checks that each command explains itself and all of its flags and arguments.
func TestHelp(t *testing.T) {
	leaves := leaves(t)
	if len(leaves) < 18 {
		t.Fatalf("only %d commands", len(leaves))
	}
	for _, leaf := range leaves {
		name := strings.TrimSpace(strings.TrimPrefix(leaf.FullPath(), "facegate"))
		t.Run(name, func(t *testing.T) {
			p := facegate(t.Context(), append(strings.Fields(name), "--help")...)
			p.out = strings.Join(strings.Fields(p.out), " ") // its lines are broken
			p.want(t, exitOK, leaf.Help, "")
			if leaf.Help == "" {
				t.Error("the command has no help")
			}
			for _, f := range leaf.Flags {
				if f.Help == "" {
					t.Errorf("the flag --%s has no help", f.Name)
				}
			}
			for _, a := range leaf.Positional {
				if a.Help == "" {
					t.Errorf("the argument %s has no help", a.Name)
				}
			}
		})
	}
	facegate(t.Context(), "--help").want(t, exitOK, "Enrol the consenting person", "")
}

func TestWrongCommandLine(t *testing.T) {
	for _, args := range [][]string{{}, {"open"}, {"enroll"}, {"enroll", "Ada"}, {"status", "--jsn"}, {"door"}} {
		facegate(t.Context(), args...).want(t, exitUsage, "", "facegate --help lists the commands")
	}
}

func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	check := func(path string, more ...string) printout {
		return facegate(t.Context(), append([]string{"config", "check", "--config", path, "--user", self()}, more...)...)
	}
	good := file("good.yaml", "profile: lab\nsite: north\ngate: front\ndoor: {kind: strike, fail: secure}\n")
	check(good).want(t, exitOK, "is valid: gate front of site north", "")
	var v map[string]any
	check(good, "--json").decode(t, &v)
	if diff := cmp.Diff(map[string]any{"ok": true, "site": "north", "gate": "front"}, v); diff != "" {
		t.Errorf("config check --json (-want +got):\n%s", diff)
	}

	bad := file("bad.yaml", "profile: lab\nsite: north\ngate: front\ncamera:\n  fsp: 20\n")
	check(bad).want(t, exitFailed, "",
		fmt.Sprintf(`facegate: %[1]s:5:3: camera: unknown key "fsp"; did you mean "fps"?
  5 |   fsp: 20
    |   ^
  to do: correct %[1]s and check it with: facegate config check --config %[1]s
`, bad))
	facegate(t.Context(), "run", "--config", bad).want(t, exitFailed, "", bad+`:5:3: camera: unknown key "fsp"`)

	none := filepath.Join(dir, "none.yaml")
	check(none).want(t, exitFailed, "",
		"to do: write one with: facegate init --config "+none)
	check(dir).want(t, exitFailed, "", "is not a regular file, but a folder")

	example := facegate(t.Context(), "config", "example")
	example.want(t, exitOK, string(configs.Reference()), "")
	path := file("example.yaml", example.out)
	check(path).want(t, exitFailed, "", "profile: is missing; name whose law the gate stands under: cn, eu, us-il, or lab")
	check(path).want(t, exitFailed, "", "door.kind: is missing")
	answered := strings.NewReplacer(`profile: ""`, "profile: lab", `kind: ""`, "kind: maglock", `fail: ""`, "fail: safe").Replace(example.out)
	check(file("answered.yaml", answered)).want(t, exitOK, "is valid", "")
}

func TestModels(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(gatetest.Models(t))); err != nil {
		t.Fatal(err)
	}
	facegate(t.Context(), "models", "verify", "--dir", dir).want(t, exitOK, "ok  ", "")
	var list struct {
		Bundles []struct {
			Name               string
			Recommended, There bool
		}
		Networks []struct {
			Name, Licence, Source, Provenance, State, Used string
			Files                                          []models.File
		}
	}
	facegate(t.Context(), "models", "list", "--json", "--dir", dir).decode(t, &list)
	for _, b := range list.Bundles {
		if b.Recommended != (b.Name == "open") || b.Name == "registry" && !b.There {
			t.Errorf("of the bundle %+v", b)
		}
	}
	if len(list.Networks) < 10 {
		t.Errorf("%d networks listed", len(list.Networks))
	}
	for _, n := range list.Networks {
		if n.Licence == "" || n.Source == "" || n.Provenance == "" || len(n.Files) == 0 || (n.State == "ok") != (n.Used != "") {
			t.Errorf("of the network %+v", n)
		}
	}
	facegate(t.Context(), "models", "list", "--dir", t.TempDir()).want(t, exitOK, "missing", "")
	facegate(t.Context(), "models", "fetch", "--dir", dir).want(t, exitOK, "ok", "note: for production there is bundle open")

	bundle := gatetest.Bundle(t)
	embedder := filepath.Join(dir, bundle.Embedder.Files[0].File)
	data, err := os.ReadFile(embedder)
	if err != nil {
		t.Fatal(err)
	}
	data[1000] ^= 1
	if err := os.WriteFile(embedder, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, bundle.Detector.Files[0].File)); err != nil {
		t.Fatal(err)
	}
	p := facegate(t.Context(), "models", "verify", "--dir", dir)
	p.want(t, exitFailed, "wrong hash", "to do: run facegate models fetch --bundle registry --dir "+dir)
	p.want(t, exitFailed, "missing ", "not all models")
	var rows []struct{ Name, State string }
	p = facegate(t.Context(), "models", "verify", "--json", "--dir", dir)
	if err := json.Unmarshal([]byte(p.out), &rows); err != nil || p.code != exitFailed || len(rows) != len(bundle.Models()) {
		t.Errorf("verify --json: code %d, %v:\n%s", p.code, err, p.out)
	}
	facegate(t.Context(), "models", "verify", "--bundle", "none").want(t, exitFailed, "", "to do: the bundles are registry")
	facegate(t.Context(), "models", "import", t.TempDir(), "--dir", dir).want(t, exitFailed, "", "to do: ")
}

func TestKeyCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.key")
	facegate(t.Context(), "key", "create", path).want(t, exitOK, path+" created", "")
	facegate(t.Context(), "key", "create", path).want(t, exitFailed, "", "to do: keep it")
	facegate(t.Context(), "key", "create", path+"/none").want(t, exitFailed, "", "to do: choose a directory")
}

func TestDoorSafe(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, nil)
	facegate(t.Context(), "door", "safe", "--config", config).want(t, exitOK, "simulated line is at its safe level", "")
	config = site.WriteConfig(t, gatetest.Settings{"door": "{driver: cdev, kind: strike, fail: secure, line: NO_SUCH_LINE}"})
	facegate(t.Context(), "door", "safe", "--config", config).want(t, exitFailed, "", "to do: ")
	facegate(t.Context(), "run", "--config", config).want(t, exitFailed, "", "to do: ")
}

func TestNotRunning(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none.sock")
	for _, args := range [][]string{
		{"status"}, {"people"}, {"erase", "Ada"}, {"door", "test"}, {"enroll", "Ada", "--consent", "form", "--age", "adult"},
	} {
		facegate(t.Context(), append(args, "--socket", socket)...).want(t, exitNotRunning, "",
			"facegate: the gate is not running: nothing answers at "+socket+"\n  to do: start it")
	}
}

// A live gate runs in this process, before a stage.
type live struct {
	site  gatetest.Site
	stage *replay.Stage
	stop  func() // returns when the gate has ended
}

func startLive(t *testing.T, site gatetest.Site, more gatetest.Settings) *live {
	t.Helper()
	l := &live{site: site, stage: gatetest.Stage(t)}
	d, err := daemon.New(site.Config(t, more), daemon.Outside{Source: l.stage, Clock: gatetest.TimeServer()}, "test", discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	l.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(l.stop)
	<-d.Ready()
	return l
}

// startWith starts a gate at which people of testdata are enrolled. do carries out a command on it, also once it is stopped: it
// is named by its socket and by its configuration.
func startWith(t *testing.T, more gatetest.Settings, enrolled ...string) (l *live, config string, do func(args ...string) printout) {
	t.Helper()
	site := gatetest.NewSite(t)
	config = site.WriteConfig(t, more)
	l = startLive(t, site, more)
	for _, person := range enrolled {
		if p := l.enroll(t, person); p.code != exitOK {
			t.Fatalf("enrol %s: %s", person, p.err)
		}
	}
	return l, config, func(args ...string) printout { return l.do(t, append(args, "--config", config)...) }
}

// do carries out a command on the live gate.
func (l *live) do(t *testing.T, args ...string) printout {
	t.Helper()
	return facegate(t.Context(), append(args, "--socket", l.site.Socket())...)
}

// enroll carries out facegate enroll with a person of testdata before the camera.
func (l *live) enroll(t *testing.T, person string, more ...string) printout {
	t.Helper()
	return l.enrollAs(t, person, person, more...)
}

// enrollAs is enroll, under another label.
func (l *live) enrollAs(t *testing.T, person, label string, more ...string) printout {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	posed := make(chan error, 1)
	pose := gatetest.Pose(t, person)
	go func() {
		var err error
		for err == nil { // a busy machine may need them more than once
			err = l.stage.Play(ctx, pose)
		}
		posed <- err
	}()
	if !slices.Contains(more, "--witness") { // a test may run as root, who is nobody's witness
		more = append(more, "--witness", "Li Na")
	}
	p := l.do(t, append([]string{"enroll", label, "--consent", "form " + person, "--age", "adult"}, more...)...)
	cancel()
	if err := <-posed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	return p
}

// awaitLocked waits until no pulse is under way.
func (l *live) awaitLocked(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var s status.Status
		if l.do(t, "status", "--json").decode(t, &s); s.Door.State == gpio.Locked {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the door stays open")
		}
	}
}

// copies are sites at which people of testdata are enrolled, for tests to copy.
type copies struct {
	mu   sync.Mutex
	dirs map[string]string // by who is enrolled
}

// enrolments are those of all tests here. To enrol somebody takes a gate and seconds of its networks.
var enrolments = sync.OnceValue(func() *copies { return &copies{dirs: map[string]string{}} })

// remove removes them all.
func (c *copies) remove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, dir := range c.dirs {
		os.RemoveAll(dir)
	}
}

// of returns the folder of a site at which these people are enrolled.
func (c *copies) of(t *testing.T, enrolled []string) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	who := strings.Join(enrolled, " ")
	if dir, ok := c.dirs[who]; ok {
		return dir
	}
	l, _, _ := startWith(t, nil, enrolled...)
	l.stop()
	dir, err := os.MkdirTemp("", "facegate-")
	must(t, err)
	c.dirs[who] = dir
	copyAll(t, l.site.Dir, dir)
	return dir
}

// copyAll copies what is in a folder, with its modes.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	if said, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// enrolledSite returns a site at which people of testdata are enrolled.
func enrolledSite(t *testing.T, enrolled ...string) gatetest.Site {
	t.Helper()
	site := gatetest.NewSite(t)
	copyAll(t, enrolments().of(t, enrolled), site.Dir)
	return site
}

// An interrupter is a technician who presses Ctrl-C at the first line.
type interrupter struct {
	said      bytes.Buffer
	interrupt func()
}

func (i *interrupter) Write(b []byte) (int, error) {
	i.interrupt()
	return i.said.Write(b)
}

// TestLive asks a running gate for all that a technician can, as text and as JSON.
func TestLive(t *testing.T) {
	l := startLive(t, gatetest.NewSite(t), nil)
	l.do(t, "people").want(t, exitOK, "LABEL", "")
	expires := time.Now().AddDate(0, 0, 365).UTC().Format(time.DateOnly)
	l.enroll(t, "p01").want(t, exitOK, "p01 is enrolled until "+expires, "5 of 5 frames: captured\n")
	var person people.Person
	l.enroll(t, "p02", "--json").decode(t, &person)
	if person.Label != "p02" || person.Consent != "form p02" {
		t.Errorf("enroll --json says %+v", person)
	}
	l.do(t, "enroll", "p01", "--consent", "form", "--age", "adult").want(t, exitFailed, "", "to do: choose another label")

	today := time.Now().UTC().Format(time.DateOnly)
	l.do(t, "people").want(t, exitOK, strings.Join([]string{
		"LABEL  ENROLLED    EXPIRES     CONSENT",
		"p01    " + today + "  " + expires + "  form p01",
		"p02    " + today + "  " + expires + "  form p02", "",
	}, "\n"), "")
	var all []people.Person
	l.do(t, "people", "--json").decode(t, &all)
	if len(all) != 2 || all[1].Label != "p02" {
		t.Errorf("people --json says %+v", all)
	}

	l.awaitLocked(t) // whoever has been enrolled and still stands there is let in
	l.do(t, "door", "test").want(t, exitOK, "the door was unlocked for 3", "")
	l.do(t, "door", "test").want(t, exitFailed, "", "to do: wait ")
	var door doortrial.Report
	time.Sleep(2500 * time.Millisecond) // or it would be asked too often how the door is
	gatetest.Eventually(t, "the door has rested", func() bool {
		p := l.do(t, "door", "test", "--json")
		return p.code == exitOK && json.Unmarshal([]byte(p.out), &door) == nil
	})
	if door.Pulse == nil || door.Pulse.Pulse < 300*time.Millisecond || len(door.Findings) > 0 {
		t.Errorf("door test --json says %+v", door)
	}

	p := l.do(t, "status")
	text := strings.Join(strings.Fields(p.out), " ") // the width of the columns depends on what there is to say
	for _, line := range []string{
		"gate front of test, facegate test, up ", "camera streaming: stage, ", "frames looking for faces", "door locked, ",
		"broker not connected, ", "to do: Start the broker", "people 2 of at most ", "networks registry: mobilefacenet",
		"device key file",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("status does not say %q:\n%s", line, p.out)
		}
	}
	var s status.Status
	gatetest.Eventually(t, "the openings are written down", func() bool { // and those by hand are two
		l.do(t, "status", "--json").decode(t, &s)
		return s.MQTT.Queued == s.Frames.Latency.Grants+2
	})
	if s.People.Enrolled != 2 || s.Frames.Now != "looking for faces" || s.Door.Pulses < 2 {
		t.Errorf("status --json says %+v", s)
	}

	l.do(t, "erase", "--yes", "p01").want(t, exitOK, "p01 is erased", "")
	l.do(t, "erase", "--yes", "p01").want(t, exitFailed, "", "to do: list the labels with: facegate people")
	var erased map[string]string
	l.do(t, "erase", "--yes", "p02", "--json").decode(t, &erased)
	if erased["erased"] != "p02" {
		t.Errorf("erase --json says %v", erased)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	lines := &interrupter{interrupt: cancel}
	args := []string{"enroll", "p01", "--consent", "form", "--age", "adult", "--socket", l.site.Socket()}
	p = printout{code: run(ctx, args, terminal{out: &out, err: lines}), out: out.String(), err: lines.said.String()}
	p.want(t, exitFailed, "", "0 of 5 frames: nobody - Please stand in front of the camera.\nfacegate: interrupted before it was done\n")
}
