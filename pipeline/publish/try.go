package publish

import (
	"context"
	"errors"
	"io"

	"facegate/configs/address"
)

// Try sees whether the brokers of a gate that does not run serve it: each is connected to as the gate would, and has to give back what
// the gate may tell on the topic that it reads back itself. It is a client of its own, as that of Listen is. An error wraps a *Fault,
// with its hint, for each broker that does not serve, or ErrConfig, or is that of rand.
func Try(ctx context.Context, cfg Config, rand io.Reader) error {
	p, err := guest(cfg, "tries", rand)
	if err != nil {
		return err
	}
	id, err := newID(rand)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range p.brokers {
		errs = append(errs, advised(p.try(ctx, b, id)))
	}
	return errors.Join(errs...)
}

// try tries one broker. What it has to give back is id, which is nobody's Boot.
func (p *Publisher) try(ctx context.Context, to address.Address, id string) error {
	c, err := p.connect(ctx, to, 0)
	if err != nil {
		return err
	}
	defer c.close()
	linked, cancel := context.WithCancelCause(c.alive)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	switch err := c.publish(linked, p.cfg.topic(echo), false, []byte(id)); {
	case errors.As(err, new(*unseen)):
		return c.kept(err)
	case err != nil:
		return c.explain(serving, err)
	}
	if f := c.caveat(c.secure); f != nil {
		return f
	}
	return nil
}
