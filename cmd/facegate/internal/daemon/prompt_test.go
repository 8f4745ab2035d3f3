package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/prompt"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/gpio"
	"facegate/gpio/cdev"
	"facegate/gpio/sim"
)

// TestAlwaysAskedAndNobodyTold has a gate say that nobody can do what everybody is asked for, until there are lights or somebody
// follows.
func TestAlwaysAskedAndNobodyTold(t *testing.T) {
	says := func(r *running) bool {
		s, err := r.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(fmt.Sprint(s.Health), "nothing shows where")
	}
	always := gatetest.Settings{"liveness": "{active: always}"}
	r := start(t, gatetest.NewSite(t), always, daemon.Outside{})
	if !says(r) {
		t.Error("without lights nothing is said")
	}
	ctx, leave := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	go func() { followed <- r.client.Prompt(ctx, func(status.Prompt) {}) }()
	gatetest.Eventually(t, "a screen that follows is enough", func() bool { return !says(r) })
	leave()
	<-followed
	r.stop()

	left, right := sim.New(), sim.New()
	left.Set(true)
	r = start(t, gatetest.NewSite(t), always, daemon.Outside{Lights: prompt.Lights{Left: left, Right: right}})
	if says(r) || left.Active() {
		t.Error("with lights it is said too, or a light is lit from before")
	}
	left.Set(true)
	r.stop()
	if left.Active() || !errors.Is(left.Set(true), gpio.ErrClosed) || !errors.Is(right.Set(true), gpio.ErrClosed) {
		t.Error("the lights are not dark, or not let go of")
	}
}

// TestLightsThatAreNotThere starts a gate whose lights nobody has wired.
func TestLightsThatAreNotThere(t *testing.T) {
	c := gatetest.NewSite(t).Config(t, gatetest.Settings{"prompt": "{led_left: NOSUCH5, led_right: NOSUCH6}"})
	c.Door.Driver = configs.Cdev
	_, err := daemon.New(c, daemon.Outside{Line: sim.New()}, "test", new(log).logger())
	if !errors.Is(err, cdev.ErrNotFound) || !strings.Contains(fmt.Sprint(err), "prompt.led_left") {
		t.Errorf("started with %v", err)
	}
}
