// Package remote carries out orders to open the door from afar. It asks the store whose an order is, and the entry for the door, and
// says what came of it. It knows no broker.
//
//  1. An order that nobody whose key is registered has signed for this gate is refused without an answer, and so is one that was given
//     before: it has its answer, whether it opened the door or not.
//  2. One that comes too late or too early, that the broker may have kept, or that comes while nobody knows what time it is, is refused.
//     One that is from the future is used up by that.
//  3. Any other is an attempt, as a card at a reader is. It is on disk as given before the door opens.
//
// The answer names nobody. Whose order it was stands in the log and, if the door was opened, in the audit log.
package remote

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/order"
	"facegate/pipeline/publish/orders"
	"facegate/store"
)

// ErrQueued means that an order was given before the connection on which it came.
var ErrQueued = errors.New("the order was given before this connection to the broker, which may have kept it")

// Parts are what a Remote works with. None of the calls may be nil.
type Parts struct {
	Find func(payload []byte) (store.Given, error) // as store.Orders.Find of this gate; it waits for no disk
	Ask  func(attempt.Attempt) attempt.Outcome     // asks for the door
	Log  *slog.Logger

	Spend func(order.Order) error // as store.Orders.Spend
}

// A Remote carries out orders.
type Remote struct {
	parts    Parts
	answered answered
}

// New returns a Remote.
func New(p Parts) *Remote {
	return &Remote{parts: p, answered: answered{expires: make(map[order.ID]time.Time)}}
}

// Carry carries out an order, and returns the answer. An error says why there is to be none. It is an orders.Handler, and one order
// is carried out at a time.
func (r *Remote) Carry(_ context.Context, o orders.Order) ([]byte, error) {
	g, err := r.parts.Find(o.Payload)
	if g.Operator.Name == "" || errors.Is(err, store.ErrRepeated) {
		return nil, err
	}
	// The clock may have been set since the connection began. When that was, by the clock of now, tells the monotonic one.
	if err == nil && g.Issued.Before(o.Arrived.Add(-o.Connected)) {
		err = ErrQueued
	}
	if !r.answered.first(g.Order, err == nil) {
		return nil, store.ErrRepeated
	}
	if err != nil {
		r.spend(g, o.Arrived)
		return r.refuse(g, why(err), err)
	}
	outcome := r.parts.Ask(attempt.Attempt{
		Means: attempt.Order, Asked: o.Arrived, Finding: attempt.Matched, Credential: attempt.Credential(g.ID()),
		Ends: o.Arrived.Add(g.Expires.Sub(o.Arrived)),
	})
	if outcome.Opened.IsZero() {
		return r.refuse(g, reason(outcome.Reason), outcome.Err)
	}
	r.parts.Log.Info("the door is opened by an order from afar", "operator", g.Operator.Name, "nonce", g.Nonce.String())
	return order.Answer(g.Nonce, "")
}

// spend uses up an order from the future, that opens nothing. After a start, when its answer is forgotten, it would be of the present.
func (r *Remote) spend(g store.Given, now time.Time) {
	if !g.Issued.After(now) {
		return
	}
	if err := r.parts.Spend(g.Order); err != nil {
		r.parts.Log.Error("an order from the future may open the door after a start", "operator", g.Operator.Name, "nonce", g.Nonce.String(),
			"error", err, "hint", cmp.Or(hint.Of(err), "set the clock right where orders are given"))
	}
}

// refuse answers an order that is genuine. err is nil where nothing is to be done about it.
func (r *Remote) refuse(g store.Given, why order.Reason, err error) ([]byte, error) {
	args := []any{"operator", g.Operator.Name, "nonce", g.Nonce.String(), "reason", string(why)}
	if err != nil {
		args = append(args, "error", err, "hint", hint.Of(err))
	}
	r.parts.Log.Warn("an order from afar is refused", args...)
	return order.Answer(g.Nonce, why)
}

// why returns what is answered to an order that is genuine, and opens nothing.
func why(err error) order.Reason {
	switch {
	case errors.Is(err, store.ErrOrderClock):
		return order.Clock
	case errors.Is(err, store.ErrOrderEarly):
		return order.Early
	case errors.Is(err, ErrQueued):
		return order.Queued
	}
	return order.Expired // as one from before the gate was restored
}

// reason returns what is answered to an order for which the door stays locked.
func reason(r attempt.Reason) order.Reason {
	switch r {
	case attempt.NoWay, attempt.Closed, attempt.Unproven, attempt.Again:
		return order.Rules
	case attempt.Expired, attempt.Late:
		return order.Expired
	case attempt.Record:
		return order.Record
	case attempt.Passing:
		return order.Passing
	case attempt.Shut:
		return order.Shut
	case attempt.Interlock:
		return order.Interlock
	}
	return order.Fault
}
