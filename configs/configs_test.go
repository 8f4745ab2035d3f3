package configs_test

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/passage"
	"facegate/configs/week"
)

// zone is what a plan needs.
const zone = "time_zone: Asia/Shanghai\n"

const minimal = "profile: lab\nsite: hq\ngate: north\n"

// locked returns text with what has to be said of every door, unless it says so itself, at places that move no other.
func locked(text string) string {
	const kind, fail = "kind: strike", "fail: secure"
	begin := strings.Index(text, "\ndoor:") + 1
	line, rest, _ := strings.Cut(text[begin:], "\n")
	switch {
	case strings.Count(text, "[") != strings.Count(text, "]") || strings.Contains(text, kind) || begin > 0 && strings.Contains(line, "driver: sim"):
		return text
	case begin == 0:
		return strings.TrimSuffix(text, "\n") + "\ndoor: {" + kind + ", " + fail + "}\n"
	case strings.Contains(line, "{}"):
		return text[:begin] + "door: {" + kind + ", " + fail + "}\n" + rest
	case strings.Contains(line, "{"):
		end := strings.LastIndex(line, "}")
		return text[:begin] + line[:end] + ", " + kind + ", " + fail + line[end:] + "\n" + rest
	case strings.TrimSpace(line) == "door:":
		return strings.TrimSuffix(text, "\n") + "\n  " + kind + "\n  " + fail + "\n"
	}
	return text
}

func parse(t *testing.T, text string) *configs.Config {
	t.Helper()
	cfg, err := configs.Parse("test.yaml", strings.NewReader(locked(text)))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return cfg
}

// faults returns the single errors that Parse finds in text.
func faults(t *testing.T, text string) []*configs.Error {
	t.Helper()
	return faultsOf(t, locked(text))
}

// faultsOf is faults for a text as it stands.
func faultsOf(t *testing.T, text string) []*configs.Error {
	t.Helper()
	cfg, err := configs.Parse("test.yaml", strings.NewReader(text))
	if err == nil {
		t.Fatalf("Parse accepted %q: %+v", text, cfg)
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		t.Fatalf("Parse(%q): %v is not a join of errors", text, err)
	}
	var list []*configs.Error
	for _, err := range joined.Unwrap() {
		var e *configs.Error
		if !errors.As(err, &e) {
			t.Fatalf("Parse(%q): %v has no place", text, err)
		}
		list = append(list, e)
	}
	return list
}

func TestReferenceHoldsTheDocumentedDefaults(t *testing.T) {
	got := configs.Defaults()
	pulled := configs.Input{Bias: configs.PullUp, Debounce: 50 * time.Millisecond}
	want := &configs.Config{
		Site: "example",
		Gate: "main",
		Door: configs.Door{
			Name: "main", Direction: passage.In, Driver: configs.Cdev, Line: "GPIO17", Pulse: 3 * time.Second, MaxOpen: 4 * time.Hour,
			Contact: pulled, Fire: pulled, Tamper: pulled, Interlock: pulled,
			Exit:     configs.Input{ActiveLow: true, Bias: configs.PullUp, Debounce: 5 * time.Millisecond},
			HeldWarn: 20 * time.Second, HeldAfter: 40 * time.Second, Forced: configs.ForcedAuto, PassageTimeout: 10 * time.Second,
		},
		StateDir: "/var/lib/facegate",
		KeysDir:  "/var/lib/facegate-keys",
		KeyFile:  "/etc/facegate/device.key",

		AnchorDir: "/etc/facegate/anchor",

		Camera: configs.Camera{
			Source: configs.V4L2, Device: "/dev/video0", Format: configs.AutoFormat,
			Width: 640, Height: 480, FPS: 15, MaxAge: 500 * time.Millisecond, FrozenAfter: 3 * time.Second,
			Gain: -1, PowerLine: configs.KeepPowerLine, Backlight: -1,
		},
		Vision: configs.Vision{Bundle: configs.Registry, ModelsDir: "/var/lib/facegate/models"},
		Zone:   configs.Zone{MinFace: 50, Region: configs.Region{Right: 1, Bottom: 1}},
		Quality: configs.Quality{
			MinSharpness: 15, MinBrightness: 40, MaxBrightness: 220, MaxYaw: 35, MaxPitch: 35, MaxRoll: 35, MaxSideLight: 45,
		},
		Liveness: configs.Liveness{Threshold: configs.Threshold{Auto: true}, Window: 5, Active: configs.ActiveDoubt},
		Match: configs.Match{
			Mode: law.AutoMode, Trigger: law.AutoTrigger, FPIR: 0.001, Margin: 0.06, WhenAlike: law.AutoAlike,
		},
		Decide: configs.Decide{Judge: configs.Mean, Agree: 3, Window: 2 * time.Second, Rearm: 5 * time.Second},
		Enrol:  configs.Enrol{Frames: 5, Timeout: time.Minute, ValidDays: 365},
		MQTT: configs.MQTT{
			Brokers: configs.Brokers{{Host: "127.0.0.1", Port: 1883}}, ClientID: "facegate-example-main",
			HomeAssistant: configs.HomeAssistant{Prefix: "homeassistant"}, Means: configs.AutoMeans, Resolution: time.Millisecond,
		},
		Witness: configs.Witness{Every: time.Hour},
		Control: configs.Control{Socket: "/run/facegate/control.sock", Group: "facegate"},
		Log:     configs.Log{Level: slog.LevelInfo},

		Alternatives: []passage.Way{passage.Key},
		Passes:       configs.Passes{Camera: configs.Auto},
		PINs:         configs.PINs{MinDigits: 6},
		Plans:        map[string][]configs.Hours{},
		Consent:      configs.Consent{Children: law.RefuseChildren},
		Retention:    configs.Retention{IdleDays: 180, AccessLogDays: 90},
		Lockout:      configs.Lockout{DelayAfter: 5, Delay: 30 * time.Second, DisableAfter: 50},
		Notice: configs.Notice{
			Version: "1", Controller: "Example Property Management",
			Contact: "1 Example Street, privacy@example.org",
			EN: configs.Words{
				Place:     "main door of the example building",
				Purpose:   "To open this door for people who live or work here",
				Necessity: "A face leaves your hands free and cannot be lost or lent like a card",
				Rights:    "ask at the front desk, or write to the contact above",
			},
			ZH: configs.Words{
				Place:     "示例大厦正门",
				Purpose:   "为在此居住或工作的人开门",
				Necessity: "刷脸无需用手，也不会像门禁卡那样丢失或被转借",
				Rights:    "到前台办理，或者通过上述联系方式提出",
			},
			Languages: map[string]configs.Language{},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults differ (-want +got):\n%s", diff)
	}
}

func TestReferenceNamesEveryKeyOnce(t *testing.T) {
	var file map[string]any
	if err := yaml.UnmarshalWithOptions(configs.Reference(), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	got, want := keysOfMap("", file), keysOfStruct("", reflect.TypeFor[configs.Config]())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys of Config and of facegate.yaml differ (-Config +file):\n%s", diff)
	}
}

func keysOfMap(prefix string, m map[string]any) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		keys = append(keys, prefix+key)
		if section, ok := m[key].(map[string]any); ok {
			keys = append(keys, keysOfMap(prefix+key+".", section)...)
		}
	}
	return keys
}

func keysOfStruct(prefix string, section reflect.Type) []string {
	var keys []string
	for field := range section.Fields() {
		key := field.Tag.Get("yaml")
		if key == "" {
			continue
		}
		keys = append(keys, prefix+key)
		if field.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOfStruct(prefix+key+".", field.Type)...)
		}
	}
	slices.Sort(keys)
	return keys
}

func TestParseValues(t *testing.T) {
	tests := []struct {
		name, text string
		change     func(*configs.Config)
	}{
		{"a file with the names alone has every default", "", func(*configs.Config) {}},
		{"a byte order mark and CR LF are no fault", "door:\r\n  line: PA7\r\n", func(c *configs.Config) { c.Door.Line = "PA7" }},
		{"an empty section keeps its defaults", "camera:\nzone: ~\n", func(*configs.Config) {}},
		{"an empty value keeps its default", "door:\n  pulse:\n", func(*configs.Config) {}},
		{"a name made of digits stays as written", "door: {name: 007}", func(c *configs.Config) { c.Door.Name = "007" }},
		{"a name that YAML 1.1 took for false", "door: {name: no}", func(c *configs.Config) { c.Door.Name = "no" }},
		{"a Chinese name", "door: {name: 北门}", func(c *configs.Config) { c.Door.Name = "北门" }},
		{"a whole number for a fraction", "quality: {max_yaw: 20}", func(c *configs.Config) { c.Quality.MaxYaw = 20 }},
		{"exponents", "match: {fpir: 1e-4}", func(c *configs.Config) { c.Match.FPIR = 1e-4 }},
		{"a region", "zone: {region: [0.1, 0, 0.9, 1.0]}", func(c *configs.Config) {
			c.Zone.Region = configs.Region{Left: 0.1, Right: 0.9, Bottom: 1}
		}},
		{"a list over several lines", "vision:\n  liveness:\n    - frliveness\n    - minifasv2se\n", func(c *configs.Config) {
			c.Vision.Liveness = []string{"frliveness", "minifasv2se"}
		}},
		{"an input by its line", "door: {exit: {line: GPIO4, debounce: 0s}, buzzer: {active_low: true}}", func(c *configs.Config) {
			c.Door.Exit.Line, c.Door.Exit.Debounce, c.Door.Buzzer.ActiveLow = "GPIO4", 0, true
		}},
		{"an input over several lines", "door:\n  fire:\n    line: GPIO4\n    bias: none\n", func(c *configs.Config) {
			c.Door.Fire.Line, c.Door.Fire.Bias = "GPIO4", configs.NoBias
		}},
		{"one line name on two chips", "door: {exit: {line: A, chip: x}, fire: {line: A, chip: y}}", func(c *configs.Config) {
			c.Door.Exit.Line, c.Door.Exit.Chip, c.Door.Fire.Line, c.Door.Fire.Chip = "A", "x", "A", "y"
		}},
		{"a plan", zone + "door:\n  schedule:\n  - {days: mon-fri, from: 08:00, to: 12:00, door: open}\n  - days: [sat, holiday]\n    from: '22:30'\n" +
			"    to: 6:00\n    door: shut\n  holidays: [2026-04-03, 12-25]\n", func(c *configs.Config) {
			c.TimeZone = "Asia/Shanghai"
			c.Door.Schedule = []week.Window{
				{Days: 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5, From: 8 * 60, To: 12 * 60, Door: week.Open},
				{Days: week.On(time.Saturday) | week.Holidays, From: 22*60 + 30, To: 6 * 60, Door: week.Shut},
			}
			c.Door.Holidays = []week.Date{{Year: 2026, Month: time.April, Day: 3}, {Month: time.December, Day: 25}}
		}},
		{"a level", "log: {level: debug}", func(c *configs.Config) { c.Log.Level = slog.LevelDebug }},
		{"standard input", "camera: {source: replay, path: '-'}", func(c *configs.Config) {
			c.Camera.Source, c.Camera.Path = configs.Replay, "-"
		}},
		{"readers", "readers:\n- {name: outside, kind: wiegand, d0: A, d1: B, chip: one, format: 34, twice: true}\n" +
			"- {name: desk, kind: usb, device: /dev/input/by-id/x, class: card-secure}\n- {name: pad, kind: keypad, device: /dev/input/by-id/y}\n" +
			"- {name: keys, kind: wiegand-keypad, d0: A, d1: B, chip: other, format: 0, device: ''}\n", func(c *configs.Config) {
			c.Readers = []configs.Reader{
				{Name: "outside", Kind: configs.Wiegand, D0: "A", D1: "B", Chip: "one", Format: 34, Class: passage.ByCardUID, Twice: true},
				{Name: "desk", Kind: configs.USB, Device: "/dev/input/by-id/x", Class: passage.ByCardSecure},
				{Name: "pad", Kind: configs.Keypad, Device: "/dev/input/by-id/y"},
				{Name: "keys", Kind: configs.WiegandKeypad, D0: "A", D1: "B", Chip: "other"},
			}
		}},
		{"rules with a plan", zone + "readers: [{name: card, kind: usb, device: /c}, {name: pad, kind: keypad, device: /p}]\nplans:\n  office:\n  - {days: mon, from: 8:00, to: 18:00}\nrules:\n- by: [card-uid, pin]\n  when: office\n" +
			"  groups: [staff, 前台]\n- {by: [pass], faceless: true}\n- {by: [pass, face], within: 1m}\n", func(c *configs.Config) {
			c.TimeZone = "Asia/Shanghai"
			c.Plans = map[string][]configs.Hours{"office": {{Days: week.On(time.Monday), From: 8 * 60, To: 18 * 60}}}
			c.Readers = []configs.Reader{
				{Name: "card", Kind: configs.USB, Device: "/c", Class: passage.ByCardUID}, {Name: "pad", Kind: configs.Keypad, Device: "/p"},
			}
			c.Rules = []configs.Rule{
				{By: []passage.Means{passage.ByCardUID, passage.ByPIN}, Within: 20 * time.Second, When: "office", Groups: []string{"staff", "前台"}},
				{By: []passage.Means{passage.ByPass}, Faceless: true},
				{By: []passage.Means{passage.ByPass, passage.ByFace}, Within: time.Minute},
			}
		}},
		{"groups of gates", "passes: {groups: [yard, Hof-2]}\n", func(c *configs.Config) { c.Passes.Groups = []string{"yard", "Hof-2"} }},
		{"options of the entrance", "again_after: 5m\nrefire_after: 3s\npins: {min_digits: 8}\npasses: {camera: on}\ndoor: {interlock: {line: I}}\n", func(c *configs.Config) {
			c.AgainAfter, c.RefireAfter, c.PINs.MinDigits, c.Passes.Camera = 5*time.Minute, 3*time.Second, 8, configs.On
			c.Door.Interlock.Line = "I"
		}},
		{"a broker with TLS", "mqtt: {broker: 'ssl://[fd00::1]:8883', ca_file: /etc/ca.pem, client_id: x}", func(c *configs.Config) {
			c.MQTT.Brokers = configs.Brokers{{Host: "fd00::1", Port: 8883, TLS: true}}
			c.MQTT.CAFile, c.MQTT.ClientID = "/etc/ca.pem", "x"
		}},
		{"brokers", "mqtt: {broker: ['mqtts://a:8883', 'tcp://[::1]:1883/'], cert_file: /c, key_file: /k}", func(c *configs.Config) {
			c.MQTT.Brokers = configs.Brokers{{Host: "a", Port: 8883, TLS: true}, {Host: "::1", Port: 1883}}
			c.MQTT.CertFile, c.MQTT.KeyFile = "/c", "/k"
		}},
		{"a key beside the state folder", "key_file: /var/lib/facegate.key", func(c *configs.Config) {
			c.KeyFile, c.AnchorDir = "/var/lib/facegate.key", "/var/lib/anchor"
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := parse(t, minimal)
			test.change(want)
			got := parse(t, "\ufeff"+minimal+test.text)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	tests := []struct {
		name, text   string
		line, column int
		want         string // part of "key: message"
	}{
		{"misspelt section", "cammera: {}\n", 4, 1, `unknown key "cammera"; did you mean "camera"?`},
		{"misspelt key", "camera:\n  fsp: 15\n", 5, 3, `camera: unknown key "fsp"; did you mean "fps"?`},
		{"misspelt key with a neighbour", "camera:\n  withd: 1\n", 5, 3, `camera: unknown key "withd"; did you mean "width"?`},
		{"key in another section", "camera:\n  min_face: 1\n", 5, 3, `camera: unknown key "min_face"; the keys here are`},
		{"merge key", "door:\n  <<: {name: x}\n", 5, 3, `door: unknown key`},
		{"key set twice", "site: a\n", 4, 1, `mapping key "site" already defined at [2:1]`},
		{"quoted twin of a key", "door:\n  line: a\n  'line': b\n", 6, 3, `"line"`},
		{"second document", "---\nsite: b\n", 4, 1, "a second document begins here"},
		{"open bracket", "zone:\n  region: [0, 1\n", 5, 11, "sequence end token ']' not found"},
		{"list in place of keys", "door: [a]\n", 4, 7, "door: keys are wanted here"},
		{"text in place of keys", "door: main\n", 4, 7, "door: keys are wanted here"},
		{"keys in place of a value", "door:\n  line: {a: b}\n", 5, 0, "door.line: one plain value is wanted here"},
		{"anchor", "door:\n  name: &x a\n", 5, 9, "door.name: one plain value is wanted here"},
		{"text for a list", "vision: {liveness: frliveness}\n", 4, 20, "vision.liveness: a list is wanted here"},
		{"time without a unit", "door: {pulse: 3}\n", 4, 15, `door.pulse: "3" is not a time; write a number with its unit`},
		{"fraction for a whole number", "enrol: {frames: 3.7}\n", 4, 17, `enrol.frames: "3.7" is not a whole number`},
		{"text for a number", "match: {margin: small}\n", 4, 17, `match.margin: "small" is not a number`},
		{"yes for true", "door: {active_low: yes}\n", 4, 20, `door.active_low: "yes" is neither true nor false`},
		{"unknown level", "log: {level: loud}\n", 4, 14, `log.level: "loud" is none of debug, info, warn, error`},
		{"region of three", "zone: {region: [0, 0, 1]}\n", 4, 16, "zone.region: four fractions are wanted here"},
		{"region of words", "zone: {region: [a, 0, 1, 1]}\n", 4, 16, `zone.region: "a" is not a number`},
		{"region inside out", "zone: {region: [0.6, 0, 0.4, 1]}\n", 4, 8, "zone.region: left 0.6 and right 0.4 are not in order"},
		{"region upside down", "zone: {region: [0, 1, 1, 0]}\n", 4, 8, "zone.region: top 1 and bottom 0 are not in order"},
		{"region of NaN", "zone: {region: [.nan, 0, 1, 1]}\n", 4, 16, `zone.region: ".nan" is not a number`},
		{"NaN", "match: {margin: NaN}\n", 4, 9, "match.margin: NaN is not between 0 and 0.5"},
		{"slash in a name", "door: {name: a/b}\n", 4, 8, `door.name: "a/b" contains one of / + #`},
		{"empty name", "door: {name: ''}\n", 4, 8, "door.name: is empty"},
		{"system name", "door: {name: $SYS}\n", 4, 8, "begins with $"},
		{"control character in a name", "door: {name: \"a\\u0007\"}\n", 4, 8, "cannot be printed"},
		{"broken encoding", "door: {name: \xff}\n", 4, 14, "not in UTF-8"},
		{"broken encoding of a comment", "# M\xfcller\n", 4, 4, "not in UTF-8"},
		{"character that was lost", "door: {name: M\ufffdller}\n", 4, 8, "U+FFFD"},
		{"direction of writing", "door: {name: \"a\u202eb\"}\n", 4, 8, "U+202E RIGHT-TO-LEFT OVERRIDE, character 2"},
		{"long name", "door: {name: " + strings.Repeat("x", 65) + "}\n", 4, 8, "longer than 64 bytes"},
		{"direction", "door: {direction: up}\n", 4, 8, `door.direction: "up" is none of ["in" "out"]`},
		{"kind", "door: {driver: sim, kind: gate}\n", 4, 21, `door.kind: "gate" is none of ["strike" "maglock" "turnstile"]`},
		{"fail", "door: {driver: sim, fail: open}\n", 4, 21, `door.fail: "open" is none of ["secure" "safe"]`},
		{"a folder that may be anywhere", "door: {driver: sim, chip: board}\n", 4, 21, `door.chip: "board" is not an absolute path`},
		{"bias", "door: {exit: {line: A, bias: up}}\n", 4, 24, `door.exit.bias: "up" is none of ["as-is" "pull-up" "pull-down" "none"]`},
		{"debounce", "door: {fire: {line: A, debounce: 2s}}\n", 4, 24, "door.fire.debounce: 2s is not between 0s and 1s"},
		{"debounce of an output", "door: {buzzer: {debounce: 1ms}}\n", 4, 17, `door.buzzer: unknown key "debounce"`},
		{"a line for an input", "door: {exit: GPIO4}\n", 4, 14, "door.exit: keys are wanted here"},
		{"one line for two inputs", "door: {exit: {line: A}, fire: {line: A}}\n", 4, 32, "door.fire.line: the line A is that of door.exit.line"},
		{"one line on a chip and on any", "door: {exit: {line: A, chip: x}, led_red: {line: A}}\n", 4, 44, "door.led_red.line: the line A is that of door.exit.line"},
		{"the line of the relay for an input", "door: {contact: {line: GPIO17}}\n", 4, 18, "door.contact.line: the line GPIO17 is that of door.line"},
		{"an input's line for a light", "door: {exit: {line: A}}\nprompt: {led_left: A, led_right: B}\n", 5, 10, "prompt.led_left: the line A is that of door.exit.line"},
		{"a turnstile that tells nothing", "door: {driver: sim, kind: turnstile}\n", 4, 21, "door.kind: turnstile needs door.contact"},
		{"forced without sight", "door: {forced: on}\n", 4, 8, "door.forced: on needs door.contact"},
		{"forced as a word", "door: {forced: yes}\n", 4, 8, `door.forced: "yes" is none of ["auto" "on" "off"]`},
		{"held without sight", "door: {held_warn: 10s}\n", 4, 8, "door.held_warn: this needs door.contact"},
		{"held for long without sight", "door: {held_after: 50s}\n", 4, 8, "door.held_after: this needs door.contact"},
		{"a buzzer without sight", "door: {buzzer: {line: B}}\n", 4, 8, "door.buzzer: it needs door.contact"},
		{"warned after the alarm", "door: {contact: {line: C}, held_warn: 40s}\n", 4, 28, "held_warn 40s is not before held_after 40s"},
		{"warned while passing", "door: {contact: {line: C}, held_warn: 3s}\n", 4, 28, "held_warn 3s is not longer than pulse 3s"},
		{"open for days", "door: {max_open: 25h}\n", 4, 8, "door.max_open: 25h0m0s is not between 1m0s and 24h0m0s"},
		{"no wait for who passes", "door: {passage_timeout: 0s}\n", 4, 8, "door.passage_timeout: 0s is not between 1s and 1m0s"},
		{"a zone that is none", "time_zone: Mars/Olympus\n", 4, 1, `time_zone: "Mars/Olympus" is no time zone`},
		{"the zone of the machine", "time_zone: Local\n", 4, 1, `time_zone: "Local" is no time zone`},
		{"a plan without a zone", "door: {schedule: [{days: mon, from: 8:00, to: 9:00, door: open}]}\n", 4, 8, "door.schedule: needs time_zone"},
		{"a plan that is no list", "door: {schedule: {days: mon}}\n", 4, 18, "door.schedule: a list is wanted here"},
		{"a plan of words", "door: {schedule: [mon]}\n", 4, 19, "door.schedule[1]: keys are wanted here"},
		{"a day that is none", zone + "door: {schedule: [{days: mo-fr, from: 8:00, to: 9:00, door: open}]}\n", 5, 26, `door.schedule[1].days: "mo-fr" is no day`},
		{"a window without an end", zone + "door: {schedule: [{days: mon, from: 8:00, door: open}]}\n", 5, 19, "door.schedule[1]: has no to"},
		{"a window at no time", zone + "door: {schedule: [{days: mon, from: 8:00, to: 8:00, door: open}]}\n", 5, 43, "door.schedule[1].to: 08:00 is where it begins"},
		{"a window from the end of a day", zone + "door: {schedule: [{days: mon, from: 24:00, to: 8:00, door: open}]}\n", 5, 31, "door.schedule[1].from: 24:00 is the end of a day"},
		{"a time that is none", zone + "door: {schedule: [{days: mon, from: 8, to: 9:00, door: open}]}\n", 5, 37, `door.schedule[1].from: "8" is no time of day`},
		{"a window that does nothing", zone + "door: {schedule: [{days: mon, from: 8:00, to: 9:00, door: locked}]}\n", 5, 53, `door.schedule[1].door: "locked" is none of`},
		{"open for longer than may be", zone + "door: {schedule: [{days: mon, from: 8:00, to: 12:01, door: open}]}\n", 5, 8, "leaves the door open for 4h1m0s at a stretch, and door.max_open is 4h0m0s"},
		{"open for ever", zone + "door: {schedule: [{days: sun-sat, from: 0:00, to: 24:00, door: open}]}\n", 5, 8, "leaves the door open for all week"},
		{"a holiday that is none", "door: {holidays: [2026-02-30]}\n", 4, 19, `door.holidays[1]: "2026-02-30" is no date`},
		{"a group that is no word", "passes: {groups: [the yard]}\n", 4, 10, `passes.groups: "the yard" is no single word`},
		{"a group twice", "passes: {groups: [yard, yard]}\n", 4, 10, `passes.groups: "yard" stands there twice`},
		{"passes by a word", "passes: {camera: yes}\n", 4, 10, `passes.camera: "yes" is none of ["auto" "on" "off"]`},
		{"a reader by its name", "readers: [outside]\n", 4, 11, "readers[1]: keys are wanted here"},
		{"readers that are no list", "readers: {name: a}\n", 4, 10, "readers: a list is wanted here"},
		{"a reader without a name", "readers: [{kind: usb, device: /d}]\n", 4, 11, "readers[1]: has no name"},
		{"a reader without a kind", "readers: [{name: a}]\n", 4, 11, "readers[1]: has no kind: one of wiegand, wiegand-keypad, usb, keypad"},
		{"a reader of another kind", "readers: [{name: a, kind: nfc, device: /d}]\n", 4, 21, `readers[1].kind: "nfc" is none of`},
		{"a reader called camera", "readers: [{name: camera, kind: usb, device: /d}]\n", 4, 12, `readers[1].name: "camera" is the camera's`},
		{"a reader of two words", "readers: [{name: a b, kind: usb, device: /d}]\n", 4, 12, `readers[1].name: "a b" is no single word`},
		{"two readers of one name", "readers: [{name: a, kind: usb, device: /d}, {name: a, kind: usb, device: /e}]\n", 4, 46, `readers[2].name: "a" is that of another reader`},
		{"two readers of one device", "readers: [{name: a, kind: usb, device: /d}, {name: b, kind: keypad, device: /d}]\n", 4, 69, "readers[2].device: is that of another reader"},
		{"a device that may be anywhere", "readers: [{name: a, kind: usb, device: d}]\n", 4, 32, `readers[1].device: "d" is not an absolute path`},
		{"a usb reader without its device", "readers: [{name: a, kind: usb}]\n", 4, 11, "readers[1]: has no device"},
		{"a line of a usb reader", "readers: [{name: a, kind: usb, device: /d, d0: A}]\n", 4, 44, "readers[1].d0: is nothing that a reader of kind usb has"},
		{"a class of keys", "readers: [{name: a, kind: keypad, device: /d, class: card-uid}]\n", 4, 47, "readers[1].class: is nothing that a reader of kind keypad has"},
		{"a class that is none", "readers: [{name: a, kind: usb, device: /d, class: secure}]\n", 4, 44, `readers[1].class: "secure" is none of ["card-uid" "card-secure"]`},
		{"wiegand without a line", "readers: [{name: a, kind: wiegand, d0: A, format: 26}]\n", 4, 11, "readers[1]: has no d1"},
		{"wiegand without a format", "readers: [{name: a, kind: wiegand, d0: A, d1: B}]\n", 4, 11, "readers[1]: has no format: how many bits its cards have"},
		{"a format that is none", "readers: [{name: a, kind: wiegand, d0: A, d1: B, format: 32}]\n", 4, 50, "readers[1].format: 32 is none of 26, 34, 35, 37"},
		{"a keypad with a format", "readers: [{name: a, kind: wiegand-keypad, d0: A, d1: B, format: 26}]\n", 4, 57, "readers[1].format: is nothing"},
		{"one line for zeros and ones", "readers: [{name: a, kind: wiegand, d0: A, d1: A, format: 26}]\n", 4, 43, "readers[1].d1: the line A is that of readers[1].d0"},
		{"the line of the relay for a reader", "readers: [{name: a, kind: wiegand, d0: GPIO17, d1: A, format: 26}]\n", 4, 36, "readers[1].d0: the line GPIO17 is that of door.line"},
		{"short PINs", "pins: {min_digits: 5}\n", 4, 8, "pins.min_digits: 5 is not between 6 and 12"},
		{"a rule of nothing", "rules: [{when: x}]\n", 4, 9, "rules[1]: has no by"},
		{"a rule of none", "rules: [{by: []}]\n", 4, 10, "rules[1].by: names 0 means"},
		{"a rule of three", "rules: [{by: [face, pin, pass]}]\n", 4, 10, "rules[1].by: names 3 means; one opens alone, or two different ones together"},
		{"a rule of one twice", "rules: [{by: [pin, pin]}]\n", 4, 10, "rules[1].by: names 2 means; one opens alone, or two different ones together"},
		{"a rule of a way", "rules: [{by: [qr]}]\n", 4, 10, `rules[1].by: "qr" is none of ["face" "pass" "visitor" "card-uid" "card-secure" "pin" "order" "home-assistant"]`},
		{"an order and a PIN", "rules: [{by: [order, pin]}]\n", 4, 10, "rules[1].by: order goes with nothing else"},
		{"an unsigned order", "rules: [{by: [home-assistant]}]\n", 4, 10, "rules[1].by: names home-assistant, and mqtt.home_assistant.unsigned_orders is off"},
		{"an order of a group", "rules: [{by: [order], groups: [staff]}]\n", 4, 23, "rules[1].groups: is of people"},
		{"an order of the faceless", "rules: [{by: [order], faceless: true}]\n", 4, 23, "rules[1].faceless: is of people"},
		{"a visitor and a face", "rules: [{by: [visitor, face]}]\n", 4, 10, "rules[1].by: visitor goes with nothing else"},
		{"one within a time", "rules: [{by: [pin], within: 5s}]\n", 4, 21, "rules[1].within: is of two means together"},
		{"two within no time", "rules: [{by: [pin, pass], within: 0s}]\n", 4, 27, "rules[1].within: 0s is not between 1s and 2m0s"},
		{"two within an hour", "rules: [{by: [pin, pass], within: 1h}]\n", 4, 27, "rules[1].within: 1h0m0s is not between 1s and 2m0s"},
		{"a plan that is not there", "rules: [{by: [pin], when: office}]\n", 4, 21, `rules[1].when: "office" is none of plans`},
		{"a group of two words", "rules: [{by: [pin], groups: [a b]}]\n", 4, 21, `rules[1].groups: "a b" is no single word`},
		{"a group twice", "rules: [{by: [pin], groups: [a, a]}]\n", 4, 21, `rules[1].groups: "a" stands there twice`},
		{"a face of the faceless", "rules: [{by: [face, pin], faceless: true}]\n", 4, 27, "rules[1].faceless: is true, and the rule names the face"},
		{"plans that are a list", "plans: [a]\n", 4, 8, "plans: names are wanted here"},
		{"a plan of nothing", zone + "plans: {a: []}\n", 5, 9, "plans.a: is empty; a rule with it would never count"},
		{"a plan twice", zone + "plans:\n  a: [{days: mon, from: 8:00, to: 9:00}]\n  'a': [{days: tue, from: 8:00, to: 9:00}]\n", 7, 3, `"a"`},
		{"a plan of two words", zone + "plans: {a b: [{days: mon, from: 8:00, to: 9:00}]}\n", 5, 9, `plans.a b: "a b" is no single word`},
		{"hours without an end", zone + "plans: {a: [{days: mon, from: 8:00}]}\n", 5, 13, "plans.a[1]: has no to"},
		{"hours of a door", zone + "plans: {a: [{days: mon, from: 8:00, to: 9:00, door: open}]}\n", 5, 47, `plans.a[1]: unknown key "door"`},
		{"no hours", zone + "plans: {a: [{days: mon, from: 8:00, to: 8:00}]}\n", 5, 37, "plans.a[1].to: 08:00 is where it begins"},
		{"hours from the end of a day", zone + "plans: {a: [{days: mon, from: 24:00, to: 8:00}]}\n", 5, 25, "plans.a[1].from: 24:00 is the end of a day"},
		{"hours of no zone", "plans: {a: [{days: mon, from: 8:00, to: 9:00}]}\n", 4, 1, "plans: needs time_zone"},
		{"again in a year", "again_after: 25h\n", 4, 1, "again_after: 25h0m0s is not between 0s and 24h0m0s"},
		{"fired again at last", "refire_after: 11m\n", 4, 1, "refire_after: 11m0s is not between 0s and 10m0s"},
		{"an interlock by its line", "door: {interlock: GPIO4}\n", 4, 19, "door.interlock: keys are wanted here"},
		{"the line of the exit for the interlock", "door: {exit: {line: A}, interlock: {line: A}}\n", 4, 37, "door.interlock.line: the line A is that of door.exit.line"},
		{"a rule of cards without a reader", "again_after: 0s\nrules: [{by: [card-uid]}]\n", 5, 10, "rules[1].by: names card-uid, and nothing at the door reads cards"},
		{"a rule of cards that prove a key", "readers: [{name: c, kind: usb, device: /c}]\nrules: [{by: [card-secure]}]\n", 5, 10, "rules[1].by: names card-secure, and nothing at the door has a card prove a key"},
		{"a rule of passes that nobody reads", "passes: {camera: off}\nrules: [{by: [pass]}]\n", 5, 10, "rules[1].by: names pass, and passes.camera is off"},
		{"a card where nothing reads it", "alternatives: [card, key]\n", 4, 1, "alternatives: has card, and nothing at the door reads cards"},
		{"a PIN where nothing takes it", "alternatives: [pin]\nreaders: [{name: c, kind: usb, device: /c}]\n", 4, 1, "alternatives: has pin, and there is nothing to type it on"},
		{"a pass where nothing reads it", "passes: {camera: off}\nalternatives: [qr]\n", 5, 1, "alternatives: has qr, and passes.camera is off"},
		{"driver", "door: {driver: gpio}\n", 4, 8, `door.driver: "gpio" is none of ["cdev" "sim"]`},
		{"no line", "door: {line: ''}\n", 4, 8, "door.line: is empty"},
		{"short pulse", "door: {pulse: 100ms}\n", 4, 8, "door.pulse: 100ms is not between 200ms and 30s"},
		{"long pulse", "door: {pulse: 31s}\n", 4, 8, "door.pulse: 31s is not between 200ms and 30s"},
		{"relative state folder", "state_dir: state\n", 4, 1, `state_dir: "state" is not an absolute path`},
		{"relative TPM", "tpm: tpmrm0\n", 4, 1, "tpm: \"tpmrm0\" is not an absolute path"},
		{"key inside the state folder", "key_file: /var/lib/x/../facegate/k\n", 4, 1, "key_file: /var/lib/x/../facegate/k lies inside"},
		{"relative keys folder", "keys_dir: keys\n", 4, 1, `keys_dir: "keys" is not an absolute path`},
		{"keys folder in the state folder", "state_dir: /a/b\nkeys_dir: /a/b/c\n", 5, 1, "keys_dir: /a/b/c and state_dir /a/b are not apart"},
		{"keys folder around the state folder", "state_dir: /a/b\nkeys_dir: /a\n", 5, 1, "keys_dir: /a and state_dir /a/b are not apart"},
		{"one folder for both", "state_dir: /a/b/\nkeys_dir: /a/b\n", 5, 1, "keys_dir: /a/b and state_dir /a/b/ are not apart"},
		{"relative anchor folder", "anchor_dir: anchor\n", 4, 1, `anchor_dir: "anchor" is not an absolute path`},
		{"anchor in the state folder", "state_dir: /a/b\nanchor_dir: /a/b/c\n", 5, 1, "anchor_dir: /a/b/c and state_dir /a/b are not apart"},
		{"anchor around the state folder", "state_dir: /a/b/c\nkeys_dir: /k\nanchor_dir: /a/b\n", 6, 1, "anchor_dir: /a/b and state_dir /a/b/c are not apart"},
		{"anchor in the keys folder", "anchor_dir: /var/lib/facegate-keys/a\n", 4, 1, "anchor_dir: /var/lib/facegate-keys/a and keys_dir /var/lib/facegate-keys are"},
		{"key in the keys folder", "keys_dir: /k\nkey_file: /k/device.key\n", 4, 1, "keys_dir: /k/anchor and keys_dir /k are not apart"},
		{"state folder around the default key", "state_dir: /etc\n", 4, 1, "state_dir: /etc/facegate/device.key lies inside"},
		{"camera source", "camera: {source: usb}\n", 4, 10, `camera.source: "usb" is none of`},
		{"camera format", "camera: {format: h264}\n", 4, 10, `camera.format: "h264" is none of`},
		{"no device", "camera: {device: ''}\n", 4, 10, "camera.device: is empty"},
		{"replay of nothing", "camera: {source: replay}\n", 0, 0, "camera.path: is empty"},
		{"standard input in a loop", "camera: {path: '-', loop: true}\n", 4, 21, "camera.loop: standard input cannot be played again"},
		{"frame rate", "camera: {fps: 61}\n", 4, 10, "camera.fps: 61 is not between 5 and 60"},
		{"a moment's exposure", "camera: {exposure: 99us}\n", 4, 10, "camera.exposure: 99µs is shorter than 100µs"},
		{"frozen at once", "camera: {frozen_after: 10ms}\n", 4, 10, "camera.frozen_after: 10ms is shorter than 1s; 0s is for ever"},
		{"frozen for long", "camera: {frozen_after: 2m}\n", 4, 10, "camera.frozen_after: 2m0s is not between 0s and 1m0s"},
		{"a long exposure", "camera: {exposure: 2s}\n", 4, 10, "camera.exposure: 2s is not between 0s and 1s"},
		{"gain", "camera: {gain: -2}\n", 4, 10, "camera.gain: -2 is not between -1 and"},
		{"lamps", "camera: {power_line: 50}\n", 4, 10, `camera.power_line: "50" is none of ["keep" "off" "50hz" "60hz" "auto"]`},
		{"backlight", "camera: {backlight: -2}\n", 4, 10, "camera.backlight: -2 is not between -1 and"},
		{"side light", "quality: {max_side_light: 10}\n", 4, 11, "quality.max_side_light: 10 is not between 20 and 90"},
		{"bundle", "vision: {bundle: best}\n", 4, 10, `vision.bundle: "best" is none of ["registry" "zoo" "open"]`},
		{"no models folder", "vision: {models_dir: ''}\n", 4, 10, "vision.models_dir: is empty"},
		{"liveness twice", "vision: {liveness: [a, a]}\n", 4, 10, `vision.liveness: "a" stands there twice`},
		{"liveness of a word", "liveness: {threshold: strict}\n", 4, 23, "liveness.threshold: a number is wanted here, or auto"},
		{"liveness of a list", "liveness: {threshold: [0.5]}\n", 4, 23, "liveness.threshold: a number is wanted here, or auto"},
		{"asked at times", "liveness: {active: sometimes}\n", 4, 12, `liveness.active: "sometimes" is none of`},
		{"one light", "prompt: {led_left: GPIO5}\n", 4, 10, "only one of the two lights has a line"},
		{"one line for both lights", "prompt: {led_left: GPIO5, led_right: GPIO5}\n", 4, 10, "both lights have the line GPIO5"},
		{"the door's line for a light", "prompt: {led_left: GPIO5, led_right: GPIO17}\n", 4, 27, "prompt.led_right: the line GPIO17 is that of door.line"},
		{"liveness below nothing", "liveness: {threshold: -0.1}\n", 4, 12, "liveness.threshold: -0.1 is not between 0 and 0.99"},
		{"brightness crossed", "quality: {min_brightness: 221}\n", 4, 11, "min_brightness 221 is not below max_brightness 220"},
		{"false positive rate", "match: {fpir: 0.5}\n", 4, 9, "match.fpir: 0.5 is not between 0.0001 and 0.1"},
		{"agreement within half the liveness window", "decide: {agree: 2}\n", 4, 10, "decide.agree 2 is not more than half"},
		{"liveness window too long for the agreement", "liveness: {window: 6}\n", 4, 12, "decide.agree 3 is not more than half"},
		{"too few frames for a decision", "camera: {fps: 5}\ndecide: {window: 200ms}\n", 5, 10, "so the door would never open"},
		{"template for ever", "enrol: {valid_days: 1096}\n", 4, 9, "enrol.valid_days: 1096 is not between 1 and 1095"},
		{"broker without port", "mqtt: {broker: tcp://host}\n", 4, 8, "mqtt.broker: \"tcp://host\" is not a broker"},
		{"broker with another scheme", "mqtt: {broker: 'ws://host:80'}\n", 4, 8, "is not a broker"},
		{"password in the broker", "mqtt: {broker: 'tcp://u:p@host:1883'}\n", 4, 8, "holds a user name"},
		{"broker twice", "mqtt: {broker: ['ssl://b:8883', 'mqtts://b:8883/']}\n", 4, 33, "mqtt.broker[2]: ssl://b:8883 is in the list a second time"},
		{"no broker in a list", "mqtt: {broker: []}\n", 4, 8, "mqtt.broker: is an empty list"},
		{"brokers in a list of lists", "mqtt: {broker: [[a]]}\n", 4, 17, "mqtt.broker[1]: the address of a broker is wanted here"},
		{"brokers by names", "mqtt: {broker: {a: b}}\n", 4, 16, "mqtt.broker: the address of a broker is wanted here"},
		{"a broken broker in a list", "mqtt: {broker: ['ssl://b:8883', broker]}\n", 4, 33, "mqtt.broker[2]: \"broker\" is not a broker"},
		{"another machine in a list", "mqtt: {broker: ['ssl://b:8883', 'tcp://127.0.0.1:1', 'tcp://c:1883']}\n", 4, 54, "mqtt.broker[3]: c is another machine"},
		{"too many brokers", "mqtt: {broker: [" + strings.Repeat("'tcp://127.0.0.1:1',", 9) + "]}\n", 4, 8, "mqtt.broker: has more than 8 brokers"},
		{"certificate without TLS", "mqtt: {cert_file: /c, key_file: /k}\n", 4, 8, "mqtt.cert_file: has no effect without TLS"},
		{"certificate without key", "mqtt: {broker: 'ssl://b:8883', cert_file: /c}\n", 4, 32, "mqtt.cert_file: is of no use alone"},
		{"key without certificate", "mqtt: {broker: 'ssl://b:8883', key_file: /k}\n", 4, 32, "mqtt.key_file: is of no use alone"},
		{"relative certificate", "mqtt: {broker: 'ssl://b:8883', cert_file: c, key_file: /k}\n", 4, 32, "mqtt.cert_file: \"c\" is not an absolute path"},
		{"authority without TLS", "mqtt: {ca_file: /etc/ca.pem}\n", 4, 8, "mqtt.ca_file: has no effect without TLS"},
		{"password without user", "mqtt: {password_file: /p}\n", 4, 8, "mqtt.password_file: has no effect"},
		{"relative socket", "control: {socket: s}\n", 4, 11, "control.socket: \"s\" is not an absolute path"},
		{"long socket", "control: {socket: /" + strings.Repeat("x", 107) + "}\n", 4, 11, "longer than the 107 bytes"},
		{"one role alone", "control: {office_group: desk}\n", 4, 11, "control.office_group: and technician_group belong together"},
		{"one group for both roles", "control: {office_group: a, technician_group: a}\n", 4, 28, "control.technician_group: is the office_group too"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := minimal + test.text
			if strings.HasPrefix(test.text, "rules:") { // of means that the door takes
				text += "readers: [{name: card, kind: usb, device: /c, class: card-secure}, {name: pad, kind: keypad, device: /p}]\n"
			}
			list := faults(t, text)
			if len(list) != 1 {
				t.Fatalf("%d faults, want 1: %v", len(list), list)
			}
			got := list[0]
			if got.Line != test.line || (test.column != 0 && got.Column != test.column) {
				t.Errorf("at %d:%d, want %d:%d: %v", got.Line, got.Column, test.line, test.column, got)
			}
			if message := got.Key + ": " + got.Message; !strings.Contains(message, test.want) {
				t.Errorf("message %q, want %q in it", message, test.want)
			}
		})
	}
}

func TestParseWantsProfileSiteGateAndLock(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "door: {name: main}\n", "profile:\nsite:\ngate: ~\n", "profile: \"\"\n"} {
		var keys []string
		for _, e := range faultsOf(t, text) {
			keys = append(keys, e.Key)
		}
		if want := []string{"profile", "site", "gate", "door.kind", "door.fail"}; !slices.Equal(keys, want) {
			t.Errorf("%q: faults of %q, want of %q", text, keys, want)
		}
	}
}

func TestErrorShowsPlaceSourceAndSuggestion(t *testing.T) {
	_, err := configs.Parse("gate.yaml", strings.NewReader(minimal+"camera:\n  fps: 15\n  widht: 640 # pixels\n"))
	want := "gate.yaml:6:3: camera: unknown key \"widht\"; did you mean \"width\"?\n" +
		"  6 |   widht: 640 # pixels\n" +
		"    |   ^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if !strings.Contains(hint.Of(err), "facegate config check --config gate.yaml") {
		t.Errorf("hint %q", hint.Of(err))
	}
}

func TestParseReportsEveryFault(t *testing.T) {
	list := faults(t, minimal+"door: {pulse: 3, lone: x}\ncamra: {}\nenrol: {frames: few}\n")
	if len(list) != 4 {
		t.Errorf("%d faults while reading, want 4: %v", len(list), list)
	}
	list = faults(t, minimal+"door: {pulse: 1h}\nenrol: {frames: 1}\nmqtt: {broker: x}\n")
	if len(list) != 3 {
		t.Errorf("%d faults of values, want 3: %v", len(list), list)
	}
}

func TestParseRefusesAHugeFile(t *testing.T) {
	_, err := configs.Parse("huge.yaml", strings.NewReader(minimal+strings.Repeat("#", 64<<10)))
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
}

// TestDoorIsAsked checks that nothing is made of a real door that its owner has not said, in words that say what it means.
func TestDoorIsAsked(t *testing.T) {
	for _, text := range []string{minimal, minimal + "door: {driver: cdev, kind: '', fail:}\n"} {
		list := faultsOf(t, text)
		if len(list) != 2 || list[0].Key != "door.kind" || list[1].Key != "door.fail" {
			t.Fatalf("%.40q: %v", text, list)
		}
		for _, want := range []string{"secure: locked, and the relay pulls in to unlock it", "safe: unlocked, and the relay pulls in to lock it"} {
			if !strings.Contains(list[1].Message, want) {
				t.Errorf("%q does not say %q", list[1].Message, want)
			}
		}
	}
	c := parse(t, minimal+"door: {driver: sim}\n")
	if c.Door.Kind != configs.Strike || c.Door.Fail != configs.FailSecure {
		t.Errorf("a simulated door is %+v", c.Door)
	}
}

// TestReferenceIsNoGate wants a copy of the reference refused, with all that only the owner of a gate knows and no word of what they do
// not have to know. Under whose law it stands comes first, and names what there is to choose from.
func TestReferenceIsNoGate(t *testing.T) {
	var keys []string
	list := faultsOf(t, string(configs.Reference()))
	for _, e := range list {
		keys = append(keys, e.Key)
	}
	if want := []string{"profile", "door.kind", "door.fail"}; !slices.Equal(keys, want) {
		t.Errorf("faults of %q, want of %q", keys, want)
	}
	for _, j := range jurisdictions {
		if !strings.Contains(list[0].Message, string(j)) || list[0].Line == 0 {
			t.Errorf("%v does not name %s", list[0], j)
		}
	}
}

// TestForcedAlarm checks that who leaves by the handle raises no alarm that nobody has asked for.
func TestForcedAlarm(t *testing.T) {
	for text, want := range map[string]bool{
		"contact: {line: C}": false, "contact: {line: C}, exit: {line: E}": true, "exit: {line: E}": false,
		"contact: {line: C}, forced: on": true, "contact: {line: C}, exit: {line: E}, forced: off": false,
	} {
		if got := parse(t, minimal+"door: {"+text+"}\n").Door.ForcedAlarm(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestShutsIn checks who is warned that whoever is inside may not get out.
func TestShutsIn(t *testing.T) {
	for text, want := range map[string]bool{
		"kind: maglock, fail: secure": true, "kind: maglock, fail: safe": false, "kind: strike, fail: secure": false,
		"kind: maglock, fail: secure, exit: {line: E}": false, "kind: maglock, fail: secure, fire: {line: F}": false,
	} {
		cfg, err := configs.Parse("test.yaml", strings.NewReader(minimal+"door: {"+text+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if reason, todo := cfg.Door.ShutsIn(); (reason != "") != want || (todo != "") != want {
			t.Errorf("%s: %q, %q", text, reason, todo)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(configs.Reference()))
	f.Add(minimal + "door: {pulse: 3, lone: x}\n")
	f.Add(minimal + "camera: &a\n  width: 1\nzone: *a\n---\n")
	f.Add(minimal + "? a\n: |\n  b\n")
	for _, j := range jurisdictions {
		f.Add(lawful(j).text())
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := configs.Parse("fuzz.yaml", strings.NewReader(text))
		if (cfg == nil) == (err == nil) {
			t.Fatalf("cfg %v and err %v", cfg, err)
		}
		if err != nil && !strings.Contains(err.Error(), "fuzz.yaml") {
			t.Fatalf("an error that does not name the file: %v", err)
		}
		if cfg == nil {
			return
		}
		if 2*cfg.Decide.Agree <= cfg.Liveness.Window || cfg.Door.Pulse > 30*time.Second ||
			strings.ContainsAny(cfg.Site+cfg.Gate+cfg.Door.Name, "/+#") {
			t.Fatalf("an accepted file breaks a rule: %+v", cfg)
		}
		if p := cfg.Profile(); len(cfg.Alternatives) == 0 || p.RetentionMax > 1095*24*time.Hour || p.IdleMax <= 0 ||
			p.AssessmentRequired && (cfg.Assessment.ID == "" || !cfg.Liveness.Threshold.Auto && cfg.Liveness.Threshold.Score < 0.01 || !cfg.Notice.SignInstalled) ||
			p.Mode == law.AutoMode || p.EmbedTrigger == law.AutoTrigger {
			t.Fatalf("an accepted file breaks a rule of its profile: %+v", cfg)
		}
		if err := cfg.Policy().Write(io.Discard); err != nil {
			t.Fatalf("an accepted file has no policy: %v", err)
		}
		_, english := cfg.Particulars().Text(notice.English)
		_, chinese := cfg.Particulars().Text(notice.Chinese)
		if cfg.Jurisdiction != law.Lab && english != nil && chinese != nil {
			t.Fatalf("an accepted file for real people has no notice: %v, %v", english, chinese)
		}
	})
}

// TestParseRefusesACrowdedFile gives the parser what would keep it busy for a quarter of a minute, or fill the memory. Each
// is refused in a few lines.
func TestParseRefusesACrowdedFile(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, configs.MaxSize/len(s)) }
	for _, text := range []string{
		fill("["), fill("{"), fill("[a: "), fill("{a: "), fill("- "), fill("? "), fill("-\t"), fill("[\n"), "site: " + fill("[")[:60_000],
		"a: &a [" + fill("*a,")[:60_000] + "]", fill("[]"), fill("]"), fill(`"["`),
	} {
		_, err := configs.Parse("crowded.yaml", strings.NewReader(text))
		if err == nil || len(err.Error()) > 2000 {
			t.Errorf("%.20s...: %.200v", text, err)
		}
		if opens := strings.Count(text, "[") > 500 || strings.Count(text, "- ") > 500; opens &&
			!strings.Contains(err.Error(), "more than 500 lists and sections begin in this file") {
			t.Errorf("%.20s...: %v", text, err)
		}
	}
}
