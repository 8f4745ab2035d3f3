package configs

import (
	"slices"
	"strings"
	"unicode/utf8"

	"facegate/configs/law"
	"facegate/configs/passage"
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

// UnsignedWords are those by which a Home Assistant may open the door, with orders that nobody signs. They say what that comes to, so that
// nobody turns it on without having read it.
const UnsignedWords = "whoever may write to the broker may open this door"

// Orders reports whether a Home Assistant may open the door.
func (h HomeAssistant) Orders() bool { return h.UnsignedOrders == UnsignedWords }

// unsignedOrders checks what orders that nobody signs ask for. All that stands between the door and whoever likes to open it is the
// broker then: who may write there, and who can change what is on its way.
func (d *document) unsignedOrders(cfg *Config, r law.Rules) {
	const key = "mqtt.home_assistant.unsigned_orders"
	m := &cfg.MQTT
	if m.HomeAssistant.UnsignedOrders == "" {
		return
	}
	d.check(m.HomeAssistant.Orders(), key, "%q does not turn it on; what does is %q, or leave it empty: signed orders need none of this",
		m.HomeAssistant.UnsignedOrders, UnsignedWords)
	d.check(m.HomeAssistant.Discovery, key, "needs mqtt.home_assistant.discovery: true, by which alone Home Assistant learns where to order")
	takes := func(r Rule) bool { return slices.Contains(r.By, passage.ByHomeAssistant) }
	d.check(len(cfg.Rules) == 0 || slices.ContainsFunc(cfg.Rules, takes), key, "has no effect: no rule names %s", passage.ByHomeAssistant)
	for _, b := range m.Brokers {
		switch {
		case !b.OnSite():
			d.refuse(key, r.Orders, "%s is not on the site, and an order that nobody signs does not come from elsewhere; use a broker on the "+
				"site, or signed orders", b.Host)
		case !b.TLS && !b.OnBoard():
			d.refuse(key, r.Orders, "%s is another machine, and everybody on the way to it could open the door; use ssl://, whatever "+
				"mqtt.plaintext says", b.Host)
		case m.PasswordFile == "" && (m.CertFile == "" || !b.TLS):
			d.refuse(key, r.Orders, "%s is shown neither a password nor a certificate, and a broker that asks the gate for none takes orders "+
				"from anybody; set mqtt.username and mqtt.password_file, or with ssl:// mqtt.cert_file", b.Host)
		}
	}
}
