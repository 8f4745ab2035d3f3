package configs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/law"
)

// read parses a file of the profile lab with the given sections.
func read(t *testing.T, text string) (*configs.Config, *configs.Source, error) {
	t.Helper()
	return configs.Read("gate.yaml", strings.NewReader(locked(text)))
}

func TestBrokerAddress(t *testing.T) {
	for _, test := range []struct{ address, want, refused string }{
		{"tcp://127.0.0.1:1883", "tcp://127.0.0.1:1883", ""},
		{"tcp://127.0.0.1:1883/", "tcp://127.0.0.1:1883", ""},
		{"ssl://broker.site:8883//", "ssl://broker.site:8883", ""},
		{"SSL://broker.site:8883", "ssl://broker.site:8883", ""},
		{" tcp://[::1]:1883 ", "tcp://[::1]:1883", ""},
		{"tcp://127.0.0.1:1883/mqtt", "", "more than host and port"},
		{"tcp://127.0.0.1:1883?id=3", "", "more than host and port"},
		{"tcp://127.0.0.1:1883#top", "", "more than host and port"},
		{"tcp://me@127.0.0.1:1883", "", "holds a user name"},
		{"tcp://me:secret@127.0.0.1:1883", "", "holds a user name"},
		{"mqtt://127.0.0.1:1883", "tcp://127.0.0.1:1883", ""},
		{"mqtts://broker:8883", "ssl://broker:8883", ""},
		{"tls://broker:8883/", "ssl://broker:8883", ""},
		{"mqtt://me:secret@127.0.0.1:1883", "", "holds a user name"},
		{"mqtt://10.0.0.7:1883", "", "write mqtt.plaintext: true"},
		{"wss://broker:443", "", "over the web is not supported"},
		{"amqp://broker:5672", "", "write tcp://host:port"},
		{"127.0.0.1:1883", "", "is not a broker"},
		{"broker", "", "is not a broker"},
		{"tcp://broker", "", "is not a broker"},
		{"tcp://:1883", "", "is not a broker"},
		{"tcp://broker:", "", "is not a port"},
		{"tcp://broker:0", "", "is not a port"},
		{"tcp://broker:65536", "", "is not a port"},
		{"tcp://broker:mqtt", "", "is not a broker"},
		{"tcp://fd00::7:1883", "", "in brackets"},
		{"tcp://my broker:1883", "", "is not a broker"},
	} {
		t.Run(test.address, func(t *testing.T) {
			cfg, _, err := read(t, fmt.Sprintf("profile: lab\nsite: hq\ngate: north\nmqtt: {broker: %q}\n", test.address))
			if test.refused == "" {
				if err != nil || cfg.MQTT.Brokers.String() != test.want {
					t.Fatalf("broker %v, %v; want %s", cfg, err, test.want)
				}
				return
			}
			var fault *configs.Error
			if !errors.As(err, &fault) || fault.Line != 4 || fault.Key != "mqtt.broker" || !strings.Contains(fault.Message, test.refused) {
				t.Fatalf("got %v, want mqtt.broker refused on line 4 with %q", err, test.refused)
			}
			if strings.Contains(fault.Message, "secret") {
				t.Errorf("the message tells the password: %s", fault.Message)
			}
		})
	}
}

// TestClientID checks that the id which a gate makes up fits, and is another for every gate.
func TestClientID(t *testing.T) {
	ids := map[string]bool{}
	for _, names := range [][2]string{
		{"hq", "north"},
		{strings.Repeat("a", 60), strings.Repeat("b", 62)},
		{strings.Repeat("a", 64), strings.Repeat("b", 64)},
		{strings.Repeat("a", 64), strings.Repeat("b", 63) + "c"},
		{strings.Repeat("门", 21), strings.Repeat("北", 21)},
		{strings.Repeat("门", 21), strings.Repeat("北", 20) + "南"},
		{strings.Repeat("é", 32), strings.Repeat("ü", 32)},
	} {
		cfg, _, err := read(t, fmt.Sprintf("profile: lab\nsite: %s\ngate: %s\n", names[0], names[1]))
		if err != nil {
			t.Fatal(err)
		}
		id := cfg.MQTT.ClientID
		if len(id) > 128 || !utf8.ValidString(id) || ids[id] || !strings.HasPrefix(id, "facegate-"+names[0][:2]) {
			t.Errorf("client id %q of %d bytes", id, len(id))
		}
		ids[id] = true
	}
	_, _, err := read(t, "profile: lab\nsite: hq\ngate: north\nmqtt:\n  client_id: "+strings.Repeat("x", 129)+"\n")
	if err == nil || !strings.Contains(err.Error(), "gate.yaml:5:3: mqtt.client_id: is longer than 128 bytes") {
		t.Errorf("a client id that is too long: %v", err)
	}
}

// TestPasswordInTheOpen refuses to send a password where others can read it.
func TestPasswordInTheOpen(t *testing.T) {
	for _, test := range []struct {
		broker string
		open   bool
	}{
		{"tcp://127.0.0.1:1883", false},
		{"tcp://127.9.9.9:1883", false},
		{"tcp://[::1]:1883", false},
		{"tcp://[::ffff:127.0.0.1]:1883", false},
		{"tcp://localhost:1883", false},
		{"tcp://LocalHost.:1883/", false},
		{"ssl://10.0.0.7:8883", false},
		{"tcp://10.0.0.7:1883", true},
		{"tcp://broker.local:1883", true},
		{"tcp://[fe80::1]:1883", true},
		{"tcp://localhost.evil.example:1883", true},
		{"tcp://0.0.0.0:1883", true},
	} {
		for _, j := range jurisdictions {
			_, err := configs.Parse("gate.yaml", strings.NewReader(
				lawful(j).with(file{"mqtt": fmt.Sprintf("{broker: %q, username: a, password_file: /etc/p, plaintext: %v, transfer: D-1}",
					test.broker, test.open)}).text()))
			if want := test.open && j != law.Lab; (err != nil) != want {
				t.Errorf("%s in profile %s: %v", test.broker, j, err)
			} else if want && !strings.Contains(err.Error(), "use ssl://") {
				t.Errorf("%s in profile %s: %v, want ssl:// in it", test.broker, j, err)
			}
		}
	}
}

// TestPlaintext refuses to send events where others can read them, unless the configuration says so in so many words, and to say so
// where it changes nothing.
func TestPlaintext(t *testing.T) {
	for _, test := range []struct{ mqtt, refused string }{
		{"{broker: 'tcp://127.0.0.1:1883'}", ""},
		{"{broker: 'tcp://10.0.0.7:1883'}", "mqtt.broker: 10.0.0.7 is another machine"},
		{"{broker: 'mqtt://broker.local:1883', plaintext: false}", "mqtt.broker: broker.local is another machine"},
		{"{broker: 'mqtt://broker.local:1883', plaintext: true}", ""},
		{"{broker: 'ssl://10.0.0.7:8883', plaintext: true}", "mqtt.plaintext: has no effect"},
		{"{broker: 'tcp://localhost:1883', plaintext: true}", "mqtt.plaintext: has no effect"},
		{"{broker: 'tcp://10.0.0.7:1883', plaintext: yes please}", "mqtt.plaintext"},
	} {
		for _, j := range jurisdictions {
			_, err := configs.Parse("gate.yaml", strings.NewReader(lawful(j).with(file{"mqtt": test.mqtt}).text()))
			if (err != nil) != (test.refused != "") || err != nil && !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%s in profile %s: %v, want %q", test.mqtt, j, err, test.refused)
			}
		}
	}
}

// TestExamplesBindNobody refuses the texts of the reference where real people pass.
func TestExamplesBindNobody(t *testing.T) {
	full := statement("zh", "en")
	for _, test := range []struct{ name, key, old, text string }{
		{"controller", "notice.controller", "Lime Court Ltd", "Example Property Management"},
		{"controller, in capitals", "notice.controller", "Lime Court Ltd", "EXAMPLE  PROPERTY MANAGEMENT."},
		{"controller, longer", "notice.controller", "Lime Court Ltd", "The Example Property-Management Ltd"},
		{"contact", "notice.contact", "privacy@lime.example", "'1 Example Street, privacy@example.org'"},
		{"place", "notice.en.place", "north door", "Main door of the example building"},
		{"place, Chinese", "notice.zh.place", "北门", "示例大厦正门"},
	} {
		text := strings.Replace(full, test.old, test.text, 1)
		for _, j := range jurisdictions {
			_, err := configs.Parse("gate.yaml", strings.NewReader(lawful(j).with(file{"notice": text}).text()))
			var fault *configs.Error
			if j == law.Lab {
				if err != nil {
					t.Errorf("%s in profile lab: %v", test.name, err)
				}
			} else if !errors.As(err, &fault) || fault.Key != test.key || fault.Line == 0 || fault.Law == "" {
				t.Errorf("%s in profile %s: %v, want %s refused", test.name, j, err, test.key)
			}
		}
	}
	_, err := configs.Parse("gate.yaml", strings.NewReader(lawful(law.EU).with(file{"site": "Example"}).text()))
	if err == nil || !strings.Contains(err.Error(), "site: \"Example\" is the example") {
		t.Errorf("the site of the reference: %v", err)
	}
}

// TestPlace puts what shows only when a gate is opened at the line of its key.
func TestPlace(t *testing.T) {
	_, source, err := read(t, "profile: lab\nsite: hq\ngate: north\nmqtt:\n  broker: tcp://127.0.0.1:1883\n  ca_file: \"\"\n")
	if err != nil {
		t.Fatal(err)
	}
	gone := hint.Wrap(fmt.Errorf("open it: %w", fs.ErrNotExist), "look for it")
	for _, test := range []struct{ key, want string }{
		{"mqtt.broker", "gate.yaml:5:3: mqtt.broker: open it: file does not exist\n  5 |   broker: tcp://127.0.0.1:1883\n    |   ^"},
		{"mqtt.username", "gate.yaml:4:1: mqtt.username: open it: file does not exist\n  4 | mqtt:\n    | ^"},
		{"key_file", "gate.yaml: key_file: open it: file does not exist"},
	} {
		got := source.Place(fmt.Errorf("store: %w", configs.About(test.key, gone)))
		if got.Error() != test.want || hint.Of(got) != "look for it" || !errors.Is(got, fs.ErrNotExist) {
			t.Errorf("%s: %v\nto do: %s", test.key, got, hint.Of(got))
		}
	}
	both := source.Place(errors.Join(configs.About("site", gone), errors.New("another")))
	if want := "gate.yaml:2:1: site: open it: file does not exist\n  2 | site: hq\n    | ^\nanother"; both.Error() != want {
		t.Errorf("got %v, want %s", both, want)
	}
	if other := errors.New("another"); source.Place(other) != other || source.Place(nil) != nil {
		t.Error("what is about no key was changed")
	}
}
