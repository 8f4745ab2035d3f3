package publish

import "context"

// listening is the duty to take orders over c, as long as there is anybody from whom they are taken. Otherwise not even the broker is
// asked for them, and what an earlier connection has asked for ends.
func (p *Publisher) listening(c *conn) duty {
	var listens bool
	var changed <-chan struct{}
	turn := func(ctx context.Context) error {
		if !listens {
			return c.unsubscribe(ctx, p.cfg.topic(command))
		}
		p.orders.Begin()
		return p.subscribe(ctx, c)
	}
	answer := func(ctx context.Context, answer []byte) error { return p.publish(ctx, c, reply, answer) }
	return duty{
		begin: func(ctx context.Context) error {
			listens, changed = p.orders.Wanted()
			return turn(ctx)
		},
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			return patiently(ctx, stop, forever, func() error {
				for {
					if err := p.orders.Serve(ctx, stop, changed, answer); err != nil || isClosing(stop) {
						return err
					}
					before := listens
					if listens, changed = p.orders.Wanted(); listens == before {
						continue
					}
					if err := turn(ctx); err != nil {
						return err
					}
				}
			})
		},
	}
}

// subscribe has orders taken. Where the broker forbids that, the other duties are done all the same.
func (p *Publisher) subscribe(ctx context.Context, c *conn) error {
	topic := p.cfg.topic(command)
	return p.unlessUnheard(c.subscribe(ctx, topic, p.topic(command).QoS, p.orders.Take), "no orders over the network can be taken", topic)
}
