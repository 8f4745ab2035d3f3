package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"facegate/pipeline/publish/feed"
)

// feeding is the duty to deliver over c what happened, once something that was published has come back, and as long as it does.
func (p *Publisher) feeding(c *conn, stay time.Duration) duty {
	send := func(ctx context.Context, msg []byte, replayed bool) error {
		all, err := onWire(msg, replayed)
		if err != nil {
			return fmt.Errorf("%w: %w", feed.ErrForeign, err)
		}
		for _, s := range all {
			if err = c.publish(ctx, p.cfg.topic(s.topic), p.topic(s.topic).Retained, s.payload); err != nil {
				break
			}
			if s.seq > 0 {
				p.delivered.Store(s.seq)
			}
		}
		return p.note(pass, p.likePassages(err))
	}
	heard := false
	watch := p.watching(c)
	begin := func(ctx context.Context) error {
		hidden := watch(ctx)
		if unlessUnseen(hidden) != nil {
			return hidden
		}
		err := p.publish(ctx, c, echo, []byte(p.boot))
		heard = err == nil && hidden == nil
		p.feed.Begin()
		return cmp.Or(err, hidden)
	}
	return duty{
		begin: func(ctx context.Context) error {
			if err := begin(ctx); stay == 0 {
				return err
			} else {
				return unlessUnseen(err)
			}
		},
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			return patiently(ctx, stop, stay, func() error {
				if !heard {
					if err := begin(ctx); err != nil {
						return err
					}
				}
				heard = false // whatever Serve ends with
				return p.feed.Serve(ctx, stop, send)
			})
		},
	}
}

// watching returns what has c see passages and alarms before there are any, or the first alarm would take longer than any other event.
// Where the broker refuses that it is told at once, and not when somebody is forced.
func (p *Publisher) watching(c *conn) func(ctx context.Context) error {
	refused := map[string]bool{}
	return func(ctx context.Context) (hidden error) {
		for _, topic := range []string{pass, duress} {
			err := c.watch(ctx, p.cfg.topic(topic))
			if unlessUnseen(err) != nil {
				return err
			}
			if err != nil || refused[topic] { // that it may be seen says nothing of what was published
				p.note(topic, err)
			}
			refused[topic] = err != nil
			hidden = cmp.Or(hidden, err)
		}
		return hidden
	}
}

// likePassages has an unseen of an alarm say what that of a passage says: neither the log nor the status is to tell that somebody was
// forced.
func (p *Publisher) likePassages(err error) error {
	if u := new(unseen); errors.As(err, &u) {
		return &unseen{p.cfg.topic(pass), u.why}
	}
	return err
}

// living is the duty to tell over c what happens, as it does.
func (p *Publisher) living(c *conn) duty {
	send := func(ctx context.Context, event []byte) error { return c.tell(ctx, p.cfg.topic(passLive), event) }
	return duty{
		begin: func(context.Context) error { p.live.begin(); return nil },
		serve: func(ctx context.Context, stop <-chan struct{}) error { return p.live.serve(ctx, stop, send) },
	}
}
