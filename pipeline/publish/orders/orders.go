// Package orders takes what is asked of a gate over the network, and trusts nothing of it.
//
//  1. Take is handed every message, and never waits. What comes while many wait is dropped.
//  2. A message that the broker had retained is dropped: nobody asks for it now.
//  3. Serve has the Handler carry orders out one at a time, and answers each that it has an answer to. The Handler says of what it refuses
//     without an answer why: whoever cannot sign learns nothing from silence.
//  4. Begin drops what came on an earlier connection and was not carried out: whoever asked has stopped waiting.
//  5. Wanted says whether there is anybody whose orders are taken. Without one a gate need not listen.
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

// What a message is dropped for, besides what a Handler says.
var (
	ErrRetained = errors.New("the broker had retained it")
	ErrBusy     = fmt.Errorf("%d orders are waiting", maxWaiting)
)

// An Order is a message that may be an order.
type Order struct {
	Payload   []byte
	Arrived   time.Time     // with a monotonic reading
	Connected time.Duration // for how long there had been the connection on which it came: the broker may have kept what is older
}

// A Handler carries out an order, and returns the answer, nil for none, or why it is refused without one.
type Handler func(ctx context.Context, o Order) (answer []byte, err error)

// An Answer sends the answer to an order, and returns nil once it has arrived.
type Answer func(ctx context.Context, answer []byte) error

// Parts are what a Desk works with.
type Parts struct {
	Handle Handler
	Wanted func() (wanted bool, changed <-chan struct{}) // see Desk.Wanted; nil if orders are always taken
	Now    func() time.Time                              // with a monotonic reading
	Log    *slog.Logger
}

// A Desk is where orders are taken.
type Desk struct {
	parts   Parts
	waiting chan Order

	mu      sync.Mutex // guards what follows
	since   time.Time  // when the connection began
	told    time.Time  // when the log was told of a refusal last
	refused int        // since then, without this one
}

// New returns a Desk.
func New(p Parts) *Desk { return &Desk{parts: p, waiting: make(chan Order, maxWaiting)} }

// Wanted reports whether orders are taken, and returns what is closed when that may have changed; nil if it does not.
func (d *Desk) Wanted() (wanted bool, changed <-chan struct{}) {
	if d.parts.Wanted == nil {
		return true, nil
	}
	return d.parts.Wanted()
}

// Begin says that the connection is a new one.
func (d *Desk) Begin() {
	d.mu.Lock()
	d.since = d.parts.Now()
	d.mu.Unlock()
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
		d.Refuse(ErrRetained)
		return
	}
	d.mu.Lock()
	now := d.parts.Now()
	o := Order{append([]byte{}, payload...), now, now.Sub(d.since)} // by the monotonic clock: the other one may have been set since
	d.mu.Unlock()
	select {
	case d.waiting <- o:
	default:
		d.Refuse(ErrBusy)
	}
}

// Serve carries out what is taken, until stop or changed is closed. It returns nil then, or the error of answer, or why ctx has ended.
func (d *Desk) Serve(ctx context.Context, stop, changed <-chan struct{}, answer Answer) error {
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
		case <-changed:
			return nil
		}
	}
}

func (d *Desk) serve(ctx context.Context, o Order, answer Answer) error {
	said, err := d.parts.Handle(ctx, o)
	if err != nil {
		d.Refuse(err)
		return nil
	}
	if said == nil {
		return nil
	}
	if err := answer(ctx, said); err != nil {
		return fmt.Errorf("answer an order: %w", err)
	}
	return nil
}

// quiet is how long the log is told of no other refusal. Whoever reaches the broker can send as many as they like.
const quiet = time.Minute

// Refuse tells the log of a message that is not taken, with the number of those that it was not told of.
func (d *Desk) Refuse(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.parts.Now()
	if !d.told.IsZero() && now.Sub(d.told) < quiet {
		d.refused++
		return
	}
	d.parts.Log.Warn("an order over the network is refused", "error", why, "others", d.refused,
		"hint", "see who may write to this gate's topics on the broker")
	d.told, d.refused = now, 0
}
