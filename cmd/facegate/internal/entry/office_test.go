package entry_test

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/people/recordstest"
	"facegate/cmd/facegate/internal/record"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	pass "facegate/pipeline/visitor"
)

// TestOfficesPass shows visitors' passes, and copies of them at the same time, to a door whose record is a real store: each opens as
// often as its office has signed, and not once more. Where the disk takes a second the door stays locked, and the use is gone.
func TestOfficesPass(t *testing.T) {
	h := recordstest.Open(t) // lime court/north
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	if _, err := h.Store.Credentials().Visits().AddOffice("desk", key.Public().(ed25519.PublicKey), 1000); err != nil {
		t.Fatal(err)
	}
	told := func(attempt.Fact) error { return nil }
	r := record.New(record.Parts{Book: record.Ledger{Store: h.Store, Now: time.Now}, Tell: told, Log: slog.New(slog.DiscardHandler)})
	a, err := admit.New(admit.Rules{
		Table: admit.Alone(attempt.Visitor), Limits: map[attempt.Means]admit.Limits{attempt.Visitor: {DelayAfter: 5, Delay: time.Minute, DisableAfter: 50}},
	}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	door := new(lock)
	e := entry.New(entry.Parts{Door: door, Admit: a, Record: r, MaxAge: time.Minute, Now: time.Now})
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	for _, run := range []func(context.Context) error{r.Run, e.Run} {
		tasks.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	defer tasks.Wait()
	defer cancel()
	for uses, want := range []int{6, 1, 2} { // 0 for any number of times
		text, err := pass.Sign(key, pass.Gate("lime court", "north"), pass.Pass{
			From: time.Now().Truncate(time.Minute), Length: time.Hour, Uses: uses, Serial: pass.Serial{byte(uses)},
		})
		if err != nil {
			t.Fatal(err)
		}
		before := door.times()
		var late atomic.Int32
		var copies sync.WaitGroup
		for range 6 {
			copies.Go(func() {
				switch o := e.Ask(h.Register.Visitor(text, time.Now())); {
				case o.Reason == attempt.Record:
					late.Add(1)
				case o.Opened.IsZero() && o.Reason != attempt.Expired:
					t.Errorf("a pass for %d times: %+v", uses, o)
				}
			})
		}
		copies.Wait()
		if got := door.times() - before; got > want || got+int(late.Load()) < want {
			t.Errorf("a pass for %d times has opened %d times, and %d times too late", uses, got, late.Load())
		}
	}
}
