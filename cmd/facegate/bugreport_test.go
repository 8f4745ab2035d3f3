package main

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/needle"
)

// TestBugreport writes a report of a gate at which everything has a name that is found nowhere else, and of the same gate when it is
// stopped, and searches both for all of them.
func TestBugreport(t *testing.T) {
	const operator, office, group, topic = "Zdenka Operator", "Office of Poisonova", "zaunkoenig", "poisoned-site"
	names := []string{"Zdenka Poisonova", "李娜王小明", "O'Brien-Šmíd", "Ann‑Marie van der Bergh", "kgm"}
	site := gatetest.NewSite(t)
	_, mqtt := loopbackBroker(t, site)
	more := gatetest.Settings{
		"site": topic, "gate": "poisoned-gate", "vision": "{models_dir: " + site.Path("none") + "}", "mqtt": mqtt, "alternatives": "[qr]",
		"rules": "[{by: [pass]}, {by: [face], groups: [" + group + "]}]",
		"plans": "{poisonedplan: [{days: mon-fri, from: \"08:00\", to: \"18:00\"}]}", "time_zone": "Europe/Prague",
	}
	config := site.WriteConfig(t, more)
	l := startLive(t, site, more)
	do := func(args ...string) {
		t.Helper()
		if p := l.do(t, append(args, "--config", config)...); p.code != exitOK {
			t.Fatalf("%s: %s", args, p.err)
		}
	}
	for i, name := range append(names, "ok", "door", "12", "degraded") {
		do("person", "add", name, "--until", "2040-01-31", "--reference", fmt.Sprintf("form 4711-%d-poison", i), "--group", group)
	}
	key, public := site.Path("poisoned.key"), site.Path("poisoned.key.pub")
	facegate(t.Context(), "key", "new", key).want(t, exitOK, "public key", "")
	do("key", "add", operator, public)
	do("pass", "key", "add", office, public)

	log := []string{
		`time=2026-11-27T12:00:00.123+01:00 level=INFO msg="in service" site=` + topic + ` gate=poisoned-gate people=9`,
		`time=2026-11-27T12:00:01.000Z level=WARN msg="the door is open to everybody, by its schedule" by="` + names[0] + `"`,
		fmt.Sprintf(`time=2026-11-27T12:00:02Z level=ERROR msg="an erasure waits" error=%q`, "open /home/kgm/"+names[1]+": permission denied"),
		fmt.Sprintf(`time=2026-11-27T12:00:03Z level=ERROR msg=%+q label=%q note="%x"`, names[1], names[2], names[0]),
		names[3] + " was here, and systemd says so",
	}
	must(t, os.WriteFile(site.Path("log"), []byte(strings.Join(log, "\n")), 0o600))
	report := func(name string) string {
		t.Helper()
		path := site.Path(name)
		p := l.report(t, config, path, site.Path("log"))
		p.want(t, exitOK, "configuration: ", "")
		if strings.Contains(p.out, "not looked for") {
			t.Errorf("the records were not asked: %s", p.out)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != fs.FileMode(0o600) {
			t.Fatalf("%v, %v", info, err)
		}
		text, err := os.ReadFile(path)
		must(t, err)
		return string(text)
	}
	check := func(text string, says ...string) {
		t.Helper()
		secret := append(names, operator, office, group, topic, "poisoned-gate", "poisonedplan", "form 4711-0-poison", site.Dir, hostName(), "Prague")
		var needles []needle.Needle
		for _, s := range secret {
			needles = append(needles, needle.Text(s, s)...)
		}
		device, err := os.ReadFile(site.Path("device.key"))
		must(t, err)
		needles = append(needles, needle.Encodings("the device key", device)...)
		if found := needle.NewSearch(needles).Find([]byte(text)); len(found) > 0 {
			t.Errorf("in the report:\n%s\n%s", found, text)
		}
		if strings.Contains(strings.ToLower(text), "poison") {
			t.Errorf("there is poison in the report:\n%s", text)
		}
		for _, want := range append(says, "door.driver: sim", "door.pulse: 300ms", `level=INFO msg=in service`, "people=9", "permission denied") {
			if !strings.Contains(text, want) {
				t.Errorf("the report does not say %q:\n%s", want, text)
			}
		}
	}
	check(report("running.txt"), "running: true", "findings[1].state: wrong", "health.state: down", "people.enrolled: 0", "site: <site-1>", "door.state: locked")
	l.stop()
	check(report("stopped.txt"), "running: false", "not known: the gate is not running")
	l.report(t, config, site.Path("stopped.txt"), site.Path("log")).want(t, exitFailed, "configuration: ", "name a new file")
	must(t, os.WriteFile(config, []byte("profile: lab\nsite: "+topic+"\ngate: ["), 0o600))
	l.report(t, config, site.Path("broken.txt"), site.Path("log")).want(t, exitOK, "not looked for: the names that the records hold", "")
}

// report carries out facegate bugreport.
func (l *live) report(t *testing.T, config, path, log string) printout {
	t.Helper()
	return facegate(t.Context(), "bugreport", path, "--config", config, "--log", log)
}
