// Package address reads addresses of brokers as people write them. One address means the same to the configuration and to whoever
// connects to it.
package address

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Advice is the form of an address.
const Advice = "write tcp://host:port, or ssl://host:port for TLS"

// An Address is where a broker is.
type Address struct {
	Host string // a name or a number; one of IPv6 has no brackets
	Port uint16
	TLS  bool
}

// Parse reads an address. Other programs call tcp:// mqtt://, and ssl:// mqtts:// or tls://; a slash at the end, as they write it, does
// no harm. An error says in a sentence what is wrong, and tells no password.
func Parse(text string) (Address, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil && strings.Contains(text, "@"), err == nil && u.User != nil:
		return Address{}, errors.New("holds a user name; use mqtt.username and mqtt.password_file")
	case err != nil:
		return Address{}, fmt.Errorf("%q is not a broker; %s", text, Advice)
	}
	secure, err := scheme(u)
	if err != nil {
		return Address{}, err
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Address{}, fmt.Errorf("%q has more than host and port; %s", u, Advice)
	}
	host, port, err := net.SplitHostPort(u.Host)
	switch {
	case err != nil && strings.Count(u.Host, ":") > 1:
		return Address{}, fmt.Errorf("%q is not a broker; write an IPv6 address in brackets, such as %s://[fd00::7]:1883", u, u.Scheme)
	case err != nil || host == "":
		return Address{}, fmt.Errorf("%q is not a broker; %s", u, Advice)
	}
	if secure && strings.Contains(host, "%") {
		return Address{}, fmt.Errorf("%q names a network card of this machine (after the %%), as no certificate does; "+
			"write a name or a number that the broker's certificate has", u)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return Address{}, fmt.Errorf("%q is not a port; it is a number between 1 and 65535, mostly 1883, or 8883 for TLS", port)
	}
	return Address{host, uint16(number), secure}, nil
}

// scheme reports whether the scheme of u asks for TLS.
func scheme(u *url.URL) (secure bool, err error) {
	switch u.Scheme {
	case "tcp", "mqtt":
		return false, nil
	case "ssl", "mqtts", "tls":
		return true, nil
	case "ws", "wss", "http", "https":
		return false, fmt.Errorf("%q is not a broker; MQTT over the web is not supported, %s", u, Advice)
	}
	return false, fmt.Errorf("%q is not a broker; %s", u, Advice)
}

// String returns the address in its one form, tcp://host:port or ssl://host:port.
func (a Address) String() string {
	u := url.URL{Scheme: "tcp", Host: a.HostPort()}
	if a.TLS {
		u.Scheme = "ssl"
	}
	return u.String()
}

// HostPort returns host:port, with brackets where they are needed.
func (a Address) HostPort() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) }

// OnBoard reports whether the host can only be this machine itself, so that nothing passes a wire. What a name comes to shows when it is
// looked up.
func (a Address) OnBoard() bool {
	if n, err := netip.ParseAddr(a.Host); err == nil {
		return n.Unmap().IsLoopback()
	}
	host := strings.ToLower(strings.TrimSuffix(a.Host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") // RFC 6761, section 6.3
}

// OnSite reports whether the host can only be near. Such a number is not carried over the internet (RFC 1918, 4193, 3927). Such a name
// has a meaning on the spot alone (RFC 6761, 6762, 8375).
func (a Address) OnSite() bool {
	if n, err := netip.ParseAddr(a.Host); err == nil {
		n = n.Unmap()
		return n.IsLoopback() || n.IsPrivate() || n.IsLinkLocalUnicast()
	}
	host := strings.ToLower(strings.TrimSuffix(a.Host, "."))
	for _, near := range []string{"localhost", "local", "home.arpa", "internal"} {
		if host == near || strings.HasSuffix(host, "."+near) {
			return true
		}
	}
	return false
}
