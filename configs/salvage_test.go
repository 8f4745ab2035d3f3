package configs_test

import (
	"bytes"
	"strings"
	"testing"

	"facegate/configs"
)

func TestSalvage(t *testing.T) {
	const door = "door: {driver: cdev, line: GPIO5, active_low: true}\ncontrol: {socket: /run/x/control.sock}\n"
	for name, test := range map[string]struct {
		text string
		ok   bool
	}{
		"a key is missing":               {door, true},
		"a value is none":                {door + "camera: {fps: many}\n", true},
		"a section is none":              {door + "match: yes\n", true},
		"a key of another section":       {door + "camera: {fpss: 3}\n", true},
		"a value of the door":            {strings.Replace(door, "active_low: true", "active_low: true, pulse: long", 1), true},
		"how the door fails":             {strings.Replace(door, "active_low: true", "active_low: true, fail: often", 1), true},
		"the group of the socket":        {strings.Replace(door, "control.sock", "control.sock, group: [a]", 1), true},
		"no YAML":                        {door + "camera: {fps: 3\n", false},
		"a section that may be meant":    {"dor: {driver: cdev}\n", false},
		"the door twice":                 {door + "door: {driver: sim}\n", false},
		"a key that may be the line":     {strings.Replace(door, "line:", "lime:", 1), false},
		"the polarity":                   {strings.Replace(door, "active_low: true", "active_low: perhaps", 1), false},
		"the driver":                     {strings.Replace(door, "driver: cdev", "driver: relay", 1), false},
		"no line":                        {strings.Replace(door, "line: GPIO5", `line: ""`, 1), false},
		"a socket that has no place":     {strings.Replace(door, "/run/x/", "", 1), false},
		"lights":                         {door + "prompt: {led_left: [a]}\n", false},
		"the door is none":               {"door: GPIO5\n", false},
		"something that is no text":      {door + "site: \xff\n", false},
		"longer than a configuration is": {door + strings.Repeat("#\n", configs.MaxSize), false},
	} {
		if _, err := configs.Parse("facegate.yaml", bytes.NewReader([]byte(test.text))); err == nil {
			t.Errorf("%s: it is a configuration", name)
		}
		c, ok := configs.Salvage([]byte(test.text))
		if ok != test.ok {
			t.Errorf("%s: the lines are known: %v, want %v", name, ok, test.ok)
		} else if ok && (c.Door.Driver != configs.Cdev || c.Door.Line != "GPIO5" || !c.Door.ActiveLow || c.Control.Socket != "/run/x/control.sock") {
			t.Errorf("%s: %+v, %+v", name, c.Door, c.Control)
		}
	}
}
