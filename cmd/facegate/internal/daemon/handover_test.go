package daemon_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/daemon"
)

// TestHandoverWaits checks that a gate hands over at once when it is quiet, after 90 seconds when it is not, and under a fire alarm
// not before that has ended: no process would keep the door open.
func TestHandoverWaits(t *testing.T) {
	for _, test := range []struct {
		name          string
		quiet         bool
		fire          time.Duration // until the alarm ends
		atLeast, most time.Duration
	}{
		{"quiet", true, 0, 0, 0},
		{"somebody is being captured", false, 0, 90 * time.Second, 91 * time.Second},
		{"a short fire alarm", false, time.Minute, 90 * time.Second, 91 * time.Second},
		{"a long fire alarm", false, 10 * time.Minute, 10 * time.Minute, 10*time.Minute + time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fire atomic.Bool
				fire.Store(test.fire > 0)
				time.AfterFunc(test.fire, func() { fire.Store(false) })
				h, start := daemon.NewHandover(func() bool { return test.quiet }, fire.Load), time.Now()
				if err := h.Run(t.Context()); !errors.Is(err, daemon.ErrHandover) {
					t.Errorf("Run = %v", err)
				}
				if took := time.Since(start); took < test.atLeast || took > test.most {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
