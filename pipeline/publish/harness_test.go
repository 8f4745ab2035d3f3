package publish_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"facegate/configs/address"
	"facegate/configs/passage"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
	"facegate/pipeline/publish/natstest"
	"facegate/pipeline/publish/orders"
)

const patience = time.Minute // for anything to arrive; never slept through when all is well

// A server is a real broker that can be stopped and started again. It may be elsewhere then: the publisher, which is told
// one address, comes to it by a cable.
type server interface {
	Start(t testing.TB)
	Stop(t testing.TB)
	URL() string // while it runs
}

// account is what both brokers ask for.
var account = loopback.Account{Username: "facegate", Password: "correct horse battery staple"}

// building is a building system at a broker whose access list has one.
var building = loopback.Account{Username: "building", Password: "one two three"}

// listen returns a listener on a port that the kernel has chosen.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// mochi is the broker inside the process, and nil while it is stopped: its port may be somebody else's by then.
type mochi struct {
	broker atomic.Pointer[loopback.Broker]
}

func newMochi(*testing.T) server { return new(mochi) }

func (m *mochi) URL() string {
	if b := m.broker.Load(); b != nil {
		return b.URL()
	}
	return ""
}

func (m *mochi) Start(t testing.TB) {
	t.Helper()
	b, err := loopback.Start("127.0.0.1:0", account, slog.New(slog.DiscardHandler), contracttest.Tap(t))
	if err != nil {
		t.Fatal(err)
	}
	m.broker.Store(b)
}

func (m *mochi) Stop(t testing.TB) {
	t.Helper()
	if err := m.broker.Swap(nil).Close(); err != nil {
		t.Errorf("close the broker: %v", err)
	}
}

func newMosquitto(t *testing.T) server { return mosquittotest.New(t, account) }

func newNATS(t *testing.T) server { return natsBroker(t) }

// natsBroker lets its user, as whom gate, building system and Home Assistant come, read everything, and write what any of them may.
func natsBroker(t *testing.T) *natstest.Broker {
	return natstest.New(t, account, natsRights("facegate.>, homeassistant.>", `">"`))
}

// natsRights returns what a user of nats-server may write and read. A client has a subject besides on which it is sent what it
// subscribes to at QoS 1, and facegate/# is also the topic facegate.
func natsRights(write, read string) string {
	return fmt.Sprintf(`publish: [ %s ], subscribe: [ %s, facegate, "$MQTT.sub.>" ]`, write, read)
}

// A debian is mosquitto as Debian and the shipped file configure it, to which the gate speaks TLS.
type debian struct {
	*mosquittotest.Broker
	tls, ca string // the address for that, and who has signed its certificate
}

func newDebian(t *testing.T) server {
	b := mosquittotest.Installed(t, "../../configs/mosquitto.conf", account, building)
	cert, ca := certificate(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return debian{b, b.Secure(t, text("CERTIFICATE", cert.Certificate[0]), text("PRIVATE KEY", key)), ca}
}

// A cable is a TCP proxy that fails as networks do.
type cable struct {
	t        testing.TB
	listener net.Listener
	url      func() string // of the broker, while it runs
	ca       string        // who has signed the broker's certificate, "" where it speaks no TLS
	wg       sync.WaitGroup

	mu      sync.Mutex // guards what follows
	blocked bool
	muted   bool          // what the broker says is lost
	orphans bool          // the broker is not told when the publisher's end closes
	pairs   [][2]net.Conn // the publisher's end, the broker's end
}

func newCable(t *testing.T, l net.Listener, s server) *cable {
	t.Helper()
	c := &cable{t: t, listener: l, url: s.URL}
	return c.lay(t)
}

// newSecureCable returns a cable to where a broker speaks TLS by itself.
func newSecureCable(t *testing.T, l net.Listener, d debian) *cable {
	t.Helper()
	c := &cable{t: t, listener: l, url: func() string { return d.tls }, ca: d.ca}
	return c.lay(t)
}

func (c *cable) lay(t *testing.T) *cable {
	t.Helper()
	l := c.listener
	c.wg.Go(c.serve)
	t.Cleanup(func() {
		l.Close()
		c.cut()
		c.wg.Wait()
	})
	return c
}

func (c *cable) serve() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.join(near)
	}
}

func (c *cable) join(near net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blocked {
		near.Close()
		return
	}
	network, address, _ := strings.Cut(c.url(), "://")
	far, err := net.Dial(network, address)
	if err != nil {
		near.Close()
		return
	}
	c.pairs = append(c.pairs, [2]net.Conn{near, far})
	c.wg.Go(func() {
		io.Copy(far, near)
		if !c.orphaning() {
			far.Close()
		}
	})
	c.wg.Go(func() { io.Copy(speaker{c, near}, far); near.Close() })
}

// speaker is the way from the broker to the publisher.
type speaker struct {
	c  *cable
	to net.Conn
}

func (s speaker) Write(b []byte) (int, error) {
	s.c.mu.Lock()
	muted := s.c.muted
	s.c.mu.Unlock()
	if muted {
		return len(b), nil
	}
	return s.to.Write(b)
}

// block refuses new connections, or lets them through again.
func (c *cable) block(blocked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocked = blocked
}

// mute loses what the broker says.
func (c *cable) mute(muted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.muted = muted
}

// orphan breaks the publisher's ends only.
func (c *cable) orphan() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orphans = true
	for _, pair := range c.pairs {
		pair[0].Close()
	}
}

func (c *cable) orphaning() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.orphans
}

// cut breaks all connections.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pair := range c.pairs {
		pair[0].Close()
		pair[1].Close()
	}
	c.pairs = nil
}

// A rig is a broker, a publisher on a cable to it, and an observer beside.
type rig struct {
	t         *testing.T
	server    server
	cable     *cable
	publisher *publish.Publisher
	desk      *orders.Desk // nil where no orders are taken
	home      *orders.Desk // nil where none of Home Assistant are
	log       safeBuffer
	halt      func()
	observer  *observer
}

// newRig builds a rig on a running broker, with the publisher not started.
func newRig(t *testing.T, s server) *rig {
	t.Helper()
	r := &rig{t: t, server: s}
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	if d, ok := s.(debian); ok {
		r.cable = newSecureCable(t, listen(t), d)
	} else {
		r.cable = newCable(t, listen(t), s)
	}
	r.observer = observe(t, s)
	r.build(gate("tcp", r.cable))
	return r
}

// gate is the configuration of the publisher.
func gate(scheme string, c *cable) publish.Config {
	if c.ca != "" {
		scheme = "ssl"
	}
	return publish.Config{
		Brokers: []address.Address{addressOf(scheme, c.listener.Addr())}, ClientID: "facegate-hq-north",
		Username: account.Username, PasswordFile: passwordFile(c.t, account.Password),
		Site: "hq", Gate: "north", Prefix: "homeassistant", CAFile: c.ca,
	}
}

// addressOf returns the address of a broker at a.
func addressOf(scheme string, a net.Addr) address.Address {
	at := a.(*net.TCPAddr).AddrPort()
	return address.Address{Host: at.Addr().String(), Port: at.Port(), TLS: scheme == "ssl"}
}

// passwordFile returns the name of a file with a password.
func passwordFile(t testing.TB, password string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(name, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// boot is that of the publisher, and storeID is drawn after it.
const boot, storeID = "7c1e5a0b93d2f148", "73746f7265206964"

// build makes the publisher anew.
func (r *rig) build(cfg publish.Config) {
	r.t.Helper()
	var err error
	r.publisher, err = publish.New(cfg, publish.Parts{
		Outbox: feed.NewMemory(1000), Orders: r.desk, Home: r.home, Birth: "homeassistant/status",
		Rand: io.MultiReader(strings.NewReader("\x7c\x1e\x5a\x0b\x93\xd2\xf1\x48"+"store id"), rand.Reader),
	}, slog.New(slog.NewTextHandler(&r.log, nil)))
	if err != nil {
		r.t.Fatal(err)
	}
}

// run starts the publisher; it is stopped by halt, or at the end of the test.
func (r *rig) run() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.publisher.Run(ctx) }()
	r.halt = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("Run = %v", err)
		}
	})
	r.t.Cleanup(r.halt)
}

func (r *rig) connected() {
	r.t.Helper()
	eventually(r.t, "the publisher is connected", func() bool { return r.publisher.Status().Connected })
}

func (r *rig) disconnected() {
	r.t.Helper()
	eventually(r.t, "the publisher is disconnected", func() bool { return !r.publisher.Status().Connected })
}

func (r *rig) grant(n int) {
	r.t.Helper()
	door := publish.Source{Door: "main", Direction: passage.In, Clock: func() publish.Clock { return publish.Synced }}
	for range n {
		if err := r.publisher.Tell(door.Granted(time.Now(), attempt.Face, 143*time.Millisecond)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// reconnect opens the cable again, after the observer of a restarted broker has subscribed.
func (r *rig) reconnect() {
	r.t.Helper()
	r.cable.block(false)
	r.connected()
}

// message is one that the observer received.
type message struct {
	topic    string
	payload  string
	retained bool
	qos      byte
}

// An observer is a building system that subscribes to everything.
type observer struct {
	t      *testing.T
	client mqtt.Client

	mu       sync.Mutex // guards what follows
	messages []message
}

func observe(t *testing.T, s server) *observer {
	t.Helper()
	o := &observer{t: t}
	o.connect(s)
	t.Cleanup(func() { o.client.Disconnect(100) })
	return o
}

// connect subscribes, after a restart of the broker too; what was received before is kept. The client id is a new one,
// because mochi may take the end of an id's former connection for that of the new one.
func (o *observer) connect(s server) {
	o.t.Helper()
	o.client = dial(o.t, s, account)
	wait(o.t, "subscribe", o.client.Subscribe("facegate/#", 1, func(_ mqtt.Client, m mqtt.Message) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.messages = append(o.messages, message{m.Topic(), string(m.Payload()), m.Retained(), m.Qos()})
	}))
}

// dial connects to a broker.
func dial(t *testing.T, s server, as loopback.Account) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(s.URL()).SetClientID("observer-" + rand.Text()).
		SetUsername(as.Username).SetPassword(as.Password).SetAutoReconnect(false).
		SetConnectionLostHandler(func(mqtt.Client, error) {}))
	wait(t, "connect", c.Connect())
	return c
}

// begin has a building system say that it begins anew, at whatever broker this is, or something of that sort.
func (r *rig) begin(says string, retained bool) {
	r.t.Helper()
	as := account
	if _, ok := r.server.(debian); ok {
		as = building
	}
	c := dial(r.t, r.server, as)
	defer c.Disconnect(100)
	wait(r.t, "begin", c.Publish("homeassistant/status", 1, retained, says))
}

func wait(t *testing.T, what string, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatalf("observer: %s: %v", what, token.Error())
	}
}

// on returns what was received on the topic of the gate that is called name.
func (o *observer) on(name string) (found []message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.messages {
		if m.topic == "facegate/hq/north/"+name {
			found = append(found, m)
		}
	}
	return found
}

// messagesNow returns all that was received.
func (o *observer) messagesNow() []message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

// availability returns the payloads on that topic, without those that the broker had retained from before the
// subscription; mochi may also send one that came just after as retained, a second time.
func (o *observer) availability() (payloads []string) {
	for _, m := range o.on("availability") {
		if !m.retained {
			payloads = append(payloads, m.payload)
		}
	}
	return payloads
}

// awaitAvailability waits until what was received last is want.
func (o *observer) awaitAvailability(want string) {
	o.t.Helper()
	eventually(o.t, "the availability is "+want, func() bool {
		got := o.on("availability")
		return len(got) > 0 && got[len(got)-1].payload == want
	})
}

// order gives an order to the gate.
func (o *observer) order(what string, retained bool) {
	o.t.Helper()
	wait(o.t, "order", o.client.Publish("facegate/hq/north/cmd/open", 1, retained, what))
}

// awaitReplies waits for as many answers to orders as are wanted. They are not retained.
func (o *observer) awaitReplies(want ...string) {
	o.t.Helper()
	eventually(o.t, "replies", func() bool { return len(o.on("cmd/reply")) >= len(want) })
	var got []string
	for _, m := range o.on("cmd/reply") {
		if got = append(got, m.payload); m.retained || m.qos != 1 {
			o.t.Errorf("the reply is %+v", m)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		o.t.Errorf("replies (-want +got):\n%s", diff)
	}
}

// awaitEvents waits for n events and returns them. Every event must keep the schema, arrive at QoS 1 and as no retained
// message, and may repeat an earlier one only if it says that it is replayed.
func (o *observer) awaitEvents(n int) (events []publish.Event) {
	o.t.Helper()
	eventually(o.t, fmt.Sprintf("%d events", n), func() bool { return len(o.on("pass")) >= n })
	seen := map[string]bool{}
	for _, m := range o.on("pass") {
		e := decode(o.t, m.payload)
		if m.retained || m.qos != 1 {
			o.t.Errorf("event %d was received retained = %t at QoS %d, want false at 1", e.Seq, m.retained, m.qos)
		}
		id := fmt.Sprint(e.Boot, " ", e.Seq)
		if seen[id] && !e.Replayed {
			o.t.Errorf("event %s came twice and does not say that it is replayed", id)
		}
		seen[id] = true
		events = append(events, e)
	}
	if len(events) != n {
		o.t.Fatalf("%d events, want %d", len(events), n)
	}
	return events
}

// decode reads an event that has all the fields of the schema and no other.
func decode(t *testing.T, payload string) (e publish.Event) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(payload), &fields); err != nil {
		t.Fatal(err)
	}
	if len(fields) != 13 {
		t.Errorf("%s has %d fields, want 13", payload, len(fields))
	}
	return e
}

// wantEvents compares the seqs with from, from+1, …, and asks that all are replayed or none.
func wantEvents(t *testing.T, events []publish.Event, from int, replayed bool) {
	t.Helper()
	for i, e := range events {
		if e.Seq != uint64(from+i) || e.Boot != boot || e.Replayed != replayed {
			t.Errorf("event %d of boot %s, replayed = %t; want event %d of boot %s, replayed = %t",
				e.Seq, e.Boot, e.Replayed, from+i, boot, replayed)
		}
	}
}

// eventually waits for ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// A safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func tail[T any](s []T, n int) []T { return slices.Clone(s[max(0, len(s)-n):]) }
