package address_test

import (
	"strings"
	"testing"

	"facegate/configs/address"
)

// TestParse reads addresses in every form, and reads what it writes as the same.
func TestParse(t *testing.T) {
	for text, want := range map[string]address.Address{
		"tcp://127.0.0.1:1883":            {Host: "127.0.0.1", Port: 1883},
		"mqtt://localhost:1883/":          {Host: "localhost", Port: 1883},
		" mqtts://broker.site:8883//":     {Host: "broker.site", Port: 8883, TLS: true},
		"TLS://broker.site:08883":         {Host: "broker.site", Port: 8883, TLS: true},
		"ssl://[fd00::1]:8883":            {Host: "fd00::1", Port: 8883, TLS: true},
		"tcp://[fe80::1%25eth0]:1883":     {Host: "fe80::1%eth0", Port: 1883},
		"ssl://[fe80::1%25eth0]:8883":     {},
		"tcp://127.0.0.1":                 {},
		"tcp://:1883":                     {},
		"tcp://host:0":                    {},
		"wss://host:443":                  {},
		"host:1883":                       {},
		"":                                {},
		"tcp://me:secret@host:1883":       {},
		"tcp://me:secret%zz@host:1883":    {},
		"mqtt://me:secret@host:1883/path": {},
	} {
		got, err := address.Parse(text)
		if (err == nil) != (want != address.Address{}) || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: the error tells the password: %v", text, err)
			}
			continue
		}
		if again, err := address.Parse(got.String()); err != nil || again != got {
			t.Errorf("%q comes out as %s, which is %+v, %v", text, got, again, err)
		}
	}
}

// TestPlaces says of hosts whether they can only be this machine, or only be near.
func TestPlaces(t *testing.T) {
	for host, want := range map[string]struct{ onBoard, onSite bool }{
		"127.0.0.1": {true, true}, "127.9.9.9": {true, true}, "::1": {true, true}, "::ffff:127.0.0.1": {true, true},
		"localhost": {true, true}, "LocalHost.": {true, true}, "broker.localhost": {true, true},
		"10.0.0.7": {false, true}, "192.168.1.2": {false, true}, "fd00::1": {false, true}, "fe80::1": {false, true},
		"broker.local": {false, true}, "broker.home.arpa": {false, true}, "a.internal": {false, true},
		"192.0.2.7": {}, "0.0.0.0": {}, "broker.example": {}, "localhost.example": {}, "notlocal": {},
	} {
		a := address.Address{Host: host, Port: 1}
		if a.OnBoard() != want.onBoard || a.OnSite() != want.onSite {
			t.Errorf("%s: on board %v, on site %v", host, a.OnBoard(), a.OnSite())
		}
	}
}
