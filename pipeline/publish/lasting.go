package publish

import (
	"context"
	"net"
	"time"
)

// lasting is the duty to note when a connection has lasted long enough to be trusted.
func (p *Publisher) lasting() duty {
	return duty{
		begin: func(context.Context) error { return nil },
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			lasts := time.NewTimer(steady)
			defer lasts.Stop()
			select {
			case <-lasts.C:
				p.link.steady()
			case <-ctx.Done():
			case <-stop:
			}
			return nil
		},
	}
}

// rejudge is how often it is looked whether the clock has come right, or another broker.
const rejudge = time.Minute

// each does something each rejudge until it says that it is done, or stop is closed.
func each(ctx context.Context, stop <-chan struct{}, do func() (done bool, err error)) error {
	ticker := time.NewTicker(rejudge)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if done, err := do(); done || err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		case <-stop:
			return nil
		}
	}
}

// believing is the duty to judge the broker's certificate again once the clock is right, where it was taken by one that was not known to
// be: a clock that is late takes what has expired since as well as what is to come.
func (p *Publisher) believing(c *conn) duty {
	return duty{
		begin: func(context.Context) error { return nil },
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			by := c.trust.moment.Clock
			if c.secure == nil || by == Synced {
				return nil
			}
			return each(ctx, stop, func() (bool, error) {
				m := p.clock()
				if m.doubted() || m.Clock == by {
					return false, nil
				}
				by = m.Clock
				if err := c.trust.verify(c.secure.chain, m.at()); err != nil {
					c.now = m.at()
					return true, c.explain(securing, err)
				}
				if !c.secure.early.IsZero() {
					p.link.credible()
				}
				return by == Synced, nil
			})
		},
	}
}

// scouting is the duty to see whether the brokers that could not be reached can be by now. Nothing is said to them: this client may be at
// one broker of a cluster alone.
func (p *Publisher) scouting() duty {
	return duty{
		begin: func(context.Context) error { return nil },
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			return each(ctx, stop, func() (bool, error) {
				for _, at := range p.link.unreached() {
					p.scout(ctx, at)
				}
				return false, nil
			})
		},
	}
}

func (p *Publisher) scout(ctx context.Context, at int) {
	e, err := p.endpoint(p.brokers[at])
	if err == nil {
		var raw net.Conn
		if raw, err = p.dial(ctx, e); err == nil {
			raw.Close()
		}
	}
	switch {
	case err == nil:
		p.link.sighted(at, nil)
	case ctx.Err() == nil:
		p.link.sighted(at, p.explainer(e).explain(dialling, err))
	}
}
