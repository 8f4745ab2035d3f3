package store

import (
	"errors"
	"testing"
	"time"

	"facegate/pipeline/order"
)

// TestFullOfTheFuture remembers only so many orders from the future: those that are given now have room beside them.
func TestFullOfTheFuture(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	v := s.look()
	of := func(n int) order.Order {
		return order.Order{Nonce: order.Nonce{byte(n), byte(n >> 8)}, Issued: v.Wall.Add(time.Hour)}
	}
	for n := range maxAhead {
		s.orders.given[of(n).ID()] = v.Count + time.Hour
	}
	orders := s.Credentials().Orders()
	must(t, orders.Spend(of(0))) // which is remembered already
	if err := orders.Spend(of(maxAhead)); !errors.Is(err, ErrOrdersFull) {
		t.Errorf("one more from the future: %v", err)
	}
	must(t, s.keepOrder(of(maxAhead).ID(), v.Count, v))
	must(t, s.Close())
}
