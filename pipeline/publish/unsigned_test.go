package publish_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/publish/mosquittotest"
	"facegate/pipeline/publish/orders"
)

// A household is a Home Assistant that orders at the broker of a rig, and what the gate has carried out.
type household struct {
	*rig
	client mqtt.Client
	learnt chan string // topics on which to order, "" once the lock is gone; the newest

	mu   sync.Mutex // guards what follows
	done []string
}

// newHousehold introduces the gate of a rig, which carries out whatever Home Assistant orders.
func newHousehold(t *testing.T, r *rig) *household {
	t.Helper()
	h := &household{rig: r, learnt: make(chan string, 100), client: dial(t, r.server, account)}
	t.Cleanup(func() { h.client.Disconnect(100) })
	wait(t, "subscribe", h.client.Subscribe(config, 1, func(_ mqtt.Client, m mqtt.Message) {
		var said struct {
			Components map[string]struct {
				Command string `json:"command_topic"`
			} `json:"components"`
		}
		json.Unmarshal(m.Payload(), &said) // the empty one is of a gate that is forgotten
		h.learnt <- said.Components["opener"].Command
	}))
	r.home = orders.New(orders.Parts{Handle: h.carry, Now: time.Now, Log: slog.New(slog.NewTextHandler(&r.log, nil))})
	r.build(gate("tcp", r.cable))
	introduced(r)
	return h
}

func (h *household) carry(_ context.Context, o orders.Order) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, string(o.Payload))
	return nil, nil
}

func (h *household) carriedOut() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.done)
}

// learns waits until Home Assistant learns of another topic than the former one.
func (h *household) learns(former string) (topic string) {
	h.t.Helper()
	for {
		select {
		case topic = <-h.learnt:
			if topic != former {
				return topic
			}
		case <-time.After(patience):
			h.t.Fatalf("Home Assistant learns of no other topic than %q", former)
		}
	}
}

func (h *household) orders(topic, what string, qos byte, retained bool) {
	h.t.Helper()
	wait(h.t, "order", h.client.Publish(topic, qos, retained, what))
}

// fence orders what is carried out after all that was ordered before.
func (h *household) fence(topic, what string) {
	h.t.Helper()
	h.orders(topic, what, 0, false)
	eventually(h.t, what, func() bool { return slices.Contains(h.carriedOut(), what) })
}

func (h *household) wantDone(want ...string) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.carriedOut()); diff != "" {
		h.t.Errorf("carried out (-want +got):\n%s", diff)
	}
}

// takesUnsignedOrders has a Home Assistant learn where to order, and order there: what was retained, said elsewhere or while the gate
// was away does nothing. A gate that is forgotten takes none, and one that is told to take none has a sensor in place of the lock.
func takesUnsignedOrders(t *testing.T, r *rig) {
	h := newHousehold(t, r)
	r.run()
	first := h.learns("")
	if name, ok := strings.CutPrefix(first, "facegate/hq/north/cmd/home-assistant/"); !ok || len(name) != 16 {
		t.Fatalf("Home Assistant learns of %q", first)
	}
	r.connected()
	h.fence(first, "one")
	for _, topic := range []string{"cmd/home-assistant/0123456789abcdef", "cmd/open"} {
		h.orders("facegate/hq/north/"+topic, "elsewhere", 1, false)
	}
	h.orders("facegate/hq/south/cmd/home-assistant/"+first[len(first)-16:], "next door", 1, false)
	h.fence(first, "two")
	h.wantDone("one", "two")

	r.cable.block(true)
	r.cable.cut()
	r.observer.awaitAvailability("offline")
	for i := range 20 {
		h.orders(first, "while it was away", byte(i%2), i == 19)
	}
	r.reconnect()
	second := h.learns(first)
	h.orders(first, "late", 1, false)
	h.fence(second, "three")
	h.wantDone("one", "two", "three")
	h.orders(first, "", 1, true)

	if _, err := r.publisher.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if gone := h.learns(second); gone != "" {
		t.Errorf("a gate that is forgotten takes orders on %s", gone)
	}
	r.connected()
	h.orders(second, "forgotten", 1, false)
	r.grant(1) // what came before is out of the way
	r.observer.awaitEvents(1)
	h.wantDone("one", "two", "three")
	r.halt()

	r.home = nil
	r.build(gate("tcp", r.cable))
	introduced(r)
	r.run()
	r.connected()
	for _, topic := range []string{first, second} {
		h.orders(topic, "off", 1, false)
	}
	r.grant(20)
	eventually(t, "what came before is out of the way", func() bool { return len(r.observer.on("pass")) >= 21 })
	h.wantDone("one", "two", "three")
	if s := r.publisher.Status(); s.Unsigned || keeps(t, r.server)[config] == "" {
		t.Errorf("the status is %+v", s)
	}
}

// TestQueuedUnsignedOrders has a broker keep even what is said at QoS 0 for a gate that is away, and give it out when the gate is back.
// None of it is carried out, and the log says why.
func TestQueuedUnsignedOrders(t *testing.T) {
	t.Parallel()
	b := mosquittotest.New(t, account)
	b.Configure(t, "queue_qos0_messages true")
	h := newHousehold(t, newRig(t, b))
	h.run()
	first := h.learns("")
	h.connected()
	h.fence(first, "one")
	h.cable.block(true)
	h.cable.cut()
	h.observer.awaitAvailability("offline") // or the broker may still write into the cable
	for i := range 200 {
		h.orders(first, fmt.Sprint("queued ", i), byte(i%2), false)
	}
	h.reconnect()
	h.fence(h.learns(first), "two")
	h.wantDone("one", "two")
	if said := h.log.String(); !strings.Contains(said, "before this connection") {
		t.Errorf("nothing was queued, the log has\n%s", said)
	}
}
