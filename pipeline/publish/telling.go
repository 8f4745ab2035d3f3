package publish

import (
	"context"
	"errors"
	"time"

	"facegate/pipeline/publish/states"
)

// telling is the duty to tell the states over c, to be retained.
func (p *Publisher) telling(c *conn) duty {
	retain := func(ctx context.Context, topic string, value []byte) error {
		return p.publish(ctx, c, topic, value)
	}
	return duty{
		begin: func(ctx context.Context) error {
			p.states.Begin()
			return unlessUnseen(p.states.Flush(ctx, untilMissed(retain)))
		},
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			return unlessUnseen(p.states.Serve(ctx, stop, patience, retain))
		},
	}
}

// untilMissed sends until something does not come back: what follows is left to later, or a broker that keeps every state would keep all
// else waiting for as often as there are states.
func untilMissed(send states.Send) states.Send {
	var missed error
	return func(ctx context.Context, topic string, value []byte) error {
		if missed != nil {
			return missed
		}
		err := send(ctx, topic, value)
		if errors.Is(err, states.ErrMissed) {
			missed = err
		}
		return err
	}
}

// birthRest is how long after the states were told again they are not once more. Whoever reaches the broker can ask as often as they
// like.
const birthRest = 5 * time.Second

// renewing is the duty to tell every state again over c when a building system begins anew: it may have forgotten them.
func (p *Publisher) renewing(c *conn) duty {
	hear := func(payload []byte, retained bool) {
		if retained || string(payload) != string(Online) { // every connection begins with the states
			return
		}
		select {
		case p.born <- struct{}{}:
		default:
		}
	}
	return duty{
		begin: func(ctx context.Context) error {
			return p.unlessUnheard(c.subscribe(ctx, p.birth, qos, hear), "building systems that begin anew are not heard", p.birth)
		},
		serve: func(ctx context.Context, stop <-chan struct{}) error { return p.retell(ctx, stop, p.born, func() {}) },
	}
}

// insisting is the duty to tell every state again over c when something else is said on the topic of one after the gate, and is what the
// broker retains then: the will of the connection before, with which some brokers are late; what a bridge has kept; or what somebody says
// who may not speak for the gate.
func (p *Publisher) insisting(c *conn) duty {
	note := func() { p.link.overruled(c.mirror.strangers()) }
	return duty{
		begin: func(context.Context) error { return nil },
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			return p.retell(ctx, stop, c.mirror.belied, note)
		},
	}
}

// retell tells every state again whenever it is asked for, after a note of that, and then not for birthRest, until stop is closed.
func (p *Publisher) retell(ctx context.Context, stop, asked <-chan struct{}, note func()) error {
	for {
		select {
		case <-asked:
			note()
			p.states.Again()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-stop:
			return nil
		}
		select {
		case <-time.After(birthRest):
		case <-ctx.Done():
		case <-stop:
		}
	}
}
