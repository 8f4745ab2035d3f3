package configs

import (
	"slices"
	"strings"
	"unicode/utf8"

	"facegate/configs/text"
)

// maxPrefix is how long the prefix of the topics of Home Assistant may be, in bytes.
const maxPrefix = 128

// homeAssistant checks the prefix, which is one level of a topic or more (MQTT 3.1.1, section 4.7). What the gate says itself lies
// elsewhere, so that neither takes the other's words for its own.
func (d *document) homeAssistant(h HomeAssistant) {
	const key = "mqtt.home_assistant.prefix"
	levels := strings.Split(h.Prefix, "/")
	d.check(!slices.Contains(levels, ""), key, "%q has an empty level; Home Assistant has homeassistant as it stands", h.Prefix)
	d.check(len(h.Prefix) <= maxPrefix, key, "is longer than %d bytes", maxPrefix)
	d.check(!strings.ContainsAny(h.Prefix, "+#"), key, "%q contains one of + #, which MQTT topics reserve", h.Prefix)
	d.check(!strings.HasPrefix(h.Prefix, "$"), key, "%q begins with $, which brokers reserve", h.Prefix)
	d.check(levels[0] != "facegate", key, "%q is where gates speak; give Home Assistant a prefix of its own", h.Prefix)
	d.check(utf8.ValidString(h.Prefix) && !strings.ContainsFunc(h.Prefix, text.Unreadable), key,
		"%q contains a character that cannot be printed", h.Prefix)
}
