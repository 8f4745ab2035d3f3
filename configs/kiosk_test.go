package configs_test

import (
	"slices"
	"strings"
	"testing"

	"facegate/configs"
	"facegate/configs/law"
	"facegate/configs/notice"
)

// TestKioskIsOfThisMachine holds that nobody on another machine can see who comes and goes, and that whoever tries is told why.
func TestKioskIsOfThisMachine(t *testing.T) {
	for listen, want := range map[string][2]string{
		"127.0.0.1:8686":            {"tcp", "127.0.0.1:8686"},
		"127.8.9.10:1":              {"tcp", "127.8.9.10:1"},
		"localhost:8686":            {"tcp", "127.0.0.1:8686"},
		"[::1]:8686":                {"tcp", "[::1]:8686"},
		"[::ffff:127.0.0.1]:8686":   {"tcp", "127.0.0.1:8686"},
		"unix:/run/facegate/k.sock": {"unix", "/run/facegate/k.sock"},
	} {
		c := parse(t, minimal+"kiosk: {listen: '"+listen+"'}\n")
		if network, address := c.Kiosk.Address(); network != want[0] || address != want[1] {
			t.Errorf("%s: %s %s, want %v", listen, network, address, want)
		}
	}
	for listen, want := range map[string]string{
		"0.0.0.0:8686":                      "0.0.0.0 can be reached from other machines",
		"[::]:8686":                         ":: can be reached from other machines",
		"192.168.1.4:8686":                  "192.168.1.4 can be reached from other machines, and the page shows when somebody comes to the door",
		"[fe80::1%eth0]:8686":               "can be reached from other machines",
		":8686":                             "is no address of this machine",
		"8686":                              "is no address of this machine",
		"127.0.0.1":                         "with a port; write 127.0.0.1:8686",
		"127.0.0.1:http":                    "is no address of this machine",
		"127.0.0.1:65536":                   "is no address of this machine",
		"gate.example.org:8686":             "is no address of this machine",
		"localhost.evil.org:80":             "is no address of this machine",
		"http://127.0.0.1:8686":             "is no address of this machine",
		"unix:kiosk.sock":                   "is not the absolute path of a socket",
		"unix:/" + strings.Repeat("x", 107): "longer than the 107 bytes",
		"unix:":                             "is not the absolute path of a socket",
	} {
		list := faults(t, minimal+"kiosk: {listen: '"+listen+"'}\n")
		if len(list) != 1 || list[0].Key != "kiosk.listen" || !strings.Contains(list[0].Message, want) {
			t.Errorf("%s: %v, want %q", listen, list, want)
		}
	}
}

// TestKioskSpeaksAsTheNotice takes the languages of the notice where none are named, that of the place first.
func TestKioskSpeaksAsTheNotice(t *testing.T) {
	en, zh := notice.English, notice.Chinese
	for _, test := range []struct {
		name string
		text string
		want []notice.Language
	}{
		{"lab", minimal, []notice.Language{en, zh}},
		{"cn", lawful(law.CN).text(), []notice.Language{zh, en}},
		{"eu, in English alone", lawful(law.EU).with(file{"notice": statement("en")}).text(), []notice.Language{en}},
		{"named", minimal + "kiosk: {languages: [zh]}\n", []notice.Language{zh}},
		{"named, in another order", minimal + "kiosk: {languages: [zh, en]}\n", []notice.Language{zh, en}},
	} {
		if got := parse(t, test.text).Kiosk.Languages; !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	for text, want := range map[string]string{
		minimal + "kiosk: {languages: [fr]}\n":                                                    `"fr" is none of ["en" "zh"]`,
		minimal + "kiosk: {languages: [en, en]}\n":                                                `"en" stands there twice`,
		lawful(law.EU).with(file{"notice": statement("en"), "kiosk": "{languages: [zh]}"}).text(): `"zh" has no notice, which the screen shows; write notice.zh`,
	} {
		list := faults(t, text)
		if len(list) != 1 || list[0].Key != "kiosk.languages" || !strings.Contains(list[0].Message, want) {
			t.Errorf("%v, want %q", list, want)
		}
	}
}

// TestTonesNeedALine refuses sounds and lights of a door that has neither.
func TestTonesNeedALine(t *testing.T) {
	list := faults(t, minimal+"kiosk: {tones: true}\n")
	if len(list) != 1 || list[0].Key != "kiosk.tones" || !strings.Contains(list[0].Message, "door.buzzer, door.led_red or door.led_green") {
		t.Errorf("%v", list)
	}
	for _, wired := range []string{"contact: {line: C}, buzzer: {line: B}", "led_red: {line: R}", "led_green: {line: G}"} {
		c := parse(t, minimal+"door: {kind: strike, fail: secure, "+wired+"}\nkiosk: {tones: true}\n")
		if !c.Kiosk.Tones {
			t.Errorf("%s: no tones", wired)
		}
	}
	if c := configs.Defaults(); c.Kiosk.Listen != "" || c.Kiosk.Tones {
		t.Errorf("without a word of it there is %+v", c.Kiosk)
	}
}
