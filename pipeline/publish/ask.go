package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"facegate/configs/address"
)

// An Inquiry is an order to a gate that waits for its answer.
type Inquiry struct {
	Order  func() ([]byte, error)   // is asked for once the answer can be heard: an order is short-lived
	Mine   func(answer []byte) bool // reports whether an answer is that to the order. It does not wait
	Within time.Duration            // from the order to the answer
}

// A Silence is why Ask returns without an answer. The order may have been carried out.
type Silence struct {
	Availability Availability // of the gate, by the broker; "" where it retains none, or none may be read
}

func (s *Silence) Error() string { return "the gate has not answered" }

// errAbsent means that a gate is at another broker of several, or at none.
var errAbsent = errors.New("the gate is not there")

// Ask gives an order to the gate of cfg, and returns nil when it has answered. Of several brokers it is given to the first at which the
// gate is, or else to the last. The connection leaves no session, and says nothing of any gate; its client id begins as that of cfg, and
// ends in what rand draws. An error is a *Silence or a *Fault, wraps ErrConfig, or is that of rand or of the order.
func Ask(ctx context.Context, cfg Config, rand io.Reader, q Inquiry) error {
	p, err := guest(cfg, "orders", rand)
	if err != nil {
		return err
	}
	var first error
	for i, to := range p.brokers {
		given, err := p.ask(ctx, to, q, i == len(p.brokers)-1)
		if given || ctx.Err() != nil {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// ask gives an order by way of one broker, and reports whether it was given. Unless that is the last broker the gate has to be there.
func (p *Publisher) ask(ctx context.Context, to address.Address, q Inquiry, last bool) (given bool, err error) {
	c, err := p.connect(ctx, to, 0)
	if err != nil {
		return false, err
	}
	defer c.close()
	linked, cancel := context.WithCancelCause(c.alive)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	h, err := c.hear(linked, p.cfg, q)
	if err != nil {
		return false, c.explain(serving, err)
	}
	if is := h.wait(linked, lookFor); !last && is != Online {
		return false, c.explain(serving, fmt.Errorf("%w, but %q", errAbsent, is))
	}
	payload, err := q.Order()
	if err != nil {
		return false, err
	}
	if err := c.acknowledged(linked, p.cfg.topic(command), false, payload); err != nil {
		return true, c.explain(serving, err)
	}
	return true, c.answered(linked, h, q.Within)
}

// lookFor is how long a broker may take to say what it retains.
const lookFor = time.Second

// A hearing is what is heard of a gate by whoever gives it an order.
type hearing struct {
	answer chan struct{}     // holds a token once there is an answer
	is     chan Availability // the newest that were said
}

// hear listens for the answer and, where the broker lets it, for whether the gate is there.
func (c *conn) hear(ctx context.Context, cfg Config, q Inquiry) (hearing, error) {
	h := hearing{make(chan struct{}, 1), make(chan Availability, 16)}
	err := c.subscribe(ctx, cfg.topic(reply), qos, func(answer []byte, retained bool) {
		if retained || !q.Mine(answer) {
			return
		}
		select {
		case h.answer <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return h, fmt.Errorf("%s: %w", cfg.topic(reply), err)
	}
	err = c.subscribe(ctx, cfg.topic(availability), 0, func(is []byte, _ bool) {
		select {
		case h.is <- Availability(is):
		default:
		}
	})
	if errors.Is(err, errUnheard) {
		err = nil
	}
	return h, err
}

// wait returns the availability of the gate, and leaves it to be heard again; "" if the broker does not tell in time.
func (h hearing) wait(ctx context.Context, d time.Duration) Availability {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case is := <-h.is:
		select {
		case h.is <- is:
		default: // others have come
		}
		return is
	case <-late.C:
	case <-ctx.Done():
	}
	return ""
}

// answered waits for the answer.
func (c *conn) answered(ctx context.Context, h hearing, within time.Duration) error {
	late := time.NewTimer(within)
	defer late.Stop()
	for s := new(Silence); ; {
		select {
		case <-h.answer:
			return nil
		case s.Availability = <-h.is:
		case <-late.C:
			return s
		case <-ctx.Done():
			return c.explain(serving, context.Cause(ctx))
		}
	}
}
