package camera_test

import (
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
)

// TestTurnstile has somebody enrolled stand before a turnstile while somebody else, who was let in by hand, is to pass: they are let in
// as soon as that one is through, without stepping away. To wait is in no log, and counts against nobody.
func TestTurnstile(t *testing.T) {
	o := defaults()
	o.contact = sim.NewInput()
	b := start(t, gatetest.NewSite(t), o)
	b.mustEnrol("p01")
	if _, err := b.door.Open(door.Hand); err != nil {
		t.Fatal(err)
	}
	gatetest.Eventually(t, "the pulse is over", func() bool { return b.door.Status().State == gpio.Locked })
	pose := gatetest.Pose(t, "p01")
	for i := range 20 {
		if p := b.show(pose[i%len(pose)])[0]; !p.Opened.IsZero() {
			t.Fatalf("picture %d opened the turnstile while somebody is passing", i)
		}
	}
	o.contact.Set(true)
	o.contact.Set(false)
	gatetest.Eventually(t, "that one is through", func() bool { return b.door.Refusal(door.Granted) == nil })
	waited := 0
	for b.show(pose[waited%len(pose)])[0].Opened.IsZero() {
		if waited++; waited > 5 {
			t.Fatal("who waits is not let in")
		}
	}
	if slowed, off, until := b.barred(); slowed+off != 0 || !until.IsZero() || b.pulses() != 2 {
		t.Errorf("to wait counts: %d slowed down, %d switched off, until %v; %d pulses", slowed, off, until, b.pulses())
	}
	b.stop()
	if b.log.Len() > 0 {
		t.Errorf("to wait is in the log:\n%s", &b.log)
	}
}
