package daemon

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
)

// TestStatusDoesNotWait asks for the status of a gate whose records do not answer: it is told within a second how they were.
func TestStatusDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, looked := make(chan struct{}, 1), 0
		g := newGlance(func() status.Status {
			disk <- struct{}{}
			<-disk
			looked++
			return status.Status{UpS: looked}
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { g.Run(ctx) })
		if s, now := g.Status(t.Context()); s.UpS != 1 || !now {
			t.Errorf("at first %d, now %v", s.UpS, now)
		}
		disk <- struct{}{} // it hangs
		for range 3 {
			begun := time.Now()
			if s, now := g.Status(t.Context()); s.UpS != 1 || now || time.Since(begun) != glanceFor {
				t.Errorf("after %v: %d, now %v", time.Since(begun), s.UpS, now)
			}
		}
		<-disk
		if s, now := g.Status(t.Context()); s.UpS < 2 || !now {
			t.Errorf("then %d, now %v", s.UpS, now)
		}
		cancel()
		wg.Wait()
	})
}

// TestRecordsThatDoNotAnswer checks that a gate whose records do not answer is not well, and says what to do.
func TestRecordsThatDoNotAnswer(t *testing.T) {
	r := health.Assess(unanswered()...)
	worst, bad := r.Worst()
	if !bad || r.State != health.Degraded || worst.Part != health.Disk || worst.Todo == "" {
		t.Errorf("%+v", r)
	}
}
