package orders_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/publish/orders"
)

var errUnsigned = errors.New("nobody has signed it")

// A site is a desk whose orders are signed by their first letter.
type site struct {
	*orders.Desk
	done, answers []string
	connected     time.Duration // when what was done last came
	log           strings.Builder
}

func newSite(handle func()) *site {
	s := new(site)
	do := func(_ context.Context, o orders.Order) ([]byte, error) {
		if !strings.HasPrefix(string(o.Payload), "s") {
			return nil, errUnsigned
		}
		if age := time.Since(o.Arrived); age > 10*time.Second {
			return nil, fmt.Errorf("it is %v old", age)
		}
		handle()
		s.done, s.connected = append(s.done, string(o.Payload)), o.Connected
		return append([]byte("done "), o.Payload...), nil
	}
	s.Desk = orders.New(orders.Parts{Handle: do, Now: time.Now, Log: slog.New(slog.NewTextHandler(&s.log, nil))})
	return s
}

func (s *site) answer(_ context.Context, answer []byte) error {
	s.answers = append(s.answers, string(answer))
	return nil
}

// run serves until the end function is called.
func (s *site) run(t *testing.T) (end func()) {
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Serve(t.Context(), stop, nil, s.answer) }()
	return func() {
		t.Helper()
		close(stop)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestOrders checks that what is signed and comes now is carried out and answered, in order, and that nothing else is done or
// answered.
func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(func() {})
		s.Begin()
		end := s.run(t)
		payload := []byte("s1")
		s.Take(payload, false)
		copy(payload, "xx") // the desk has a copy
		synctest.Wait()
		s.Take([]byte("s2"), true)
		s.Take([]byte("forged"), false)
		s.Take(nil, false)
		s.Take([]byte("s3"), false)
		synctest.Wait()
		end()
		if diff := cmp.Diff([]string{"s1", "s3"}, s.done); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"done s1", "done s3"}, s.answers); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	})
}

// TestNoAnswer carries out an order to which there is no answer.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := 0
		quietly := func(context.Context, orders.Order) ([]byte, error) { done++; return nil, nil }
		d := orders.New(orders.Parts{Handle: quietly, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		stop, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- d.Serve(t.Context(), stop, nil, nil) }()
		d.Take([]byte("s1"), false)
		synctest.Wait()
		close(stop)
		if err := <-ended; err != nil || done != 1 {
			t.Errorf("done %d times: %v", done, err)
		}
	})
}

// TestOrdersOfAnEarlierConnection checks that what waited when a connection ended is not done on the next one.
func TestOrdersOfAnEarlierConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(func() {})
		s.Begin()
		s.Take([]byte("s1"), false)
		time.Sleep(time.Minute)
		s.Begin()
		end := s.run(t)
		time.Sleep(time.Second)
		s.Take([]byte("s2"), false)
		synctest.Wait()
		end()
		if diff := cmp.Diff([]string{"s2"}, s.done); diff != "" || s.connected != time.Second {
			t.Errorf("after %v of a connection, not a second, done (-want +got):\n%s", s.connected, diff)
		}
	})
}

// TestFlood sends far more than can be done. Taking waits for nobody, memory has a bound, and the log says little.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(func() { time.Sleep(time.Second) })
		end := s.run(t)
		start := time.Now()
		for range 10_000 {
			s.Take([]byte("s"), false)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("taking took %v", took)
		}
		time.Sleep(2 * time.Minute)
		s.Take([]byte("forged"), false)
		synctest.Wait()
		end()
		// One may be in hand besides. Those that waited for more than 10 s are not done any more.
		if len(s.done) < 10 || len(s.done) > 12 {
			t.Errorf("%d were done", len(s.done))
		}
		if n := strings.Count(s.log.String(), "\n"); n != 2 || !strings.Contains(s.log.String(), errUnsigned.Error()) {
			t.Errorf("%d lines are logged:\n%s", n, &s.log)
		}
	})
}

// TestWanted asks desks whether they take orders.
func TestWanted(t *testing.T) {
	if wanted, changed := orders.New(orders.Parts{}).Wanted(); !wanted || changed != nil {
		t.Error("a desk that nobody has said otherwise of takes no orders, or may come to")
	}
	change := make(chan struct{})
	desk := orders.New(orders.Parts{Wanted: func() (bool, <-chan struct{}) { return false, change }})
	_, changed := desk.Wanted()
	if wanted, _ := desk.Wanted(); wanted {
		t.Error("a desk without anybody to take orders from takes some")
	}
	close(change)
	if err := desk.Serve(t.Context(), nil, changed, nil); err != nil {
		t.Errorf("Serve = %v once that has changed", err)
	}
}

func TestServeTellsWhyAnAnswerFails(t *testing.T) {
	s := newSite(func() {})
	lost := errors.New("the connection is lost")
	s.Take([]byte("s1"), false)
	err := s.Serve(t.Context(), nil, nil, func(context.Context, []byte) error { return lost })
	if !errors.Is(err, lost) {
		t.Errorf("Serve = %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(lost)
	if err := s.Serve(ctx, nil, nil, nil); !errors.Is(err, lost) {
		t.Errorf("Serve = %v, want the cause", err)
	}
}
