package sim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/debounce"
	"facegate/gpio/follow"
)

// changes are what happens in a folder when somebody writes or replaces a file.
const changes = unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM

// OpenInput takes an input, whose file anybody may write, in place or by renaming another to it. A level counts once it was
// read, so it has to last for a moment also where it is not debounced. Its errors are those of Open.
func (b Board) OpenInput(w Wire) (gpio.Input, error) {
	p, err := b.claim(w)
	if err != nil {
		return nil, err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, errors.Join(err, p.holder.Close())
	}
	in := &boardInput{pin: p, folder: os.NewFile(uintptr(fd), "changes in "+string(b))}
	if _, err := unix.InotifyAddWatch(fd, string(b), changes); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// A boardInput is an input of a Board.
type boardInput struct {
	pin    *pin
	folder *os.File // tells of changes
	closed atomic.Bool
}

func (in *boardInput) String() string { return in.pin.String() }

func (in *boardInput) Close() error {
	if in.closed.Swap(true) {
		return gpio.ErrClosed
	}
	return errors.Join(in.folder.Close(), in.pin.holder.Close())
}

func (in *boardInput) Watch(ctx context.Context, emit func(gpio.Level)) error {
	err := in.watch(ctx, emit)
	switch {
	case in.closed.Load():
		return gpio.ErrClosed
	case err != nil:
		return hint.Wrap(fmt.Errorf("gpio: watch %v: %w", in, err), "Put the level, 0 or 1, into the file %s.", in.pin.path)
	}
	return nil
}

func (in *boardInput) watch(ctx context.Context, emit func(gpio.Level)) error {
	level, err := in.pin.get()
	if err != nil || in.closed.Load() || ctx.Err() != nil {
		return err
	}
	f := debounce.New(in.pin.Debounce, level, time.Now(), emit)
	return follow.File(ctx, in.folder, f, drain, func() (bool, error) {
		now, err := in.pin.get()
		if errors.Is(err, errHalf) {
			return level, nil // the rest of the write is a change too
		}
		level = now
		return now, err
	})
}

// drain reads what the kernel tells of the folder: that there was a change is all that matters.
func drain(fd uintptr) error {
	var buffer [4096]byte
	_, err := unix.Read(int(fd), buffer[:])
	return err
}
