package interview

import (
	"fmt"
	"slices"
	"strings"

	"facegate/configs"
	"facegate/configs/address"
	"facegate/configs/edit"
	"facegate/configs/law"
	"facegate/configs/passage"
)

// A step asks one question, or tests one part.
type step struct {
	test Part // "" for a question

	name     string   // of the answer, and of its flag
	asks     string   // in one line
	explains string   // in two lines at most
	keys     []string // of the configuration, about which the answer is

	when     func(*configs.Draft) bool                   // it applies; nil: always
	choices  func(m Machine, c *configs.Config) []Choice // nil: any text may be typed
	several  bool                                        // of the choices may be named, with commas
	proposes func(d *configs.Draft) string               // what the configuration has, or is usual; "" if nothing is
	settings func(answer string) ([]edit.Setting, error) // at least one
}

// applies reports whether the question has to be asked.
func (s step) applies(d *configs.Draft) bool { return s.when == nil || s.when(d) }

// list returns what there is to choose from.
func (s step) list(m Machine, c *configs.Config) []Choice {
	if s.choices == nil {
		return nil
	}
	return s.choices(m, c)
}

// meant returns the answer that was typed.
func (s step) meant(m Machine, c *configs.Config, typed string) (string, error) {
	choices := s.list(m, c)
	if !s.several {
		return chosen(choices, typed)
	}
	var all []string
	for word := range strings.SplitSeq(typed, ",") {
		one, err := chosen(choices, strings.TrimSpace(word))
		if err != nil {
			return "", err
		}
		all = append(all, one)
	}
	return strings.Join(all, ", "), nil
}

// None is the answer of whoever has nothing to name.
const None = "none"

// Simulated is the line of a door that is none: alone, or with a colon and the folder in which it is to be seen.
const Simulated = "sim"

// steps are all questions, and the tests among them.
func steps() []step {
	return slices.Concat(placeSteps(), cameraSteps(), doorSteps(), brokerSteps())
}

// Names returns the names of all answers, in the order in which they are asked for.
func Names() (all []string) {
	for _, s := range steps() {
		if s.name != "" {
			all = append(all, s.name)
		}
	}
	return all
}

func placeSteps() []step {
	return []step{
		{
			name: "profile", asks: "Whose law does the gate stand under?", keys: []string{"profile"},
			explains: "It says with whom a face is compared, and what people have to be told and the operator to state.\nThis is no legal advice: ask somebody who can give it.",
			choices:  func(Machine, *configs.Config) []Choice { return laws() },
			proposes: func(d *configs.Draft) string { return string(d.Jurisdiction) },
			settings: set("profile"),
		},
		{
			name: "site", asks: "Name of the building", keys: []string{"site"},
			explains: "It stands in every MQTT topic (facegate/<site>/<gate>/...), so it has none of / + #.\nNo two gates of a broker may share site and gate.",
			proposes: func(d *configs.Draft) string {
				if d.Usual(func(c *configs.Config) string { return c.Site }) { // which is an example
					return ""
				}
				return d.Site
			},
			settings: set("site"),
		},
		{
			name: "gate", asks: "Name of this gate in the building", keys: []string{"gate"},
			explains: "It stands in every MQTT topic after the building. The door that it guards is the same.",
			proposes: func(d *configs.Draft) string { return d.Gate },
			settings: set("gate"),
		},
		{
			name: "alternatives", asks: "The other ways in, with commas", keys: []string{"alternatives"}, several: true,
			explains: "A face is never the only way in. Of key and intercom the gate knows nothing: they are taken on your word.\nFor card and pin name a reader in the file first (readers); qr is a pass held to the camera.",
			when:     func(d *configs.Draft) bool { return law.Of(d.Jurisdiction).Production() },
			choices:  func(Machine, *configs.Config) []Choice { return ways() },
			proposes: func(d *configs.Draft) string { return list(d.Alternatives) },
			settings: func(answer string) ([]edit.Setting, error) {
				var words []string
				for word := range strings.SplitSeq(answer, ", ") {
					words = append(words, edit.Quote(word))
				}
				return []edit.Setting{{Key: "alternatives", Value: "[" + strings.Join(words, ", ") + "]"}}, nil
			},
		},
	}
}

func laws() []Choice {
	says := map[law.Jurisdiction]string{
		law.CN:   "China: compares with everybody; impact assessment, notice in Chinese, sign",
		law.EU:   "European Union: compares with the owner of the pass shown; impact assessment, notice, sign",
		law.USIL: "Illinois: compares with the owner of the pass shown; public policy, notice, sign",
		law.Lab:  "none, to try out: compares with everybody; no real person may be enrolled",
	}
	var all []Choice
	for _, j := range law.Jurisdictions() {
		all = append(all, Choice{Answer: string(j), Says: says[j]})
	}
	return all
}

func ways() []Choice {
	says := map[passage.Way]string{
		passage.Card: "at a reader of the gate", passage.PIN: "at a keypad of the gate", passage.QR: "a pass, held to the camera",
		passage.Intercom: "somebody answers and opens", passage.Key: "a mechanical one",
	}
	var all []Choice
	for _, w := range passage.Ways() {
		all = append(all, Choice{Answer: string(w), Says: says[w]})
	}
	return all
}

func cameraSteps() []step {
	return []step{
		{
			name: "camera", asks: "Camera", keys: []string{"camera.device", "camera.path", "camera.source"},
			explains: "A USB camera (UVC), by the name that it keeps wherever it is plugged in.\nA folder of JPEG files, or an MJPEG file, is played in its place, to try things out.",
			choices:  Machine.Cameras,
			proposes: proposedCamera,
			settings: cameraSettings,
		},
		{test: Camera},
		{
			name: "bundle", asks: "Networks", keys: []string{"vision.bundle"},
			explains: "They find and compare faces, and are brought by facegate models fetch.\ndocs/models.md compares the bundles; a change needs everybody captured again.",
			choices:  Machine.Bundles,
			proposes: func(d *configs.Draft) string { return string(d.Vision.Bundle) },
			settings: set("vision.bundle"),
		},
		{test: Networks},
	}
}

// proposedCamera proposes that of the file. The one of the reference is whichever the kernel has found first.
func proposedCamera(d *configs.Draft) string {
	if d.Camera.Source == configs.Replay {
		return d.Camera.Path
	}
	if d.Usual(func(c *configs.Config) string { return c.Camera.Device }) {
		return ""
	}
	return d.Camera.Device
}

func cameraSettings(answer string) ([]edit.Setting, error) {
	if strings.HasPrefix(answer, "/dev/") {
		return []edit.Setting{{Key: "camera.device", Value: edit.Quote(answer)}, {Key: "camera.source", Value: string(configs.V4L2)}}, nil
	}
	if !strings.HasPrefix(answer, "/") {
		return nil, fmt.Errorf("%q is neither a number of the list nor a path, such as /dev/video0", answer)
	}
	return []edit.Setting{{Key: "camera.path", Value: edit.Quote(answer)}, {Key: "camera.source", Value: string(configs.Replay)}}, nil
}

func doorSteps() []step {
	real := func(d *configs.Draft) bool { return d.Door.Driver == configs.Cdev }
	return []step{
		{
			name: "line", asks: "GPIO line of the relay", keys: []string{"door.line", "door.chip", "door.driver"},
			explains: "By its name, because numbers change from board to board; NAME@CHIP where two chips have it.\nsim is no relay: the gate runs, and opens nothing.",
			choices:  Machine.Lines,
			proposes: proposedLine,
			settings: lineSettings,
		},
		{
			name: "kind", asks: "What holds the door shut?", keys: []string{"door.kind"},
			explains: "docs/wiring.md draws how each is wired.\nA turnstile needs its contact in the file first (door.contact).",
			when:     real,
			choices: func(Machine, *configs.Config) []Choice {
				return []Choice{
					{Answer: string(configs.Strike), Says: "an electric strike: unlocked for each pass"},
					{Answer: string(configs.Maglock), Says: "a magnet, which holds while it has current"},
					{Answer: string(configs.Turnstile), Says: "a turnstile: one person for each pass, and a contact that says when they are through"},
				}
			},
			proposes: func(d *configs.Draft) string { return string(d.Door.Kind) },
			settings: set("door.kind"),
		},
		{
			name: "fail", asks: "What is the door without the gate, as when it has no power?", keys: []string{"door.fail"},
			explains: "Whatever ends the gate, the relay lets go. Most strikes stay locked then, and most magnets let go.\nA way out that needs no gate is the law in most places.",
			when:     real,
			choices: func(Machine, *configs.Config) []Choice {
				return []Choice{
					{Answer: string(configs.FailSecure), Says: "locked: the relay pulls in to unlock it"},
					{Answer: string(configs.FailSafe), Says: "unlocked: the relay pulls in to lock it"},
				}
			},
			proposes: func(d *configs.Draft) string { return string(d.Door.Fail) },
			settings: set("door.fail"),
		},
		{
			name: "level", asks: "At which level of the line does the relay pull in?", keys: []string{"door.active_low"},
			explains: "Many relay boards with an optocoupler pull in at low level; their description says so.\nThe test of the door shows it: with the wrong one it stands open.",
			when:     real,
			choices: func(Machine, *configs.Config) []Choice {
				return []Choice{{Answer: "high", Says: "high level"}, {Answer: "low", Says: "low level"}}
			},
			proposes: func(d *configs.Draft) string { return map[bool]string{false: "high", true: "low"}[d.Door.ActiveLow] },
			settings: func(answer string) ([]edit.Setting, error) {
				low, ok := map[string]string{"high": "false", "low": "true"}[answer]
				if !ok {
					return nil, fmt.Errorf("%q is neither high nor low", answer)
				}
				return []edit.Setting{{Key: "door.active_low", Value: low}}, nil
			},
		},
		{test: Door},
	}
}

// proposedLine proposes that of the file. The one of the reference is an example.
func proposedLine(d *configs.Draft) string {
	switch usual := d.Usual(func(c *configs.Config) string { return c.Door.Line }); {
	case d.Door.Driver == configs.Sim && d.Door.Chip != "":
		return Simulated + ":" + d.Door.Chip
	case d.Door.Driver == configs.Sim:
		return Simulated
	case usual && d.Door.Kind == "":
		return ""
	case d.Door.Chip != "":
		return d.Door.Line + "@" + d.Door.Chip
	}
	return d.Door.Line
}

func lineSettings(answer string) ([]edit.Setting, error) {
	set := func(driver configs.Driver, chip string, more ...edit.Setting) []edit.Setting {
		return append([]edit.Setting{{Key: "door.driver", Value: string(driver)}, {Key: "door.chip", Value: edit.Quote(chip)}}, more...)
	}
	if folder, ok := strings.CutPrefix(answer, Simulated+":"); ok || answer == Simulated {
		if answer == Simulated {
			folder = ""
		}
		return set(configs.Sim, folder), nil
	}
	line, chip, _ := strings.Cut(answer, "@")
	return set(configs.Cdev, chip, edit.Setting{Key: "door.line", Value: edit.Quote(line)}), nil
}

func brokerSteps() []step {
	return []step{
		{
			name: "broker", asks: "MQTT broker", keys: []string{"mqtt.broker"},
			explains: "Building systems learn there that somebody has passed, and never who. ssl://host:8883 is encrypted;\ntcp://host:1883 is not, and goes to this machine alone. Several are given with commas.",
			proposes: func(d *configs.Draft) string { return d.MQTT.Brokers.String() },
			settings: brokerSettings,
		},
		{
			name: "mqtt-user", asks: "User of the gate at the broker", keys: []string{"mqtt.username"},
			explains: "The broker's access list lets it read and write facegate/<site>/<gate>/#.\nnone: the broker asks for no account.",
			proposes: func(d *configs.Draft) string { return orNone(d.MQTT.Username) },
			settings: setOrNone("mqtt.username"),
		},
		{
			name: "mqtt-password-file", asks: "File with its password", keys: []string{"mqtt.password_file"},
			explains: "One line, for the service alone: sudo install -m 600 -o facegate FILE /etc/facegate/mqtt.password\nnone: the account has no password.",
			when:     func(d *configs.Draft) bool { return d.MQTT.Username != "" },
			proposes: func(d *configs.Draft) string { return orNone(d.MQTT.PasswordFile) },
			settings: setOrNone("mqtt.password_file"),
		},
		{
			name: "mqtt-ca-file", asks: "File with the authority of the broker's certificate", keys: []string{"mqtt.ca_file"},
			explains: "A PEM file; then no other authority is trusted. A board without a clock of its own needs it.\nnone: those of the system.",
			when: func(d *configs.Draft) bool {
				return slices.ContainsFunc(d.MQTT.Brokers, func(b address.Address) bool { return b.TLS })
			},
			proposes: func(d *configs.Draft) string { return orNone(d.MQTT.CAFile) },
			settings: setOrNone("mqtt.ca_file"),
		},
		{test: Broker},
	}
}

func brokerSettings(answer string) ([]edit.Setting, error) {
	var all []string
	for one := range strings.SplitSeq(answer, ",") {
		all = append(all, edit.Quote(strings.TrimSpace(one)))
	}
	value := all[0]
	if len(all) > 1 {
		value = "[" + strings.Join(all, ", ") + "]"
	}
	return []edit.Setting{{Key: "mqtt.broker", Value: value}}, nil
}

// set is the settings of an answer that is the value of a key.
func set(key string) func(string) ([]edit.Setting, error) {
	return func(answer string) ([]edit.Setting, error) {
		return []edit.Setting{{Key: key, Value: edit.Quote(answer)}}, nil
	}
}

// setOrNone is set for what need not be named.
func setOrNone(key string) func(string) ([]edit.Setting, error) {
	return func(answer string) ([]edit.Setting, error) {
		if answer == None {
			answer = ""
		}
		return set(key)(answer)
	}
}

func orNone(value string) string {
	if value == "" {
		return None
	}
	return value
}

func list(all []passage.Way) string {
	var words []string
	for _, w := range all {
		words = append(words, string(w))
	}
	return strings.Join(words, ", ")
}
