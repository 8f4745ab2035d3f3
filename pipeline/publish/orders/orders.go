// Package orders takes what is asked of a gate over the network, and trusts nothing of it.
//
//  1. Take is handed every message, and never waits. What comes while many wait is dropped.
//  2. A message that the broker had retained is dropped: nobody asks for it now.
//  3. Every Check has to agree: that an operator has signed the order, that it has not expired, that it was not given before.
//  4. What is refused is not answered. An answer would teach whoever cannot sign.
//  5. Serve carries orders out one at a time, and answers each.
//  6. Begin drops what came on an earlier connection and was not carried out: whoever asked has stopped waiting.
package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// maxWaiting is how many orders may wait to be carried out. People give them.
const maxWaiting = 16

// What a message is dropped for, besides what a Check says.
var (
	ErrRetained = errors.New("the broker had retained it")
	ErrBusy     = fmt.Errorf("%d orders are waiting", maxWaiting)
)

// An Order is a message that may be an order.
type Order struct {
	Payload []byte
	Arrived time.Time
}

// A Check says why an order is not to be carried out. It returns nil if it is, as far as this Check can tell.
type Check func(Order) error

// A Handler carries out an order that every Check has agreed to, and returns the answer.
type Handler func(ctx context.Context, o Order) (answer []byte)

// An Answer sends the answer to an order, and returns nil once it has arrived.
type Answer func(ctx context.Context, answer []byte) error

// A Desk is where orders are taken.
type Desk struct {
	checks  []Check
	handle  Handler
	now     func() time.Time
	log     *slog.Logger
	waiting chan Order

	mu      sync.Mutex // guards what follows
	told    time.Time  // when the log was told of a refusal last
	refused int        // since then, without this one
}

// New returns a Desk whose orders have to pass every check, in this order, and are then handled.
func New(checks []Check, handle Handler, now func() time.Time, log *slog.Logger) *Desk {
	return &Desk{checks: checks, handle: handle, now: now, log: log, waiting: make(chan Order, maxWaiting)}
}

// Begin says that the connection is a new one.
func (d *Desk) Begin() {
	for {
		select {
		case <-d.waiting:
		default:
			return
		}
	}
}

// Take takes a message, of which it keeps a copy.
func (d *Desk) Take(payload []byte, retained bool) {
	if retained {
		d.refuse(ErrRetained)
		return
	}
	select {
	case d.waiting <- Order{append([]byte{}, payload...), d.now()}:
	default:
		d.refuse(ErrBusy)
	}
}

// Serve carries out what is taken, until stop is closed. It returns nil then, or the error of answer, or why ctx has ended.
func (d *Desk) Serve(ctx context.Context, stop <-chan struct{}, answer Answer) error {
	for {
		select {
		case o := <-d.waiting:
			if err := d.serve(ctx, o, answer); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-stop:
			return nil
		}
	}
}

func (d *Desk) serve(ctx context.Context, o Order, answer Answer) error {
	for _, check := range d.checks {
		if err := check(o); err != nil {
			d.refuse(err)
			return nil
		}
	}
	if err := answer(ctx, d.handle(ctx, o)); err != nil {
		return fmt.Errorf("answer an order: %w", err)
	}
	return nil
}

// quiet is how long the log is told of no other refusal. Whoever reaches the broker can send as many as they like.
const quiet = time.Minute

// refuse tells the log of a refusal, with the number of those that it was not told of.
func (d *Desk) refuse(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if !d.told.IsZero() && now.Sub(d.told) < quiet {
		d.refused++
		return
	}
	d.log.Warn("an order over the network is refused", "error", why, "others", d.refused,
		"hint", "see who may write to this gate's topics on the broker")
	d.told, d.refused = now, 0
}
