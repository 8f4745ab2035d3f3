package edit_test

import (
	"errors"
	"strings"
	"testing"

	"facegate/configs"
	"facegate/configs/edit"
	"facegate/configs/hint"
)

const site = "profile: lab\nsite: hq # ours\ngate: north\ndoor: {driver: sim}\n"

func TestSet(t *testing.T) {
	set := []edit.Setting{{"quality.min_sharpness", "40"}, {"camera.power_line", "50hz"}}
	for _, test := range []struct{ name, text, want string }{
		{"neither section", site, site + "\nquality:\n  min_sharpness: 40\n\ncamera:\n  power_line: 50hz\n"},
		{
			"both keys", site + "camera:\n    fps: 10\n    power_line: keep   # the lamps\nquality:\n  min_sharpness: 15\n",
			site + "camera:\n    fps: 10\n    power_line: 50hz   # the lamps\nquality:\n  min_sharpness: 40\n",
		},
		{
			"sections without the keys", site + "quality:   # of faces\n\n  # strict\n  max_yaw: 20\ncamera:\n   fps: 10",
			site + "quality:   # of faces\n  min_sharpness: 40\n\n  # strict\n  max_yaw: 20\ncamera:\n   power_line: 50hz\n   fps: 10\n",
		},
		{
			"the same key elsewhere", site + "zone:\n  min_face: 60\nquality:\n  max_yaw: 20\n",
			site + "zone:\n  min_face: 60\nquality:\n  min_sharpness: 40\n  max_yaw: 20\n\ncamera:\n  power_line: 50hz\n",
		},
	} {
		got, err := edit.Set(test.text, set...)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
		c, err := configs.Parse("test.yaml", strings.NewReader(got))
		if err != nil || c.Quality.MinSharpness != 40 || c.Camera.PowerLine != configs.FiftyHz {
			t.Errorf("%s does not read as it should: %v", test.name, err)
		}
	}
}

// TestSetInTheReference changes every number of the reference that may be proposed, and nothing else.
func TestSetInTheReference(t *testing.T) {
	before := string(configs.Reference())
	after, err := edit.Set(before, edit.Setting{"zone.min_face", "75"}, edit.Setting{"camera.exposure", "10ms"})
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	changed := 0
	for i := range was {
		if was[i] != is[i] {
			changed++
		}
	}
	if len(was) != len(is) || changed != 2 || !strings.Contains(after, "min_face: 75") || !strings.Contains(after, "exposure: 10ms") {
		t.Errorf("%d lines changed, of %d now %d", changed, len(was), len(is))
	}
}

// TestSetNested sets a key of a section in a section, however the two are written.
func TestSetNested(t *testing.T) {
	const base = "profile: lab\nsite: hq\ngate: north\n"
	for _, test := range []struct{ name, text, want string }{
		{"no door", base, base + "\ndoor:\n  exit: {line: GPIO5}\n"},
		{"no exit", base + "door:\n   # ours\n   driver: sim # for now\n", base + "door:\n   exit: {line: GPIO5}\n   # ours\n   driver: sim # for now\n"},
		{"a door in braces", base + "door: {driver: sim, kind: strike} # ours\n", base + "door: {exit: {line: GPIO5}, driver: sim, kind: strike} # ours\n"},
		{"an empty door", base + "door: {}\n", base + "door: {exit: {line: GPIO5}}\n"},
		{"an exit in braces", base + "door:\n  driver: sim\n  exit: {line: \"\", chip: \"a, {b\"}   # opens\n", base + "door:\n  driver: sim\n  exit: {line: GPIO5, chip: \"a, {b\"}   # opens\n"},
		{"an exit without a line", base + "door:\n  driver: sim\n  exit: { bias: none }\n", base + "door:\n  driver: sim\n  exit: {line: GPIO5, bias: none }\n"},
		{"both in braces", base + "door: {driver: sim, exit: {bias: none, line: 'x'}}\n", base + "door: {driver: sim, exit: {bias: none, line: GPIO5}}\n"},
		{"lines", base + "door:\n  exit:\n    bias: none\n    line: \"# 4\"  # the button\n  driver: sim\n", base + "door:\n  exit:\n    bias: none\n    line: GPIO5  # the button\n  driver: sim\n"},
		{"lines without it", base + "door:\n  exit: # the button\n\n    # weak\n    bias: none\n  driver: sim\n", base + "door:\n  exit: # the button\n    line: GPIO5\n\n    # weak\n    bias: none\n  driver: sim\n"},
		{"an exit of nothing", base + "door:\n  exit:\n  driver: sim\n", base + "door:\n  exit:\n    line: GPIO5\n  driver: sim\n"},
		{
			"another line before it", base + "door:\n  contact:\n    line: GPIO6\n  driver: sim\n  line: GPIO7\n",
			base + "door:\n  exit: {line: GPIO5}\n  contact:\n    line: GPIO6\n  driver: sim\n  line: GPIO7\n",
		},
		{"Windows", base + "door:\r\n  driver: sim\r\n  exit: {line: GPIO4}\r\n", base + "door:\r\n  driver: sim\r\n  exit: {line: GPIO5}\n"},
	} {
		got, err := edit.Set(test.text, edit.Setting{Key: "door.exit.line", Value: "GPIO5"})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
		c, err := edit.Set(got, edit.Setting{Key: "door.driver", Value: "sim"})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if read, err := configs.Parse("test.yaml", strings.NewReader(c)); err != nil || read.Door.Exit.Line != "GPIO5" {
			t.Errorf("%s does not read as it should: %v\n%s", test.name, err, c)
		}
	}
}

// TestSetBesideOthers does not take a key of a section in the section for one of the section.
func TestSetBesideOthers(t *testing.T) {
	text := "profile: lab\nsite: hq\ngate: north\ndoor:\n  exit:\n    line: GPIO5\n  driver: sim\n"
	got, err := edit.Set(text, edit.Setting{Key: "door.line", Value: "GPIO7"})
	if want := strings.Replace(text, "door:\n", "door:\n  line: GPIO7\n", 1); err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// TestSetEveryLine wires every optional line of the reference, and changes no other line of text.
func TestSetEveryLine(t *testing.T) {
	before := string(configs.Reference())
	roles := []string{"contact", "exit", "fire", "tamper", "interlock", "led_red", "led_green", "buzzer"}
	var settings []edit.Setting
	for _, role := range roles {
		settings = append(settings, edit.Setting{Key: "door." + role + ".line", Value: "PIN_" + role})
	}
	after, err := edit.Set(before, settings...)
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	changed := 0
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			changed++
		}
	}
	if len(was) != len(is) || changed != len(roles) {
		t.Errorf("%d lines changed, of %d now %d", changed, len(was), len(is))
	}
}

// TestSetInNoSection sets what is in no section, and takes no list or longer text for a value of one line.
func TestSetInNoSection(t *testing.T) {
	set := []edit.Setting{{"site", `"east wing"`}, {"alternatives", "[intercom]"}}
	for _, test := range []struct{ name, text, want string }{
		{"both there", site + "alternatives: [key] # ours\n", "profile: lab\nsite: \"east wing\" # ours\ngate: north\ndoor: {driver: sim}\nalternatives: [intercom] # ours\n"},
		{"one there", site, "alternatives: [intercom]\nprofile: lab\nsite: \"east wing\" # ours\ngate: north\ndoor: {driver: sim}\n"},
		{
			"before the first key", "# ours\n\n---\n# a gate\nprofile: lab\ngate: north\ndoor: {driver: sim}\n",
			"# ours\n\n---\n# a gate\nalternatives: [intercom]\nsite: \"east wing\"\nprofile: lab\ngate: north\ndoor: {driver: sim}\n",
		},
		{"without a value", "profile: lab\nsite:\ngate: north\nalternatives:\ndoor: {driver: sim}\n", "profile: lab\nsite: \"east wing\"\ngate: north\nalternatives: [intercom]\ndoor: {driver: sim}\n"},
	} {
		got, err := edit.Set(test.text, set...)
		if err != nil || got != test.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", test.name, err, got, test.want)
		}
		if c, err := configs.Parse("test.yaml", strings.NewReader(got)); err != nil || c.Site != "east wing" {
			t.Errorf("%s does not read as it should: %v", test.name, err)
		}
	}
	for _, text := range []string{"site: hq\nalternatives:\n- key\n", "alternatives:\n  # ours\n\n  - key\n", "site: 'a\n  b'\n", "site: >\n  b\n"} {
		if got, err := edit.Set(text, set...); !errors.Is(err, edit.ErrShape) || hint.Of(err) == "" {
			t.Errorf("%q becomes %q, %v", text, got, err)
		}
	}
}

// TestQuote reads every text back as it was.
func TestQuote(t *testing.T) {
	for text, plain := range map[string]bool{
		"hq": true, "007": true, "tcp://127.0.0.1:1883": true, "ssl://[::1]:8883": false, "/dev/v4l/by-id/usb-046d_C920-video-index0": true, "Zürich": true, "示例": true,
		"": false, "~": false, "null": false, "east wing": false, "a: b": false, "a #b": false, "- a": false, `say "x" \ y`: false, "a:": false, "{a}": false,
		"*a": false, "&a": false, "!a": false, "'a'": false, "<a>&\u2028": false, "a,b": false, "@a": false, "%a": false, "true": true, "PIN-4.b": true,
	} {
		quoted := edit.Quote(text)
		if (quoted == text) != plain {
			t.Errorf("%q is written as %s", text, quoted)
		}
		for _, written := range []string{"mqtt:\n  username: " + quoted + " # ours\n", "mqtt: {username: " + quoted + "}\n"} {
			d, err := configs.ReadDraft("test.yaml", written)
			if err != nil || d.MQTT.Username != text {
				t.Errorf("%q: %v", written, err)
			}
		}
	}
}

func TestSetRefusesWhatItCannotRead(t *testing.T) {
	for _, text := range []string{site + "quality: {max_yaw: 20,\n  max_pitch: 20}\n", site + "quality: &a\n  max_yaw: 20\n", site + "quality: [1, 2]\n"} {
		if _, err := edit.Set(text, edit.Setting{"quality.min_sharpness", "40"}); !errors.Is(err, edit.ErrShape) || hint.Of(err) == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}
