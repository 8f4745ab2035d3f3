package publish

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// session is one connection, from its opening to its end. It tells since when the gate was online, the zero time for never.
// A broker that withholds what it is told is kept to for as long as stay.
func (p *Publisher) session(ctx context.Context, at int, stay time.Duration) (since time.Time, err error) {
	p.quiet = p.silent.Load()
	c, err := p.connect(ctx, p.brokers[at], p.trials[at].begin())
	if err != nil {
		return time.Time{}, err
	}
	p.link.reached(at, c.explainer, c.caveat(c.secure))
	defer func() {
		switch {
		case errors.Is(err, errProve):
			c.close()
		case err != nil:
			c.abandon()
		}
	}()
	trial := &p.trials[at]
	if err := trial.lasts(false); err != nil {
		return time.Time{}, err
	}
	lingering, cancel := linger(ctx, c.alive, farewell)
	defer cancel()
	duties := p.duties(c, trial, stay)
	for _, d := range duties {
		if err := d.begin(lingering); err != nil {
			return time.Time{}, c.explain(announcing, err)
		}
	}
	if c.mirror.sees(p.cfg.topic(availability)) { // otherwise a broker that drops what it lacks would pass for one that takes it
		if err := trial.lasts(true); err != nil {
			return time.Time{}, err
		}
	}
	p.link.lacking(trial.lacks())
	since = time.Now()
	p.link.up(p.waiting())
	if err := serve(lingering, ctx.Done(), duties); errors.Is(err, errForgetting) {
		c.close()
		return since, nil
	} else if err != nil {
		return since, c.explain(serving, err)
	}
	if err := p.leave(lingering, c); err != nil {
		return since, c.explain(announcing, err)
	}
	c.close()
	return since, nil
}

// A duty is what is done on a connection.
type duty struct {
	begin func(ctx context.Context) error                       // in the order of the duties
	serve func(ctx context.Context, stop <-chan struct{}) error // all at a time, until stop is closed and nothing is left to do
}

// duties returns what is done on c. What witnesses know is heard before anything is said, and orders of Home Assistant
// are listened for before it is told where to give them. Every state is told
// before anything happens, and the availability before every other; then orders are taken; what happened is told last.
func (p *Publisher) duties(c *conn, trial *trial, stay time.Duration) []duty {
	list := []duty{p.yielding()}
	if p.quiet {
		list = append(list, p.clearing(c))
	} else {
		list = append(list, p.cosigned(c), p.heeding(c), p.telling(c), p.insisting(c), p.proving(c, trial))
	}
	if p.orders != nil {
		list = append(list, p.listening(c))
	}
	if p.birth != "" {
		list = append(list, p.renewing(c))
	}
	return append(list, p.feeding(c, stay), p.living(c), p.lasting(), p.believing(c), p.scouting())
}

// serve does the duties until all are done, or the first that fails.
func serve(ctx context.Context, stop <-chan struct{}, duties []duty) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, d := range duties {
		all.Go(func() error { return d.serve(ctx, stop) })
	}
	return all.Wait()
}

// isClosing reports whether stop is closed.
func isClosing(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// leave says that the gate has stopped, unless another process goes on, or nothing is to be retained.
func (p *Publisher) leave(ctx context.Context, c *conn) error {
	if p.handsOver.Load() || p.quiet {
		return nil
	}
	p.states.Set(availability, []byte(Stopped))
	return p.states.Flush(ctx, func(ctx context.Context, topic string, value []byte) error {
		return c.acknowledged(ctx, p.cfg.topic(topic), p.topic(topic).Retained, value) // there is no time to see it come back
	})
}

// linger returns a context that ends with alive, or d after ctx does.
func linger(ctx, alive context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	lingering, cancel := context.WithCancel(alive)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return lingering, func() { stop(); cancel() }
}
