package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// mostHeard is how many messages may wait for who listens.
const mostHeard = 256

// A Heard is a message as a broker gives it to whoever listens.
type Heard struct {
	Topic    string // below facegate/<site>/<gate>/, "" for that itself
	Payload  []byte
	QoS      byte
	Retained bool // it was said before the connection began
}

// Listen hears what a broker gives of the topics of a gate, until ctx is done, which is no error, or the connection ends. It is a client
// of its own, with an id that begins as that of the gate and ends in what rand draws: it has no will, says nothing, and leaves no
// session behind, so that nobody notices it, the gate included. begun is called once with that id, and hear for each message; both
// from one goroutine. An error is a *Fault, wraps ErrConfig, or is that of rand.
func Listen(ctx context.Context, cfg Config, rand io.Reader, begun func(id string), hear func(Heard)) error {
	p, err := guest(cfg, "listens", rand)
	if err != nil {
		return err
	}
	return p.visit(ctx, func(linked context.Context, c *conn) error {
		heard := make(chan Heard, mostHeard)
		if err := c.overhear(linked, p.cfg.topic(""), heard); err != nil {
			return c.deaf(err, c.cfg.topic("#"))
		}
		begun(p.cfg.ClientID)
		for {
			select {
			case h := <-heard:
				hear(h)
			case <-linked.Done():
				return c.explain(serving, context.Cause(linked))
			}
		}
	})
}

// unless returns err unless ctx is done.
func unless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// guest returns a Publisher that connects beside the gate, and is not run. as is what it does, for its client id.
func guest(cfg Config, as string, rand io.Reader) (*Publisher, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	return newGuest(cfg, as, rand)
}

// newGuest is guest, with settings that were checked.
func newGuest(cfg Config, as string, rand io.Reader) (*Publisher, error) {
	id, err := newID(rand)
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg: cfg, brokers: cfg.inTurn(), quiet: true, ends: true,
		dial:  func(ctx context.Context, e endpoint) (net.Conn, error) { return e.dial(ctx) },
		clock: func() Moment { return Moment{Now: time.Now(), Clock: Synced} },
	}
	if p.cfg.ClientID += "-" + as + "-" + id; !validText(p.cfg.ClientID) { // it is too long
		p.cfg.ClientID = "facegate-" + as + "-" + id
	}
	return p, nil
}

// visit has a guest use a connection, for which it is handed a context that ends with ctx and with the connection. It is no error that
// ctx is done.
func (p *Publisher) visit(ctx context.Context, use func(linked context.Context, c *conn) error) error {
	c, err := p.connectToAny(ctx)
	if err != nil {
		return unless(ctx, err)
	}
	defer c.close()
	linked, cancel := context.WithCancel(c.alive)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	return unless(ctx, use(linked, c))
}

// connectToAny opens a connection to the first broker that takes one, in the order of the gate. Otherwise it returns why each does not.
func (p *Publisher) connectToAny(ctx context.Context) (*conn, error) {
	var errs []error
	for _, b := range p.brokers {
		c, err := p.connect(ctx, b, 0)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// deaf explains why nothing can be heard on topics.
func (c *conn) deaf(err error, topics string) *Fault {
	if !errors.Is(err, errUnheard) {
		return c.explain(serving, err)
	}
	f := c.fault("unheard", "does not let this client read "+topics,
		"Let the user %q read that on the broker, as the access list that is shipped does.", c.cfg.Username)
	f.err = err
	return f
}

// overhear subscribes to all topics that begin with prefix, and puts what comes into heard, in its order.
func (c *conn) overhear(ctx context.Context, prefix string, heard chan<- Heard) error {
	all := prefix + "#"
	token := c.client.Subscribe(all, qos, func(_ mqtt.Client, m mqtt.Message) {
		topic, _ := strings.CutPrefix(m.Topic()+"/", prefix) // # is the level above as well (MQTT 3.1.1, section 4.7.1.2)
		select {
		case heard <- Heard{strings.TrimSuffix(topic, "/"), m.Payload(), m.Qos(), m.Retained()}:
		case <-ctx.Done():
		}
	})
	if err := c.await(ctx, token); err != nil {
		return err
	}
	if t, ok := token.(*mqtt.SubscribeToken); ok && t.Result()[all] >= 0x80 {
		return fmt.Errorf("%s: %w", all, errUnheard)
	}
	return nil
}
