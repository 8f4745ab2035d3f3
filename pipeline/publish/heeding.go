package publish

import (
	"context"
	"errors"
	"strings"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Why a message is no order of Home Assistant on this connection.
var (
	errNotNow   = errors.New("it was given where the gate took orders before this connection, or never did")
	errRepeated = errors.New("the broker says that it may have been given before")
)

// heeding is the duty to take over c what Home Assistant orders, which has neither a signature nor a time. So each connection has a
// topic of its own, which nobody knows before Home Assistant is told: whatever a broker has kept for the gate was said on another one.
// The gate subscribes to all of those topics at once, so that no connection leaves a subscription behind in the session at the broker.
// QoS 0 has most brokers keep nothing to begin with.
//
// Where no such orders are taken nothing is subscribed to, and what an earlier process has subscribed to ends.
func (p *Publisher) heeding(c *conn) duty {
	every := p.cfg.unsignedTopic("+")
	return duty{
		begin: func(ctx context.Context) error {
			switch {
			case p.home.desk == nil && p.cfg.Discovery:
				return c.unsubscribe(ctx, every)
			case p.home.desk == nil:
				return nil
			}
			order, err := p.opens()
			if err != nil {
				return err
			}
			p.home.desk.Begin()
			_, err = c.request(ctx, every, p.topic(unsigned).QoS, func(_ mqtt.Client, m mqtt.Message) { p.home.take(order, m) })
			return p.unlessUnheard(err, "Home Assistant can order nothing", every)
		},
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			if p.home.desk == nil {
				return nil
			}
			return p.home.desk.Serve(ctx, stop, nil, nil)
		},
	}
}

// opens draws the topic on which Home Assistant orders from now on, and has it learn of that.
func (p *Publisher) opens() (order string, err error) {
	id, err := newID(p.home.rand)
	if err != nil {
		return "", err
	}
	p.home.mu.Lock()
	defer p.home.mu.Unlock()
	p.home.order = p.cfg.unsignedTopic(id)
	return p.home.order, p.introduce()
}

// take takes what comes on a topic of orders, of which order is the one of this connection.
func (h *home) take(order string, m mqtt.Message) {
	switch {
	case m.Topic() != order:
		h.desk.Refuse(errNotNow)
	case m.Duplicate():
		h.desk.Refuse(errRepeated)
	default:
		h.desk.Take(m.Payload(), m.Retained())
	}
}

// unsignedTopic returns the topic of this gate on which orders are given that nobody signs, on the connection of that name, or with + on
// any.
func (cfg Config) unsignedTopic(connection string) string {
	return cfg.topic(strings.Replace(unsigned, "{connection}", connection, 1))
}
