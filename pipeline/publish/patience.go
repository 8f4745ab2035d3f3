package publish

import (
	"context"
	"errors"
	"math"
	"time"
)

// publish publishes over c on a topic of this gate, and notes whether it comes back.
func (p *Publisher) publish(ctx context.Context, c *conn, topic string, payload []byte) error {
	return p.note(topic, c.publish(ctx, p.cfg.topic(topic), p.topic(topic).Retained, payload))
}

// note notes whether what was published on a topic has come back, and returns err.
func (p *Publisher) note(topic string, err error) error {
	if unlessUnseen(err) == nil {
		p.link.seen(topic, err == nil)
	}
	return err
}

// unlessUnseen returns err, or nil for what the broker has not given back. The other duties are done all the same.
func unlessUnseen(err error) error {
	if errors.As(err, new(*unseen)) {
		return nil
	}
	return err
}

// patience is how long after something has not come back it is published again. The rules of a broker are changed by people.
const patience = 5 * time.Second

// forever is a patience without an end.
const forever = time.Duration(math.MaxInt64)

// patiently does what publishes, again and again as long as the broker does not give back what it takes, until stop is closed. After so
// long without anything that came back for some time it returns the unseen.
func patiently(ctx context.Context, stop <-chan struct{}, most time.Duration, do func() error) error {
	vain := time.Now()
	for {
		began := time.Now()
		err := do()
		if err == nil || unlessUnseen(err) != nil {
			return err
		}
		if time.Since(began) > 2*seenTimeout { // it went well meanwhile
			vain = time.Now()
		}
		if time.Since(vain) >= most {
			return err
		}
		select {
		case <-time.After(patience):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-stop:
			return nil
		}
	}
}

// unlessUnheard returns err, or nil where the broker refuses a subscription, of which the log is told what that comes to. The other
// duties are done all the same.
func (p *Publisher) unlessUnheard(err error, what, topic string) error {
	if !errors.Is(err, errUnheard) {
		return err
	}
	p.log.Warn(what, "error", err, "hint", "let this gate's user read "+topic+" on the broker")
	return nil
}
