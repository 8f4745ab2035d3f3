package contracttest

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/pipeline/publish/loopback"
)

// Start starts the broker that runs in the process, for the time of the test, and holds to the contract whatever is published on it.
func Start(t testing.TB, account loopback.Account) *loopback.Broker {
	t.Helper()
	b, err := loopback.Start("127.0.0.1:0", account, slog.New(slog.DiscardHandler), Tap(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// Tap returns what holds to the contract whatever is published on a broker that runs in the process.
func Tap(t testing.TB) loopback.Tap {
	t.Helper()
	c := load(t)
	return func(topic string, payload []byte, qos byte, retained bool) {
		if err := c.Check(Message{Topic: topic, Payload: payload, QoS: qos, Retained: retained}); err != nil {
			t.Errorf("outside the contract: %v", err)
		}
	}
}

func load(t testing.TB) *Contract {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ClientID is that of a Watch, and Username the name of whoever watches a broker that asks for one.
const (
	ClientID = "contract"
	Username = "contract"
)

// A Watch holds to the contract whatever a broker hands out that runs in a process of its own. It has a session that outlives the
// broker: what is published while the Watch is away comes to it afterwards.
type Watch struct {
	t        testing.TB
	contract *Contract
	client   mqtt.Client

	mu   sync.Mutex // guards what follows
	ends chan struct{}
}

// NewWatch connects to a broker as account, which must be allowed to read everything.
func NewWatch(t testing.TB, url string, account loopback.Account) *Watch {
	t.Helper()
	w := &Watch{t: t, contract: load(t), ends: make(chan struct{})}
	w.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID(ClientID).SetCleanSession(false).
		SetUsername(account.Username).SetPassword(account.Password).SetAutoReconnect(false).SetOrderMatters(true).
		SetConnectionLostHandler(func(mqtt.Client, error) {}).SetDefaultPublishHandler(w.see))
	w.wait("connect", w.client.Connect())
	w.wait("subscribe", w.client.Subscribe("#", 1, w.see))
	return w
}

// last is the topic on which a Watch tells itself that it has seen all that was published before.
const last = "contract/last"

// see takes a message.
func (w *Watch) see(_ mqtt.Client, m mqtt.Message) {
	if m.Topic() == last {
		w.mu.Lock()
		defer w.mu.Unlock()
		close(w.ends)
		w.ends = make(chan struct{})
		return
	}
	err := w.contract.Check(Message{Topic: m.Topic(), Payload: m.Payload(), QoS: m.Qos(), Retained: m.Retained(), Forwarded: true})
	if err != nil {
		w.t.Errorf("outside the contract: %v", err)
	}
}

// Close returns when the Watch has seen what was published until now, and has left the broker. A broker that has ended is left at
// once.
func (w *Watch) Close() {
	w.mu.Lock()
	seen := w.ends
	w.mu.Unlock()
	if w.client.IsConnectionOpen() {
		w.client.Publish(last, 1, false, "")
		for deadline := time.Now().Add(15 * time.Second); w.client.IsConnectionOpen() && time.Now().Before(deadline); {
			select {
			case <-seen:
				w.client.Disconnect(100)
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	w.client.Disconnect(100)
}

func (w *Watch) wait(what string, token mqtt.Token) {
	w.t.Helper()
	if !token.WaitTimeout(15*time.Second) || token.Error() != nil {
		w.t.Fatalf("the watch of the contract: %s: %v", what, token.Error())
	}
}
