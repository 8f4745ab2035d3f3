// Package cdev drives a GPIO line through the kernel's character device.
package cdev

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
)

// The reasons for which a line cannot be had. A missing permission is fs.ErrPermission.
var (
	ErrNotFound  = errors.New("there is no such line")
	ErrAmbiguous = errors.New("more than one line fits")
	ErrNumber    = errors.New("a line number without a chip names no line")
	ErrBusy      = errors.New("the line is in use")

	ErrNoChip     = fmt.Errorf("%w: this machine has no GPIO chip", ErrNotFound)
	ErrNoSuchChip = fmt.Errorf("%w: the chip is not there", ErrNotFound)
)

// A Config says which line to drive and how.
type Config struct {
	Chip      string // the chip's label ("pinctrl-rp1") or name ("gpiochip0"); empty to look on all chips
	Line      string // the line's name ("GPIO17") or, with a Chip, its offset there ("17")
	ActiveLow bool   // the relay is energised by a low level
	Consumer  string // what gpioinfo shows as the user of the line; empty for "facegate:relay"
}

// Open finds the line and requests it as an inactive output in one step, so that the relay sees no glitch. Chip numbers
// change between boards and kernels, so a line is found by its name or by its chip's label. Its errors wrap ErrNotFound,
// ErrAmbiguous, ErrNumber, ErrBusy, fs.ErrPermission or what the kernel said, with a hint.
func Open(cfg Config) (gpio.Line, error) {
	at, err := find(cfg)
	if err != nil {
		return nil, err
	}
	consumer := cfg.Consumer
	if consumer == "" {
		consumer = "facegate:relay"
	}
	options := []gpiocdev.LineReqOption{gpiocdev.AsOutput(0), gpiocdev.WithConsumer(consumer)}
	if cfg.ActiveLow {
		options = append(options, gpiocdev.AsActiveLow)
	}
	l, err := gpiocdev.RequestLine(at.chip.name, at.offset, options...)
	if err != nil {
		return nil, fmt.Errorf("gpio: request %v: %w", at, requestError(err, at))
	}
	return &line{line: l, name: at.String()}, nil
}

// Check says whether Open would find the line. It requests nothing, and the line may be in use.
func Check(cfg Config) error {
	_, err := find(cfg)
	return err
}

func find(cfg Config) (place, error) {
	chips, scanErr := scan()
	at, err := choose(chips, cfg.Chip, cfg.Line)
	if errors.Is(err, ErrNotFound) && scanErr != nil {
		err = scanErr // the line may be on the chip that could not be read
	}
	if err != nil {
		return place{}, fmt.Errorf("gpio: find line %q: %w", cfg.Line, err)
	}
	return at, nil
}

// scan lists the chips with their lines. It leaves out what is not a chip of its own, such as the symbolic link
// gpiochip4 of a Raspberry Pi 5, and goes on past chips that cannot be read; the error tells of those.
func scan() ([]chip, error) {
	var chips []chip
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

func scanChip(name string) (chip, error) {
	dev, err := gpiocdev.NewChip(name)
	if err != nil {
		return chip{}, withHint(err, name)
	}
	defer dev.Close()
	c := chip{name: dev.Name, label: dev.Label, lines: make([]info, dev.Lines())}
	for offset := range c.lines {
		i, err := dev.LineInfo(offset)
		if err != nil {
			return chip{}, fmt.Errorf("line %d of %s: %w", offset, name, err)
		}
		c.lines[offset] = info{name: i.Name, consumer: i.Consumer}
	}
	return c, nil
}

// requestError explains why the kernel refused the line.
func requestError(err error, at place) error {
	if errors.Is(err, unix.EBUSY) {
		user := "another driver or program"
		if consumer := at.chip.lines[at.offset].consumer; consumer != "" {
			user = fmt.Sprintf("%q", consumer)
		}
		return hint.Wrap(fmt.Errorf("%w by %s", ErrBusy, user),
			"Stop what uses the line (`gpioinfo` shows it), or wire the relay to another line.")
	}
	return withHint(err, at.chip.name)
}

// withHint adds the advice for errors of opening or using a chip.
func withHint(err error, chip string) error {
	if errors.Is(err, fs.ErrPermission) {
		return hint.Wrap(err, "Let the service's user into the group gpio (`usermod -aG gpio USER`), "+
			"or give the group the device (`ls -l /dev/%s`).", chip)
	}
	return err
}

// line is a requested line.
type line struct {
	line *gpiocdev.Line
	name string
}

func (l *line) Set(active bool) error {
	value := 0
	if active {
		value = 1
	}
	err := l.line.SetValue(value)
	if errors.Is(err, gpiocdev.ErrClosed) {
		return gpio.ErrClosed
	}
	return err
}

// Close drives the line inactive first: some drivers keep the last level after the release.
func (l *line) Close() error {
	err := l.Set(false)
	if closeErr := l.line.Close(); errors.Is(closeErr, gpiocdev.ErrClosed) {
		return gpio.ErrClosed
	}
	return err
}

func (l *line) String() string { return l.name }
