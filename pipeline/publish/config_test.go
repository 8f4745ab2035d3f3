package publish

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"facegate/configs/address"
	"facegate/configs/hint"
	"facegate/configs/passage"
	"facegate/pipeline/publish/feed"
)

func goodConfig() Config {
	return Config{
		Brokers: brokers("tcp://127.0.0.1:1883"), ClientID: "facegate-1", Site: "hq", Gate: "north",
	}
}

// brokers returns the addresses of brokers, which have to be right.
func brokers(texts ...string) (all []address.Address) {
	for _, text := range texts {
		a, err := address.Parse(text)
		if err != nil {
			panic(err)
		}
		all = append(all, a)
	}
	return all
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Config)
		ok   bool
	}{
		{"good", func(*Config) {}, true},
		{"TLS", func(c *Config) { c.Brokers = brokers("ssl://broker.example:8883") }, true},
		{"IPv6", func(c *Config) { c.Brokers = brokers("tcp://[::1]:1883") }, true},
		{"a list", func(c *Config) { c.Brokers = brokers("ssl://a:8883", "tcp://localhost:1883") }, true},
		{"another machine in the open, as wanted", func(c *Config) { c.Brokers, c.Plaintext = brokers("tcp://10.0.0.7:1883"), true }, true},
		{"files that are not there", func(c *Config) {
			c.Brokers = brokers("ssl://h:8883")
			c.PasswordFile, c.CAFile, c.CertFile, c.KeyFile = "/nonexistent", "/nonexistent", "/nonexistent", "/nonexistent"
		}, true},
		{"names in any script", func(c *Config) { c.Site, c.Gate = "本社", "Süd 2" }, true},

		{"no broker", func(c *Config) { c.Brokers = nil }, false},
		{"no host", func(c *Config) { c.Brokers = []address.Address{{Port: 1883}} }, false},
		{"no port", func(c *Config) { c.Brokers = []address.Address{{Host: "h"}} }, false},
		{"another machine in the open", func(c *Config) { c.Brokers = brokers("tcp://10.0.0.7:1883") }, false},
		{"another machine in the open, at the end", func(c *Config) { c.Brokers = brokers("ssl://a:8883", "tcp://127.0.0.1:1", "tcp://b:1883") }, false},
		{"no client id", func(c *Config) { c.ClientID = "" }, false},
		{"no site", func(c *Config) { c.Site = "" }, false},
		{"no gate", func(c *Config) { c.Gate = "" }, false},
		{"plus", func(c *Config) { c.Site = "h+q" }, false},
		{"hash", func(c *Config) { c.Gate = "#" }, false},
		{"two levels", func(c *Config) { c.Gate = "north/1" }, false},
		{"NUL", func(c *Config) { c.Site = "h\x00q" }, false},
		{"not UTF-8", func(c *Config) { c.Gate = "\xff" }, false},
		{"too long", func(c *Config) { c.Site = strings.Repeat("x", 129) }, false},
		{"CA file without TLS", func(c *Config) { c.CAFile = "/ca.pem" }, false},
		{"certificate without TLS", func(c *Config) { c.CertFile, c.KeyFile = "/cert.pem", "/key.pem" }, false},
		{"certificate without a key", func(c *Config) { c.Brokers, c.CertFile = brokers("ssl://h:8883"), "/cert.pem" }, false},
		{"key without a certificate", func(c *Config) { c.Brokers, c.KeyFile = brokers("ssl://h:8883"), "/key.pem" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := goodConfig()
			test.edit(&cfg)
			_, err := New(cfg, Parts{Outbox: feed.NewMemory(1), Rand: rand.Reader}, slog.New(slog.DiscardHandler))
			if (err == nil) != test.ok {
				t.Fatalf("New = %v, want ok = %t", err, test.ok)
			}
			if err == nil {
				return
			}
			if !errors.Is(err, ErrConfig) || hint.Of(err) == "" {
				t.Errorf("%q has hint %q, want ErrConfig with one", err, hint.Of(err))
			}
		})
	}
}

func TestSource(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Source)
		ok   bool
	}{
		{"good", func(*Source) {}, true},
		{"name in any script", func(s *Source) { s.Door = "Tür/links" }, true},
		{"out", func(s *Source) { s.Direction = passage.Out }, true},
		{"no door", func(s *Source) { s.Door = "" }, false},
		{"no direction", func(s *Source) { s.Direction = "" }, false},
		{"other direction", func(s *Source) { s.Direction = "up" }, false},
	} {
		s := source()
		test.edit(&s)
		if err := s.Check(); (err == nil) != test.ok || err != nil && (!errors.Is(err, ErrConfig) || hint.Of(err) == "") {
			t.Errorf("%s: %v with hint %q, want ok = %t, or ErrConfig with a hint", test.name, err, hint.Of(err), test.ok)
		}
	}
}
