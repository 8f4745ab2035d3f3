package sim_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/gpio"
	"facegate/gpio/inputtest"
	"facegate/gpio/sim"
)

func TestInputContract(t *testing.T) {
	inputtest.Run(t, func(*testing.T) (gpio.Input, inputtest.Drive) {
		in := sim.NewInput()
		return in, func(_ *testing.T, active bool) { in.Set(active) }
	})
}

// TestInputKeepsOrder has levels follow each other faster than they are taken.
func TestInputKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := sim.NewInput()
		ctx, cancel := context.WithCancel(t.Context())
		var got []gpio.Level
		go func() {
			if err := in.Watch(ctx, func(l gpio.Level) { got = append(got, l); time.Sleep(time.Second) }); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		want := []gpio.Level{{At: time.Now()}}
		for i := range 7 {
			time.Sleep(time.Millisecond)
			in.Set(i%2 == 0)
			want = append(want, gpio.Level{At: time.Now(), Active: i%2 == 0})
		}
		time.Sleep(time.Minute)
		cancel()
		synctest.Wait()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("levels (-want +got):\n%s", diff)
		}
	})
}

func TestInputFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := sim.NewInput()
		broken := errors.New("broken")
		ended := make(chan error, 1)
		go func() { ended <- in.Watch(t.Context(), func(gpio.Level) {}) }()
		synctest.Wait()
		in.Fail(broken)
		if err := <-ended; !errors.Is(err, broken) {
			t.Errorf("Watch = %v, want %v", err, broken)
		}
		in.Fail(nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := in.Watch(ctx, func(gpio.Level) {}); err != nil {
			t.Errorf("Watch of a mended line = %v", err)
		}
	})
}
