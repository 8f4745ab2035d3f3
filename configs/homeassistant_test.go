package configs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs"
	"facegate/configs/law"
	"facegate/configs/passage"
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

// TestUnsignedOrders takes the words by which Home Assistant may open the door, and no others, in every profile.
func TestUnsignedOrders(t *testing.T) {
	const key, words = "mqtt.home_assistant.unsigned_orders", configs.UnsignedWords
	gate := func(j law.Jurisdiction, words string) string {
		return lawful(j).with(file{
			"mqtt": fmt.Sprintf("{username: a, password_file: /p, home_assistant: {discovery: true, unsigned_orders: %q}}", words),
		}).text()
	}
	for _, j := range jurisdictions {
		for text, opens := range map[string]bool{words: true, "": false} {
			cfg := parse(t, gate(j, text))
			if cfg.MQTT.HomeAssistant.Orders() != opens || cfg.Takes(passage.ByHomeAssistant) != opens || cfg.Policy().Unsigned != opens {
				t.Errorf("%q in profile %s is taken as %+v", text, j, cfg.MQTT.HomeAssistant)
			}
		}
		for _, text := range []string{"yes", "true", strings.ToUpper(words), words + " ", " ", words + "."} {
			list := faults(t, gate(j, text))
			if len(list) != 1 || list[0].Key != key || !strings.Contains(list[0].Message, fmt.Sprintf("%q", words)) {
				t.Errorf("%q in profile %s: %v", text, j, list)
			}
		}
	}
}

// TestUnsignedOrdersWithoutEffect refuses the words where nothing comes of them.
func TestUnsignedOrdersWithoutEffect(t *testing.T) {
	const gate = "profile: lab\nsite: hq\ngate: north\n" +
		"mqtt: {username: a, password_file: /p, home_assistant: {discovery: %v, unsigned_orders: %q}}\n%s"
	for _, test := range []struct {
		discovery      bool
		rules, refused string
	}{
		{true, "", ""},
		{false, "", "needs mqtt.home_assistant.discovery: true"},
		{true, "rules: [{by: [face]}, {by: [order]}]\n", "has no effect: no rule names home-assistant"},
		{true, "rules: [{by: [order]}, {by: [home-assistant]}]\n", ""},
		{true, "rules: [{by: [home-assistant, pin]}]\n", "home-assistant goes with nothing else"},
		{true, "rules: [{by: [home-assistant], groups: [staff]}]\n", "whoever gives an order is in no group"},
		{true, "rules: [{by: [home-assistant], faceless: true}]\n", "an order from afar is of none"},
	} {
		_, _, err := read(t, fmt.Sprintf(gate, test.discovery, configs.UnsignedWords, test.rules))
		if (err == nil) != (test.refused == "") || err != nil && !strings.Contains(err.Error(), test.refused) {
			t.Errorf("discovery %v, %q: %v, want %q", test.discovery, test.rules, err, test.refused)
		}
	}
}
