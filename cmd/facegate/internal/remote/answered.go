package remote

import (
	"time"

	"facegate/pipeline/order"
)

// maxAnswered bounds the orders whose answer is remembered. Operators give far fewer while one of them is valid.
const maxAnswered = 1024

// answered remembers the orders that have an answer. One that was refused is not used up in the store, and whoever has seen it could
// give it again: its door would open after the operator was told that it stays as it is, or the gate would answer for ever.
//
// It has no clock, which may be set back. When it is full the order that expired first is forgotten. So nothing but newer orders can
// push one out, and those of old that somebody has collected can not.
type answered struct {
	expires map[order.ID]time.Time
}

// first reports whether an order has no answer yet, and remembers that it has one from now on. Of one that opens nothing it says no
// as well if it may have been forgotten.
func (a *answered) first(o order.Order, opens bool) bool {
	if _, known := a.expires[o.ID()]; known {
		return false
	}
	if len(a.expires) >= maxAnswered {
		oldest := a.oldest()
		if !opens && !o.Expires.After(a.expires[oldest]) {
			return false
		}
		delete(a.expires, oldest)
	}
	a.expires[o.ID()] = o.Expires
	return true
}

// oldest returns the order that expired first.
func (a *answered) oldest() (oldest order.ID) {
	var first time.Time
	for id, at := range a.expires {
		if first.IsZero() || at.Before(first) {
			oldest, first = id, at
		}
	}
	return oldest
}
