package door_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
)

// A light fails the test when it is lit beside the other one.
type light struct {
	*sim.Line
	t     *testing.T
	other *sim.Line
}

func (l light) Set(on bool) error {
	if on && l.other.Active() {
		l.t.Error("both lights are lit")
	}
	return l.Line.Set(on)
}

// TestLightsTakeTurns opens a door again and again: both lights are lit at no moment, because that is the alarm.
func TestLightsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		red, green := sim.New(), sim.New()
		c, err := door.New(door.Parts{
			Relay: sim.New(), Log: slog.New(slog.DiscardHandler), Signals: door.Signals{Red: light{red, t, green}, Green: light{green, t, red}},
			Settings: door.Settings{Kind: door.Strike, Fail: door.Secure, Pulse: time.Second, MaxOpen: gpio.MaxLease},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		<-c.Ready()
		for range 20 {
			if _, err := c.Open(door.Granted); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if red.Active() || !green.Active() {
				t.Error("the green light is not lit while the door is open")
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if !red.Active() || green.Active() {
				t.Error("the red light is not lit while the door is locked")
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
