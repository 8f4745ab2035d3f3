package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/gpio/cdev"
	"facegate/gpio/sim"
	"facegate/pipeline/calibrate"
)

// verdicts returns what Check and New have against the configuration of a site.
func verdicts(t *testing.T, site gatetest.Site, more gatetest.Settings) (notes []daemon.Note, checked, opened error) {
	t.Helper()
	return verdictsOf(t, site, site.YAML(t, more))
}

// verdictsOf is verdicts for the text of a configuration.
func verdictsOf(t *testing.T, site gatetest.Site, text string) (notes []daemon.Note, checked, opened error) {
	t.Helper()
	c, source, err := configs.Read("gate.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	before := listing(t, site.Dir)
	notes, err = daemon.Check(c, daemon.Host{Root: os.DirFS("/"), Chips: cdev.Chips})
	checked = source.Place(err)
	if after := listing(t, site.Dir); !slices.Equal(before, after) {
		t.Errorf("the check has changed %q to %q", before, after)
	}
	out := daemon.Outside{Line: sim.New()}
	if c.Camera.Source == configs.V4L2 {
		out.Source = gatetest.Stage(t)
	}
	d, err := daemon.New(c, out, "test", slog.New(slog.DiscardHandler))
	if err == nil {
		t.Cleanup(func() {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			d.Run(ctx)
		})
	}
	return notes, checked, source.Place(err)
}

// listing returns every path below dir with its mode and time.
func listing(t *testing.T, dir string) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			list = append(list, fmt.Sprint(path, info.Mode(), info.ModTime()))
		}
		return err
	}))
	return list
}

// TestCheckRefusesWhatNewRefuses compares the two, to the line and the advice.
func TestCheckRefusesWhatNewRefuses(t *testing.T) {
	nothing := func(*testing.T, gatetest.Site) gatetest.Settings { return nil }
	set := func(key, text string) func(*testing.T, gatetest.Site) gatetest.Settings {
		return func(*testing.T, gatetest.Site) gatetest.Settings { return gatetest.Settings{key: text} }
	}
	vision := func(t *testing.T, rest string) gatetest.Settings {
		return gatetest.Settings{"vision": fmt.Sprintf("{models_dir: %s%s}", gatetest.Models(t), rest)}
	}
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, s gatetest.Site) gatetest.Settings
		key     string // "" if the gate starts
	}{
		{"all is well", nothing, ""},
		{"a state folder that is there", func(t *testing.T, s gatetest.Site) gatetest.Settings { fill(t, s); return nil }, ""},
		{"a slash at the end of the broker", set("mqtt", `{broker: "tcp://127.0.0.1:1/"}`), ""},
		{"long names", set("site", strings.Repeat("s", 64)), ""},
		{"a camera that is not there", set("camera", "{device: /dev/video99}"), ""},
		{"no key", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			must(t, os.Remove(s.Path("device.key")))
			return nil
		}, "key_file"},
		{"a key for all", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			must(t, os.Chmod(s.Path("device.key"), 0o644))
			return nil
		}, "key_file"},
		{"a short key", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			must(t, os.Truncate(s.Path("device.key"), 16))
			return nil
		}, "key_file"},
		{"another key", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			fill(t, s)
			must(t, os.WriteFile(s.Path("device.key"), bytes.Repeat([]byte{7}, 32), 0o600))
			return nil
		}, "state_dir"},
		{"a file for a state folder", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			must(t, os.WriteFile(s.State(), nil, 0o600))
			return nil
		}, "state_dir"},
		{"a state folder below a file", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			return gatetest.Settings{"state_dir": s.Path("device.key") + "/state"}
		}, "state_dir"},
		{"a state folder for everybody", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			must(t, os.Mkdir(s.State(), 0o700))
			must(t, os.Chmod(s.State(), 0o777))
			return nil
		}, "state_dir"},
		{"a file for the keyrings", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			return gatetest.Settings{"keys_dir": s.Path("device.key")}
		}, "keys_dir"},
		{"a whole door", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			return gatetest.Settings{"time_zone": "Europe/Berlin", "door": "{driver: sim, kind: turnstile, contact: {line: C}, exit: {line: E}, fire: {line: F}, " +
				"tamper: {line: T}, led_red: {line: R}, led_green: {line: G}, buzzer: {line: B}, holidays: [12-25], " +
				"schedule: [{days: mon-fri, from: 08:00, to: 12:00, door: open}, {days: holiday, from: 00:00, to: 24:00, door: shut}]}"}
		}, ""},
		{"a door on a board", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			must(t, os.Mkdir(s.Path("board"), 0o700))
			return gatetest.Settings{"door": fmt.Sprintf("{driver: sim, chip: %s, exit: {line: E}, led_red: {line: R}}", s.Path("board"))}
		}, ""},
		{"a board that is not there", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			return gatetest.Settings{"door": fmt.Sprintf("{driver: sim, chip: %s, exit: {line: E}}", s.Path("board"))}
		}, "door"},
		{"a board that has no such line", func(t *testing.T, s gatetest.Site) gatetest.Settings {
			must(t, os.Mkdir(s.Path("board"), 0o700))
			return gatetest.Settings{"door": fmt.Sprintf("{driver: sim, chip: %s, exit: {line: ../E}}", s.Path("board"))}
		}, "door"},
		{"an unknown liveness model", func(t *testing.T, _ gatetest.Site) gatetest.Settings { return vision(t, ", liveness: [psychic]") }, "vision"},
		{"no recording", set("camera", "{source: replay, path: /nonexistent}"), "camera"},
		{"a device for a recording", set("camera", "{source: replay, path: /dev/null}"), "camera"},
		{"no such group", func(_ *testing.T, s gatetest.Site) gatetest.Settings {
			return gatetest.Settings{"control": fmt.Sprintf("{socket: %s, group: no-such-group}", s.Socket())}
		}, "control"},
		{"no such group for a role", func(_ *testing.T, s gatetest.Site) gatetest.Settings {
			return gatetest.Settings{"control": fmt.Sprintf(`{socket: %s, group: "", office_group: root, technician_group: no-such-group}`, s.Socket())}
		}, "control"},
		{"no folder for the socket", set("control", `{socket: /nonexistent/control.sock, group: ""}`), "control"},
		{"a file for a socket", func(_ *testing.T, s gatetest.Site) gatetest.Settings {
			return gatetest.Settings{"control": fmt.Sprintf(`{socket: %s, group: ""}`, s.Path("device.key"))}
		}, "control"},
		{"a way in by which nobody gets in", func(*testing.T, gatetest.Site) gatetest.Settings {
			return gatetest.Settings{
				"alternatives": "[pin, qr]", "readers": "[{name: pad, kind: keypad, device: /dev/input/pad}]", "rules": "[{by: [pin]}]",
			}
		}, "alternatives"},
		{"a face that opens at other times than all else", func(*testing.T, gatetest.Site) gatetest.Settings {
			return gatetest.Settings{
				"time_zone": "Europe/Berlin", "plans": "{day: [{days: sun-sat, from: 8:00, to: 18:00}]}",
				"rules": "[{by: [face]}, {by: [pass], when: day}]",
			}
		}, "rules"},
	} {
		t.Run(test.name, func(t *testing.T) {
			site := gatetest.NewSite(t)
			_, checked, opened := verdicts(t, site, test.prepare(t, site))
			if test.key == "" {
				if checked != nil || opened != nil {
					t.Fatalf("check: %v\nrun: %v", checked, opened)
				}
				return
			}
			if checked == nil || opened == nil {
				t.Fatalf("check: %v\nrun: %v", checked, opened)
			}
			place := func(err error) string {
				words := strings.Fields(err.Error()) // the place and the key
				return strings.Join(words[:2], " ")
			}
			if place(checked) != place(opened) || !strings.Contains(checked.Error(), ": "+test.key) {
				t.Errorf("check: %v\nrun: %v\nwant both about %s", checked, opened, test.key)
			}
			if a, b := hint.Of(checked), hint.Of(opened); a == "" || a != b {
				t.Errorf("check says to do %q, run %q", a, b)
			}
		})
	}
}

// TestCheckRefusesWhatNewDoesWithout has the check refuse what takes faces from a gate that starts all the same.
func TestCheckRefusesWhatNewDoesWithout(t *testing.T) {
	named := func(path string) func(*testing.T, gatetest.Site) string {
		return func(t *testing.T, _ gatetest.Site) string { return "{models_dir: " + gatetest.Models(t) + path + "}" }
	}
	changed := func(change func(*calibrate.File)) func(*testing.T, gatetest.Site) string {
		return func(t *testing.T, s gatetest.Site) string {
			return named(", calibration: "+otherCalibration(t, s, change))(t, s)
		}
	}
	for _, test := range []struct {
		name, key, todo string
		vision          func(*testing.T, gatetest.Site) string
	}{
		{"no networks", "vision", "facegate models fetch --bundle registry --dir /nonexistent", func(*testing.T, gatetest.Site) string {
			return "{models_dir: /nonexistent}"
		}},
		{"an unknown embedder", "vision.embedder", "mobilefacenet", named(", embedder: arcface")},
		{"no calibration", "vision.calibration", "put the file there, or correct vision.calibration", named(", calibration: /nonexistent")},
		{
			"the calibration of another embedder", "vision.calibration", "of this embedder",
			changed(func(f *calibrate.File) { f.ModelID = strings.Repeat("ab", 32) }),
		},
		{
			"a calibration of single pictures", "vision.calibration", "measure it again",
			changed(func(f *calibrate.File) { f.TemplatePictures = 1 }),
		},
		{
			"a calibration without the mean of three frames", "vision.calibration", "measure it again",
			changed(func(f *calibrate.File) { f.Decisions = f.Decisions[:1] }),
		},
		{
			"a calibration of the format before", "vision.calibration", "measure it again",
			changed(func(f *calibrate.File) { f.Schema = "facegate-calibration/1" }),
		},
		{"a calibration of too few people", "vision.calibration", "measure on more people", changed(func(f *calibrate.File) {
			for i := range f.Decisions {
				f.Decisions[i].Points = f.Decisions[i].Points[:1]
			}
		})},
	} {
		t.Run(test.name, func(t *testing.T) {
			site := gatetest.NewSite(t)
			_, checked, opened := verdicts(t, site, gatetest.Settings{"vision": test.vision(t, site)})
			if checked == nil || !strings.Contains(checked.Error(), ": "+test.key) || !strings.Contains(hint.Of(checked), test.todo) || opened != nil {
				t.Errorf("check: %v, to do %q\nrun: %v", checked, hint.Of(checked), opened)
			}
		})
	}
}

// TestPapersOfTheBroker starts a gate with what its broker needs missing, damaged or exposed. It opens its door by exit button and by hand,
// and says what is wrong; the check refuses all of it.
func TestPapersOfTheBroker(t *testing.T) {
	file := func(name, text string, mode fs.FileMode) func(*testing.T, gatetest.Site) string {
		return func(t *testing.T, s gatetest.Site) string {
			must(t, os.WriteFile(s.Path(name), []byte(text), mode))
			must(t, os.Chmod(s.Path(name), mode)) // whatever the umask is
			return s.Path(name)
		}
	}
	gone := func(*testing.T, gatetest.Site) string { return "/nonexistent" }
	pipe := func(t *testing.T, s gatetest.Site) string {
		must(t, syscall.Mkfifo(s.Path("pipe"), 0o600))
		return s.Path("pipe")
	}
	folder := func(_ *testing.T, s gatetest.Site) string { return s.Dir }
	for _, test := range []struct {
		name, key, others string
		make              func(*testing.T, gatetest.Site) string
		todo              string
	}{
		{"no CA file", "ca_file", "", gone, "Check that the file is there"},
		{"a pipe for a CA file", "ca_file", "", pipe, "name the file itself"},
		{"a folder for a CA file", "ca_file", "", folder, "name the file itself"},
		{"a CA file without certificates", "ca_file", "", file("ca", "nothing", 0o644), "PEM form"},
		{"a CA file that everybody may write to", "ca_file", "", file("ca", "nothing", 0o646), "chmod o-w"},
		{"no password file", "password_file", "username: a, ", gone, "mqtt.password_file"},
		{"a password for all", "password_file", "username: a, ", file("password", "secret", 0o644), "chmod 0600"},
		{"a pipe for a password file", "password_file", "username: a, ", pipe, "name the file itself"},
		{"no certificate", "cert_file", "key_file: /nonexistent, ", gone, "mqtt.cert_file"},
		{"a certificate that is none", "cert_file", "key_file: /nonexistent, ", file("cert", "nothing", 0o644), "PEM form"},
	} {
		t.Run(test.name, func(t *testing.T) {
			site := gatetest.NewSite(t)
			more := gatetest.Settings{"mqtt": fmt.Sprintf(`{broker: "ssl://127.0.0.1:1", %s%s: %s}`, test.others, test.key, test.make(t, site))}
			if _, checked, opened := verdicts(t, site, more); checked == nil || !strings.Contains(checked.Error(), ": mqtt."+test.key+": ") ||
				!strings.Contains(hint.Of(checked), test.todo) || opened != nil {
				t.Errorf("check: %v, to do %q\nrun: %v", checked, hint.Of(checked), opened)
			}
		})
	}
}

// otherCalibration writes the shipped calibration with a change that the gate refuses.
func otherCalibration(t *testing.T, s gatetest.Site, change func(*calibrate.File)) string {
	t.Helper()
	f, err := calibrate.Shipped(gatetest.Bundle(t).Embedder.ID())
	must(t, err)
	change(f)
	text, err := json.Marshal(f)
	must(t, err)
	must(t, os.WriteFile(s.Path("other.json"), text, 0o600))
	return s.Path("other.json")
}

// TestCheckTellsAll has more than one fault, and wants each with its own advice.
func TestCheckTellsAll(t *testing.T) {
	site := gatetest.NewSite(t)
	must(t, os.Remove(site.Path("device.key")))
	_, checked, _ := verdicts(t, site, gatetest.Settings{
		"mqtt":    `{broker: "ssl://127.0.0.1:1", ca_file: /nonexistent}`,
		"control": fmt.Sprintf("{socket: %s, group: no-such-group}", site.Socket()),
	})
	for _, want := range []string{": key_file: ", ": mqtt.ca_file: ", ": control.group: "} {
		if checked == nil || !strings.Contains(checked.Error(), want) {
			t.Errorf("got %v, want %q in it", checked, want)
		}
	}
}

// TestCheckOfARunningGate finds nothing wrong with it.
func TestCheckOfARunningGate(t *testing.T) {
	site := gatetest.NewSite(t)
	start(t, site, nil, daemon.Outside{})
	c := site.Config(t, nil)
	if _, err := daemon.Check(c, daemon.Host{Root: os.DirFS("/"), Chips: cdev.Chips}); err != nil {
		t.Errorf("check of a running gate: %v", err)
	}
}

// TestCheckAwayFromTheGate checks a file on a machine that has nothing of it.
func TestCheckAwayFromTheGate(t *testing.T) {
	c := configs.Defaults()
	notes, err := daemon.Check(c, daemon.Host{Root: fstest.MapFS{}, Chips: cdev.Chips})
	if err != nil || !slices.ContainsFunc(notes, func(n daemon.Note) bool { return strings.Contains(n.Says, "nothing of this gate") }) {
		t.Errorf("notes %q, %v", notes, err)
	}
	c.KeyFile, c.StateDir, c.KeysDir = "/nonexistent/key", t.TempDir(), t.TempDir()
	if _, err := daemon.Check(c, daemon.Host{Root: fstest.MapFS{}, Chips: cdev.Chips}); err == nil || !strings.Contains(err.Error(), "key_file") {
		t.Errorf("a file that nobody would name is missing, and the check says %v", err)
	}
}

// TestFoldersOfTheUnit holds the folders that need not be there yet against those that the unit has systemd make.
func TestFoldersOfTheUnit(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(gatetest.Root(t), "configs", "facegate.service"))
	must(t, err)
	var made []string
	for line := range strings.Lines(string(text)) {
		for key, root := range map[string]string{"StateDirectory=": "/var/lib/", "RuntimeDirectory=": "/run/"} {
			if names, ok := strings.CutPrefix(strings.TrimSpace(line), key); ok {
				for _, name := range strings.Fields(names) {
					made = append(made, root+name)
				}
			}
		}
	}
	if want := daemon.MadeByUnit(); !slices.Equal(made, want) {
		t.Errorf("the unit makes %q, and the check believes %q", made, want)
	}
}
