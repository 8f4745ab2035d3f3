package remote_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/remote"
	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/order"
	"facegate/pipeline/publish/orders"
	"facegate/store"
)

var nonce = order.Nonce{1, 2, 3, 4, 5, 6, 7, 8}

// given is an order of the porter, whose name goes to nobody.
func given(at time.Time) store.Given {
	return store.Given{
		Order:    order.Order{Key: order.KeyID{9}, Issued: at, Expires: at.Add(order.MaxLife), Nonce: nonce},
		Operator: store.Operator{Name: "porter"},
	}
}

// A gate finds in each order what it is told to, and answers each attempt so.
type gate struct {
	found   store.Given
	err     error
	outcome attempt.Outcome
	asked   []attempt.Attempt
	log     strings.Builder
}

// carry carries out an order that arrives at a time, on a connection that began then or before.
func (g *gate) carry(t *testing.T, arrived, since time.Time) (why order.Reason, err error) {
	t.Helper()
	r := remote.New(remote.Parts{
		Find: func([]byte) (store.Given, error) { return g.found, g.err },
		Ask: func(a attempt.Attempt) attempt.Outcome {
			g.asked = append(g.asked, a)
			return g.outcome
		},
		Log: slog.New(slog.NewTextHandler(&g.log, nil)),
	})
	answer, err := r.Carry(t.Context(), orders.Order{Payload: []byte("{}"), Arrived: arrived, Since: since})
	if err != nil {
		if answer != nil {
			t.Errorf("%s is answered beside %v", answer, err)
		}
		return "", err
	}
	if strings.Contains(string(answer), "porter") || !strings.Contains(g.log.String(), "porter") {
		t.Errorf("the answer is %s, the log\n%s", answer, &g.log)
	}
	n, why, err := order.ReadReply(answer)
	if err != nil || n != nonce {
		t.Errorf("the answer is %s", answer)
	}
	return why, nil
}

// TestSilence checks that what is not genuine, and what was given before, is not answered and asks for nothing.
func TestSilence(t *testing.T) {
	now := time.Now()
	for _, g := range []*gate{
		{err: order.ErrForm},
		{err: store.ErrOperator},
		{err: order.ErrGate},
		{err: order.ErrSignature},
		{found: given(now), err: store.ErrRepeated},
	} {
		if _, err := g.carry(t, now, now); !errors.Is(err, g.err) || len(g.asked) > 0 {
			t.Errorf("%v: %v, asked %d times", g.err, err, len(g.asked))
		}
	}
}

// TestRefused checks what is answered to a genuine order that asks for nothing.
func TestRefused(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		err   error
		since time.Time
		want  order.Reason
	}{
		{hint.Wrap(store.ErrOrderExpired, "compare the clocks"), now.Add(-time.Hour), order.Expired},
		{store.ErrOrderEarly, now.Add(-time.Hour), order.Early},
		{store.ErrOrderClock, now.Add(-time.Hour), order.Clock},
		{store.ErrOrderBefore, now.Add(-time.Hour), order.Expired},
		{nil, now.Add(time.Millisecond), order.Queued},
	} {
		g := &gate{found: given(now), err: tt.err}
		if why, err := g.carry(t, now.Add(time.Second), tt.since); err != nil || why != tt.want || len(g.asked) > 0 {
			t.Errorf("%v: %q, %v, asked %d times", tt.err, why, err, len(g.asked))
		}
	}
}

// TestAttempt checks that an order is an attempt, and that each outcome has an answer of the closed set.
func TestAttempt(t *testing.T) {
	now := time.Now()
	g := &gate{found: given(now), outcome: attempt.Outcome{Opened: now}}
	if why, err := g.carry(t, now, now); err != nil || why != "" {
		t.Errorf("%q, %v", why, err)
	}
	want := attempt.Attempt{Means: attempt.Order, Asked: now, Finding: attempt.Matched, Credential: attempt.Credential(given(now).ID())}
	if len(g.asked) != 1 || g.asked[0].Credential != want.Credential || g.asked[0].Means != want.Means || g.asked[0].Finding != want.Finding ||
		!g.asked[0].Asked.Equal(now) || g.asked[0].Unlimited || len(g.asked[0].Groups) > 0 {
		t.Errorf("asked for %+v", g.asked)
	}
	for r := attempt.None; r <= attempt.Again; r++ {
		wanted, known := map[attempt.Reason]order.Reason{
			attempt.NoWay: order.Rules, attempt.Expired: order.Expired, attempt.Late: order.Expired, attempt.Record: order.Record,
			attempt.Passing: order.Passing, attempt.Shut: order.Shut, attempt.Interlock: order.Interlock, attempt.Fault: order.Fault,
		}[r]
		g := &gate{found: given(now), outcome: attempt.Outcome{Reason: r, Err: errors.New("of the gate")}}
		if why, err := g.carry(t, now, now); err != nil || known && why != wanted || why == "" {
			t.Errorf("%v: %q, %v", r, why, err)
		}
	}
}
