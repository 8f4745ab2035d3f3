package gpio_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"facegate/configs/hint"
	"facegate/gpio"
)

// TestHandInALoop asks for the door as fast as it goes, for three hours, and measures how long it is open.
func TestHandInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.halt()
		hand := gpio.NewHand(pulser{b}, nil, time.Now())
		var noted atomic.Int32
		note := func() error { noted.Add(1); return nil }
		var opened []time.Time
		for until := time.Now().Add(3 * time.Hour); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
			_, err := hand.Pulse(time.Now(), note)
			switch {
			case err == nil:
				opened = append(opened, time.Now())
			case !errors.Is(err, gpio.ErrBusy) && !errors.Is(err, gpio.ErrRest) && !errors.Is(err, gpio.ErrShare):
				t.Fatal(err)
			case !errors.Is(err, gpio.ErrBusy) && !strings.Contains(hint.Of(err), "wait "):
				t.Fatalf("%v, hint %q", err, hint.Of(err))
			}
		}
		if len(opened) != 3*30 || int(noted.Load()) != len(opened) {
			t.Errorf("opened %d times in 3 hours, noted %d times", len(opened), noted.Load())
		}
		for i, at := range opened {
			if i > 0 && at.Sub(opened[i-1]) < 4*pulse {
				t.Fatalf("pulse %d came %v after the one before", i+1, at.Sub(opened[i-1]))
			}
			if i >= 30 && at.Sub(opened[i-30]) < time.Hour {
				t.Fatalf("31 pulses within %v", at.Sub(opened[i-30]))
			}
		}
	})
}

// TestHandOfManyClients has many ask at once.
func TestHandOfManyClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.halt()
		hand := gpio.NewHand(pulser{b}, nil, time.Now())
		var opened atomic.Int32
		for range 20 {
			go func() {
				if _, err := hand.Pulse(time.Now(), func() error { return nil }); err == nil {
					opened.Add(1)
				}
			}()
		}
		synctest.Wait()
		if opened.Load() != 1 {
			t.Errorf("opened %d times at once", opened.Load())
		}
	})
}

// TestHandNotes checks that nothing is opened that is not noted, and nothing noted that is not opened.
func TestHandNotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		hand := gpio.NewHand(pulser{b}, nil, time.Now())
		if _, err := hand.Pulse(time.Now(), func() error { return errBroken }); !errors.Is(err, errBroken) || b.line.Active() {
			t.Errorf("not noted: %v, the line is active: %v", err, b.line.Active())
		}
		noted := 0
		note := func() error { noted++; return nil }
		b.open() // for somebody who was recognised
		if _, err := hand.Pulse(time.Now(), note); !errors.Is(err, gpio.ErrBusy) {
			t.Errorf("while the door is open: %v", err)
		}
		time.Sleep(pulse + time.Millisecond)
		if _, err := hand.Pulse(time.Now(), note); err != nil {
			t.Errorf("after a passage there is no rest: %v", err)
		}
		time.Sleep(time.Hour)
		if err := b.halt(); err != nil {
			t.Error(err)
		}
		if _, err := hand.Pulse(time.Now(), note); !errors.Is(err, gpio.ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
		if noted != 1 {
			t.Errorf("noted %d times", noted)
		}
	})
}

// TestHandRemembers checks that neither a restart nor a clock that is set back frees anybody from the bounds, or shuts out
// for longer than an hour.
func TestHandRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.halt()
		now := time.Now()
		note := func() error { return nil }
		var before []time.Time
		for i := range 30 {
			before = append(before, now.Add(time.Duration(i-31)*time.Minute))
		}
		if _, err := gpio.NewHand(pulser{b}, before, now).Pulse(now, note); !errors.Is(err, gpio.ErrShare) {
			t.Errorf("after 30 pulses: %v", err)
		}
		if _, err := gpio.NewHand(pulser{b}, before[1:], now).Pulse(now, note); err != nil {
			t.Errorf("after 29 pulses: %v", err)
		}
		time.Sleep(time.Minute)
		hand := gpio.NewHand(pulser{b}, []time.Time{now.Add(1000 * time.Hour)}, time.Now())
		if _, err := hand.Pulse(time.Now(), note); !errors.Is(err, gpio.ErrRest) {
			t.Errorf("with a pulse in the future: %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := hand.Pulse(time.Now(), note); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}
