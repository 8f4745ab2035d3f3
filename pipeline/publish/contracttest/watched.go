package contracttest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/pipeline/publish/loopback"
)

// A Recorder is a test that is told of faults, and goes on.
type Recorder struct {
	testing.TB

	mu     sync.Mutex // guards faults
	faults []string
}

// Errorf implements testing.TB.
func (r *Recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// Faults returns what the test was told.
func (r *Recorder) Faults() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faults
}

// A Watched broker holds to the contract whatever is published on it, and tells the test that it is started and stopped with.
type Watched interface {
	URL() string // since it was started
	Start(t testing.TB)
	Stop(t testing.TB)
}

// Watches publishes as a user of broker what a gate says and what no gate may say, before and after the broker was started again, and
// checks that broker tells of each fault. What was published before the broker ended is never missed.
func Watches(t *testing.T, broker Watched, user loopback.Account) {
	t.Helper()
	r := &Recorder{TB: t}
	for range 2 {
		broker.Start(r)
		client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker.URL()).SetClientID("gate").
			SetUsername(user.Username).SetPassword(user.Password).SetAutoReconnect(false))
		Done(t, client.Connect())
		for _, m := range []struct{ topic, payload string }{
			{"facegate/hq/north/echo", "7c1e5a0b93d2f148"},
			{"facegate/hq/north/echo", "Zdenka"},
			{"facegate/hq/north/photo", "x"},
		} {
			Done(t, client.Publish(m.topic, 1, false, m.payload))
		}
		client.Disconnect(100)
		broker.Stop(r)
	}
	if faults := r.Faults(); len(faults) != 4 {
		t.Errorf("%d faults were found, want 4: %q", len(faults), faults)
	}
}

// Done waits until the broker has taken what token is of.
func Done(t testing.TB, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(15*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
}
