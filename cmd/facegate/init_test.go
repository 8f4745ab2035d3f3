package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/interview"
	"facegate/configs"
	"facegate/gpio/sim"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// TestInitFlags has a flag for every question, and a question for every flag.
func TestInitFlags(t *testing.T) {
	word, c := "x", initCommand{}
	for _, p := range []**string{
		&c.Profile, &c.Site, &c.Gate, &c.Alternatives, &c.Camera, &c.Bundle, &c.Line, &c.Kind, &c.Fail, &c.Level, &c.Broker, &c.MQTTUser,
		&c.MQTTPasswordFile, &c.MQTTCAFile,
	} {
		*p = &word
	}
	given := c.given()
	for _, name := range interview.Names() {
		if given[name] != word {
			t.Errorf("the answer %s has no flag", name)
		}
		delete(given, name)
		p := facegate(t.Context(), "init", "--help")
		p.want(t, exitOK, "--"+name+"=", "")
	}
	if len(given) > 0 {
		t.Errorf("nobody asks for %v", given)
	}
}

// initAt answers facegate init for a configuration, a line for each answer.
func initAt(t *testing.T, path string, answers []string, more ...string) printout {
	t.Helper()
	var out, err bytes.Buffer
	in := strings.NewReader(strings.Join(answers, "\n") + "\n")
	code := run(t.Context(), append([]string{"init", "--config", path}, more...), terminal{in: in, out: &out, err: &err, asks: true, machine: bare})
	if in.Len() > 0 && code == exitOK {
		t.Errorf("%d bytes of the answers are left", in.Len())
	}
	return printout{code, out.String(), err.String()}
}

// enough flags for a gate that has nothing.
var enough = []string{
	"--profile", "eu", "--site", "hq", "--camera", "/dev/v4l/by-id/cam", "--line", "GPIO17", "--kind", "strike", "--fail", "secure", "--untested",
}

// TestInitWithoutTerminal writes a configuration by flags alone, says what is missing by law, and changes nothing unasked.
func TestInitWithoutTerminal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "etc", "facegate.yaml")
	init := func(more ...string) printout {
		return facegate(t.Context(), append([]string{"init", "--config", path}, more...)...)
	}
	init(enough[2:]...).want(t, exitFailed, "", "to do: give it with --profile")
	absent(t, path)

	p := init(enough...)
	for _, text := range []string{
		path + " is written\n", "assessment.id: is empty [GDPR Art. 35(3)(b)]\n", "notice.sign_installed: is not true; put up the sign",
		"    to do: have the assessment made", "note: the door was not tested: facegate door test\n", "sudo facegate models fetch", "facegate enroll NAME",
	} {
		p.want(t, exitOK, text, "")
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if got, want := strings.Count(string(text), "#"), strings.Count(string(configs.Reference()), "#"); got != want {
		t.Errorf("%d comments, the reference has %d", got, want)
	}
	facegate(t.Context(), "config", "check", "--config", path, "--user", self()).want(t, exitFailed, "", "assessment.id: is empty [GDPR")

	init("--site", "other", "--untested").want(t, exitUnconfirmed, "", path+" is there already, and would be changed")
	init("--site", "a/b", "--untested").want(t, exitFailed, "", "to do: give another --site: ")
	var v initDone
	init("--site", "other", "--untested", "--yes", "--json").decode(t, &v)
	if v.Former != path+".former" || !v.Written || !slices.ContainsFunc(v.Missing, func(o owed) bool { return o.Key == "assessment.id" && o.Law != "" && o.Todo != "" }) {
		t.Errorf("--json says %+v", v)
	}
	former, err := os.ReadFile(v.Former)
	must(t, err)
	if now, err := os.ReadFile(path); !bytes.Equal(former, text) || err != nil || !strings.Contains(string(now), "\nsite: other\n") {
		t.Errorf("the former one is not kept, or the new one is not written: %v", err)
	}
	init("--untested").want(t, exitOK, path+" stays as it is\n", "")
}

// TestInitKeepsRights has a new file be as open as the one before it, and leaves a file alone that says nothing which can be read.
func TestInitKeepsRights(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facegate.yaml")
	must(t, os.WriteFile(path, []byte("profile: lab\nsit: hq\n"), 0o640))
	facegate(t.Context(), append([]string{"init", "--config", path, "--yes"}, enough...)...).want(t, exitFailed, "", `unknown key "sit"; did you mean "site"?`)
	must(t, os.WriteFile(path, []byte("key_file: "+filepath.Join(filepath.Dir(path), "key")+"\nstate_dir: "+t.TempDir()+"\n"), 0o640))
	must(t, os.Chmod(path, 0o604))
	p := facegate(t.Context(), append([]string{"init", "--config", path, "--yes"}, enough...)...)
	p.want(t, exitOK, "is the new device key", "")
	for name, mode := range map[string]os.FileMode{path: 0o604, path + ".former": 0o604, filepath.Join(filepath.Dir(path), "key"): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, want mode %v: %v", name, info.Mode(), mode, err)
		}
	}
	before, err := os.ReadFile(filepath.Join(filepath.Dir(path), "key"))
	must(t, err)
	facegate(t.Context(), "init", "--config", path, "--untested").want(t, exitOK, "stays as it is", "")
	if after, err := os.ReadFile(filepath.Join(filepath.Dir(path), "key")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the device key is another one: %v", err)
	}
}

// A knock does something when an answer is awaited, and then answers yes.
type knock struct{ do func() }

func (k *knock) Read(p []byte) (int, error) {
	if k.do == nil {
		return 0, io.EOF
	}
	k.do()
	k.do = nil
	return copy(p, "y\n"), nil
}

// TestInitMeanwhile leaves a configuration alone that somebody else has changed while questions were asked.
func TestInitMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facegate.yaml")
	must(t, os.WriteFile(path, []byte("gate: front\n"), 0o600))
	const others = "gate: back\n"
	in := &knock{func() { must(t, os.WriteFile(path, []byte(others), 0o600)) }}
	args := append([]string{
		"init", "--config", path, "--gate", "side", "--level", "high", "--broker", "tcp://127.0.0.1:1883", "--mqtt-user", "none",
		"--bundle", "registry", "--alternatives", "key",
	}, enough...)
	var out, errs bytes.Buffer
	code := run(t.Context(), args, terminal{in: in, out: &out, err: &errs, asks: true, machine: bare})
	printout{code, out.String(), errs.String()}.want(t, exitFailed, "", "was changed meanwhile")
	if now, err := os.ReadFile(path); string(now) != others || in.do != nil {
		t.Errorf("the file is %q, %v", now, err)
	}
	absent(t, path+".former")
}

// TestInitOwnsNoTarget gives away a link, and not what it leads to.
func TestInitOwnsNoTarget(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	must(t, os.WriteFile(target, nil, 0o600))
	must(t, os.Symlink(target, link))
	must(t, place{}.own(link, 65534, 65534))
	info, err := os.Stat(target)
	must(t, err)
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
		t.Errorf("what the link leads to is %d's", uid)
	}
}

// film writes a recording in which somebody stands there, is gone, comes, and is gone again.
func film(t *testing.T, path, person string) {
	t.Helper()
	gone := gatetest.Hold([][]byte{gatetest.Corridor(t)}, 3*time.Second)
	frames := slices.Concat(gatetest.Pose(t, person), gatetest.Pose(t, person), gone, gatetest.Arrival(t), gone)
	must(t, os.WriteFile(path, bytes.Join(frames, nil), 0o600))
}

// most is how many answers somebody gives who sets up their first gate, until it lets somebody in.
const most = 25

// TestFirstGate has somebody set up a gate who has never done that: they answer what facegate init asks, start the gate, enrol the one
// who stands there, and see them let in. Folders, frames, the distance of faces and the patience with a busy machine are those of the
// test, as a file says beforehand.
func TestFirstGate(t *testing.T) {
	t.Parallel()
	site, account := gatetest.NewSite(t), loopback.NewAccount()
	must(t, os.Remove(site.Path("device.key")))
	broker := contracttest.Start(t, account)
	building, _ := building(t, site, broker, account)
	board := sim.Board(site.Path("board"))
	must(t, os.Mkdir(string(board), 0o700))
	film(t, site.Path("film.mjpeg"), "p01")
	path := site.Path("facegate.yaml")
	must(t, os.WriteFile(path, fmt.Appendf(nil, "state_dir: %s\nkey_file: %s\ncontrol: {socket: %s, group: \"\"}\nvision: {models_dir: %s}\n"+
		"camera: {fps: %d, max_age: 3s, loop: true}\nzone: {min_face: 45}\ndoor: {pulse: 300ms}\ndecide: {window: 5s, rearm: 1s}\n",
		site.State(), site.Path("device.key"), site.Socket(), gatetest.Models(t), gatetest.FPS), 0o600))

	answers := []string{
		"lab", "test", "front", site.Path("film.mjpeg"), "", "sim:" + string(board), "y", "y", "y", "y",
		broker.URL(), account.Username, site.Path("password"), "y",
	}
	begun := time.Now()
	p := initAt(t, path, answers)
	for _, says := range []string{
		"nothing is wrong with the camera", "the networks of registry are there", "One pulse of 300ms follows", "it gives back what the gate tells", "Write it?",
	} {
		p.want(t, exitOK, "Nothing is missing by law", says)
	}
	facegate(t.Context(), "config", "check", "--config", path, "--user", self()).want(t, exitOK, "is valid: gate front of site test", "")
	launchFile(t, site, path, nil).status(t)
	facegate(t.Context(), "enroll", "p01", "--consent", "form", "--age", "adult", "--witness", "Li Na", "--config", path).want(t, exitOK, "p01 is enrolled until ", "captured\n")
	building.wantPass(t, 1, false)
	if len(answers) > most {
		t.Errorf("%d answers, want %d at most", len(answers), most)
	}
	t.Logf("%d answers, and %v until somebody is let in", len(answers), time.Since(begun).Round(time.Second))
	if edges, err := board.Edges("GPIO17"); err != nil || len(edges) < 3 { // the test of the door, and somebody
		t.Errorf("the relay has moved so: %+v, %v", edges, err)
	}
}
