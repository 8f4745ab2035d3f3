package cdev

import (
	"errors"
	"fmt"
	"os"

	"github.com/warthog618/go-gpiocdev"
)

// A Chip is what a GPIO chip tells about itself.
type Chip struct {
	Name  string // of the device, "gpiochip0"; it may change from boot to boot
	Label string // of the hardware, "pinctrl-rp1"
	Lines []Info // by offset

	abi abi // how the kernel is asked for its lines
}

// Info is what a line tells about itself.
type Info struct {
	Name      string // may be empty
	Output    bool
	ActiveLow bool
	Bias      Bias
	Used      bool   // somebody has it: this process, another one, or a driver of the kernel
	Consumer  string // what they call themselves; may be empty
}

// A Place is one line of one chip.
type Place struct {
	chip   Chip
	offset int
}

// Chip returns the name of the chip.
func (p Place) Chip() string { return p.chip.Name }

// Offset returns which of the lines of the chip it is.
func (p Place) Offset() int { return p.offset }

// Info returns what the line tells about itself.
func (p Place) Info() Info { return p.chip.Lines[p.offset] }

func (p Place) String() string {
	name := p.Info().Name
	if name == "" {
		name = fmt.Sprintf("line %d", p.offset)
	}
	return fmt.Sprintf("%s on %s [%s]", name, p.chip.Name, p.chip.Label)
}

// Is reports whether both are the same line.
func (p Place) Is(other Place) bool {
	return p.chip.Name == other.chip.Name && p.offset == other.offset
}

// Resolve returns the one line that cfg names. Its errors are those of Open. It requests nothing, and the line may be in use.
func Resolve(chips []Chip, cfg Config) (Place, error) {
	at, err := choose(chips, cfg.Chip, cfg.Line)
	if err != nil {
		return Place{}, fmt.Errorf("gpio: find line %q: %w", cfg.Line, err)
	}
	return at, nil
}

// Free says who holds the line, as an error that wraps gpio.ErrInUse; it returns nil for a line that nobody holds, or that a
// gate does.
func (p Place) Free() error {
	if i := p.Info(); !i.Used || isOurs(i.Consumer) {
		return nil
	}
	return fmt.Errorf("gpio: %v: %w", p, p.inUse(os.DirFS("/")))
}

// Holder says who holds the line, "" if nobody does.
func (p Place) Holder() string {
	if !p.Info().Used {
		return ""
	}
	return p.holder(os.DirFS("/")).name
}

// Places returns all lines of the chip, by offset.
func (c Chip) Places() []Place {
	places := make([]Place, len(c.Lines))
	for offset := range c.Lines {
		places[offset] = Place{c, offset}
	}
	return places
}

// Chips lists the chips of this machine with their lines. It leaves out what is not a chip of its own, such as the symbolic
// link gpiochip4 of a Raspberry Pi 5, and goes on past chips that cannot be read; the error tells of those.
func Chips() ([]Chip, error) {
	var chips []Chip
	var errs []error
	for _, name := range gpiocdev.Chips() {
		c, err := scanChip(name)
		switch {
		case errors.Is(err, gpiocdev.ErrNotCharacterDevice):
		case err != nil:
			errs = append(errs, err)
		default:
			chips = append(chips, c)
		}
	}
	return chips, errors.Join(errs...)
}

func scanChip(name string) (Chip, error) {
	dev, err := gpiocdev.NewChip(name)
	if err != nil {
		return Chip{}, withHint(err, name)
	}
	defer dev.Close()
	c := Chip{Name: dev.Name, Label: dev.Label, Lines: make([]Info, dev.Lines()), abi: v1{}}
	if dev.UapiAbiVersion() == 2 {
		c.abi = v2{}
	}
	for offset := range c.Lines {
		i, err := dev.LineInfo(offset)
		if err != nil {
			return Chip{}, fmt.Errorf("line %d of %s: %w", offset, name, err)
		}
		c.Lines[offset] = told(i)
	}
	return c, nil
}

func told(i gpiocdev.LineInfo) Info {
	bias := map[gpiocdev.LineBias]Bias{
		gpiocdev.LineBiasPullUp: PullUp, gpiocdev.LineBiasPullDown: PullDown, gpiocdev.LineBiasDisabled: AsWired,
	}[i.Config.Bias]
	return Info{
		Name: i.Name, Used: i.Used, Consumer: i.Consumer, Bias: bias,
		Output: i.Config.Direction == gpiocdev.LineDirectionOutput, ActiveLow: i.Config.ActiveLow,
	}
}
