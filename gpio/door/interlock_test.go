package door_test

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
)

// sluice starts a door that is one of two.
func sluice(t *testing.T) (b *bench, other *sim.Input) {
	t.Helper()
	other = sim.NewInput()
	b = &bench{
		t: t, relay: sim.New(), exit: sim.NewInput(), fire: sim.NewInput(), start: time.Now(), ended: make(chan error, 1),
	}
	var err error
	b.Controller, err = door.New(door.Parts{
		Relay: b.relay, Settings: usual(), Emit: b.emit, Log: slog.New(slog.DiscardHandler),
		Inputs: door.Inputs{Exit: b.exit, Fire: b.fire, Interlock: other},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run()
	return b, other
}

// TestInterlock checks that nobody is let in while another door is open, or may be, that nothing else asks for it, and that it comes to
// nothing once it is shut.
func TestInterlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := sluice(t)
		refused := func(when string, cause door.Cause, want error) {
			t.Helper()
			if err := b.Refusal(cause); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s a %s opening is refused with %v, want %v", when, cause, err, want)
			}
		}
		refused("with the other door shut", door.Granted, nil)
		b.set(other, true)
		refused("with the other door open", door.Granted, door.ErrOther)
		refused("with the other door open", door.Hand, nil)
		if _, err := b.Open(door.Granted); !errors.Is(err, door.ErrOther) {
			t.Errorf("Open: %v", err)
		}
		b.wantEdges()
		b.set(b.exit, true)
		b.want("exit asked", "unlocked exit")
		refused("while somebody leaves", door.Granted, gpio.ErrBusy)
		b.set(b.exit, false)
		time.Sleep(time.Minute)
		b.want("locked")
		b.set(b.fire, true)
		b.want("fire", "unlocked fire")
		b.set(b.fire, false)
		b.want("fire ended", "locked")
		b.set(other, false)
		refused("with the other door shut again", door.Granted, nil)
		other.Fail(errors.New("gone"))
		synctest.Wait()
		refused("with a line that cannot be read", door.Granted, door.ErrOther)
		b.want("line fault interlock")
		other.Fail(nil)
		time.Sleep(5 * time.Second)
		refused("with a line that can be read again", door.Granted, nil)
		b.want("line mended interlock")
		if err := b.halt(); err != nil {
			t.Error(err)
		}
	})
}
