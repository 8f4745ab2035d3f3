package natstest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/pipeline/publish/loopback"
)

// A recorder is a test that is told of faults, and goes on.
type recorder struct {
	testing.TB

	mu     sync.Mutex // guards faults
	faults []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// TestBrokerIsWatched publishes what no gate may say, as a user of all rights and as one of few, before and after the broker was started
// again. What was published before the broker ended is never missed.
func TestBrokerIsWatched(t *testing.T) {
	user := loopback.Account{Username: "gate", Password: "x"}
	for name, permissions := range map[string]string{"all rights": "", "few rights": `publish: [ "facegate.>" ], subscribe: [ "$MQTT.sub.>" ]`} {
		t.Run(name, func(t *testing.T) {
			b, r := New(t, user, permissions), &recorder{TB: t}
			for range 2 {
				b.Start(r)
				client := connect(t, b, user)
				for _, m := range []struct{ topic, payload string }{
					{"facegate/hq/north/echo", "7c1e5a0b93d2f148"},
					{"facegate/hq/north/echo", "Zdenka"},
					{"facegate/hq/north/photo", "x"},
				} {
					wait(t, client.Publish(m.topic, 1, false, m.payload))
				}
				client.Disconnect(100)
				b.Stop(r)
			}
			if len(r.faults) != 4 {
				t.Errorf("%d faults were found, want 4: %q", len(r.faults), r.faults)
			}
		})
	}
}

func connect(t *testing.T, b *Broker, as loopback.Account) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(b.URL()).SetClientID("gate").SetUsername(as.Username).SetPassword(as.Password).
		SetAutoReconnect(false))
	wait(t, c.Connect())
	return c
}

func wait(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(15*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
}
