package configs

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"facegate/configs/address"
	"facegate/configs/law"
	"facegate/configs/text"
)

// mqtt checks the brokers.
func (d *document) mqtt(cfg *Config) {
	m := &cfg.MQTT
	d.check(len(m.ClientID) <= maxClientID, "mqtt.client_id", "is longer than %d bytes", maxClientID)
	d.check(!strings.ContainsFunc(m.ClientID, text.Unreadable), "mqtt.client_id",
		"%q contains a character that cannot be printed", m.ClientID)
	d.check(m.PasswordFile == "" || m.Username != "", "mqtt.password_file", "has no effect without mqtt.username")
	d.homeAssistant(m.HomeAssistant)
	d.mqttFiles(m)
	if d.errs = append(d.errs, d.late...); len(d.late) > 0 {
		return // the rest is about brokers
	}
	secure := slices.ContainsFunc(m.Brokers, func(b address.Address) bool { return b.TLS })
	d.check(m.CAFile == "" || secure, "mqtt.ca_file", "has no effect without TLS; use an ssl:// broker")
	d.check(m.CertFile == "" || secure, "mqtt.cert_file", "has no effect without TLS; use an ssl:// broker")
	d.inTheOpen(cfg)
}

// mqttFiles checks the names of files. What is in them shows when they are read.
func (d *document) mqttFiles(m *MQTT) {
	for _, f := range []struct{ key, path string }{
		{"mqtt.password_file", m.PasswordFile}, {"mqtt.ca_file", m.CAFile}, {"mqtt.cert_file", m.CertFile}, {"mqtt.key_file", m.KeyFile},
	} {
		if f.path != "" {
			d.absolute(f.key, f.path)
		}
	}
	if (m.CertFile == "") != (m.KeyFile == "") {
		d.at([]string{"mqtt.cert_file", "mqtt.key_file"}, "is of no use alone: mqtt.cert_file and mqtt.key_file go together")
	}
}

// inTheOpen checks that nothing goes unencrypted to another machine, unless the configuration says that it may. A password may not in
// any case, but in a laboratory.
func (d *document) inTheOpen(cfg *Config) {
	m, open := &cfg.MQTT, false
	for i, b := range m.Brokers {
		if b.TLS || b.OnBoard() {
			continue
		}
		open = true
		if m.PasswordFile != "" && cfg.Jurisdiction != law.Lab {
			d.at([]string{brokerKey(i), "mqtt.broker", "mqtt.password_file"},
				"%s is another machine, and tcp:// would send it the password for everybody on the way to read; use ssl://", b.Host)
		} else if !m.Plaintext {
			d.at([]string{brokerKey(i), "mqtt.broker"}, "%s is another machine, and everybody on the way could read and change what "+
				"tcp:// sends; use ssl://, or write mqtt.plaintext: true", b.Host)
		}
	}
	d.check(open || !m.Plaintext, "mqtt.plaintext", "has no effect: nothing goes unencrypted to another machine")
}

// brokerKey is the key of a broker in a list of them.
func brokerKey(i int) string { return fmt.Sprintf("mqtt.broker[%d]", i+1) }

// maxBrokers bounds how many brokers a gate tries. A cluster has three or five.
const maxBrokers = 8

// brokers stores the addresses of brokers, which are one text or a list of texts.
func (d *document) brokers(path string, node ast.Node, dst *Brokers) {
	*dst = nil
	seq, several := node.(*ast.SequenceNode)
	if !several {
		d.broker(path, node, dst)
		return
	}
	switch n := len(seq.Values); {
	case n == 0:
		d.delay(path, "is an empty list; %s", address.Advice)
	case n > maxBrokers:
		d.delay(path, "has more than %d brokers", maxBrokers)
		return
	}
	for i, item := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i+1)
		d.place[at] = item.GetToken()
		d.broker(at, item, dst)
	}
}

// delay records a fault of a value, to be told with those of other values.
func (d *document) delay(path, format string, args ...any) {
	d.late = append(d.late, d.fresh(d.place[path], path, "", format, args...))
}

// broker adds the address of one broker.
func (d *document) broker(path string, node ast.Node, dst *Brokers) {
	text, ok := scalar(node)
	if !ok {
		d.fault(node.GetToken(), path, "the address of a broker is wanted here, or a list of them; %s", address.Advice)
		return
	}
	a, err := address.Parse(text)
	switch {
	case err != nil:
		d.delay(path, "%v", err)
	case slices.Contains(*dst, a):
		d.delay(path, "%s is in the list a second time", a)
	default:
		*dst = append(*dst, a)
	}
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
