package publish_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/mosquittotest"
)

// A listener hears a gate for as long as its test.
type listener struct {
	mu  sync.Mutex // guards what follows
	id  string
	all []publish.Heard
}

func (l *listener) on(topic string) (heard []publish.Heard) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.all {
		if h.Topic == topic {
			heard = append(heard, h)
		}
	}
	return heard
}

func (l *listener) begun() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// listenTo listens with a configuration until the test is over.
func listenTo(t *testing.T, cfg publish.Config) *listener {
	t.Helper()
	l := new(listener)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- publish.Listen(ctx, cfg, rand.Reader,
			func(id string) { l.mu.Lock(); defer l.mu.Unlock(); l.id = id },
			func(h publish.Heard) { l.mu.Lock(); defer l.mu.Unlock(); l.all = append(l.all, h) })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("listen: %v", err)
		}
	})
	eventually(t, "it listens", func() bool { return l.begun() != "" })
	return l
}

// TestListen listens as the gate's own user, on brokers that let it do what the access list that is shipped does, to a gate that does not
// notice.
func TestListen(t *testing.T) {
	for name, s := range map[string]func(*testing.T) server{
		"mosquitto": func(t *testing.T) server {
			return mosquittotest.NewGuarded(t, account, "topic readwrite facegate/#")
		},
		"nats-server": newNATS, "mochi": newMochi,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listenBeside(t, newRig(t, s(t)))
		})
	}
}

func listenBeside(t *testing.T, r *rig) {
	r.run()
	r.connected()
	first := listenTo(t, gate("tcp", r.cable))
	eventually(t, "it hears what is retained", func() bool { h := first.on("availability"); return len(h) > 0 && h[0].Retained })
	second := listenTo(t, gate("tcp", r.cable))
	r.grant(3)
	for _, l := range []*listener{first, second} {
		eventually(t, "it hears every event", func() bool { return len(l.on("pass")) == 3 && len(l.on("pass/live")) == 3 })
		if h := l.on("pass")[0]; h.QoS != 1 || h.Retained || l.on("pass/live")[0].QoS != 0 {
			t.Errorf("it hears %+v", h)
		}
	}
	if id := first.begun(); !strings.HasPrefix(id, "facegate-hq-north-listens-") || id == second.begun() {
		t.Errorf("the ids are %q and %q", id, second.begun())
	}
	if n := strings.Count(r.log.String(), "connected to the broker"); n != 1 || r.publisher.Status().Fault != "" {
		t.Errorf("the gate has connected %d times:\n%s", n, &r.log)
	}
	if said := r.observer.availability(); len(said) != 1 {
		t.Errorf("the gate is said to be %q", said)
	}
}

// TestListenAbove has somebody speak on the level above the topics of the gate, which is heard with them.
func TestListenAbove(t *testing.T) {
	t.Parallel()
	r := newRig(t, natsBroker(t).Unwatched())
	l := listenTo(t, gate("tcp", r.cable))
	speaker := dial(t, r.server, account)
	defer speaker.Disconnect(100)
	for _, topic := range []string{"facegate/hq/north", "facegate/hq/north/a/b"} {
		wait(t, "speak", speaker.Publish(topic, 1, false, topic))
	}
	eventually(t, "it hears both", func() bool { return len(l.on("")) == 1 && len(l.on("a/b")) == 1 })
}

// TestListenInVain says why nothing can be heard, and ends with its connection.
func TestListenInVain(t *testing.T) {
	t.Parallel()
	r := newRig(t, newMochi(t))
	cfg := gate("tcp", r.cable)
	ended := make(chan error, 1)
	go func() {
		ended <- publish.Listen(t.Context(), cfg, rand.Reader, func(string) { r.cable.block(true); r.cable.cut() }, func(publish.Heard) {})
	}()
	if err := <-ended; !errors.As(err, new(*publish.Fault)) {
		t.Errorf("when the connection breaks it is %v", err)
	}
	fault := new(publish.Fault)
	if err := publish.Listen(t.Context(), cfg, rand.Reader, nil, nil); !errors.As(err, &fault) || fault.Hint == "" {
		t.Errorf("without a connection it is %v", err)
	}
}
