package publish

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sys/unix"
)

const (
	qos            = 1                // at least once
	connectTimeout = 10 * time.Second // for dialling, TLS and CONNACK together
	writeTimeout   = 5 * time.Second
	keepAlive      = 20 * time.Second
	pingTimeout    = 10 * time.Second
	ackTimeout     = 20 * time.Second // a broker that takes longer is left, and the event sent again on the next connection
	seenTimeout    = 5 * time.Second  // from the acknowledgement until the broker gives back what it has acknowledged
	closeTimeout   = time.Second      // for DISCONNECT and the end of paho's goroutines
)

var (
	errNoAck = errors.New("the broker did not acknowledge in time")
	errLost  = errors.New("the connection was lost")

	errHandshake = errors.New("the TLS handshake failed")
	errUnheard   = errors.New("the broker refuses the subscription")
)

// conn is one connection to the broker. A new paho client serves each, with nothing in its store: what to send again
// after a reconnect is for feed and states to say.
type conn struct {
	client mqtt.Client
	raw    net.Conn                // written by the dialling goroutine, before the connect token is done
	alive  context.Context         // ends when the connection has ended without our doing; the cause says why
	lose   context.CancelCauseFunc // ends alive
	mirror *mirror
	ending <-chan struct{} // closed when the Publisher is to end
}

// connect opens a connection with the will that its loss makes the availability "offline".
func (p *Publisher) connect(ctx context.Context) (*conn, error) {
	c := &conn{mirror: newMirror(), ending: ctx.Done()}
	c.alive, c.lose = context.WithCancelCause(context.WithoutCancel(ctx))
	release := func() bool { return true }
	opts := p.options().
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { c.lose(fmt.Errorf("%w: %w", errLost, err)) }).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (raw net.Conn, err error) {
			if raw, err = p.dial(ctx); err != nil {
				return nil, err
			}
			c.raw = &guard{Conn: raw}
			raw = c.raw
			release = context.AfterFunc(ctx, func() { raw.Close() }) // or paho would wait for CONNACK to the end
			return raw, nil
		})
	c.client = mqtt.NewClient(opts)
	token := c.client.Connect()
	<-token.Done()
	if !release() && token.Error() == nil {
		c.abandon()
		return nil, ctx.Err()
	}
	if err := token.Error(); err != nil {
		c.lose(err)
		return nil, p.explain(reached(c, err), err)
	}
	return c, nil
}

// options returns what is the same for every connection.
func (p *Publisher) options() *mqtt.ClientOptions {
	return mqtt.NewClientOptions().
		AddBroker(p.cfg.Broker).
		SetClientID(p.cfg.ClientID).
		SetUsername(p.cfg.Username).
		SetPassword(p.cfg.Password).
		SetProtocolVersion(4). // MQTT 3.1.1; without it paho tries each refusal again as 3.1
		SetCleanSession(false).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetConnectTimeout(connectTimeout).
		SetWriteTimeout(writeTimeout).
		SetKeepAlive(keepAlive).
		SetPingTimeout(pingTimeout).
		SetWill(p.cfg.topic(availability), string(Offline), qos, true).
		SetStore(mqtt.NewOrderedMemoryStore()).
		SetDefaultPublishHandler(drop)
}

// reached tells how far a connection had come that ended in err.
func reached(c *conn, err error) phase {
	switch {
	case c.raw != nil:
		return greeting
	case errors.Is(err, errHandshake):
		return securing
	}
	return dialling
}

// drop takes what nobody subscribed to on this connection, as the session of an earlier one may have. Without an
// acknowledgement the broker would keep it, and what comes after it, for ever.
func drop(mqtt.Client, mqtt.Message) {}

// subscribe has what is published on a topic handed to take, at the QoS most or less. take must not wait. errUnheard means that the
// broker forbids it; the connection is as good as before.
func (c *conn) subscribe(ctx context.Context, topic string, most byte, take func(payload []byte, retained bool)) error {
	token := c.client.Subscribe(topic, most, func(_ mqtt.Client, m mqtt.Message) { take(m.Payload(), m.Retained()) })
	if err := c.await(ctx, token); err != nil {
		return err
	}
	if t, ok := token.(*mqtt.SubscribeToken); ok && t.Result()[topic] >= 0x80 { // MQTT 3.1.1, section 3.9.3
		return errUnheard
	}
	return nil
}

// publish sends one message, waits for its PUBACK, and until the broker has given the message back. ctx ends with c.alive at the
// latest. After an unseen the connection is as good as before; after another error the message may still arrive, and must not be sent
// again on this connection.
func (c *conn) publish(ctx context.Context, topic string, retained bool, payload []byte) error {
	watched := c.watch(ctx, topic)
	if unlessUnseen(watched) != nil {
		return watched
	}
	came, forget := c.mirror.expect(topic, payload)
	defer forget()
	if err := c.acknowledged(ctx, topic, retained, payload); err != nil {
		return err
	}
	if watched != nil { // others may get what this gate may not read
		return watched
	}
	return c.seen(ctx, topic, came)
}

// seen waits until what was published on a topic has come back, and at the end of the Publisher for a quarter of its farewell.
func (c *conn) seen(ctx context.Context, topic string, came <-chan struct{}) error {
	late := time.NewTimer(seenTimeout)
	defer late.Stop()
	ending := c.ending
	for {
		select {
		case <-came:
			return nil
		case <-late.C:
			return &unseen{topic, errUnseen}
		case <-ending:
			ending = nil
			late.Reset(farewell / 4)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// watch has the mirror see what is published on a topic, from the first time on that the broker lets it.
func (c *conn) watch(ctx context.Context, topic string) error {
	if c.mirror.watches(topic) {
		return nil
	}
	err := c.subscribe(ctx, topic, 0, func(payload []byte, retained bool) { c.mirror.see(topic, payload, retained) })
	if errors.Is(err, errUnheard) {
		return &unseen{topic, err}
	}
	if err == nil {
		c.mirror.watch(topic)
	}
	return err
}

// acknowledged sends one message and waits for its PUBACK, which says nothing of whether anybody else gets it.
func (c *conn) acknowledged(ctx context.Context, topic string, retained bool, payload []byte) error {
	return c.await(ctx, c.client.Publish(topic, qos, retained, payload))
}

// tell sends one message at QoS 0, and waits until it is written. Nobody says whether it arrives.
func (c *conn) tell(ctx context.Context, topic string, payload []byte) error {
	return c.await(ctx, c.client.Publish(topic, 0, false, payload))
}

// await waits for what the broker says to a packet.
func (c *conn) await(ctx context.Context, token mqtt.Token) error {
	timer := time.NewTimer(ackTimeout)
	defer timer.Stop()
	select {
	case <-token.Done():
		return c.unlessLost(token.Error())
	case <-timer.C:
		return errNoAck
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unlessLost returns err, or why the connection was lost where that is behind it: the library fails what is on its way first.
func (c *conn) unlessLost(err error) error {
	if err == nil {
		return nil
	}
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-c.alive.Done():
		return context.Cause(c.alive)
	case <-timer.C:
		return err
	}
}

// close ends the connection with DISCONNECT, so that the broker drops the will.
func (c *conn) close() {
	c.client.Disconnect(uint(closeTimeout.Milliseconds()))
	c.lose(nil)
}

// abandon ends the connection without DISCONNECT, so that the broker publishes the will.
func (c *conn) abandon() {
	c.raw.Close()
	c.close() // the packet goes nowhere; this waits for paho's goroutines
}

// dial opens the network connection.
func (e endpoint) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", e.addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		raw = prompt{tcp}
	}
	if e.tls == nil {
		return raw, nil
	}
	s := new(secured)
	settings := e.tls.Clone()
	settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.asked = true
		return new(tls.Certificate), nil
	}
	s.Conn = tls.Client(raw, settings)
	if err := s.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errHandshake, s.told(err)), raw.Close())
	}
	return s, nil
}

// A prompt connection acknowledges at once what comes (tcp(7), TCP_QUICKACK). A broker that does without TCP_NODELAY, as mosquitto by
// default, holds the second of two packets back until the first is acknowledged, for 40 ms: here that is the acknowledgement of each
// message, behind the message that comes back.
type prompt struct{ *net.TCPConn }

// Read implements net.Conn. The kernel forgets the option after a while, and what it cannot do costs only time.
func (p prompt) Read(b []byte) (int, error) {
	n, err := p.TCPConn.Read(b)
	if raw, failed := p.SyscallConn(); failed == nil {
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	}
	return n, err
}

// A secured is a TLS connection that knows whether the broker has asked for a client certificate. By TLS 1.3 a broker ends
// the connection for want of one after the handshake.
type secured struct {
	*tls.Conn
	asked bool
}

// Read implements net.Conn.
func (s *secured) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	return n, s.told(err)
}

// Write implements net.Conn. It fails where the broker has ended the connection before CONNECT was sent.
func (s *secured) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	return n, s.told(err)
}

func (s *secured) told(err error) error {
	if err != nil && s.asked {
		return fmt.Errorf("%w: %w", errAsked, err)
	}
	return err
}
