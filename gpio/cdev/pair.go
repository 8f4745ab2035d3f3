package cdev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
)

// The reasons for which two lines cannot be watched together.
var (
	ErrOld   = errors.New("this kernel does not count the edges of two lines together")
	ErrApart = errors.New("they are not two lines of one chip")
)

// A PairConfig says which two lines to watch for falling edges.
type PairConfig struct {
	Chip     string // as in Config
	Lines    [2]string
	Consumer string
}

func (c PairConfig) line(n int) Config {
	return Config{Chip: c.Chip, Line: c.Lines[n], Consumer: c.Consumer}
}

// OpenPair finds two lines of one chip and requests them together, with pulls up. Its errors are those of Open, ErrOld or ErrApart.
func OpenPair(cfg PairConfig) (gpio.Pair, error) {
	places, err := findPair(cfg)
	if err != nil {
		return nil, err
	}
	h, err := requestPair(places, cfg)
	if err != nil {
		return nil, err
	}
	return &pair{
		name: pairName(places), held: h, offsets: [2]uint32{uint32(places[0].offset), uint32(places[1].offset)},
		levels: levels,
	}, nil
}

// findPair resolves both lines, which have to be two of one chip.
func findPair(cfg PairConfig) (places [2]Place, err error) {
	for n := range places {
		if places[n], err = find(cfg.line(n)); err != nil {
			return places, err
		}
	}
	return places, together(places)
}

// together says why the kernel cannot watch these lines together.
func together(places [2]Place) error {
	if a, b := places[0], places[1]; a.Is(b) || a.chip.Name != b.chip.Name {
		return hint.Wrap(fmt.Errorf("gpio: watch %v and %v: %w", a, b, ErrApart), "Wire D0 and D1 to two lines of one chip.")
	}
	return nil
}

// watchesTwo says whether a kernel can watch two lines together.
func watchesTwo(a abi) error {
	if _, ok := a.(v2); !ok {
		return hint.Wrap(ErrOld, "A Wiegand reader needs Linux 5.10 or later. Take a USB reader, or a newer kernel.")
	}
	return nil
}

func pairName(places [2]Place) string {
	name := places[0].Info().Name
	if name == "" {
		name = fmt.Sprintf("line %d", places[0].offset)
	}
	return fmt.Sprintf("%s and %v", name, places[1])
}

// requestPair has the kernel give us both lines in one request, so that it counts their edges together.
func requestPair(places [2]Place, cfg PairConfig) (held, error) {
	return request(places[0], func(a abi, chip uintptr) (int32, error) {
		if err := watchesTwo(a); err != nil {
			return 0, err
		}
		r := uapi.LineRequest{Lines: 2, EventBufferSize: bufferSize}
		r.Config.Flags = uapi.LineFlagV2Input | uapi.LineFlagV2EdgeFalling | uapi.LineFlagV2BiasPullUp
		r.Offsets[0], r.Offsets[1] = uint32(places[0].offset), uint32(places[1].offset)
		copy(r.Consumer[:len(r.Consumer)-1], cfg.line(0).consumer())
		if err := uapi.GetLine(chip, &r); err != nil {
			return 0, inputError(err, PullUp)
		}
		if err := unix.SetNonblock(int(r.Fd), true); err != nil { // so that a read can be given up
			return 0, errors.Join(err, unix.Close(int(r.Fd)))
		}
		return r.Fd, nil
	})
}

// A fall is a falling edge, as the kernel tells it.
type fall struct {
	offset uint32
	at     time.Duration
	seq    uint32
}

func made(e uapi.LineEvent) fall {
	return fall{offset: e.Offset, at: time.Duration(e.Timestamp), seq: e.Seqno}
}

// levels reads which lines are low.
func levels(fd uintptr) (low [2]bool, err error) {
	v := uapi.LineValues{Mask: 3}
	err = uapi.GetLineValuesV2(fd, &v)
	return [2]bool{v.Bits&1 == 0, v.Bits&2 == 0}, err
}

// A pair is two inputs that the kernel has given us.
type pair struct {
	name    string
	offsets [2]uint32
	levels  func(fd uintptr) (low [2]bool, err error)
	held    held
	closed  atomic.Bool
}

func (p *pair) String() string { return p.name }

func (p *pair) Close() error {
	if p.closed.Swap(true) {
		return gpio.ErrClosed
	}
	return p.held.file.Close()
}

func (p *pair) Watch(ctx context.Context, fell gpio.Fell, rests gpio.Rests) error {
	err := p.watch(ctx, fell, rests)
	switch {
	case p.closed.Load():
		return gpio.ErrClosed
	case err != nil:
		return hint.Wrap(fmt.Errorf("gpio: watch %v: %w", p, err), "Check that the GPIO chip of %v is still there, and its cable.", p)
	}
	return nil
}

// How often the lines are looked at without an edge.
const (
	restEvery = time.Second
	busyEvery = 15 * time.Millisecond
	busyFor   = 300 * time.Millisecond // after an edge
)

// handover is how much later than its time stamp an edge may be there to be read: the kernel stamps it in the interrupt, and
// queues it in a thread.
const handover = 5 * time.Millisecond

func (p *pair) watch(ctx context.Context, fell gpio.Fell, rests gpio.Rests) error {
	file := p.held.file
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) }) // it fails once the file is closed
	defer stop()
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var busy time.Time // until when
	for {
		wait := restEvery
		if time.Now().Before(busy) {
			wait = busyEvery
		}
		if err := file.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		if ctx.Err() != nil { // the deadline of the end may have come before this one
			return nil
		}
		some := false
		var failed error
		away := conn.Read(func(fd uintptr) bool { some, failed = p.drain(fd, fell, rests); return some || failed != nil })
		if failed == nil && !errors.Is(away, os.ErrDeadlineExceeded) {
			failed = away
		}
		if failed != nil {
			return failed
		}
		if some {
			busy = time.Now().Add(busyFor)
		}
	}
}

// drain tells of the edges that wait to be read, and up to when there were no more. It reports whether there were any.
func (p *pair) drain(fd uintptr, fell gpio.Fell, rests gpio.Rests) (some bool, err error) {
	for {
		m, err := present()
		if err != nil {
			return some, err
		}
		falls, err := read(fd, made)
		switch {
		case errors.Is(err, unix.EAGAIN):
			low, err := p.levels(fd)
			if err == nil {
				rests(m.monotonic-handover, low)
			}
			return some, err
		case err != nil:
			return some, err
		}
		some = true
		for _, f := range falls {
			fell(p.lineOf(f), f.at, f.seq)
		}
	}
}

func (p *pair) lineOf(f fall) int {
	if f.offset == p.offsets[1] {
		return 1
	}
	return 0
}
