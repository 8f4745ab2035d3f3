package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
)

// TestConfigCheckTellsAll wants every fault at its line, each with its own advice.
func TestConfigCheckTellsAll(t *testing.T) {
	site := gatetest.NewSite(t)
	if err := os.Remove(site.Path("device.key")); err != nil {
		t.Fatal(err)
	}
	config := site.WriteConfig(t, gatetest.Settings{"mqtt": `{broker: "ssl://127.0.0.1:1", ca_file: /nonexistent}`})
	p := facegate(t.Context(), "config", "check", "--config", config, "--user", self())
	for _, want := range []string{": key_file: ", "facegate key create", ": mqtt.ca_file: ", "Check that the file is there"} {
		if p.code != exitFailed || strings.Count(p.err, want) != 1 {
			t.Errorf("exit code %d:\n%s\nwant %q in it, once", p.code, p.err, want)
		}
	}
	var c complaint
	p = facegate(t.Context(), "config", "check", "--json", "--config", config, "--user", self())
	unmarshal(t, p.err, &c)
	if !strings.Contains(c.ToDo, "facegate key create") || !strings.Contains(c.ToDo, "Check that the file is there") {
		t.Errorf("to do: %s", c.ToDo)
	}
}

// TestConfigCheckAsTheService has root check what another user may read.
func TestConfigCheckAsTheService(t *testing.T) {
	const name = "nobody"
	who, err := user.Lookup(name)
	if os.Geteuid() != 0 || err != nil {
		t.Skipf("only root can check as another user, who has to be there: %v", err)
	}
	t.Setenv(asBare, "1") // as which the test is started for the other user
	site := gatetest.NewSite(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.CopyFS(site.Path("models"), os.DirFS(gatetest.Models(t))))
	must(filepath.WalkDir(site.Path("models"), func(path string, _ os.DirEntry, err error) error {
		must(err)
		return os.Chmod(path, 0o755)
	}))
	config := site.WriteConfig(t, gatetest.Settings{"vision": fmt.Sprintf("{models_dir: %s}", site.Path("models"))})
	check := func(more ...string) printout {
		return facegate(t.Context(), append([]string{"config", "check", "--config", config, "--user", name}, more...)...)
	}
	p := check()
	if p.code == exitOK || !strings.Contains(p.err, config) {
		t.Errorf("code %d: a configuration in a folder of root's alone\n%s%s", p.code, p.out, p.err)
	}
	must(os.Chmod(site.Dir, 0o755))
	must(os.Chmod(config, 0o644))
	if p = check(); p.code == exitOK || !strings.Contains(p.err, ": key_file: ") || !strings.Contains(p.err, ": state_dir: ") {
		t.Errorf("code %d: a key and a folder of root's\n%s%s", p.code, p.out, p.err)
	}
	uid, err := strconv.Atoi(who.Uid)
	must(err)
	must(os.Chown(site.Path("device.key"), uid, -1))
	must(os.Chown(site.Dir, uid, -1))
	check().want(t, exitOK, config+" is valid: gate front of site test\n", "")
	p = check("--json")
	var v map[string]any
	unmarshal(t, p.out, &v)
	if p.code != exitOK || v["ok"] != true || !strings.Contains(p.err, "checked as "+name) {
		t.Errorf("code %d:\n%s%s", p.code, p.out, p.err)
	}
	facegate(t.Context(), "config", "check", "--config", config, "--user", "no-such-user").
		want(t, exitFailed, "", "useradd --system --no-create-home --groups video,gpio,input no-such-user")
}

// TestConfigCheckTellsOfHolidays notes that a list of holidays has come to its end, and nothing of one that has not.
func TestConfigCheckTellsOfHolidays(t *testing.T) {
	site := gatetest.NewSite(t)
	for holidays, past := range map[string]bool{"2020-12-25, 2021-01-01": true, "2020-12-25, 12-26": false, "2020-12-25, 2199-01-01": false} {
		config := site.WriteConfig(t, gatetest.Settings{
			"time_zone": "Asia/Shanghai",
			"door":      "{driver: sim, schedule: [{days: mon-fri, from: 08:00, to: 12:00, door: open}], holidays: [" + holidays + "]}",
		})
		p := facegate(t.Context(), "config", "check", "--config", config, "--user", self())
		p.want(t, exitOK, "is valid", "")
		note := "note: all days of door.holidays are past, the last of them 2021-01-01"
		if strings.Contains(p.out, note) != past || strings.Contains(p.out, "door.holidays") != past {
			t.Errorf("holidays %s:\n%s", holidays, p.out)
		}
	}
}
