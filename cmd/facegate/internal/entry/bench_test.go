package entry_test

import (
	"context"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/entry"
	"facegate/gpio"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
)

// BenchmarkAsk measures what the hand-over of an attempt from one goroutine to the other, and its answer, take.
func BenchmarkAsk(b *testing.B) {
	limits := admit.Limits{DelayAfter: 5, Delay: time.Second, DisableAfter: 50}
	a, err := admit.New(admit.Rules{
		Table: admit.Alone(attempt.Face), Beside: true, Limits: map[attempt.Means]admit.Limits{attempt.Face: limits},
	}, nil, false)
	if err != nil {
		b.Fatal(err)
	}
	e := entry.New(entry.Parts{
		Door: &lock{err: gpio.ErrBusy}, Admit: a, Record: new(disk), MaxAge: time.Minute, Now: time.Now,
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		e.Run(ctx)
		close(ended)
	}()
	for b.Loop() {
		if o := e.Ask(try(attempt.Face, anna, attempt.Matched)); o.Opened.IsZero() {
			b.Fatalf("%+v", o)
		}
	}
	cancel()
	<-ended
}
