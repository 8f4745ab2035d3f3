package mosquittotest

import (
	"fmt"
	"sync"
	"testing"

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

// TestBrokerIsWatched publishes what no gate may say, on a broker for everybody and on one with an access list, before and after it was
// started again. What was published before the broker ended is never missed.
func TestBrokerIsWatched(t *testing.T) {
	for name, b := range map[string]*Broker{
		"for everybody":       New(t, loopback.Account{}),
		"with a password":     New(t, loopback.Account{Username: "gate", Password: "x"}),
		"with an access list": NewGuarded(t, loopback.Account{Username: "gate", Password: "x"}, "topic write facegate/#"),
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			for range 2 {
				b.Start(r)
				user := loopback.Account{Username: "gate", Password: "x"}
				client := connect(t, b, user, func(mqtt.Client, mqtt.Message) {})
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
