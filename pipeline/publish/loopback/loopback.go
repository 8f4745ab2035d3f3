// Package loopback runs an MQTT broker inside the process, for the demo and the tests. It can be reached from this
// machine only, and with its one account only.
package loopback

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// ErrNotLoopback is returned for an address that other machines could reach.
var ErrNotLoopback = errors.New("loopback: not a loopback address")

const (
	maxClients    = 64
	maxPacket     = 64 << 10     // bytes
	sessionExpiry = 24 * 60 * 60 // seconds
	statsInterval = 60           // seconds between messages on $SYS
)

// An Account is what a client must show.
type Account struct {
	Username string
	Password string
}

// NewAccount returns an account with a random password.
func NewAccount() Account { return Account{Username: "facegate", Password: rand.Text()} }

// A Broker is a running broker. It keeps nothing on disk: retained messages and sessions end with it.
type Broker struct {
	server   *mqtt.Server
	listener *listener
}

// A Tap is shown each message that a client publishes, and each will that is published for one. It does not change the payload, and
// is called from several goroutines.
type Tap func(topic string, payload []byte, qos byte, retained bool)

// Start starts a broker on addr, an IP address of the loopback interface with a port, or with port 0 for a free one.
func Start(addr string, account Account, log *slog.Logger, taps ...Tap) (*Broker, error) {
	if ap, err := netip.ParseAddrPort(addr); err != nil || !ap.Addr().IsLoopback() {
		return nil, fmt.Errorf("%w: %q", ErrNotLoopback, addr)
	}
	inner, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("loopback: %w", err)
	}
	b := &Broker{server: mqtt.New(options(log)), listener: &listener{Listener: inner, conns: make(map[net.Conn]bool)}}
	if err := b.serve(account, taps); err != nil {
		return nil, errors.Join(fmt.Errorf("loopback: %w", err), b.Close())
	}
	return b, nil
}

// URL returns the address of the broker, "tcp://127.0.0.1:port".
func (b *Broker) URL() string { return "tcp://" + b.listener.Address() }

// Close ends all connections and waits for them.
func (b *Broker) Close() error {
	if err := b.server.Close(); err != nil {
		return fmt.Errorf("loopback: close: %w", err)
	}
	return nil
}

func (b *Broker) serve(account Account, taps []Tap) error {
	// This must stay the only hook that authenticates: one that says yes is enough, whatever others say.
	if err := b.server.AddHook(&gatekeeper{account: account}, nil); err != nil {
		return err
	}
	if err := b.server.AddHook(&tapped{taps: taps}, nil); err != nil {
		return err
	}
	if err := b.server.AddHook(&retaining{}, nil); err != nil {
		return err
	}
	if err := b.server.AddListener(b.listener); err != nil {
		return err
	}
	return b.server.Serve()
}

// options sets the bounds that the broker leaves open.
func options(log *slog.Logger) *mqtt.Options {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClients = maxClients
	c.MaximumPacketSize = maxPacket
	c.MaximumSessionExpiryInterval = sessionExpiry
	c.MaximumMessageExpiryInterval = 0 // never: the default deletes retained messages after a day
	return &mqtt.Options{Capabilities: c, Logger: log, SysTopicResendInterval: statsInterval}
}

// gatekeeper lets in who shows the account, and then allows everything.
type gatekeeper struct {
	mqtt.HookBase
	account Account
}

func (*gatekeeper) ID() string { return "gatekeeper" }

func (*gatekeeper) Provides(method byte) bool {
	return method == mqtt.OnConnectAuthenticate || method == mqtt.OnACLCheck
}

func (g *gatekeeper) OnConnectAuthenticate(_ *mqtt.Client, p packets.Packet) bool {
	username := subtle.ConstantTimeCompare(p.Connect.Username, []byte(g.account.Username))
	password := subtle.ConstantTimeCompare(p.Connect.Password, []byte(g.account.Password))
	return username&password == 1
}

func (*gatekeeper) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

// tapped shows its taps what is published.
type tapped struct {
	mqtt.HookBase
	taps []Tap
}

func (*tapped) ID() string { return "taps" }

func (*tapped) Provides(method byte) bool {
	return method == mqtt.OnPublish || method == mqtt.OnWillSent
}

func (t *tapped) OnPublish(_ *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	t.show(p)
	return p, nil
}

func (t *tapped) OnWillSent(_ *mqtt.Client, p packets.Packet) { t.show(p) }

func (t *tapped) show(p packets.Packet) {
	for _, tap := range t.taps {
		tap(p.TopicName, p.Payload, p.FixedHeader.Qos, p.FixedHeader.Retain)
	}
}
