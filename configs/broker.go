package configs

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"facegate/configs/law"
	"facegate/configs/text"
)

// adviceBroker is the form of mqtt.broker.
const adviceBroker = "write tcp://host:port, or ssl://host:port for TLS"

// mqtt checks the broker, and brings its address into one form.
func (d *document) mqtt(cfg *Config) {
	m := &cfg.MQTT
	d.check(len(m.ClientID) <= maxClientID, "mqtt.client_id", "is longer than %d bytes", maxClientID)
	d.check(!strings.ContainsFunc(m.ClientID, text.Unreadable), "mqtt.client_id",
		"%q contains a character that cannot be printed", m.ClientID)
	d.check(m.PasswordFile == "" || m.Username != "", "mqtt.password_file", "has no effect without mqtt.username")
	u := d.broker(m.Broker)
	if u == nil {
		return
	}
	m.Broker = u.Scheme + "://" + u.Host
	d.check(m.CAFile == "" || u.Scheme == "ssl", "mqtt.ca_file", "has no effect without TLS; use an ssl:// broker")
	d.inTheOpen(cfg, u)
}

// inTheOpen checks that nothing goes unencrypted to another machine, unless the configuration says that it may. A password may not in
// any case, but in a laboratory.
func (d *document) inTheOpen(cfg *Config, broker *url.URL) {
	m, host := &cfg.MQTT, broker.Hostname()
	if broker.Scheme != "tcp" || onBoard(host) {
		d.check(!m.Plaintext, "mqtt.plaintext", "has no effect: nothing goes unencrypted to another machine")
		return
	}
	if m.PasswordFile != "" && cfg.Jurisdiction != law.Lab {
		d.at([]string{"mqtt.broker", "mqtt.password_file"},
			"%s is another machine, and tcp:// would send it the password for everybody on the way to read; use ssl://", host)
		return
	}
	d.check(m.Plaintext, "mqtt.broker", "%s is another machine, and everybody on the way could read and change what tcp:// sends; "+
		"use ssl://, or write mqtt.plaintext: true", host)
}

// broker reads the address of a broker, nil if it is none. The scheme comes out as tcp or ssl, whatever other programs call it. A
// slash at its end, as they write it, does no harm.
func (d *document) broker(address string) *url.URL {
	refuse := func(format string, args ...any) *url.URL {
		d.at([]string{"mqtt.broker"}, format, args...)
		return nil
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return refuse("%q is not a broker; %s", address, adviceBroker)
	}
	switch u.Scheme {
	case "tcp", "mqtt":
		u.Scheme = "tcp"
	case "ssl", "mqtts", "tls":
		u.Scheme = "ssl"
	case "ws", "wss", "http", "https":
		return refuse("%q is not a broker; MQTT over the web is not supported, %s", u.Redacted(), adviceBroker)
	default:
		return refuse("%q is not a broker; %s", u.Redacted(), adviceBroker)
	}
	if u.User != nil {
		return refuse("holds a user name; use mqtt.username and mqtt.password_file")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return refuse("%q has more than host and port; %s", u, adviceBroker)
	}
	host, port, err := net.SplitHostPort(u.Host)
	switch number, bad := strconv.ParseUint(port, 10, 16); {
	case err != nil && strings.Count(u.Host, ":") > 1:
		return refuse("%q is not a broker; write an IPv6 address in brackets, such as %s://[fd00::7]:1883", u, u.Scheme)
	case err != nil || host == "":
		return refuse("%q is not a broker; %s", u, adviceBroker)
	case bad != nil || number == 0:
		return refuse("%q is not a port; it is a number between 1 and 65535, mostly 1883, or 8883 for TLS", port)
	}
	return u
}

// onBoard reports whether host is this machine itself, so that nothing passes a wire.
func onBoard(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") // RFC 6761, section 6.3
}

// maxClientID is how long a client id may be, in bytes; see package publish.
const maxClientID = 128

// clientID returns the client id of a gate that is given none. One that would be too long ends in a hash, so that two gates
// with long names still differ.
func clientID(site, gate string) string {
	id := strings.Join([]string{"facegate", site, gate}, "-")
	if len(id) <= maxClientID {
		return id
	}
	tail := fmt.Sprintf("-%x", sha256.Sum256([]byte(site+"/"+gate)))[:1+16]
	head := id[:maxClientID-len(tail)]
	for !utf8.ValidString(head) {
		head = head[:len(head)-1]
	}
	return head + tail
}
