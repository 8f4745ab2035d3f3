package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"facegate/cmd/facegate/internal/gatetest"
)

// session is what TestDocsAreRun types at a gate that runs without networks, in this order: $DIR is a folder, and > leads into a
// file. What of a command line depends on the machine is added to it. A number in front is the exit code, if it is not 0.
//
// Whoever adds a command or a flag to a document adds it here, or, where no gate of a test can do it, to elsewhere.
const session = `
version
man
completion bash
config example > $DIR/example.yaml
notice --lang en > $DIR/notice.en.md
notice --lang en --html > $DIR/notice.en.html
notice --source
notice --words
rules
policy
status
2: status --check
people
device pubkey > $DIR/device.pub
person add Ada --until 2040-01-31 --reference 4711 --pass $DIR/first.png
person add Bob --until 2040-01-31 --reference 4712 --group staff
person show Ada
person show Ada --letter
people --form 4711
person relabel Bob Ben
person group Ada staff cleaners
person group Ada
person group Ada --none
person pass Ada --png $DIR/ada.png
pin set Ada --generate
pin number Ada
pin number Ada --new
pin duress Ada --generate
pin duress Ada --remove
pin remove Ada
card list Ada
pass key new $DIR/office.key
pass key add desk $DIR/office.key.pub
pass key list
pass issue --key $DIR/office.key --gate test/front --for 8h --pdf $DIR/pass.pdf --png $DIR/pass.png --notice $DIR/notice.en.md
pass list --key $DIR/office.key
pass list
pass show $DIR/pass.png
pass revoke --pass $DIR/pass.png
pass key remove desk
key create $DIR/another.key
key new $DIR/operator.key
key add room $DIR/operator.key.pub
key list
key remove room
backup create $DIR/backup
erase Ben --receipt $DIR/ben.json
erase --pass $DIR/ada.png --receipt $DIR/ada.json
receipt show $DIR/ben.json
receipt show $DIR/ben.json --pdf $DIR/ben.pdf
receipt prove $DIR/ada.json
receipt fetch $DIR/receipts
audit verify
audit checkpoint --output $DIR/checkpoint
audit verify --since $DIR/checkpoint --receipt $DIR/ada.json
witness create $DIR/witness.db --name residents.example/witness
witness key $DIR/witness.db
witness list $DIR/witness.db
lockout reset
clock
clock confirm
epoch status
faces off --reason maintenance
faces on
destroy-templates
destroy-templates --end
door status
door test
door watch --for 100ms
door hold 45m --reason furniture
door release
mqtt status
mqtt test
camera list
bugreport $DIR/report.txt --log $DIR/example.yaml
models list
`

// afterwards is what is typed at the same gate when it is stopped.
const afterwards = `
door safe
wipe --certificate $DIR/certificate.json
`

// slowly is what takes seconds of the processor or more.
const slowly = `
eval passes --showings 1 --sides 8 --media paper --kinds token
demo --profile eu
`

// elsewhere has the commands of documents that need what the gate of TestDocsAreRun has not, and the file of the tests that run
// them, with the words by which they are found there.
var elsewhere = map[string]struct{ file, words, needs string }{
	"init":                   {"init_test.go", `"init", "--config"`, "a machine that has no gate yet"},
	"run":                    {"e2e_test.go", `launch(`, "a process of its own"},
	"demo":                   {"session_test.go", `demo --profile`, "a minute, by TestDocsAreRunSlowly"},
	"eval passes":            {"session_test.go", `eval passes --showings`, "seconds of the processor, by TestDocsAreRunSlowly"},
	"enroll":                 {"again_test.go", `"--again"`, "somebody before the camera"},
	"erase":                  {"receipts_test.go", `"erase"`, "receipts of several erasures"},
	"person withdraw":        {"add_test.go", `"--keep-member"`, "somebody who was enrolled"},
	"pin":                    {"pin_test.go", `"pin", `, "somebody who types"},
	"card":                   {"card_test.go", `"card", "add"`, "a reader"},
	"pass revoke":            {"visitor_test.go", `"revoke"`, "the number of a pass"},
	"key create":             {"tpm_test.go", `"--tpm"`, "a TPM"},
	"receipt verify":         {"receipts_test.go", `"--form"`, "the form of a consent"},
	"receipt show":           {"receipt_proof_test.go", `"receipt", "show"`, "a witness"},
	"epoch":                  {"epoch_test.go", `"epoch", "begin"`, "networks"},
	"open":                   {"open_test.go", `"--remote"`, "a broker"},
	"mqtt watch":             {"mqtt_test.go", `"mqtt", "watch"`, "a broker"},
	"mqtt forget":            {"mqtt_forget_test.go", `"mqtt", "forget"`, "a broker"},
	"doctor":                 {"doctor_test.go", `"doctor", "--json"`, "a machine"},
	"door lines":             {"door_lines_test.go", `"door", "lines"`, "a board"},
	"door test --direct":     {"door_trial_test.go", `"--direct"`, "a gate that is stopped, and a board"},
	"camera test":            {"camera_list_test.go", `"camera", "test"`, "a camera"},
	"config check":           {"cli_test.go", `"config", "check"`, "networks"},
	"camera aim":             {"camera_aim_test.go", `"camera", "aim"`, "networks"},
	"camera prompt":          {"camera_aim_test.go", `"camera"`, "networks"},
	"camera calibrate":       {"camera_calibrate_test.go", `"camera", "calibrate"`, "somebody before the camera"},
	"backup restore":         {"backup_test.go", `"backup", "restore"`, "a loss"},
	"models fetch":           {"cli_test.go", `"models", "fetch"`, "networks"},
	"models import":          {"foreign_test.go", `"models", "import"`, "a stick"},
	"models verify":          {"cli_test.go", `"models", "verify"`, "networks"},
	"models adopt":           {"models_adopt_test.go", `"models", "adopt"`, "pictures of people"},
	"eval recognition":       {"eval_people_test.go", `"eval", "recognition"`, "pictures of people"},
	"eval liveness":          {"eval_liveness_test.go", `"eval", "liveness"`, "pictures of people"},
	"eval quality":           {"eval_quality_test.go", `"eval", "quality"`, "pictures of people"},
	"update":                 {"update_test.go", `"update"`, "a release"},
	"status":                 {"status_test.go", `"--check"`, "a gate that is well"},
	"completion":             {"cli_test.go", `"completion"`, "another shell"},
	"office":                 {"office_test.go", `"office", "--listen"`, "somebody at a browser"},
	"clock confirm":          {"clock_test.go", `"clock"`, "somebody who reads the date"},
	"destroy-templates":      {"epoch_test.go", `"destroy-templates"`, "templates"},
	"person show":            {"add_test.go", `"--letter"`, "another language"},
	"witness add":            {"witness_test.go", `"witness", "add"`, "the key of a log"},
	"witness serve":          {"witness_test.go", `"witness", "serve"`, "logs that ask"},
	"audit checkpoint --for": {"witnessed_test.go", `"checkpoint", "--for"`, "a witness"},
	"audit cosigned":         {"witnessed_test.go", `"audit", "cosigned"`, "what a witness has answered"},
	"witness sign":           {"witness_test.go", `"witness", "sign"`, "the request of a log"},
	"witness forget":         {"witness_test.go", `"witness", "forget"`, "a log that was followed"},
	"models list":            {"cli_test.go", `"models", "list"`, "networks"},
}

// A step of a session is one command line.
type step struct {
	code int
	args []string
	into string // a file, "" for none
}

// steps reads a session.
func steps(t *testing.T, text, dir string) (all []step) {
	t.Helper()
	for line := range strings.Lines(text) {
		var s step
		line, s.into, _ = strings.Cut(strings.ReplaceAll(strings.TrimSpace(line), "$DIR", dir), " > ")
		if code, rest, ok := strings.Cut(line, ": "); ok {
			s.code, line = int(code[0]-'0'), rest
		}
		if s.args = strings.Fields(line); len(s.args) > 0 {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		t.Fatal("an empty session")
	}
	return all
}

// shapeOf returns the words of a command, and the flags that are given to it.
func shapeOf(args []string) (words string, flags []string) {
	parser, err := kong.New(grammar(args), kong.Name("facegate"), kong.Exit(func(int) {}), kong.Vars{"version": version}, typed(), kong.Bind(terminal{}))
	if err != nil {
		return "", nil
	}
	c, err := kong.Trace(parser, args)
	if err != nil {
		return "", nil
	}
	for _, p := range c.Path {
		switch {
		case p.Command != nil:
			words = strings.TrimSpace(words + " " + p.Command.Name)
		case p.Flag != nil:
			flags = append(flags, p.Flag.Name)
		}
	}
	return words, flags
}

// byWords has the commands by their words.
func byWords(t *testing.T) map[string]*kong.Node {
	t.Helper()
	all := map[string]*kong.Node{}
	for _, n := range leaves(t) {
		all[strings.TrimPrefix(n.FullPath(), "facegate ")] = n
	}
	return all
}

// A desk is a gate at which a session is typed.
type desk struct {
	dir, config string
	live        *live
	commands    map[string]*kong.Node // by their words
}

// newDesk starts a gate without networks, with a broker.
func newDesk(t *testing.T) *desk {
	t.Helper()
	site := gatetest.NewSite(t)
	_, mqtt := loopbackBroker(t, site)
	more := gatetest.Settings{
		"vision": "{models_dir: " + site.Path("none") + "}", "mqtt": mqtt,
		"door": "{driver: sim, pulse: 200ms, max_open: 1h}", "alternatives": "[qr]",
		"rules": "[{by: [pass]}, {by: [face], groups: [staff, cleaners]}]",
	}
	return &desk{site.Dir, site.WriteConfig(t, more), startLive(t, site, more), byWords(t)}
}

// do types a step, with what depends on the machine, and asJSON if it can be. It returns the words of the command, and whether it
// printed JSON.
func (d *desk) do(t *testing.T, s step, asJSON bool) (p printout, words string, isJSON bool) {
	t.Helper()
	words, given := shapeOf(s.args)
	args := slices.Clone(s.args)
	for _, f := range d.commands[words].Flags {
		if slices.Contains(given, f.Name) {
			continue
		}
		switch f.Name {
		case "config":
			args = append(args, "--config", d.config)
		case "user":
			args = append(args, "--user", self())
		case "dir":
			args = append(args, "--dir", d.dir)
		case "yes":
			args = append(args, "--yes")
		case "json":
			if asJSON {
				args, isJSON = append(args, "--json"), true
			}
		}
	}
	p = facegate(t.Context(), args...)
	if p.code != s.code {
		t.Errorf("%s: exit code %d, want %d\n%s%s", strings.Join(args, " "), p.code, s.code, p.out, p.err)
	}
	if s.into != "" {
		must(t, os.WriteFile(s.into, []byte(p.out), 0o600))
	}
	return p, words, isJSON
}

// play types a session, and then what is typed at the stopped gate. each is called after each step.
func (d *desk) play(t *testing.T, asJSON bool, each func(s step, words, out string)) {
	t.Helper()
	for i, text := range []string{session, afterwards} {
		for _, s := range steps(t, text, d.dir) {
			p, words, isJSON := d.do(t, s, asJSON)
			if isJSON == asJSON {
				each(s, words, p.out)
			}
		}
		if i == 0 {
			d.live.stop()
		}
	}
}

// TestDocsAreRun types a session, and checks that every command of the documents is in it, with each of its flags, or is run by
// another test.
func TestDocsAreRun(t *testing.T) {
	typed := map[string][]string{} // flags, by the words of a command
	d := newDesk(t)
	d.play(t, false, func(s step, words, _ string) {
		_, flags := shapeOf(s.args)
		typed[words] = append(typed[words], flags...)
	})
	added := []string{"json", "socket", "config", "user", "dir", "yes", "help", "version"}
	for _, m := range mentions(t) {
		args, ok := m.is("facegate")
		if !ok || len(args) == 0 {
			continue
		}
		words, flags := shapeOf(examples(args))
		if d.commands[words] == nil {
			continue
		}
		flags = slices.DeleteFunc(flags, func(f string) bool { return slices.Contains(added, f) })
		if known, ok := typed[words]; ok && !slices.ContainsFunc(flags, func(f string) bool { return !slices.Contains(known, f) }) {
			continue
		}
		if !isElsewhere(t, words, flags) {
			t.Errorf("%s: no test runs it: add it to session or elsewhere (session_test.go)", m)
		}
	}
}

// isElsewhere reports whether another test runs a command, which has to be there.
func isElsewhere(t *testing.T, words string, flags []string) bool {
	t.Helper()
	for at, e := range elsewhere {
		command, flag, _ := strings.Cut(at, " --")
		if !strings.HasPrefix(words+" ", command+" ") || flag != "" && !slices.Contains(flags, flag) {
			continue
		}
		source, err := os.ReadFile(e.file)
		if err != nil || !bytes.Contains(source, []byte(e.words)) || e.needs == "" {
			t.Errorf("%s: %s has no %s, %v", at, e.file, e.words, err)
		}
		return true
	}
	return false
}

// TestDocsAreRunSlowly types what takes long. A demo on a machine that is too slow for a gate says so.
func TestDocsAreRunSlowly(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("takes minutes: set FACEGATE_SLOW")
	}
	for _, s := range steps(t, slowly, t.TempDir()) {
		if s.args[0] == "demo" {
			s.args = append(s.args, "--models", gatetest.Models(t), "--testdata", gatetest.Testdata(t, ""))
		}
		if p := facegate(t.Context(), s.args...); p.code != exitOK && p.code != exitTooSlow {
			t.Errorf("%s: exit code %d\n%s%s", s.args, p.code, p.out, p.err)
		}
	}
}
