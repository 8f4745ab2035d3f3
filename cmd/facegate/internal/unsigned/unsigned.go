// Package unsigned carries out orders to open the door that nobody has signed, as a Home Assistant gives them. A gate takes them only where
// its configuration says so in so many words. It asks the entry for the door, and knows no broker.
//
//  1. An order is one word, to the letter. Anything else is refused.
//  2. It is an attempt, as a card at a reader is, by a means of its own: a rule has to name it.
//  3. Whoever may write to the broker can give as many as they like. So the door is asked for once in Rest, and opened PerHour times in
//     an hour at most. What comes sooner is refused, and opens nothing later.
//
// Nobody is answered: an answer would be for whoever has ordered, and nobody knows who that is. What the lock does tells it.
package unsigned

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/flood"
	"facegate/pipeline/publish/homeassistant"
	"facegate/pipeline/publish/orders"
)

const (
	// Rest is how long after the door was asked for it is not asked for again.
	Rest = 5 * time.Second

	// PerHour is how many times the door is opened in any hour at most: half of them in a row, and the others spread over the hour.
	PerHour = 20
	inRow   = PerHour / 2
)

// Why an order opens nothing.
var (
	ErrWord   = errors.New("it is not the one word that opens the door: " + homeassistant.Unlock)
	ErrRest   = fmt.Errorf("another one was given less than %v before", Rest)
	ErrMany   = fmt.Errorf("such orders open the door %d times in an hour at most", PerHour)
	ErrLocked = errors.New("the door stays locked")
)

// Parts are what an Unsigned works with. None may be nil.
type Parts struct {
	Ask func(attempt.Attempt) attempt.Outcome // asks for the door
	Log *slog.Logger
}

// An Unsigned carries out orders.
type Unsigned struct {
	parts  Parts
	asked  time.Time // when the door was asked for last
	opened flood.Gauge
}

// New returns an Unsigned.
func New(p Parts) *Unsigned {
	return &Unsigned{parts: p, opened: flood.Gauge{Every: time.Hour / inRow}}
}

// Carry carries out an order, and returns no answer. An error says why the door stays locked. It is an orders.Handler, and one order is
// carried out at a time.
func (u *Unsigned) Carry(_ context.Context, o orders.Order) (answer []byte, err error) {
	if err := u.refuses(o); err != nil {
		return nil, err
	}
	u.asked = o.Arrived
	outcome := u.parts.Ask(attempt.Attempt{Means: attempt.HomeAssistant, Asked: o.Arrived, Finding: attempt.Matched})
	if outcome.Opened.IsZero() {
		return nil, locked(outcome)
	}
	u.opened.Add(o.Arrived)
	u.parts.Log.Info("the door is opened by Home Assistant, whose order nobody has signed")
	return nil, nil
}

// refuses says why the door is not even asked for.
func (u *Unsigned) refuses(o orders.Order) error {
	switch {
	case string(o.Payload) != homeassistant.Unlock:
		return ErrWord
	case !u.asked.IsZero() && o.Arrived.Sub(u.asked) < Rest:
		return ErrRest
	case u.opened.Count(o.Arrived) >= inRow:
		return ErrMany
	}
	return nil
}

// locked says why the door stays locked to an order that the gate has taken.
func locked(o attempt.Outcome) error {
	err := fmt.Errorf("%w: %v", ErrLocked, o.Reason)
	if o.Err != nil {
		err = hint.Wrap(fmt.Errorf("%w: %w", err, o.Err), "%s", hint.Of(o.Err))
	}
	return err
}
