package cdev

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/debounce"
	"facegate/gpio/follow"
)

// A Bias is what holds an input at a level that nothing else drives.
type Bias int

// The biases. Chips that have no pulls, such as those of a Jetson, ignore them.
const (
	AsIs     Bias = iota // what the board has set
	AsWired              // nothing inside the chip: the wiring has a resistor
	PullUp               // high
	PullDown             // low
)

// An InputConfig says which line to watch and how.
type InputConfig struct {
	Config
	Bias     Bias
	Debounce time.Duration // how long a level has to last; 0 for not at all
}

// OpenInput finds the line and requests it as an input. Its errors are those of Open.
func OpenInput(cfg InputConfig) (gpio.Input, error) {
	at, err := find(cfg.Config)
	if err != nil {
		return nil, err
	}
	return openInput(at, cfg)
}

func openInput(at Place, cfg InputConfig) (gpio.Input, error) {
	h, err := requestInput(at, cfg)
	if err != nil {
		return nil, err
	}
	in := newInput(h, at.String(), cfg.Debounce)
	in.again = func() (held, error) {
		at, err := find(cfg.Config)
		if err != nil {
			return held{}, err
		}
		return requestInput(at, cfg)
	}
	return in, nil
}

func requestInput(at Place, cfg InputConfig) (held, error) {
	return request(at, func(a abi, chip uintptr) (int32, error) {
		fd, err := a.input(chip, at.offset, cfg)
		if err != nil {
			return fd, inputError(err, cfg.Bias)
		}
		if err := unix.SetNonblock(int(fd), true); err != nil { // so that a read can be given up
			return fd, errors.Join(err, unix.Close(int(fd)))
		}
		return fd, nil
	})
}

// inputError adds advice about what a chip or kernel cannot do.
func inputError(err error, bias Bias) error {
	switch {
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.EOPNOTSUPP):
		return hint.Wrap(err, "This chip does not tell when a level changes. Wire the input to a line of another chip.")
	case errors.Is(err, unix.EINVAL) && bias != AsIs:
		return hint.Wrap(err, "This chip or kernel may not be able to set a pull. Leave the bias as it is and wire a resistor of 10 kΩ.")
	}
	return err
}

// An input is an input that the kernel has given us. The one goroutine that reads its edges is that of Watch: the library's
// own loop spins when the chip is gone.
type input struct {
	name   string
	filter time.Duration        // what is left to us of the debouncing
	again  func() (held, error) // requests the line anew

	// Watch alone has these.
	gone bool   // its chip went away, and perhaps came back: the kernel forgets who had its lines
	seq  uint32 // of the last edge

	mu     sync.Mutex // guards what follows; held is also read by Watch, which alone changes it
	held   held
	closed bool
}

func newInput(h held, name string, period time.Duration) *input {
	if h.abi.debounces() {
		period = 0
	}
	return &input{name: name, held: h, filter: period}
}

func (in *input) String() string { return in.name }

func (in *input) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return gpio.ErrClosed
	}
	in.closed = true
	return in.held.file.Close()
}

func (in *input) Watch(ctx context.Context, emit func(gpio.Level)) error {
	err := in.renew()
	if err == nil {
		err = in.watch(ctx, emit)
		in.gone = errors.Is(err, unix.ENODEV)
	}
	switch {
	case in.isClosed():
		return gpio.ErrClosed
	case err != nil:
		return hint.Wrap(fmt.Errorf("gpio: watch %v: %w", in, err), "Check that the GPIO chip of %v is still there, and its cable.", in)
	}
	return nil
}

func (in *input) isClosed() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.closed
}

// renew requests the line anew if its chip has gone.
func (in *input) renew() error {
	if !in.gone || in.isClosed() {
		return nil
	}
	h, err := in.again()
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return h.file.Close()
	}
	in.held.file.Close() // of a chip that is not there any more
	in.held, in.gone, in.seq = h, false, 0
	return nil
}

func (in *input) watch(ctx context.Context, emit func(gpio.Level)) error {
	if err := in.forget(); err != nil || ctx.Err() != nil {
		return err
	}
	level, err := in.held.get()
	if err != nil {
		return err
	}
	f := debounce.New(in.filter, level, time.Now(), emit)
	return follow.File(ctx, in.held.file, f, func(fd uintptr) error { return in.take(f, fd) }, in.held.get)
}

// forget drops the edges from before the watch.
func (in *input) forget() error {
	for {
		var edges []edge
		err := in.held.do(func(fd uintptr) (err error) { edges, err = in.held.abi.edges(fd); return err })
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		if err != nil {
			return err
		}
		in.seq = edges[len(edges)-1].seq
	}
}

// take shows f the edges that wait to be read.
func (in *input) take(f *debounce.Filter, fd uintptr) error {
	edges, err := in.held.abi.edges(fd)
	if err != nil {
		return err
	}
	m, err := present()
	if err != nil {
		return err
	}
	for _, e := range edges {
		if e.seq != 0 { // the kernel may have dropped some: somebody may have pressed and let go in between
			f.Missed(e.seq-in.seq-1, m.of(e.stamp))
			in.seq = e.seq
		}
		f.See(e.active, m.of(e.stamp))
	}
	return nil
}
