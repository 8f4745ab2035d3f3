package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/states"
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

// duties returns what is done on c. Every state is told before anything happens, and the availability before every other; then
// orders are taken; what happened is told last.
func (p *Publisher) duties(c *conn, trial *trial, stay time.Duration) []duty {
	list := []duty{p.yielding()}
	if p.quiet {
		list = append(list, p.clearing(c))
	} else {
		list = append(list, p.telling(c), p.insisting(c), p.proving(c, trial))
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

// isClosing reports whether stop is closed.
func isClosing(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// subscribe has orders taken. Where the broker forbids that, the other duties are done all the same.
func (p *Publisher) subscribe(ctx context.Context, c *conn) error {
	topic := p.cfg.topic(command)
	return p.unlessUnheard(c.subscribe(ctx, topic, p.topic(command).QoS, p.orders.Take), "no orders over the network can be taken", topic)
}

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
		serve: func(ctx context.Context, stop <-chan struct{}) error { return p.retell(ctx, stop, p.born) },
	}
}

// insisting is the duty to tell every state again over c when the will of the connection before is said after the gate was called
// online: some brokers are late with it.
func (p *Publisher) insisting(c *conn) duty {
	return duty{
		begin: func(context.Context) error { return nil },
		serve: func(ctx context.Context, stop <-chan struct{}) error { return p.retell(ctx, stop, c.mirror.belied) },
	}
}

// retell tells every state again whenever it is asked for, and then not for birthRest, until stop is closed.
func (p *Publisher) retell(ctx context.Context, stop, asked <-chan struct{}) error {
	for {
		select {
		case <-asked:
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

// unlessUnheard returns err, or nil where the broker refuses a subscription, of which the log is told what that comes to. The other
// duties are done all the same.
func (p *Publisher) unlessUnheard(err error, what, topic string) error {
	if !errors.Is(err, errUnheard) {
		return err
	}
	p.log.Warn(what, "error", err, "hint", "let this gate's user read "+topic+" on the broker")
	return nil
}

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
