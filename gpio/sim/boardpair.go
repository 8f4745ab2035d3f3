package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
)

// A PinFall is a falling edge of one of two lines.
type PinFall struct {
	At   time.Duration // on the monotonic clock of the machine, as Monotonic
	Line int           // 0 or 1
}

// Fall makes two lines of the board fall and rise again, from outside. The edges are added to the file of both lines, NAME-NAME.falls,
// in one piece: a nanosecond and a line to each of its lines.
func (b Board) Fall(lines [2]string, falls []PinFall) error {
	var text bytes.Buffer
	for _, f := range falls {
		fmt.Fprintf(&text, "%d %d\n", f.At, f.Line)
	}
	f, err := os.OpenFile(b.falls(lines), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	return errors.Join(err, f.Close())
}

func (b Board) falls(lines [2]string) string {
	return filepath.Join(string(b), lines[0]+"-"+lines[1]+".falls")
}

// OpenPair takes two inputs that are high at rest, and whose edges come from Fall. What fell before is not told. Its errors are
// those of Open.
func (b Board) OpenPair(lines [2]string, consumer string) (gpio.Pair, error) {
	p := &boardPair{path: b.falls(lines)}
	for n, name := range lines {
		pin, err := b.claim(Wire{Name: name, ActiveLow: true, Consumer: consumer})
		if err != nil {
			return nil, errors.Join(err, p.release())
		}
		p.pins[n] = pin
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, errors.Join(err, p.release())
	}
	p.folder = os.NewFile(uintptr(fd), "changes in "+string(b))
	if _, err := unix.InotifyAddWatch(fd, string(b), changes); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if at, err := os.Stat(p.path); err == nil {
		p.read = at.Size()
	}
	return p, nil
}

// A boardPair is two inputs of a Board.
type boardPair struct {
	pins   [2]*pin
	path   string   // of the edges
	folder *os.File // tells of changes
	closed atomic.Bool

	// Watch alone has these.
	read int64 // so much of the file was told
	seq  uint32
}

func (p *boardPair) String() string { return p.pins[0].Name + " and " + p.pins[1].String() }

func (p *boardPair) Close() error {
	if p.closed.Swap(true) {
		return gpio.ErrClosed
	}
	return errors.Join(p.folder.Close(), p.release())
}

// release gives up the lines that were taken.
func (p *boardPair) release() (err error) {
	for _, pin := range p.pins {
		if pin != nil {
			err = errors.Join(err, pin.holder.Close())
		}
	}
	return err
}

func (p *boardPair) Watch(ctx context.Context, fell gpio.Fell, rests gpio.Rests) error {
	stop := context.AfterFunc(ctx, func() { _ = p.folder.SetReadDeadline(time.Unix(1, 0)) }) // it fails once the file is closed
	defer stop()
	err := p.watch(ctx, fell, rests)
	switch {
	case p.closed.Load():
		return gpio.ErrClosed
	case err != nil:
		return hint.Wrap(fmt.Errorf("gpio: watch %v: %w", p, err), "Put edges into %s, a nanosecond and a line (0 or 1) to each of its lines.", p.path)
	}
	return nil
}

// How often the lines are said to rest without an edge, and for how long after one they are said to oftener.
const (
	idleEvery = time.Second
	busyFor   = 300 * time.Millisecond
)

func (p *boardPair) watch(ctx context.Context, fell gpio.Fell, rests gpio.Rests) error {
	var last time.Duration // edge
	for ctx.Err() == nil && !p.closed.Load() {
		now := Monotonic()
		falls, err := p.more()
		if err != nil {
			return err
		}
		for _, f := range falls {
			p.seq++
			fell(f.Line, f.At, p.seq)
			last = f.At
		}
		low, err := p.low()
		if err != nil {
			return err
		}
		rests(now, low)
		wait := idleEvery
		if now < last+busyFor {
			wait = restEvery
		}
		if err := p.wait(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// wait returns when something has changed in the folder, after d, and when ctx is done.
func (p *boardPair) wait(ctx context.Context, d time.Duration) error {
	if err := p.folder.SetReadDeadline(time.Now().Add(d)); err != nil || ctx.Err() != nil {
		return err
	}
	var buffer [4096]byte
	if _, err := p.folder.Read(buffer[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// more reads the edges that were added to the file, but for half a line.
func (p *boardPair) more() (falls []PinFall, err error) {
	f, err := os.Open(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		p.read = 0
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, p.read, 1<<20))
	if err != nil {
		return nil, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	p.read += int64(len(text))
	for line := range bytes.Lines(text) {
		var e PinFall
		if _, err := fmt.Sscanf(string(line), "%d %d\n", &e.At, &e.Line); err != nil || e.Line&^1 != 0 {
			return nil, errors.Join(fmt.Errorf("%.40q is no edge", line), err)
		}
		falls = append(falls, e)
	}
	return falls, nil
}

// low returns which of the lines are low.
func (p *boardPair) low() (low [2]bool, err error) {
	for n, pin := range p.pins {
		active, err := pin.get()
		if err != nil && !errors.Is(err, errHalf) {
			return low, err
		}
		low[n] = active && err == nil
	}
	return low, nil
}
