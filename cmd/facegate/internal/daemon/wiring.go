package daemon

import (
	"errors"

	"facegate/configs"
	"facegate/gpio"
	"facegate/gpio/cdev"
	"facegate/gpio/door"
	"facegate/gpio/sim"
)

// doorSettings are those of the configuration.
func (d *Daemon) doorSettings() door.Settings { return DoorSettings(d.config.Door) }

// DoorSettings returns how the door of a configuration works.
func DoorSettings(d configs.Door) door.Settings {
	return door.Settings{
		Kind: door.Kind(d.Kind), Fail: door.Fail(d.Fail),
		Pulse: d.Pulse, MaxOpen: d.MaxOpen, Passage: d.PassageTimeout,
		HeldWarn: d.HeldWarn, HeldAfter: d.HeldAfter, Forced: d.ForcedAlarm(),
	}
}

// A Wiring is the lines of a door.
type Wiring struct {
	Relay   gpio.Line
	Inputs  door.Inputs
	Signals door.Signals
}

// OpenWiring opens every line of the door of a configuration that is wired, the relay first.
func OpenWiring(c configs.Door) (w Wiring, err error) {
	if w.Relay, err = OpenLine(c); err != nil {
		return Wiring{}, aboutLine("door", err)
	}
	if err := w.open(c); err != nil {
		return Wiring{}, errors.Join(err, w.Close())
	}
	return w, nil
}

// open opens what is wired besides the relay, unless there are some of either.
func (w *Wiring) open(c configs.Door) error {
	if w.Inputs == (door.Inputs{}) {
		if err := w.openInputs(c); err != nil {
			return err
		}
	}
	if w.Signals == (door.Signals{}) {
		return w.openSignals(c)
	}
	return nil
}

func (w *Wiring) openInputs(c configs.Door) error {
	for _, in := range []struct {
		role door.Role
		wire configs.Input
		at   *gpio.Input
	}{
		{door.ContactLine, c.Contact, &w.Inputs.Contact},
		{door.ExitLine, c.Exit, &w.Inputs.Exit},
		{door.FireLine, c.Fire, &w.Inputs.Fire},
		{door.TamperLine, c.Tamper, &w.Inputs.Tamper},
		{door.InterlockLine, c.Interlock, &w.Inputs.Interlock},
	} {
		if err := openInput(c, in.role, in.wire, in.at); err != nil {
			return aboutLine("door."+in.role.String(), err)
		}
	}
	return nil
}

func (w *Wiring) openSignals(c configs.Door) error {
	for _, out := range []struct {
		role door.Role
		wire configs.Output
		at   *gpio.Line
	}{
		{door.RedLine, c.LEDRed, &w.Signals.Red},
		{door.GreenLine, c.LEDGreen, &w.Signals.Green},
		{door.BuzzerLine, c.Buzzer, &w.Signals.Buzzer},
	} {
		if err := openSignal(c, out.role, out.wire, out.at); err != nil {
			return aboutLine("door."+out.role.String(), err)
		}
	}
	return nil
}

// Close closes the lines, the relay last: that releases it.
func (w *Wiring) Close() error {
	errs := w.closeOthers()
	if w.Relay != nil {
		errs = append(errs, w.Relay.Close())
	}
	return errors.Join(errs...)
}

// closeOthers closes all but the relay.
func (w *Wiring) closeOthers() (errs []error) {
	for _, in := range []gpio.Input{w.Inputs.Contact, w.Inputs.Exit, w.Inputs.Fire, w.Inputs.Tamper, w.Inputs.Interlock} {
		if in != nil {
			errs = append(errs, in.Close())
		}
	}
	for _, out := range []gpio.Line{w.Signals.Red, w.Signals.Green, w.Signals.Buzzer} {
		if out != nil {
			errs = append(errs, out.Close())
		}
	}
	return errs
}

// openInput opens an input into at, if it is wired.
func openInput(c configs.Door, role door.Role, wire configs.Input, at *gpio.Input) error {
	if !wire.Wired() {
		return nil
	}
	var in gpio.Input
	var err error
	consumer := consumerOf(role)
	switch {
	case c.Driver == configs.Sim && c.Chip == "":
		in = sim.NewInput()
	case c.Driver == configs.Sim:
		in, err = sim.Board(c.Chip).OpenInput(sim.Wire{
			Name: wire.Line, ActiveLow: wire.ActiveLow, Consumer: consumer, Debounce: wire.Debounce,
		})
	default:
		in, err = cdev.OpenInput(cdev.InputConfig{
			Config: cdev.Config{Chip: wire.Chip, Line: wire.Line, ActiveLow: wire.ActiveLow, Consumer: consumer},
			Bias:   biasOf(wire.Bias), Debounce: wire.Debounce,
		})
	}
	if err != nil {
		return err
	}
	*at = in
	return nil
}

// openSignal opens an output into at, if it is wired.
func openSignal(c configs.Door, role door.Role, wire configs.Output, at *gpio.Line) (err error) {
	if !wire.Wired() {
		return nil
	}
	*at, err = openOutput(c, cdev.Config{Chip: wire.Chip, Line: wire.Line, ActiveLow: wire.ActiveLow, Consumer: consumerOf(role)}, nil)
	return err
}

// consumerOf is what others are told of who uses a line.
func consumerOf(role door.Role) string { return "facegate:" + role.String() }

func biasOf(b configs.Bias) cdev.Bias {
	switch b {
	case configs.PullUp:
		return cdev.PullUp
	case configs.PullDown:
		return cdev.PullDown
	case configs.NoBias:
		return cdev.AsWired
	}
	return cdev.AsIs
}

// aboutLine says which key of a section an error of a line is about.
func aboutLine(section string, err error) error {
	if errors.Is(err, cdev.ErrNoSuchChip) {
		return configs.About(section+".chip", err)
	}
	return configs.About(section+".line", err)
}

// checkBoard refuses lines that the board of a simulated door does not have.
func checkBoard(c *configs.Config) error {
	if c.Door.Driver != configs.Sim || c.Door.Chip == "" {
		return nil
	}
	board, errs := sim.Board(c.Door.Chip), []error{}
	if err := board.Check("relay"); err != nil {
		return configs.About("door.chip", err)
	}
	for _, w := range c.Wires() {
		errs = append(errs, configs.About(w.Key, board.Check(w.Line)))
	}
	return errors.Join(errs...)
}

// door checks the board of a simulated door, and says what may become of whoever is inside of any.
func (k *checker) door() {
	c := k.config
	k.refuse(checkBoard(c))
	if reason, todo := c.Door.ShutsIn(); reason != "" {
		k.note(Note{Key: "door.fail", Says: reason, Todo: todo, Lacks: true})
	}
}
