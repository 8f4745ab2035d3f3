// Package cdev has GPIO lines of the kernel's character device: outputs that are driven, and inputs that are watched.
package cdev

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
)

// The reasons for which a line cannot be had, beside gpio.ErrInUse. A missing permission is fs.ErrPermission.
var (
	ErrNotFound  = errors.New("there is no such line")
	ErrAmbiguous = errors.New("more than one line fits")
	ErrNumber    = errors.New("a line number without a chip names no line")

	ErrNoChip     = fmt.Errorf("%w: this machine has no GPIO chip", ErrNotFound)
	ErrNoSuchChip = fmt.Errorf("%w: the chip is not there", ErrNotFound)
)

// A Config says which line to use and how.
type Config struct {
	Chip      string // the chip's label ("pinctrl-rp1") or name ("gpiochip0"); empty to look on all chips
	Line      string // the line's name ("GPIO17") or, with a Chip, its offset there ("17")
	ActiveLow bool   // the line is active at a low level
	Consumer  string // what gpioinfo shows as the user of the line; empty for "facegate:relay"
}

// consumer is what the kernel is told of who uses the line.
func (c Config) consumer() string { return cmp.Or(c.Consumer, "facegate:relay") }

// Open finds the line and requests it as an inactive output in one step, so that the relay sees no glitch. Chip numbers
// change between boards and kernels, so a line is found by its name or by its chip's label. Its errors wrap ErrNotFound,
// ErrAmbiguous, ErrNumber, gpio.ErrInUse, fs.ErrPermission or what the kernel said, with a hint.
func Open(cfg Config) (gpio.Line, error) {
	at, err := find(cfg)
	if err != nil {
		return nil, err
	}
	h, err := requestOutput(at, cfg)
	if err != nil {
		return nil, err
	}
	return newLine(h, at, cfg), nil
}

func requestOutput(at Place, cfg Config) (held, error) {
	return request(at, func(a abi, chip uintptr) (int32, error) { return a.output(chip, at.offset, cfg) })
}

var _ gpio.Lasting = (*line)(nil)

// Adopt takes over a line that the process before this one has left as file. Its level does not change.
func Adopt(cfg Config, file *os.File) (gpio.Line, error) {
	at, err := find(cfg)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	h := held{file: file, abi: at.chip.abi}
	if _, err := h.get(); err != nil {
		return nil, errors.Join(fmt.Errorf("gpio: take over %v: %w", at, err), file.Close())
	}
	return newLine(h, at, cfg), nil
}

// find resolves cfg on the chips of this machine.
func find(cfg Config) (Place, error) {
	chips, scanErr := Chips()
	at, err := Resolve(chips, cfg)
	if errors.Is(err, ErrNotFound) && scanErr != nil {
		err = scanErr // the line may be on the chip that could not be read
	}
	return at, err
}

// request has the kernel give us a line, as ask asks for it.
func request(at Place, ask func(a abi, chip uintptr) (fd int32, err error)) (held, error) {
	dev, err := unix.Open("/dev/"+at.chip.Name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return held{}, fmt.Errorf("gpio: open %s: %w", at.chip.Name, withHint(err, at.chip.Name))
	}
	defer unix.Close(dev)
	fd, err := ask(at.chip.abi, uintptr(dev))
	if err != nil {
		return held{}, fmt.Errorf("gpio: request %v: %w", at, requestError(err, at))
	}
	return held{file: os.NewFile(uintptr(fd), at.String()), abi: at.chip.abi}, nil
}

// requestError explains why the kernel refused the line.
func requestError(err error, at Place) error {
	if errors.Is(err, unix.EBUSY) {
		return at.inUse(os.DirFS("/"))
	}
	return withHint(err, at.chip.Name)
}

// withHint adds the advice for errors of opening or using a chip.
func withHint(err error, chip string) error {
	if errors.Is(err, fs.ErrPermission) {
		return hint.Wrap(err, "Let the service's user into the group gpio (`usermod -aG gpio USER`), "+
			"or give the group the device (`ls -l /dev/%s`).", chip)
	}
	return err
}

// A line is an output that the kernel has given us.
type line struct {
	name  string
	again func() (held, error) // requests the line anew

	mu     sync.Mutex // guards what follows, and the order of the levels
	held   held
	gone   bool // its chip went away, and perhaps came back: the kernel forgets who had its lines
	closed bool
}

func newLine(h held, at Place, cfg Config) *line {
	return &line{name: at.String(), held: h, again: func() (held, error) {
		at, err := find(cfg)
		if err != nil {
			return held{}, err
		}
		return requestOutput(at, cfg)
	}}
}

func (l *line) Set(active bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return gpio.ErrClosed
	}
	return l.set(active)
}

// set is Set with l.mu held, on a line that is ours.
func (l *line) set(active bool) error {
	if l.gone {
		h, err := l.again()
		if err != nil {
			return err
		}
		l.held.file.Close() // of a chip that is not there any more
		l.held = h
	}
	err := l.held.set(active)
	l.gone = errors.Is(err, unix.ENODEV)
	return err
}

// Close drives the line inactive first: some drivers keep the last level after the release.
func (l *line) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return gpio.ErrClosed
	}
	l.closed = true
	err := l.set(false)
	return errors.Join(err, l.held.file.Close())
}

// Leave implements gpio.Lasting.
func (l *line) Leave() (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, gpio.ErrClosed
	}
	l.closed = true
	return l.held.file, nil
}

func (l *line) String() string { return l.name }
