package remote_test

import (
	"crypto/ed25519"
	"encoding/binary"
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
	"facegate/store/storetest"
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
	spent   int
	log     strings.Builder
}

// carry carries out an order that arrives at a time, on a connection that there had been for some time.
func (g *gate) carry(t *testing.T, arrived time.Time, connected time.Duration) (why order.Reason, err error) {
	t.Helper()
	r := remote.New(remote.Parts{
		Find: func([]byte) (store.Given, error) { return g.found, g.err },
		Ask: func(a attempt.Attempt) attempt.Outcome {
			g.asked = append(g.asked, a)
			return g.outcome
		},
		Spend: func(order.Order) error { g.spent++; return nil },
		Log:   slog.New(slog.NewTextHandler(&g.log, nil)),
	})
	answer, err := r.Carry(t.Context(), orders.Order{Payload: []byte("{}"), Arrived: arrived, Connected: connected})
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
		if _, err := g.carry(t, now, 0); !errors.Is(err, g.err) || len(g.asked) > 0 {
			t.Errorf("%v: %v, asked %d times", g.err, err, len(g.asked))
		}
	}
}

// TestRefused checks what is answered to a genuine order that asks for nothing.
func TestRefused(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		err       error
		connected time.Duration
		want      order.Reason
	}{
		{hint.Wrap(store.ErrOrderExpired, "compare the clocks"), time.Hour, order.Expired},
		{store.ErrOrderEarly, time.Hour, order.Early},
		{store.ErrOrderClock, time.Hour, order.Clock},
		{store.ErrOrderBefore, time.Hour, order.Expired},
		{nil, 999 * time.Millisecond, order.Queued},
	} {
		g := &gate{found: given(now), err: tt.err}
		if why, err := g.carry(t, now.Add(time.Second), tt.connected); err != nil || why != tt.want || len(g.asked) > 0 {
			t.Errorf("%v: %q, %v, asked %d times", tt.err, why, err, len(g.asked))
		}
	}
}

// TestFutureIsSpent refuses orders from the future, which are used up by that.
func TestFutureIsSpent(t *testing.T) {
	now := time.Now()
	for _, err := range []error{store.ErrOrderEarly, store.ErrOrderClock} {
		for ahead, spent := range map[time.Duration]int{-time.Millisecond: 0, 0: 0, time.Millisecond: 1, time.Hour: 1} {
			g := &gate{found: given(now.Add(ahead)), err: err}
			if _, err := g.carry(t, now, time.Hour); err != nil || g.spent != spent {
				t.Errorf("%v, %v ahead: spent %d times, %v", g.err, ahead, g.spent, err)
			}
		}
	}
}

// TestAttempt checks that an order is an attempt, and that each outcome has an answer of the closed set.
func TestAttempt(t *testing.T) {
	now := time.Now()
	g := &gate{found: given(now), outcome: attempt.Outcome{Opened: now}}
	if why, err := g.carry(t, now, 0); err != nil || why != "" {
		t.Errorf("%q, %v", why, err)
	}
	want := attempt.Attempt{Means: attempt.Order, Asked: now, Finding: attempt.Matched, Credential: attempt.Credential(given(now).ID())}
	if len(g.asked) != 1 || g.asked[0].Credential != want.Credential || g.asked[0].Means != want.Means || g.asked[0].Finding != want.Finding ||
		!g.asked[0].Asked.Equal(now) || !g.asked[0].Ends.Equal(given(now).Expires) || g.asked[0].Unlimited || len(g.asked[0].Groups) > 0 {
		t.Errorf("asked for %+v", g.asked)
	}
	for r := attempt.None; r <= attempt.Again; r++ {
		wanted, known := map[attempt.Reason]order.Reason{
			attempt.NoWay: order.Rules, attempt.Expired: order.Expired, attempt.Late: order.Expired, attempt.Record: order.Record,
			attempt.Passing: order.Passing, attempt.Shut: order.Shut, attempt.Interlock: order.Interlock, attempt.Fault: order.Fault,
		}[r]
		g := &gate{found: given(now), outcome: attempt.Outcome{Reason: r, Err: errors.New("of the gate")}}
		if why, err := g.carry(t, now, 0); err != nil || known && why != wanted || why == "" {
			t.Errorf("%v: %q, %v", r, why, err)
		}
	}
}

// TestQueued takes orders on a connection that began a minute ago. What the clock of the gate said then counts for nothing: it may have
// been set since.
func TestQueued(t *testing.T) {
	now := time.Now()
	for ago, want := range map[time.Duration]order.Reason{
		-time.Second: "", 0: "", time.Minute: "", time.Minute + time.Millisecond: order.Queued,
	} {
		g := &gate{found: given(now.Add(-ago).Round(0)), outcome: attempt.Outcome{Opened: now}}
		if why, err := g.carry(t, now, time.Minute); err != nil || why != want {
			t.Errorf("given %v ago: %q, %v, want %q", ago, why, err, want)
		}
	}
}

// newSite returns what carries out the orders of a porter at a gate with a store, and the orders: each is given at its time.
func newSite(t *testing.T, ask func(attempt.Attempt) attempt.Outcome) (r *remote.Remote, sign func(n byte, at time.Time) []byte, log *strings.Builder) {
	t.Helper()
	s := storetest.Open(t, t.TempDir())
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	if _, err := s.Credentials().Orders().AddOperator("porter", key.Public().(ed25519.PublicKey), 1000); err != nil {
		t.Fatal(err)
	}
	log = new(strings.Builder)
	r = remote.New(remote.Parts{
		Find: func(p []byte) (store.Given, error) { return s.Credentials().Orders().Find(p, "hq", "north") },
		Ask:  ask, Spend: s.Credentials().Orders().Spend, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	return r, func(n byte, at time.Time) []byte {
		body := order.Order{Issued: at, Expires: at.Add(order.MaxLife), Nonce: order.Nonce{n}}
		payload, err := order.Sign(key, order.Gate{Site: "hq", Name: "north", Device: s.Device().PublicKey}, body)
		if err != nil {
			t.Fatal(err)
		}
		return payload
	}, log
}

// TestRefusedStaysRefused gives orders again that were refused, for whatever reason, once nothing is in their way any more. They have
// their answer.
func TestRefusedStaysRefused(t *testing.T) {
	outcome := attempt.Outcome{Reason: attempt.Passing}
	asked := 0
	r, sign, log := newSite(t, func(attempt.Attempt) attempt.Outcome { asked++; return outcome })
	now := storetest.Now()
	carry := func(payload []byte, connected time.Duration) ([]byte, error) {
		return r.Carry(t.Context(), orders.Order{Payload: payload, Arrived: now.Add(time.Second), Connected: connected})
	}
	passing, queued := sign(1, now), sign(2, now)
	expired, early := sign(3, now.Add(-time.Minute)), sign(4, now.Add(time.Hour))
	for _, tt := range []struct {
		payload   []byte
		connected time.Duration
		want      order.Reason
	}{
		{passing, time.Second, order.Passing},
		{queued, 0, order.Queued},
		{expired, time.Hour, order.Expired},
		{early, time.Second, order.Early},
	} {
		answer, err := carry(tt.payload, tt.connected)
		if _, why, readErr := order.ReadReply(answer); err != nil || readErr != nil || why != tt.want {
			t.Errorf("%s, %v, want %s", answer, err, tt.want)
		}
	}
	outcome = attempt.Outcome{Opened: now}
	lines := strings.Count(log.String(), "\n")
	for _, payload := range [][]byte{passing, queued, expired, early} {
		for range 100 {
			if answer, err := carry(payload, time.Hour); !errors.Is(err, store.ErrRepeated) || answer != nil {
				t.Fatalf("given again: %s, %v", answer, err)
			}
		}
	}
	if n := strings.Count(log.String(), "\n"); asked != 1 || n != lines || lines != 4 {
		t.Errorf("asked %d times, the log has %d lines, %d at first", asked, n, lines)
	}
	if answer, err := carry(sign(5, now), time.Hour); err != nil || asked != 2 {
		t.Errorf("another order: %s, %v", answer, err)
	}
}

// TestCollectedOrders gives more orders of long ago than are remembered, again and again: each is answered once at most, and none of
// them makes the gate forget what it has refused now.
func TestCollectedOrders(t *testing.T) {
	now := time.Now()
	var found store.Given
	why, asked, answers := store.ErrOrderClock, 0, 0
	r := remote.New(remote.Parts{
		Find: func([]byte) (store.Given, error) { return found, why },
		Ask:  func(attempt.Attempt) attempt.Outcome { asked++; return attempt.Outcome{Reason: attempt.Passing} },
		Spend: func(order.Order) error {
			t.Error("an order of long ago is spent")
			return nil
		},
		Log: slog.New(slog.DiscardHandler),
	})
	carry := func(n uint64, at time.Time) ([]byte, error) {
		found = given(at)
		binary.BigEndian.PutUint64(found.Nonce[:], n)
		return r.Carry(t.Context(), orders.Order{Arrived: now, Connected: time.Hour})
	}
	why = nil
	if _, err := carry(0, now); err != nil {
		t.Fatal(err)
	}
	why = store.ErrOrderClock
	const collected = 1500
	for range 3 {
		for n := range uint64(collected) {
			if answer, _ := carry(n+1, now.Add(-time.Duration(n+1)*time.Minute)); answer != nil {
				answers++
			}
		}
	}
	if answers == 0 || answers > collected {
		t.Errorf("%d orders have %d answers", collected, answers)
	}
	why = nil
	if _, err := carry(0, now); !errors.Is(err, store.ErrRepeated) || asked != 1 {
		t.Errorf("the order of now, again: %v, asked %d times", err, asked)
	}
	if _, err := carry(9999, now); err != nil || asked != 2 {
		t.Errorf("another order: %v, asked %d times", err, asked)
	}
}
