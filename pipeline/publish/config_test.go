package publish

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/configs/passage"
	"facegate/pipeline/publish/feed"
)

func goodConfig() Config {
	return Config{
		Broker: "tcp://127.0.0.1:1883", ClientID: "facegate-1", Site: "hq", Gate: "north",
	}
}

func TestConfig(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		edit func(*Config)
		ok   bool
	}{
		{"good", func(*Config) {}, true},
		{"TLS", func(c *Config) { c.Broker = "ssl://broker.example:8883" }, true},
		{"IPv6", func(c *Config) { c.Broker = "tcp://[::1]:1883" }, true},
		{"names in any script", func(c *Config) { c.Site, c.Gate = "本社", "Süd 2" }, true},

		{"no broker", func(c *Config) { c.Broker = "" }, false},
		{"no scheme", func(c *Config) { c.Broker = "127.0.0.1:1883" }, false},
		{"other scheme", func(c *Config) { c.Broker = "ws://127.0.0.1:1883" }, false},
		{"no port", func(c *Config) { c.Broker = "tcp://127.0.0.1" }, false},
		{"no host", func(c *Config) { c.Broker = "tcp://:1883" }, false},
		{"path", func(c *Config) { c.Broker += "/x" }, false},
		{"password in the address", func(c *Config) { c.Broker = "tcp://me:secret@127.0.0.1:1883" }, false},
		{"no client id", func(c *Config) { c.ClientID = "" }, false},
		{"no site", func(c *Config) { c.Site = "" }, false},
		{"no gate", func(c *Config) { c.Gate = "" }, false},
		{"plus", func(c *Config) { c.Site = "h+q" }, false},
		{"hash", func(c *Config) { c.Gate = "#" }, false},
		{"two levels", func(c *Config) { c.Gate = "north/1" }, false},
		{"NUL", func(c *Config) { c.Site = "h\x00q" }, false},
		{"not UTF-8", func(c *Config) { c.Gate = "\xff" }, false},
		{"too long", func(c *Config) { c.Site = strings.Repeat("x", 129) }, false},
		{"CA file without TLS", func(c *Config) { c.CAFile = junk }, false},
		{"junk CA file", func(c *Config) { c.Broker, c.CAFile = "ssl://h:8883", junk }, false},
		{"missing CA file", func(c *Config) { c.Broker, c.CAFile = "ssl://h:8883", junk+".not" }, false},
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
			if strings.Contains(err.Error()+hint.Of(err), "secret") {
				t.Errorf("%q tells the password", err)
			}
			if test.name == "missing CA file" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q does not wrap fs.ErrNotExist", err)
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
