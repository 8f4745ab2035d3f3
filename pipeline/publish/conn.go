package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/configs/address"
)

const (
	qos            = 1                // at least once
	lookupTimeout  = 10 * time.Second // for the numbers of a name; a name server that is away takes half of it
	connectTimeout = 3 * time.Second  // for dialling and TLS, and again for CONNACK
	writeTimeout   = 5 * time.Second
	keepAlive      = 20 * time.Second
	pingTimeout    = 10 * time.Second
	ackTimeout     = 20 * time.Second // a broker that takes longer is left, and the event sent again on the next connection
	seenTimeout    = 5 * time.Second  // from the acknowledgement until the broker gives back what it has acknowledged
	closeTimeout   = time.Second      // for DISCONNECT and the end of paho's goroutines
)

var (
	errNoAck   = errors.New("the broker did not acknowledge in time")
	errLost    = errors.New("the connection was lost")
	errUnheard = errors.New("the broker refuses the subscription")
)

// conn is one connection to the broker. A new paho client serves each, with nothing in its store: what to send again
// after a reconnect is for feed and states to say.
type conn struct {
	explainer
	client mqtt.Client
	raw    net.Conn
	trust  trust                   // by which the broker's certificate was judged
	secure *secured                // nil without TLS
	alive  context.Context         // ends when the connection has ended without our doing; the cause says why
	lose   context.CancelCauseFunc // ends alive
	mirror *mirror
	lack   lack            // what the broker is not asked for
	ending <-chan struct{} // closed when the Publisher is to end
}

// connect opens a connection to a broker with the will that its loss makes the availability "offline", unless it is quiet. An error is a Fault.
func (p *Publisher) connect(ctx context.Context, to address.Address, without lack) (*conn, error) {
	e, err := p.endpoint(to)
	if err != nil {
		return nil, err
	}
	will := sight{p.cfg.topic(availability), string(Offline)}
	c := &conn{explainer: p.explainer(e), trust: e.trust(), mirror: newMirror(will), ending: ctx.Done(), lack: without}
	if c.raw, err = p.dial(ctx, e); err != nil {
		return nil, c.explain(dialling, err)
	}
	c.secure, _ = c.raw.(*secured)
	c.raw = &guard{Conn: c.raw}
	c.alive, c.lose = context.WithCancelCause(context.WithoutCancel(ctx))
	c.client = mqtt.NewClient(p.options(c).SetPassword(e.password).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { c.lose(fmt.Errorf("%w: %w", errLost, err)) }).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return c.raw, nil }))
	release := context.AfterFunc(ctx, func() { c.raw.Close() }) // or paho would wait for CONNACK to the end
	token := c.client.Connect()
	<-token.Done()
	if !release() && token.Error() == nil {
		c.abandon()
		return nil, c.explain(greeting, ctx.Err())
	}
	if err := token.Error(); err != nil {
		c.lose(err)
		return nil, c.explain(greeting, err)
	}
	return c, nil
}

// endpoint returns where and how to connect to a broker, by what is in the files now.
func (p *Publisher) endpoint(to address.Address) (endpoint, error) {
	papers, err := p.cfg.papers(to)
	return endpoint{Address: to, papers: papers, plaintext: p.cfg.Plaintext, moment: p.clock()}, err
}

// options returns what is the same for every connection but for what its broker lacks. The address in them is not used: what paho reads and writes is opened before.
func (p *Publisher) options(c *conn) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().
		AddBroker("tcp://broker:1883").
		SetClientID(p.cfg.ClientID).
		SetUsername(p.cfg.Username).
		SetProtocolVersion(4). // MQTT 3.1.1; without it paho tries each refusal again as 3.1
		SetCleanSession(p.ends).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetConnectTimeout(connectTimeout).
		SetWriteTimeout(writeTimeout).
		SetKeepAlive(keepAlive).
		SetPingTimeout(pingTimeout).
		SetStore(mqtt.NewOrderedMemoryStore()).
		SetDefaultPublishHandler(drop)
	if p.quiet {
		return o
	}
	return o.SetWill(p.cfg.topic(availability), string(Offline), c.qos(), c.retains(true))
}

// drop takes what nobody subscribed to on this connection, as the session of an earlier one may have. Without an
// acknowledgement the broker would keep it, and what comes after it, for ever.
func drop(mqtt.Client, mqtt.Message) {}

// subscribe has what is published on a topic handed to take, at the QoS most or less. take must not wait. errUnheard means that the
// broker forbids it; the connection is as good as before.
func (c *conn) subscribe(ctx context.Context, topic string, most byte, take func(payload []byte, retained bool)) error {
	_, err := c.request(ctx, topic, most, onlyPayload(take))
	return err
}

func onlyPayload(take func(payload []byte, retained bool)) mqtt.MessageHandler {
	return func(_ mqtt.Client, m mqtt.Message) { take(m.Payload(), m.Retained()) }
}

// asks is how often a subscription is asked for before the broker counts as one that forbids it. mochi refuses one whose packet has the
// number of a message that it has sent to the session before, and that was not acknowledged when the connection ended. Each time the
// number is another one.
const asks = 3

// request is subscribe, with the whole of each message, and returns the QoS that the broker grants.
func (c *conn) request(ctx context.Context, topic string, most byte, take mqtt.MessageHandler) (granted byte, err error) {
	for range asks {
		if granted, err = c.ask(ctx, topic, most, take); !errors.Is(err, errUnheard) {
			break
		}
	}
	return granted, err
}

// ask is request, once.
func (c *conn) ask(ctx context.Context, topic string, most byte, take mqtt.MessageHandler) (granted byte, err error) {
	token := c.client.Subscribe(topic, most, take)
	if err := c.await(ctx, token); err != nil {
		return 0, err
	}
	t, ok := token.(*mqtt.SubscribeToken)
	if !ok {
		return most, nil
	}
	if granted = t.Result()[topic]; granted >= 0x80 { // MQTT 3.1.1, section 3.9.3
		return 0, errUnheard
	}
	return granted, nil
}

// qos is that at which all is said that is to arrive at least once.
func (c *conn) qos() byte {
	if c.lack&noQoS1 != 0 {
		return 0
	}
	return qos
}

// retains reports whether the broker is asked to retain what is to be.
func (c *conn) retains(wanted bool) bool { return wanted && c.lack&noRetain == 0 }

// see has the mirror see what comes on a topic.
func (c *conn) see(topic string) func(payload []byte, retained bool) {
	return func(payload []byte, retained bool) { c.mirror.see(topic, payload, retained) }
}

// unsubscribe has nothing more handed on that is published on a topic.
func (c *conn) unsubscribe(ctx context.Context, topic string) error {
	return c.await(ctx, c.client.Unsubscribe(topic))
}

// publish sends one message, waits for its PUBACK, and until the broker has given the message back. ctx ends with c.alive at the
// latest. After an unseen the connection is as good as before; after another error the message may still arrive, and must not be sent
// again on this connection.
func (c *conn) publish(ctx context.Context, topic string, retained bool, payload []byte) error {
	watched := c.watch(ctx, topic)
	if unlessUnseen(watched) != nil {
		return watched
	}
	stays := retained && topic != c.cfg.topic(discovery) // whoever deletes the gate in Home Assistant empties that, and means it
	came, forget := c.mirror.expect(topic, payload, stays)
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
	err := c.subscribe(ctx, topic, 0, c.see(topic))
	if errors.Is(err, errUnheard) {
		return &unseen{topic, err}
	}
	if err == nil {
		c.mirror.watch(topic)
	}
	return err
}

// acknowledged sends one message and waits for its PUBACK, which says nothing of whether anybody else gets it. At a broker without QoS 1
// there is none.
func (c *conn) acknowledged(ctx context.Context, topic string, retained bool, payload []byte) error {
	return c.await(ctx, c.client.Publish(topic, c.qos(), c.retains(retained), payload))
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
