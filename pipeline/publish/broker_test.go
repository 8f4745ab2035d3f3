package publish_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/passage"
	"facegate/pipeline/order"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/orders"
)

// TestBrokers runs the contract between the publisher and a broker over each broker.
func TestBrokers(t *testing.T) {
	for _, broker := range []struct {
		name string
		make func(*testing.T) server
	}{
		{"mochi", newMochi},
		{"mosquitto", newMosquitto},
		{"mosquitto of Debian", newDebian},
		{"nats-server", newNATS},
	} {
		for _, test := range []struct {
			name string
			run  func(*testing.T, *rig)
		}{
			{"delivers in order", deliversInOrder},
			{"events are not retained", eventsAreNotRetained},
			{"availability", tellsAvailability},
			{"availability after a half-open connection", survivesTakeover},
			{"states", tellsStates},
			{"broker down at start", brokerDownAtStart},
			{"broker restarts", brokerRestarts},
			{"lost acknowledgement", lostAcknowledgement},
			{"stop sends what is queued", stopSendsQueue},
			{"orders", takesOrders},
			{"no orders", takesNoOrders},
			{"orders once they are wanted", takesWantedOrders},
			{"unsigned orders", takesUnsignedOrders},
			{"forget", forgets},
			{"forget a stopped gate", forgetsStopped},
			{"an order and its answer", asksGate},
			{"wrong password", wrongPassword},
			{"TLS", overTLS},
			{"TLS with foreign names", foreignNames},
		} {
			t.Run(broker.name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				test.run(t, newRig(t, broker.make(t)))
			})
		}
	}
}

func deliversInOrder(t *testing.T, r *rig) {
	r.run()
	r.connected()
	r.grant(200)
	events := r.observer.awaitEvents(200)
	wantEvents(t, events, 1, false)
	e := events[0]
	if age := time.Since(parseTime(t, e.Time)); age < 0 || age > time.Minute {
		t.Errorf("the event is from %s", e.Time)
	}
	want := publish.Event{
		Schema: "pass/2", Type: "granted", Store: storeID, Seq: 1, Boot: boot, Time: e.Time, Clock: publish.Synced, Door: "main",
		Direction: "in", Method: "face", LatencyMS: 1000,
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	live := r.observer.on("pass/live") // some may be missing: 200 are more than anybody waits for
	if len(live) == 0 || len(live) > 200 {
		t.Errorf("%d events were told as they happened", len(live))
	}
	last := uint64(0)
	for _, m := range live {
		e := decode(t, m.payload)
		if m.qos != 0 || m.retained || e.Replayed || e.Seq <= last {
			t.Errorf("after event %d there was told as it happened: %+v", last, m)
		}
		last = e.Seq
	}
	eventually(t, "the outbox is empty", func() bool { return r.publisher.Status().Queued == 0 })
}

func parseTime(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(publish.Timestamp, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func eventsAreNotRetained(t *testing.T, r *rig) {
	r.run()
	r.grant(3)
	r.observer.awaitEvents(3)
	late := r.anotherObserver()
	late.awaitAvailability("online")
	if m := late.on("availability"); !m[0].retained {
		t.Error("the availability is not retained")
	}
	r.grant(1) // what a late subscriber gets first must be this
	eventually(t, "an event", func() bool { return len(late.on("pass")) > 0 })
	if e := decode(t, late.on("pass")[0].payload); e.Seq != 4 {
		t.Errorf("a late subscriber received event %d", e.Seq)
	}
}

// anotherObserver replaces the observer by a new one, that has received nothing.
func (r *rig) anotherObserver() *observer {
	r.t.Helper()
	r.observer.client.Disconnect(100)
	r.observer = observe(r.t, r.server)
	return r.observer
}

func tellsAvailability(t *testing.T, r *rig) {
	r.run()
	r.observer.awaitAvailability("online")
	r.connected() // or it would not yet be that the cable is cut, and disconnected at once
	r.cable.block(true)
	r.cable.cut()
	r.observer.awaitAvailability("offline") // the will
	r.disconnected()
	if s := r.publisher.Status(); s.Err == "" || s.Hint == "" {
		t.Errorf("status is %+v", s)
	}
	r.reconnect()
	r.observer.awaitAvailability("online")
	if s := r.publisher.Status(); s.Err != "" || s.Hint != "" {
		t.Errorf("status is %+v", s)
	}
	r.halt()
	r.observer.awaitAvailability("stopped")
	want := []string{"online", "offline", "online", "stopped"}
	if diff := cmp.Diff(want, r.observer.availability()); diff != "" {
		t.Errorf("availability (-want +got):\n%s", diff)
	}
	late := r.anotherObserver()
	late.awaitAvailability("stopped")
	if m := late.on("availability"); len(m) != 1 || !m[0].retained || m[0].qos != 1 {
		t.Errorf("retained availability is %+v", m)
	}
}

// survivesTakeover loses the publisher's end of a connection that the broker believes alive. The broker publishes the
// will when the next connection takes over; that must not be its last word.
func survivesTakeover(t *testing.T, r *rig) {
	r.run()
	r.connected()
	r.cable.orphan()
	eventually(t, "a second connection", func() bool { return strings.Count(r.log.String(), "connected to") == 2 })
	r.grant(1)
	r.observer.awaitEvents(1)
	time.Sleep(200 * time.Millisecond) // a will that is late must have its chance
	r.anotherObserver().awaitAvailability("online")
}

// tellsStates has lock, door and gate told, retained, on every connection and whenever a building system begins anew.
func tellsStates(t *testing.T, r *rig) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.publisher.SetInfo(publish.Info{Version: "1.2.3", Profile: "eu", Door: "main", Direction: passage.In}))
	r.publisher.SetDoor(publish.Door{Lock: publish.Locked, Leaf: publish.Closed, Fire: publish.Off}) // no line tells of the rest
	must(r.publisher.SetHealth(publish.Health{State: "ok", Conditions: []publish.Condition{}, Time: "2026-03-02T08:14:07.412Z", Clock: publish.Synced}))
	must(r.publisher.SetMode(publish.Mode{Ways: []string{"face"}, Schedule: "rules", Match: "one-to-many"}))
	r.run()
	r.connected()
	r.publisher.SetDoor(publish.Door{Lock: publish.Unlocked, Leaf: publish.Closed, Fire: publish.Off})
	r.publisher.SetDoor(publish.Door{Lock: publish.Unlocked, Leaf: publish.Open, Fire: publish.Off})
	eventually(t, "the door is open", func() bool { return len(r.observer.on("door/state")) == 2 })

	want := map[string]string{
		"availability": "online", "lock/state": "UNLOCKED", "door/state": "OPEN", "alarm/fire/state": "OFF",
		"info": `{"schema":"info/1","version":"1.2.3","profile":"eu","door":"main","direction":"in",` +
			`"schemas":["pass/2","alarm/2","health/1","mode/1","info/1"]}`,
		"health": `{"schema":"health/1","state":"ok","conditions":[],"ts":"2026-03-02T08:14:07.412Z","clock":"synced"}`,
		"mode": `{"schema":"mode/1","faces":false,"ways":["face"],"schedule":"rules","lockdown":false,"match":"one-to-many","max_people":0,"valid_days":0,` +
			`"idle_days":0}`,
	}
	first, late := r.observer, observe(t, r.server)
	eventually(t, "whoever comes later is told", func() bool { return len(late.messagesNow()) >= len(want) })
	got := map[string]string{}
	for _, m := range late.messagesNow() {
		name := strings.TrimPrefix(m.topic, "facegate/hq/north/")
		if got[name] = m.payload; !m.retained || m.qos != 1 {
			t.Errorf("%s is told as %+v", name, m)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("retained (-want +got):\n%s", diff)
	}
	again := func(what string, more int) {
		t.Helper()
		eventually(t, what, func() bool {
			return len(first.on("lock/state")) == 2+more && len(first.on("door/state")) == 2+more &&
				len(first.on("info")) == 1+more && len(first.on("mode")) == 1+more && len(first.on("health")) == 1+more
		})
	}
	again("each is told once", 0)
	r.cable.block(true)
	r.cable.cut()
	first.awaitAvailability("offline") // a will that is late has all told once more
	r.disconnected()
	r.reconnect()
	again("all are told on another connection", 1)
	for _, m := range []struct {
		says     string
		retained bool
	}{{"offline", false}, {"online", true}, {"online", false}, {"online", false}} { // the last one asks too soon
		r.begin(m.says, m.retained)
	}
	again("all are told to who begins anew", 2)
}

func brokerDownAtStart(t *testing.T, r *rig) {
	r.server.Stop(t)
	r.run()
	r.grant(20)
	eventually(t, "a failure is told", func() bool { return r.publisher.Status().Err != "" })
	if s := r.publisher.Status(); s.Connected || s.Queued != 20 || s.Dropped != 0 || s.Hint == "" {
		t.Errorf("status is %+v", s)
	}
	r.cable.block(true)
	r.server.Start(t)
	r.observer.connect(r.server)
	r.reconnect()
	wantEvents(t, r.observer.awaitEvents(20), 1, true)
	r.grant(5)
	wantEvents(t, tail(r.observer.awaitEvents(25), 5), 21, false)
}

func brokerRestarts(t *testing.T, r *rig) {
	r.run()
	r.connected()
	for round := range 3 {
		from := 1 + 20*round
		r.grant(10)
		wantEvents(t, tail(r.observer.awaitEvents(20*round+10), 10), from, false)
		eventually(t, "the outbox is empty", func() bool { return r.publisher.Status().Queued == 0 })
		r.cable.block(true) // until the observer has subscribed again
		r.server.Stop(t)
		r.disconnected()
		r.grant(10)
		r.server.Start(t)
		r.observer.connect(r.server)
		r.reconnect()
		wantEvents(t, tail(r.observer.awaitEvents(20*round+20), 10), from+10, true)
	}
}

func lostAcknowledgement(t *testing.T, r *rig) {
	r.run()
	r.grant(1)
	r.observer.awaitEvents(1)
	eventually(t, "the outbox is empty", func() bool { return r.publisher.Status().Queued == 0 })
	r.cable.mute(true)
	r.grant(2)
	r.observer.awaitEvents(2)
	time.Sleep(100 * time.Millisecond)
	if n := len(r.observer.on("pass")); n != 2 {
		t.Fatalf("%d events, want that the third waits for the second's acknowledgement", n)
	}
	r.cable.block(true)
	r.cable.cut()
	r.cable.mute(false)
	r.reconnect()
	events := r.observer.awaitEvents(4)
	wantEvents(t, events[1:2], 2, false)
	wantEvents(t, events[2:], 2, true)
	again := events[2]
	again.Replayed = false
	if diff := cmp.Diff(events[1], again); diff != "" {
		t.Errorf("the event sent again differs in more than replayed:\n%s", diff)
	}
}

func stopSendsQueue(t *testing.T, r *rig) {
	r.run()
	r.connected()
	r.grant(50)
	r.halt()
	left := r.publisher.Status().Queued
	eventually(t, "what has left the outbox", func() bool { return len(r.observer.on("pass")) >= 50-left })
	events := r.observer.awaitEvents(len(r.observer.on("pass")))
	wantEvents(t, events, 1, false)
	if left == 0 {
		r.observer.awaitAvailability("stopped")
	} else if t.Logf("on this busy machine %d of 50 were left after the time for it", left); len(events) == 0 || len(events) > 51-left {
		t.Errorf("%d events were sent, and %d of 50 are left", len(events), left)
	}
}

// opened is the answer to an order that was carried out.
func opened(payload []byte) []byte {
	sum := sha256.Sum256(payload)
	answer, err := order.Answer(order.Nonce(sum[:8]), "")
	if err != nil {
		panic(err)
	}
	return answer
}

// takesOrders gives orders to a gate that takes them from whoever says please.
func takesOrders(t *testing.T, r *rig) {
	open := func(_ context.Context, o orders.Order) ([]byte, error) {
		if !strings.HasPrefix(string(o.Payload), "please ") {
			return nil, errors.New("nobody says please")
		}
		return opened(o.Payload), nil
	}
	r.desk = orders.New(orders.Parts{Handle: open, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	r.build(gate("tcp", r.cable))
	r.observer.order("please open, said yesterday", true)
	eventually(t, "the broker has the order", func() bool { return len(r.observer.on("cmd/open")) > 0 }) // mochi acknowledges before
	r.run()
	r.connected()
	r.observer.order("open", false)
	r.observer.order("please open", false)
	r.observer.awaitReplies(string(opened([]byte("please open"))))

	r.cable.block(true)
	r.cable.cut()
	r.disconnected()
	r.reconnect() // upon which the broker says again what it has retained
	r.observer.order("please open again", false)
	r.observer.awaitReplies(string(opened([]byte("please open"))), string(opened([]byte("please open again"))))
	r.grant(1) // the gate goes on telling what happens
	wantEvents(t, r.observer.awaitEvents(1), 1, false)
}

// takesNoOrders leaves a broker with a subscription of a former time, under which it keeps orders for the gate.
func takesNoOrders(t *testing.T, r *rig) {
	done := make(chan string, 10)
	open := func(_ context.Context, o orders.Order) ([]byte, error) {
		done <- string(o.Payload)
		return opened(o.Payload), nil
	}
	r.desk = orders.New(orders.Parts{Handle: open, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	r.build(gate("tcp", r.cable))
	r.run()
	r.connected()
	r.observer.order("one", false)
	if got := <-done; got != "one" {
		t.Errorf("%q was done", got)
	}
	r.halt()
	r.desk = nil
	r.build(gate("tcp", r.cable))
	r.observer.order("two", false)
	r.run()
	r.connected()
	r.observer.order("three", false)
	r.grant(20) // what came is out of the way
	r.observer.awaitEvents(20)
	if len(done) > 0 {
		t.Errorf("%q was done", <-done)
	}
}

// A wish is whether orders are taken, which may change.
type wish struct {
	mu      sync.Mutex // guards what follows
	wanted  bool
	changed chan struct{}
}

func (w *wish) get() (wanted bool, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wanted, w.changed
}

func (w *wish) set(wanted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.wanted, w.changed = wanted, make(chan struct{})
}

// takesWantedOrders gives orders to a gate that wants none, then some, then none.
func takesWantedOrders(t *testing.T, r *rig) {
	var done atomic.Int32
	open := func(_ context.Context, o orders.Order) ([]byte, error) { done.Add(1); return opened(o.Payload), nil }
	w := &wish{changed: make(chan struct{})}
	r.desk = orders.New(orders.Parts{Handle: open, Wanted: w.get, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	r.build(gate("tcp", r.cable))
	r.run()
	r.connected()
	events := 0
	given := func() bool { // reports whether the gate has heard an order
		t.Helper()
		before := done.Load()
		r.observer.order("open", false)
		r.grant(1) // what came before is out of the way
		events++
		r.observer.awaitEvents(events)
		return done.Load() > before
	}
	if given() {
		t.Error("an order was heard that nobody wanted")
	}
	w.set(true)
	eventually(t, "an order is heard", given)
	w.set(false)
	eventually(t, "no more orders are heard", func() bool { return !given() })
	eventually(t, "the outbox is empty", func() bool { return r.publisher.Status().Queued == 0 }) // or an event comes again
	r.cable.block(true)
	r.cable.cut()
	r.disconnected()
	r.reconnect()
	if given() {
		t.Error("an order was heard on the next connection")
	}
}

// asksGate gives orders as somebody elsewhere does: to a gate that answers, to one that does not, and to one that has stopped.
func asksGate(t *testing.T, r *rig) {
	carry := func(_ context.Context, o orders.Order) ([]byte, error) {
		if string(o.Payload) != "please open" {
			return nil, errors.New("nobody says please")
		}
		return opened(o.Payload), nil
	}
	r.desk = orders.New(orders.Parts{Handle: carry, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	r.build(gate("tcp", r.cable))
	r.run()
	r.connected()
	operator := gate("tcp", r.cable)
	operator.ClientID = "operator"
	ask := func(what string, within time.Duration) error {
		return publish.Ask(t.Context(), operator, rand.Reader, publish.Inquiry{
			Order:  func() ([]byte, error) { return []byte(what), nil },
			Mine:   func(answer []byte) bool { return bytes.Equal(answer, opened([]byte(what))) },
			Within: within,
		})
	}
	if err := ask("please open", patience); err != nil {
		t.Errorf("a good order: %v", err)
	}
	silent := func(what string, is publish.Availability) {
		t.Helper()
		if s := new(publish.Silence); !errors.As(ask(what, 300*time.Millisecond), &s) || s.Availability != is {
			t.Errorf("%s: the gate is %q, want %q", what, s.Availability, is)
		}
	}
	silent("open", publish.Online)
	r.halt()
	r.observer.awaitAvailability("stopped")
	silent("please open", publish.Stopped)
	failed := errors.New("no key")
	if err := publish.Ask(t.Context(), operator, rand.Reader, publish.Inquiry{Order: func() ([]byte, error) { return nil, failed }}); !errors.Is(err, failed) {
		t.Errorf("an order that cannot be made: %v", err)
	}

	// Of several brokers it is given where the gate is, whatever is wrong with the others.
	r.build(gate("tcp", r.cable))
	r.run()
	r.connected()
	nobody, scheme := listen(t), "tcp"
	nobody.Close()
	if r.cable.ca != "" {
		scheme = "ssl"
	}
	operator.Brokers = append(operator.Brokers, addressOf(scheme, nobody.Addr()))
	if err := ask("please open", patience); err != nil {
		t.Errorf("with another broker behind: %v", err)
	}
	slices.Reverse(operator.Brokers)
	if err := ask("please open", patience); err != nil {
		t.Errorf("with another broker before: %v", err)
	}
	operator.Brokers = operator.Brokers[:1]
	if f := new(publish.Fault); !errors.As(ask("please open", patience), &f) || f.Kind != "refused" || f.Hint == "" {
		t.Errorf("where nothing listens: %+v", f)
	}
	if got := r.observer.availability(); slices.Contains(got, "offline") {
		t.Errorf("whoever gives an order speaks for the gate: %q", got)
	}
}

func wrongPassword(t *testing.T, r *rig) {
	cfg := gate("tcp", r.cable)
	const wrong = "hunter2"
	cfg.PasswordFile = passwordFile(t, wrong)
	r.build(cfg)
	r.run()
	eventually(t, "a refusal", func() bool { return strings.Contains(r.publisher.Status().Hint, "password") })
	r.halt()
	if strings.Contains(r.log.String(), wrong) {
		t.Error("the password was logged")
	}
	if got := r.observer.availability(); got != nil {
		t.Errorf("availability %v without a connection", got)
	}
}

// overTLS puts a TLS end before the broker.
func overTLS(t *testing.T, r *rig) {
	cert, ca := certificate(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	l := tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{cert}})
	cfg := gate("ssl", newCable(t, l, r.server))
	r.build(cfg)
	r.run()
	eventually(t, "a refusal", func() bool { return strings.Contains(r.publisher.Status().Hint, "CA file") })
	r.halt()
	cfg.CAFile = ca
	r.build(cfg)
	r.run()
	r.connected()
	r.grant(3)
	wantEvents(t, r.observer.awaitEvents(3), 1, false)
}

// foreignNames puts a TLS end before the broker whose certificate holds what would write lines of its own on a terminal.
func foreignNames(t *testing.T, r *rig) {
	cert, ca := certificate(t, &x509.Certificate{DNSNames: []string{"\x1b[2J\nbroker  connected\r", strings.Repeat("\x1b]0;x\a", 100)}})
	l := tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{cert}})
	cfg := gate("ssl", newCable(t, l, r.server))
	cfg.CAFile = ca
	r.build(cfg)
	r.run()
	eventually(t, "a refusal", func() bool { return r.publisher.Status().Err != "" })
	s := r.publisher.Status()
	r.halt()
	if strings.ContainsFunc(s.Err, unicode.IsControl) || len(s.Err) > 300 || !strings.Contains(s.Err, "certificate") {
		t.Errorf("status says %q", s.Err)
	}
	if log := strings.TrimSpace(r.log.String()); strings.ContainsFunc(strings.ReplaceAll(log, "\n", ""), unicode.IsControl) {
		t.Errorf("the log says %q", log)
	}
}

// certificate returns a self-signed certificate for the names in c, and the name of a file that holds it.
func certificate(t *testing.T, c *x509.Certificate) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject, c.NotAfter = big.NewInt(1), pkix.Name{CommonName: "broker"}, time.Now().Add(time.Hour)
	c.IsCA, c.BasicConstraintsValid = true, true
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, name
}
