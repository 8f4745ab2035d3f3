package fleet_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/pipeline/publish"
)

// A tally is what has come of one gate.
type tally struct {
	store                string
	newest               uint64
	seen                 map[uint64]publish.Event
	repeated, outOfOrder int
	faults               []string
}

// take counts an event. What comes again has to be the same, and what comes of one store may not come of another.
func (y *tally) take(e publish.Event) {
	e.Replayed = false
	if y.seen == nil {
		y.seen, y.store = map[uint64]publish.Event{}, e.Store
	}
	before, again := y.seen[e.Seq]
	switch {
	case e.Store != y.store:
		y.faults = append(y.faults, fmt.Sprintf("event %d is of store %s and not %s", e.Seq, e.Store, y.store))
	case again && before != e:
		y.faults = append(y.faults, fmt.Sprintf("event %d is %+v, and was %+v", e.Seq, e, before))
	case again:
		y.repeated++
	case e.Seq < y.newest:
		y.outOfOrder++
	}
	y.seen[e.Seq] = e
	y.newest = max(y.newest, e.Seq)
}

// missing returns which of the events 1 to told have not come.
func (y *tally) missing(told uint64) (seqs []uint64) {
	for seq := uint64(1); seq <= told; seq++ {
		if _, ok := y.seen[seq]; !ok {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// A ledger has the tallies of all gates.
type ledger struct {
	mu    sync.Mutex // guards gates
	gates map[string]*tally
}

// take counts what came on a topic facegate/<site>/<gate>/pass, or the subject facegate.<site>.<gate>.pass.
func (l *ledger) take(topic string, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gates == nil {
		l.gates = map[string]*tally{}
	}
	gate := strings.Split(strings.ReplaceAll(topic, ".", "/"), "/")[2]
	if l.gates[gate] == nil {
		l.gates[gate] = new(tally)
	}
	var e publish.Event
	if err := json.Unmarshal(payload, &e); err != nil {
		l.gates[gate].faults = append(l.gates[gate].faults, err.Error())
		return
	}
	l.gates[gate].take(e)
}

// of returns a copy of the tally of a gate, and which of the events 1 to told are missing there.
func (l *ledger) of(gate string, told uint64) (y tally, missing []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gates[gate] == nil {
		return tally{}, new(tally).missing(told)
	}
	return *l.gates[gate], l.gates[gate].missing(told)
}

// missing returns how many of the passages that gates have told of, each from 1 on, have not come.
func (l *ledger) missing(told map[string]uint64) (n int) {
	for gate, told := range told {
		_, missing := l.of(gate, told)
		n += len(missing)
	}
	return n
}

func (l *ledger) count(gate string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gates[gate] == nil {
		return 0
	}
	return len(l.gates[gate].seen)
}

// A building is a building system with a session of its own, that connects again for as long as it takes.
type building struct {
	ledger
	client mqtt.Client
}

// newBuilding returns a building system that is subscribed to the passages of all gates.
func newBuilding(t *testing.T, id string, settings *tls.Config, username, password string, brokers ...string) *building {
	t.Helper()
	b := new(building)
	opts := mqtt.NewClientOptions().SetClientID(id).SetUsername(username).SetPassword(password).SetTLSConfig(settings).
		SetProtocolVersion(4).SetCleanSession(false).SetConnectRetry(true).SetConnectRetryInterval(100 * time.Millisecond).
		SetMaxReconnectInterval(time.Second).SetConnectTimeout(3 * time.Second).SetKeepAlive(5 * time.Second).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { b.take(m.Topic(), m.Payload()) }).
		SetConnectionLostHandler(func(mqtt.Client, error) {})
	for _, address := range brokers {
		opts.AddBroker(address)
	}
	subscribed := make(chan struct{})
	once := sync.OnceFunc(func() { close(subscribed) })
	opts.SetOnConnectHandler(func(c mqtt.Client) {
		go func() {
			token := c.Subscribe("facegate/+/+/pass", 1, nil)
			if token.WaitTimeout(10*time.Second) && token.Error() == nil && token.(*mqtt.SubscribeToken).Result()["facegate/+/+/pass"] == 1 {
				once()
			}
		}()
	})
	b.client = mqtt.NewClient(opts)
	b.client.Connect()
	t.Cleanup(func() { b.client.Disconnect(100) })
	select {
	case <-subscribed:
	case <-time.After(patience):
		t.Fatalf("building system %s could not subscribe", id)
	}
	return b
}

// print says what came to whose ledger it is, and fails where a passage is missing, or came otherwise than it was.
func (l *ledger) print(t *testing.T, whose string, told map[string]uint64) (outOfOrder int) {
	t.Helper()
	repeated := 0
	for gate, told := range told {
		y := l.mustHave(t, gate, told)
		repeated, outOfOrder = repeated+y.repeated, outOfOrder+y.outOfOrder
	}
	fmt.Printf("%-18s lost %d, repeated %d, out of order %d\n", whose, l.missing(told), repeated, outOfOrder)
	return outOfOrder
}

// mustHave fails where a passage of a gate is missing, or came otherwise than it was. It returns the rest of the count.
func (l *ledger) mustHave(t *testing.T, gate string, told uint64) tally {
	t.Helper()
	y, missing := l.of(gate, told)
	if len(missing) > 0 || len(y.seen) > int(told) || len(y.faults) > 0 {
		t.Errorf("of %d passages of %s %d are missing (%v), %d came, and %d came otherwise than told: %.3q",
			told, gate, len(missing), missing, len(y.seen), len(y.faults), y.faults)
	}
	return y
}
