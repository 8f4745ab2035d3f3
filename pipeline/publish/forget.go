package publish

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"facegate/configs/address"
)

// Forgotten is what came of having a broker forget a gate.
type Forgotten struct {
	Removed []string `json:"removed"` // topics on which the broker retains nothing any more; never nil
	Kept    []string `json:"kept"`    // topics on which it has not shown that it does so, whether or not it ever did; never nil
	Untold  []string `json:"untold"`  // likewise, but the gate says nothing there by its configuration, and the broker has shown nothing; never nil
}

// A Publisher that was told to forget ends the connection under way for one that leaves nothing behind.
var errForgetting = errors.New("the broker is to forget this gate")

// A forgetting is an order to forget, and where to say what came of it. Nobody need wait for that.
type forgetting chan Forgotten

// Forget has the broker forget the gate: all that it retains of it is removed. Events are told as before. From then on nothing is
// retained until another process is told otherwise (see Parts), and the connection has no will, so that its end leaves nothing either.
// The end of ctx gives up the wait: the gate is forgotten as soon as there is a connection.
func (p *Publisher) Forget(ctx context.Context) (Forgotten, error) {
	p.silent.Store(true)
	f := make(forgetting, 1)
	select {
	case p.forgettings <- f:
	case <-ctx.Done():
		return Forgotten{}, ctx.Err()
	}
	select {
	case done := <-f:
		return done, nil
	case <-ctx.Done():
		return Forgotten{}, ctx.Err()
	}
}

// Silent reports whether nothing of the gate is to be retained.
func (p *Publisher) Silent() bool { return p.silent.Load() }

// Forget has every broker of a gate that does not run forget it, and ends the gate's session there. What could not be done at one
// does not keep it from being done at the others. An error wraps a *Fault for each broker that was not told, or ErrConfig.
func Forget(ctx context.Context, cfg Config, log *slog.Logger) (Forgotten, error) {
	if err := cfg.Check(); err != nil {
		return Forgotten{}, err
	}
	p := &Publisher{cfg: cfg, clock: believed, dial: dial, quiet: true, ends: true, log: log}
	var all Forgotten
	var errs []error
	for _, b := range cfg.Brokers {
		f, err := p.forgetAt(ctx, b)
		if errs = append(errs, err); err != nil {
			continue
		}
		all.Kept = append(all.Kept, f.Kept...)
		all.Removed = append(all.Removed, f.Removed...)
		all.Untold = append(all.Untold, f.Untold...)
	}
	return all.compact(), errors.Join(errs...)
}

// compact leaves each topic once. One that a broker keeps is not removed, whatever others have done, and one that was removed was told.
func (f Forgotten) compact() Forgotten {
	var before []string
	once := func(topics []string) []string {
		all := []string{}
		for _, topic := range slices.Compact(slices.Sorted(slices.Values(topics))) {
			if !slices.Contains(before, topic) {
				all = append(all, topic)
			}
		}
		before = append(before, all...)
		return all
	}
	kept := once(f.Kept)
	return Forgotten{Kept: kept, Removed: once(f.Removed), Untold: once(f.Untold)}
}

// forgetAt has one broker forget a gate that does not run.
func (p *Publisher) forgetAt(ctx context.Context, to address.Address) (Forgotten, error) {
	c, err := p.connect(ctx, to, 0)
	if err != nil {
		return Forgotten{}, err
	}
	defer c.close()
	linked, cancel := context.WithCancelCause(c.alive)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	f, err := p.clear(linked, c)
	if err != nil {
		return Forgotten{}, c.explain(serving, err)
	}
	return f, nil
}

// clear removes over c all that the broker retains of the gate. It waits for all topics at a time, each of which the broker may keep.
func (p *Publisher) clear(ctx context.Context, c *conn) (Forgotten, error) {
	others, err := c.requests(ctx)
	if err != nil {
		return Forgotten{}, err
	}
	known := p.cfg.retained()
	f, err := p.clearTopics(ctx, c, known)
	if err != nil {
		return f, err
	}
	former := slices.DeleteFunc(others(), func(name string) bool { return slices.Contains(known, name) })
	more, err := p.clearTopics(ctx, c, former)
	f.Removed, f.Kept = append(f.Removed, more.Removed...), append(f.Kept, more.Kept...)
	return f.compact(), err
}

// requests asks what the broker retains for witnesses, of which the configuration may have lost some. It has come once something that is
// published afterwards has come back.
func (c *conn) requests(ctx context.Context) (names func() []string, err error) {
	prefix := c.cfg.topic("")
	var mu sync.Mutex // guards found
	var found []string
	_, err = c.request(ctx, c.cfg.topic(Topic{Name: request}.of("+")), 0, func(_ mqtt.Client, m mqtt.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Retained() && len(m.Payload()) > 0 {
			found = append(found, strings.TrimPrefix(m.Topic(), prefix))
		}
	})
	if errors.Is(err, errUnheard) {
		err = nil
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(found)
	}, err
}

// clearTopics removes what the broker retains on topics.
func (p *Publisher) clearTopics(ctx context.Context, c *conn, names []string) (f Forgotten, err error) {
	came := make([]bool, len(names))
	all, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		all.Go(func() error {
			err := c.publish(ctx, p.cfg.topic(name), true, nil)
			came[i] = err == nil
			return unlessUnseen(err)
		})
	}
	err = all.Wait()
	for i, name := range names {
		switch topic := p.cfg.topic(name); {
		case came[i]:
			f.Removed = append(f.Removed, topic)
		case name == discovery && !p.cfg.Discovery && !c.mirror.leaves(topic): // which the access list need not let it write
			f.Untold = append(f.Untold, topic)
		default:
			f.Kept = append(f.Kept, topic)
		}
	}
	return f, err
}

// clearing is the duty to have the broker forget the gate over c, and to say so to whoever has ordered it.
func (p *Publisher) clearing(c *conn) duty {
	return duty{
		begin: func(ctx context.Context) error {
			f, err := p.clear(ctx, c)
			if err != nil {
				return err
			}
			p.log.Info("the broker was told to forget this gate", "removed", len(f.Removed), "kept", f.Kept)
			if p.ordered != nil {
				p.ordered <- f
				p.ordered = nil
			}
			return nil
		},
		serve: func(context.Context, <-chan struct{}) error { return nil },
	}
}

// yielding is the duty to end the connection as soon as the broker is to forget the gate.
func (p *Publisher) yielding() duty {
	return duty{
		begin: func(context.Context) error { return nil },
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			select {
			case p.ordered = <-p.forgettings:
				return errForgetting
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-stop:
				return nil
			}
		},
	}
}
