package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	"golang.org/x/sys/unix"

	"facegate/configs/hint"
)

const (
	qos            = 1                // at least once
	connectTimeout = 10 * time.Second // for dialling, TLS and CONNACK together
	writeTimeout   = 5 * time.Second
	keepAlive      = 20 * time.Second
	pingTimeout    = 10 * time.Second
	ackTimeout     = 20 * time.Second // a broker that takes longer is left, and the event sent again on the next connection
	closeTimeout   = time.Second      // for DISCONNECT and the end of paho's goroutines
)

var (
	errNoAck = errors.New("the broker did not acknowledge in time")
	errLost  = errors.New("the connection was lost")
)

// conn is one connection to the broker. A new paho client serves each, with nothing in its store: what to send again
// after a reconnect is for the outbox to say.
type conn struct {
	client mqtt.Client
	raw    net.Conn      // written by the dialling goroutine, before the connect token is done
	lost   chan struct{} // closed when the connection has ended without our doing
	cause  error         // why, once lost is closed
}

// connect opens a connection with the will that its loss makes the availability "offline".
func (p *Publisher) connect(ctx context.Context) (*conn, error) {
	c := &conn{lost: make(chan struct{})}
	release := func() bool { return true }
	opts := mqtt.NewClientOptions().
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
		SetWill(p.cfg.topic(availability), offline, qos, true).
		SetStore(mqtt.NewOrderedMemoryStore()).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			c.cause = err
			close(c.lost)
		}).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (raw net.Conn, err error) {
			if c.raw, err = p.dial(ctx); err != nil {
				return nil, err
			}
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
		return nil, connectHint(fmt.Errorf("publish: connect to %s: %w", p.cfg.Broker, err), p.cfg.Broker)
	}
	return c, nil
}

// publish sends one message and waits for its PUBACK. After an error the message may still arrive; it must not be sent
// again on this connection.
func (c *conn) publish(ctx context.Context, topic string, retained bool, payload []byte) error {
	token := c.client.Publish(topic, qos, retained, payload)
	timer := time.NewTimer(ackTimeout)
	defer timer.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-c.lost:
		return c.lostError()
	case <-timer.C:
		return errNoAck
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *conn) lostError() error { return fmt.Errorf("%w: %w", errLost, c.cause) }

// close ends the connection with DISCONNECT, so that the broker drops the will.
func (c *conn) close() { c.client.Disconnect(uint(closeTimeout.Milliseconds())) }

// abandon ends the connection without DISCONNECT, so that the broker publishes the will.
func (c *conn) abandon() {
	c.raw.Close()
	c.close() // the packet goes nowhere; this waits for paho's goroutines
}

// dial opens the network connection.
func (e endpoint) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if e.tls == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", e.addr)
	}
	return (&tls.Dialer{Config: e.tls}).DialContext(ctx, "tcp", e.addr)
}

// connectHint adds to err what a technician can do about it.
func connectHint(err error, broker string) error {
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return hint.Wrap(err, "Check the user name and the password, and that the broker lets this user in.")
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return hint.Wrap(err, "The broker refuses the client id; give this gate another.")
	case errors.As(err, &authority):
		return hint.Wrap(err, "Give the certificate of the authority that signed the broker's as the CA file.")
	case errors.As(err, &host):
		return hint.Wrap(err, "Write the broker's address with a name that its certificate holds.")
	case errors.As(err, &dns):
		return hint.Wrap(err, "Check the broker's host name and this machine's DNS.")
	case errors.Is(err, unix.ECONNREFUSED):
		return hint.Wrap(err, "Start the broker, or check the port of %s.", broker)
	}
	return hint.Wrap(err, "Check that the broker runs and that this machine reaches %s.", broker)
}
