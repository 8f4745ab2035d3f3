package daemon

import (
	"fmt"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/passage"
	"facegate/device/evdev"
	"facegate/device/reader"
	"facegate/device/wiegand"
	"facegate/gpio/cdev"
	"facegate/gpio/sim"
)

// openReaders returns the readers of a configuration, each of which is opened when it is read. None has to be there. Where the door
// is simulated, so are the lines of a reader: in memory or, with door.chip, on the board in that folder.
func openReaders(c *configs.Config) ([]reader.Source, error) {
	var all []reader.Source
	for i, r := range c.Readers {
		source, err := openReader(c.Door, r)
		if err != nil {
			return nil, configs.About(fmt.Sprintf("readers[%d]", i+1), err)
		}
		all = append(all, source)
	}
	return all, nil
}

func openReader(d configs.Door, r configs.Reader) (reader.Source, error) {
	secure := r.Class == passage.ByCardSecure
	switch r.Kind {
	case configs.USB, configs.Keypad:
		return evdev.New(evdev.Config{Name: r.Name, Device: r.Device, Keypad: r.Kind == configs.Keypad, Secure: secure}), nil
	}
	cfg := wiegand.Config{Name: r.Name, Format: r.Format, Keys: r.Kind == configs.WiegandKeypad, Secure: secure, Twice: r.Twice}
	return wiegand.New(cfg, func() (wiegand.Lines, error) { return openLines(d, r) })
}

// openLines opens the data lines of a Wiegand reader.
func openLines(d configs.Door, r configs.Reader) (wiegand.Lines, error) {
	lines, consumer := [2]string{r.D0, r.D1}, "facegate:"+r.Name
	switch {
	case d.Driver == configs.Sim && d.Chip == "":
		return sim.NewPair(), nil
	case d.Driver == configs.Sim:
		return sim.Board(d.Chip).OpenPair(lines, consumer)
	}
	return cdev.OpenPair(cdev.PairConfig{Chip: r.Chip, Lines: lines, Consumer: consumer})
}

// readersHealth says which of the readers cannot be read. That one is back is known before anything is shown to it.
func (d *Daemon) readersHealth(*status.Status) (all []health.Condition) {
	faults := d.desk.Faults()
	for _, source := range d.readers {
		err := faults[source.String()]
		if a, ok := source.(reader.Attached); ok {
			err = a.Fault()
		}
		if err != nil {
			reason := fmt.Sprintf("a reader cannot be read, and the other ways in work: %v", err)
			all = append(all, health.When(true, health.ReaderFault, health.Entry, health.Degraded, reason, hint.Of(err))...)
		}
	}
	return all
}

// showsCards lists the readers of a configuration that cards are shown to, by name.
func showsCards(c *configs.Config) (names []string) {
	for _, r := range c.Readers {
		if r.Kind == configs.Wiegand || r.Kind == configs.USB {
			names = append(names, r.Name)
		}
	}
	return names
}
