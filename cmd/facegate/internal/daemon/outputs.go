package daemon

import (
	"cmp"
	"errors"

	"facegate/cmd/facegate/internal/driven"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/cdev"
	"facegate/gpio/sim"
)

// Outputs returns the lines that a gate drives whose configuration is c, which is in file.
func Outputs(c *configs.Config, file string) driven.Lines {
	d, p := c.Door, c.Prompt
	line := func(chip, line string, activeLow bool) driven.Line {
		if d.Driver == configs.Sim {
			chip = d.Chip // the board of all its lines
		}
		return driven.Line{Driver: string(d.Driver), Chip: chip, Line: line, ActiveLow: activeLow}
	}
	l := driven.Lines{
		Config: file, Socket: c.Control.Socket, Safe: d.Fail == configs.FailSafe,
		Relay: line(d.Chip, cmp.Or(d.Line, "relay"), d.ActiveLow),
	}
	for _, o := range []configs.Output{d.LEDRed, d.LEDGreen, d.Buzzer} {
		if o.Wired() {
			l.Others = append(l.Others, line(o.Chip, o.Line, o.ActiveLow))
		}
	}
	if p.Lights() {
		l.Others = append(l.Others, line(p.Chip, p.LEDLeft, p.ActiveLow), line(p.Chip, p.LEDRight, p.ActiveLow))
	}
	return l
}

// Release drives a line inactive and lets go of it, and returns its name. The error is gpio.ErrInUse if somebody else holds
// it, such as a gate that runs; it then names them, and the line was not touched.
func Release(l driven.Line) (name string, err error) {
	const consumer = "facegate:safe"
	var line gpio.Line
	switch {
	case l.Driver != string(configs.Sim):
		line, err = cdev.Open(cdev.Config{Chip: l.Chip, Line: l.Line, ActiveLow: l.ActiveLow, Consumer: consumer})
	case l.Chip == "":
		line = sim.New()
	default:
		line, err = sim.Board(l.Chip).Open(sim.Wire{Name: l.Line, ActiveLow: l.ActiveLow, Consumer: consumer})
	}
	if err != nil {
		return l.Line, err
	}
	return line.String(), hint.Wrap(line.Close(), "the door may be open: lock it by hand, and check the wiring of %s", l.Line)
}

// noteLines keeps which lines the gate drives. Lines that it drove before and drives no more are released: the configuration
// has changed since, and nobody else will.
func (d *Daemon) noteLines() {
	if d.outside.File == "" {
		return
	}
	now := Outputs(d.config, d.outside.File)
	if before, err := driven.Of(now.Socket); err == nil && before.Config == now.Config {
		for _, l := range before.Beside(now) {
			if _, err := Release(l); err != nil && !errors.Is(err, gpio.ErrInUse) { // which is for whoever holds it now
				d.log.Error("a line that the gate drove before is not released", "line", l.Line, "error", err, "hint", hint.Of(err))
			}
		}
	}
	if err := driven.Keep(now); err != nil {
		d.log.Warn("facegate door safe will have to go by the configuration alone", "error", err,
			"hint", "see that the folder of control.socket can be written to")
	}
}
