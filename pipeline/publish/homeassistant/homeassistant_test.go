package homeassistant_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"facegate/configs/goldentest"
	"facegate/pipeline/publish/homeassistant"
)

// north returns a gate that has everything.
func north() homeassistant.Gate {
	const at = "facegate/hq/north/"
	return homeassistant.Gate{
		Site: "hq", Gate: "north", Version: "1.2.3", Events: []string{"granted", "opened"},
		Topics: homeassistant.Topics{
			Availability: at + "availability", Lock: at + "lock/state", Door: at + "door/state", Held: at + "alarm/held/state",
			Forced: at + "alarm/forced/state", Tamper: at + "alarm/tamper/state", Fire: at + "alarm/fire/state",
			Health: at + "health", Live: at + "pass/live",
		},
	}
}

// ordered returns a gate that takes orders of Home Assistant besides.
func ordered() homeassistant.Gate {
	g := north()
	g.Topics.Order = "facegate/hq/north/cmd/home-assistant/0123456789abcdef"
	return g
}

// optional returns the topics that a gate may do without.
func optional(g *homeassistant.Gate) []*string {
	t := &g.Topics
	return []*string{&t.Order, &t.Lock, &t.Door, &t.Held, &t.Forced, &t.Tamper, &t.Fire, &t.Health, &t.Live}
}

func discovery(t *testing.T, g homeassistant.Gate) []byte {
	t.Helper()
	payload, err := g.Discovery()
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestDiscovery(t *testing.T) {
	for name, g := range map[string]homeassistant.Gate{"all.json": north(), "bare.json": bare(), "ordered.json": ordered()} {
		var indented bytes.Buffer
		if err := json.Indent(&indented, discovery(t, g), "", "  "); err != nil {
			t.Fatal(err)
		}
		goldentest.Check(t, name, indented.String()+"\n")
	}
}

// bare returns a gate whose door has no contact and no input.
func bare() homeassistant.Gate {
	g := north()
	for _, topic := range []*string{&g.Topics.Door, &g.Topics.Held, &g.Topics.Forced, &g.Topics.Tamper, &g.Topics.Fire} {
		*topic = ""
	}
	return g
}

// TestRules holds the messages of gates with any part of what there is against the rules of Home Assistant.
func TestRules(t *testing.T) {
	for wired := range 1 << len(optional(new(homeassistant.Gate))) {
		g := ordered()
		for bit, topic := range optional(&g) {
			if wired>>bit&1 == 0 {
				*topic = ""
			}
		}
		payload := discovery(t, g)
		for _, fault := range faults(payload) {
			t.Errorf("without %b: %s", wired, fault)
		}
		for _, key := range short {
			if bytes.Contains(payload, []byte(`"`+key+`":`)) {
				t.Errorf("without %b: %q is an abbreviation", wired, key)
			}
		}
	}
}

// TestSensorOrLock checks that Home Assistant has one of the two and is told to drop the other, whichever it knew before, and that what is
// ordered by way of the lock is kept by nobody.
func TestSensorOrLock(t *testing.T) {
	for _, g := range []homeassistant.Gate{north(), ordered()} {
		var m struct{ Components map[string]map[string]any }
		if err := json.Unmarshal(discovery(t, g), &m); err != nil {
			t.Fatal(err)
		}
		is, gone := m.Components["lock"], m.Components["opener"]
		if g.Topics.Order != "" {
			is, gone = gone, is
			if is["optimistic"] != false || is["retain"] != false || is["qos"] != nil || is["payload_unlock"] != homeassistant.Unlock {
				t.Errorf("the lock is %v", is)
			}
		}
		if is["state_topic"] != g.Topics.Lock || len(gone) != 1 || gone["platform"] == nil || gone["platform"] == is["platform"] {
			t.Errorf("with orders on %q there is %v, and gone is %v", g.Topics.Order, is, gone)
		}
		if on := is["command_topic"]; g.Topics.Order == "" && on != nil || g.Topics.Order != "" && on != g.Topics.Order {
			t.Errorf("orders on %q are given on %v", g.Topics.Order, on)
		}
	}
}

// TestRulesRefuse checks that the rules find what is wrong.
func TestRulesRefuse(t *testing.T) {
	good := string(discovery(t, ordered()))
	for _, c := range []struct{ from, to, want string }{
		{`"state_topic"`, `"stat_topic"`, "door.stat_topic: is unknown"},
		{`"origin":{"name":"facegate",`, `"origin":{`, "origin: .name: is missing"},
		{`"identifiers"`, `"ids"`, ".ids: is unknown"},
		{`"device_class":"tamper"`, `"device_class":"sabotage"`, "sabotage is none of"},
		{`"entity_category":"diagnostic"`, `"entity_category":"config"`, "config is none of"},
		{`"event_types":["granted","opened"]`, `"event_types":[]`, "is no list of something"},
		{`"platform":"event"`, `"platform":"siren"`, `the platform "siren" is unknown`},
		{`"command_topic"`, `"cmd_topic"`, "opener.cmd_topic: is unknown"},
		{`,"command_topic":"facegate/hq/north/cmd/home-assistant/0123456789abcdef"`, ``, "opener.command_topic: is missing"},
		{`cmd/home-assistant/0123456789abcdef`, `cmd/home-assistant/#`, "is no topic"},
		{`"optimistic":false`, `"optimistic":"no"`, "no is neither true nor false"},
		{`"payload_unlock":"UNLOCK"`, `"payload_unlock":""`, " is no text"},
		{`"payload_unlock"`, `"payload_press"`, "opener.payload_press: is unknown"},
		{`"expire_after":180`, `"expire_after":"3m"`, "3m is no whole number"},
		{`"qos":1`, `"qos":3`, "3 is no whole number"},
		{`facegate_hq_north_door`, `facegate_hq_north_opener`, "its unique_id is that of another"},
		{`"unique_id":"facegate_hq_north_held",`, ``, "unique_id: is missing"},
		{`facegate/hq/north/door/state`, `facegate/hq/+/door/state`, "is no topic"},
		{`"value_template":"{{ 'online'`, `"value_template":"{ 'online'`, "is no template"},
		{`"availability":`, `"availability_list":`, "availability_list: is unknown"},
		{`"name":"hq north"`, `"name":7`, "7 is no text"},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		if got := strings.Join(faults([]byte(bad)), "\n"); bad == good || !strings.Contains(got, c.want) {
			t.Errorf("%s in place of %s: %q, want %q", c.to, c.from, got, c.want)
		}
	}
}

// TestTopic checks that Home Assistant finds the message, and that no two gates have the same one.
func TestTopic(t *testing.T) {
	seen := map[string]string{}
	long := strings.Repeat("x", 64)
	names := []string{
		"hq", "h", "q", "north", "hq-north", "hq_north", "north_", "_", "-", "Example Building", "示例大厦", "a b", "a/b", "~", long, long[1:] + "y",
	}
	for _, site := range names {
		for _, gate := range names {
			g := homeassistant.Gate{Site: site, Gate: gate}
			rest, ok := strings.CutPrefix(g.Topic("home/assistant"), "home/assistant/")
			if !ok || !discoveryTopic.MatchString(rest) {
				t.Errorf("%q, %q: Home Assistant does not look at %s", site, gate, g.Topic("home/assistant"))
			}
			if other := seen[rest]; other != "" {
				t.Errorf("%q, %q: %s is that of %s", site, gate, rest, other)
			}
			seen[rest] = fmt.Sprintf("%q, %q", site, gate)
		}
	}
}

// TestSize checks that no gate has a message of more than 16 KB, with its topic: it comes back to the gate, which ends a connection for larger
// ones.
func TestSize(t *testing.T) {
	for _, name := range []string{strings.Repeat("大", 21), strings.Repeat("&", 64), strings.Repeat(`"`, 64), strings.Repeat("<", 64)} {
		g := ordered()
		g.Site, g.Gate, g.Version = name, name, "v1.22.333-rc.4+0123456789abcdef"
		g.Events = []string{"granted", "opened", "opened_exit", "opened_schedule", "opened_fire", "opened_remote"}
		for _, topic := range append(optional(&g), &g.Topics.Availability) {
			*topic = strings.Replace(*topic, "hq/north", g.Site+"/"+g.Gate, 1)
		}
		n := len(discovery(t, g))
		if n > 16<<10-256 {
			t.Errorf("%s: %d bytes", name[:3], n)
		}
	}
}

// TestNobody checks that nothing stands in the message that the gate was not asked to say: no serial number, and no name of a door.
func TestNobody(t *testing.T) {
	g := north()
	g.Site, g.Gate, g.Version = "SITE", "GATE", ""
	said := string(discovery(t, g))
	for _, word := range []string{"serial", "connections", "mac", "url", "area"} {
		if strings.Contains(said, word) {
			t.Errorf("the message has %q", word)
		}
	}
}
