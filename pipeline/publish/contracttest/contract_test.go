package contracttest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/pipeline/publish/loopback"
)

const event = `{"schema":"pass/2","event_type":"granted","store":"5e0ad3c4416b27f9","seq":48213,"boot":"7c1e5a0b93d2f148",` +
	`"ts":"2026-03-02T08:14:07.412Z","clock":"synced","door":"main","direction":"in","method":"face","reason":null,` +
	`"latency_ms":1000,"replayed":false}`

// changed is the event with one thing changed.
func changed(t *testing.T, from, to string) string {
	t.Helper()
	if !strings.Contains(event, from) {
		t.Fatalf("%s is not in the event", from)
	}
	return strings.Replace(event, from, to, 1)
}

func TestContract(t *testing.T) {
	c := load(t)
	for name, tt := range map[string]struct {
		topic, payload string
		qos            byte
		retained       bool
		forwarded      bool
		want           error
	}{
		"an event":                    {"facegate/hq/north/pass", event, 1, false, false, nil},
		"an event as it happens":      {"facegate/hq/north/pass/live", event, 0, false, false, nil},
		"a state":                     {"facegate/hq/north/availability", "online", 1, true, false, nil},
		"a state that was subscribed": {"facegate/hq/north/availability", "online", 1, false, true, nil},
		"a state that is forgotten":   {"facegate/hq/north/availability", "", 1, true, false, nil},
		"a forged order":              {"facegate/hq/north/cmd/open", "let me in", 0, true, false, nil},

		"a topic that is none":      {"facegate/hq/north/photo", event, 1, false, false, ErrTopic},
		"a level more":              {"facegate/hq/north/pass/live/x", event, 0, false, false, ErrTopic},
		"a level less":              {"facegate/north/pass", event, 1, false, false, ErrTopic},
		"somebody's topic":          {"facegate/hq/north/pass/Zdenka", event, 1, false, false, ErrTopic},
		"another QoS":               {"facegate/hq/north/pass", event, 0, false, false, ErrQoS},
		"an event that is retained": {"facegate/hq/north/pass", event, 1, true, false, ErrRetain},
		"the same, as it arrives":   {"facegate/hq/north/pass", event, 1, true, true, ErrRetain},
		"a state that is not":       {"facegate/hq/north/availability", "online", 1, false, false, ErrRetain},
		"another word":              {"facegate/hq/north/availability", "Zdenka", 1, true, false, ErrPayload},
		"a text for an event":       {"facegate/hq/north/pass", "granted", 1, false, false, ErrPayload},
		"nothing for an event":      {"facegate/hq/north/pass", "", 1, false, false, ErrPayload},
		"an event for a state":      {"facegate/hq/north/lock/state", event, 1, true, false, ErrPayload},
		"two values":                {"facegate/hq/north/pass", event + event, 1, false, false, ErrPayload},

		"a name":          {"facegate/hq/north/pass", changed(t, `"seq"`, `"name":"Zdenka","seq"`), 1, false, false, ErrPayload},
		"a score":         {"facegate/hq/north/pass", changed(t, `"seq"`, `"score":0.61,"seq"`), 1, false, false, ErrPayload},
		"no door":         {"facegate/hq/north/pass", changed(t, `"door":"main",`, ``), 1, false, false, ErrPayload},
		"a free method":   {"facegate/hq/north/pass", changed(t, `"face"`, `"face of Zdenka"`), 1, false, false, ErrPayload},
		"a free reason":   {"facegate/hq/north/pass", changed(t, `null`, `"Zdenka"`), 1, false, false, ErrPayload},
		"no such day":     {"facegate/hq/north/pass", changed(t, `2026-03-02`, `2026-02-30`), 1, false, false, ErrPayload},
		"a local time":    {"facegate/hq/north/pass", changed(t, `412Z`, `412+01:00`), 1, false, false, ErrPayload},
		"microseconds":    {"facegate/hq/north/pass", changed(t, `412Z`, `412345Z`), 1, false, false, ErrPayload},
		"a number before": {"facegate/hq/north/pass", changed(t, `48213`, `0`), 1, false, false, ErrPayload},
		"half a number":   {"facegate/hq/north/pass", changed(t, `48213`, `48213.5`), 1, false, false, ErrPayload},
		"another version": {"facegate/hq/north/pass", changed(t, `pass/2`, `pass/1`), 1, false, false, ErrPayload},
		"an alarm there":  {"facegate/hq/north/pass", changed(t, `granted`, `duress`), 1, false, false, ErrPayload},
	} {
		err := c.Check(Message{tt.topic, []byte(tt.payload), tt.qos, tt.retained, tt.forwarded})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestRead refuses documents that nothing can be held to.
func TestRead(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "configs", "contract", "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string][2]string{
		"a schema of no kind":  {"type: integer", "type: whole"},
		"a pattern that ends":  {"pattern: ", "pattern: ( #"},
		"a channel of nothing": {"#/channels/pass\"", "#/channels/nowhere\""},
		"no operations":        {"operations:", "others:"},
		"no YAML":              {"asyncapi:", "\tasyncapi:"},
	} {
		broken := bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(broken, text) {
			t.Errorf("%s: %q is not in the document", what, change[0])
		}
		if _, err := Read(broken); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// TestBrokerIsWatched publishes what the contract has and what it has not, also as a will, on the broker of the tests.
func TestBrokerIsWatched(t *testing.T) {
	r := &Recorder{TB: t}
	account := loopback.NewAccount()
	b := Start(r, account)
	o := mqtt.NewClientOptions().AddBroker(b.URL()).SetClientID("gate").SetUsername(account.Username).SetPassword(account.Password).
		SetAutoReconnect(false).SetWill("facegate/hq/north/availability", "away", 1, true)
	client := mqtt.NewClient(o)
	Done(t, client.Connect())
	Done(t, client.Publish("facegate/hq/north/pass", 1, false, event))
	if faults := r.Faults(); len(faults) > 0 {
		t.Errorf("an event is outside the contract: %v", faults)
	}
	Done(t, client.Publish("facegate/hq/north/pass", 1, false, changed(t, `"seq"`, `"name":"Zdenka","seq"`)))
	Done(t, client.Publish("facegate/hq/north/photo", 1, false, "x"))
	again := mqtt.NewClient(o.SetWill("facegate/hq/north/availability", "offline", 1, true)) // throws the first one out, whose will is sent
	Done(t, again.Connect())
	defer again.Disconnect(100)
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		faults := r.Faults()
		if len(faults) == 3 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d faults were found, want 3: %q", len(faults), faults)
		}
	}
}
