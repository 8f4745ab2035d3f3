package mosquittotest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// written waits until text is on disk, which the broker writes a moment after it has acknowledged.
func written(t *testing.T, b *Broker, text string) {
	t.Helper()
	file := filepath.Join(filepath.Dir(b.conf), "../../var/lib/mosquitto/mosquitto.db")
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if saved, err := os.ReadFile(file); err == nil && strings.Contains(string(saved), text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q was acknowledged, and is not on disk", text)
		}
	}
}

// A listener is a building system with a session of its own.
type listener struct {
	client mqtt.Client
	mu     sync.Mutex // guards got
	got    []string   // payloads, those that were retained with an asterisk
}

func listen(t *testing.T, b *Broker, user loopback.Account) *listener {
	t.Helper()
	l := new(listener)
	l.client = connect(t, b, user, func(_ mqtt.Client, m mqtt.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		text := string(m.Payload())
		if m.Retained() {
			text += "*"
		}
		l.got = append(l.got, text)
	})
	return l
}

func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

// connect returns a client whose session outlives its connection.
func connect(t *testing.T, b *Broker, user loopback.Account, receive mqtt.MessageHandler) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(b.URL()).SetClientID("the-" + user.Username).
		SetUsername(user.Username).SetPassword(user.Password).SetCleanSession(false).SetAutoReconnect(false).
		SetDefaultPublishHandler(receive).SetConnectionLostHandler(func(mqtt.Client, error) {}))
	contracttest.Done(t, c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// TestShippedConfiguration kills a broker with the shipped configuration while a building system is away, and looks for what
// the broker had acknowledged.
func TestShippedConfiguration(t *testing.T) {
	gate, building := loopback.Account{Username: "facegate", Password: "1"}, loopback.Account{Username: "building", Password: "2"}
	b := Installed(t, "../../../configs/mosquitto.conf", gate, building)
	b.Start(t)
	l := listen(t, b, building)
	contracttest.Done(t, l.client.Subscribe("facegate/#", 1, nil))
	l.client.Disconnect(100)
	var want []string
	for round := range 3 {
		g := connect(t, b, gate, func(mqtt.Client, mqtt.Message) {})
		for i := range 10 {
			event := fmt.Sprintf("event %d.%d", round, i)
			contracttest.Done(t, g.Publish("facegate/hq/north/pass", 1, false, event))
			want = append(want, event)
		}
		contracttest.Done(t, g.Publish("facegate/hq/north/availability", 1, true, fmt.Sprintf("online %d", round)))
		want = append(want, fmt.Sprintf("online %d", round))
		written(t, b, want[len(want)-1])
		b.Kill(t)
		b.Start(t)
	}
	l = listen(t, b, building)
	for deadline := time.Now().Add(15 * time.Second); len(l.heard()) < len(want) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if got := l.heard(); !slices.Equal(got, want) {
		t.Errorf("after %d kills the building system has\n%q, want\n%q", 3, got, want)
	}
	contracttest.Done(t, l.client.Subscribe("facegate/+/+/availability", 1, nil))
	for deadline := time.Now().Add(15 * time.Second); !slices.Contains(l.heard(), "online 2*"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the retained availability is gone: %q", l.heard())
		}
	}
	// Only the gate may speak for the gate. The broker acknowledges what it drops.
	contracttest.Done(t, l.client.Publish("facegate/hq/north/pass", 1, false, "forged"))
	contracttest.Done(t, connect(t, b, gate, func(mqtt.Client, mqtt.Message) {}).Publish("facegate/hq/north/pass", 1, false, "the last"))
	for deadline := time.Now().Add(15 * time.Second); !slices.Contains(l.heard(), "the last"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the last event did not arrive")
		}
	}
	if slices.Contains(l.heard(), "forged") {
		t.Error("the building system could speak for the gate")
	}
	anonymous := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(b.URL()).SetProtocolVersion(4))
	if token := anonymous.Connect(); token.WaitTimeout(15*time.Second) && token.Error() == nil {
		t.Error("somebody without a name was let in")
	}
	b.Stop(t)
}
