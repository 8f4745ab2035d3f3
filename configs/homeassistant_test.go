package configs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs"
)

func TestHomeAssistant(t *testing.T) {
	const mqtt = "profile: lab\nsite: hq\ngate: north\nmqtt: {home_assistant: %s}\n"
	for _, test := range []struct {
		section string
		want    configs.HomeAssistant
		refused string // what the fault says, "" for none
	}{
		{"{}", configs.HomeAssistant{Prefix: "homeassistant"}, ""},
		{"{discovery: true}", configs.HomeAssistant{Discovery: true, Prefix: "homeassistant"}, ""},
		{"{discovery: true, prefix: home/main}", configs.HomeAssistant{Discovery: true, Prefix: "home/main"}, ""},
		{"{prefix: ''}", configs.HomeAssistant{}, "mqtt.home_assistant.prefix"},
		{"{prefix: home/}", configs.HomeAssistant{}, "has an empty level"},
		{"{prefix: /home}", configs.HomeAssistant{}, "has an empty level"},
		{"{prefix: 'home/+'}", configs.HomeAssistant{}, "contains one of + #"},
		{"{prefix: '#'}", configs.HomeAssistant{}, "contains one of + #"},
		{"{prefix: $SYS}", configs.HomeAssistant{}, "begins with $"},
		{"{prefix: facegate/hq}", configs.HomeAssistant{}, "is where gates speak"},
		{"{prefix: \"a\\u200bb\"}", configs.HomeAssistant{}, "cannot be printed"},
		{"{prefix: " + strings.Repeat("x", 129) + "}", configs.HomeAssistant{}, "is longer than 128 bytes"},
		{"{discovery: maybe}", configs.HomeAssistant{}, "mqtt.home_assistant.discovery"},
		{"{discover: true}", configs.HomeAssistant{}, "discovery"},
	} {
		cfg, _, err := read(t, fmt.Sprintf(mqtt, test.section))
		switch {
		case test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)):
			t.Errorf("%s: %v, want %q", test.section, err, test.refused)
		case test.refused == "" && err != nil:
			t.Errorf("%s: %v", test.section, err)
		case test.refused == "":
			if diff := cmp.Diff(test.want, cfg.MQTT.HomeAssistant); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.section, diff)
			}
		}
	}
}
