package daemon

import (
	"crypto/rand"
	"fmt"
	"math/big"

	"facegate/cmd/facegate/internal/prompt"
	"facegate/configs"
	"facegate/gpio"
	"facegate/gpio/cdev"
	"facegate/pipeline"
)

// otherFMR is how often another person's face would pass for that of somebody who is asked to turn the head. It is lenient: a
// head that is turned is less like itself, and who is held up instead has to turn as asked.
const otherFMR = 0.001

// openPrompt opens the lights, unless the caller has brought some or there are none.
func (d *Daemon) openPrompt() (err error) {
	p := d.config.Prompt
	if d.lights == (prompt.Lights{}) && p.Lights() {
		if d.lights.Left, err = openLight(d.config.Door, p, p.LEDLeft); err != nil {
			return configs.About("prompt.led_left", err)
		}
		if d.lights.Right, err = openLight(d.config.Door, p, p.LEDRight); err != nil {
			return configs.About("prompt.led_right", err)
		}
	}
	d.prompt, err = prompt.New(d.lights, d.log)
	return configs.About("prompt.led_left", err)
}

// openLight opens the line of one light. Where the door is simulated, the light is too.
func openLight(door configs.Door, p configs.Prompt, line string) (gpio.Line, error) {
	return openOutput(door, cdev.Config{Chip: p.Chip, Line: line, ActiveLow: p.ActiveLow, Consumer: "facegate:prompt"}, nil)
}

// asking is how people are asked to turn the head.
func (d *Daemon) asking() pipeline.Asking {
	return pipeline.Asking{When: whenAsked(d.config.Liveness.Active), Told: d.tells, Same: d.same, Below: below}
}

func whenAsked(a configs.Active) pipeline.When {
	switch a {
	case configs.ActiveDoubt:
		return pipeline.InDoubt
	case configs.ActiveAlways:
		return pipeline.Always
	}
	return pipeline.Never
}

// below returns a number from 0 to n-1 that nobody can foresee.
func below(n int) int {
	r, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(fmt.Sprintf("daemon: the system has no randomness: %v", err)) // rand.Reader never fails
	}
	return int(r.Int64())
}
