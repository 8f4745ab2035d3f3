package cdev

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
)

// An edge is a change of the level of an input, as the kernel tells it.
type edge struct {
	active bool   // the logical level after it
	stamp  uint64 // ns on a clock of the kernel
	seq    uint32 // counts the changes of the line from 1; 0 if the kernel does not count
}

// An abi is one version of the kernel's interface for lines. Levels are logical.
type abi interface {
	output(chip uintptr, offset int, cfg Config) (fd int32, err error)
	input(chip uintptr, offset int, cfg InputConfig) (fd int32, err error)
	debounces() bool // the kernel debounces inputs
	get(fd uintptr) (active bool, err error)
	set(fd uintptr, active bool) error
	edges(fd uintptr) ([]edge, error) // those that wait to be read; unix.EAGAIN if there are none
}

// A held is a line that the kernel has given us, as long as its file is open.
type held struct {
	file *os.File
	abi  abi
}

// do calls f with the descriptor of the line.
func (h held) do(f func(fd uintptr) error) error {
	conn, err := h.file.SyscallConn()
	if err != nil {
		return err
	}
	if away := conn.Control(func(fd uintptr) { err = f(fd) }); away != nil {
		return away
	}
	return err
}

func (h held) set(active bool) error {
	return h.do(func(fd uintptr) error { return h.abi.set(fd, active) })
}

func (h held) get() (active bool, err error) {
	err = h.do(func(fd uintptr) (err error) { active, err = h.abi.get(fd); return err })
	return active, err
}

// v2 is the interface of Linux 5.10 and later.
type v2 struct{}

// bufferSize is how many edges the kernel is asked to keep for us.
const bufferSize = 256

func (v2) debounces() bool { return true }

func (v2) output(chip uintptr, offset int, cfg Config) (int32, error) {
	r := uapi.LineRequest{Lines: 1, Config: uapi.LineConfig{Flags: uapi.LineFlagV2Output | lowV2(cfg)}} // a level that is not given is inactive
	return requestV2(chip, offset, cfg, r)
}

func (v2) input(chip uintptr, offset int, cfg InputConfig) (int32, error) {
	flags := map[Bias]uapi.LineFlagV2{
		AsWired: uapi.LineFlagV2BiasDisabled, PullUp: uapi.LineFlagV2BiasPullUp, PullDown: uapi.LineFlagV2BiasPullDown,
	}[cfg.Bias]
	r := uapi.LineRequest{Lines: 1, EventBufferSize: bufferSize}
	r.Config.Flags = uapi.LineFlagV2Input | uapi.LineFlagV2EdgeBoth | flags | lowV2(cfg.Config)
	if cfg.Debounce > 0 {
		r.Config.AddAttribute(uapi.LineConfigAttribute{Attr: uapi.DebouncePeriod(cfg.Debounce).Encode(), Mask: 1})
	}
	return requestV2(chip, offset, cfg.Config, r)
}

func lowV2(cfg Config) uapi.LineFlagV2 {
	if cfg.ActiveLow {
		return uapi.LineFlagV2ActiveLow
	}
	return 0
}

func requestV2(chip uintptr, offset int, cfg Config, r uapi.LineRequest) (int32, error) {
	r.Offsets[0] = uint32(offset)
	copy(r.Consumer[:len(r.Consumer)-1], cfg.consumer())
	err := uapi.GetLine(chip, &r)
	return r.Fd, err
}

func (v2) get(fd uintptr) (bool, error) {
	v := uapi.LineValues{Mask: 1}
	err := uapi.GetLineValuesV2(fd, &v)
	return v.Bits == 1, err
}

func (v2) set(fd uintptr, active bool) error {
	v := uapi.LineValues{Mask: 1}
	if active {
		v.Bits = 1
	}
	return uapi.SetLineValuesV2(fd, v)
}

func (v2) edges(fd uintptr) ([]edge, error) {
	return read(fd, func(e uapi.LineEvent) edge {
		return edge{active: e.ID == uapi.LineEventRisingEdge, stamp: e.Timestamp, seq: e.LineSeqno}
	})
}

// v1 is the interface of Linux 4.8 to 5.9, which a Jetson Nano has. It does not debounce, and sets a bias from 5.5 on.
type v1 struct{}

func (v1) debounces() bool { return false }

func (v1) output(chip uintptr, offset int, cfg Config) (int32, error) {
	r := uapi.HandleRequest{Lines: 1, Flags: uapi.HandleRequestOutput | lowV1(cfg)} // the level is inactive
	r.Offsets[0] = uint32(offset)
	copy(r.Consumer[:len(r.Consumer)-1], cfg.consumer())
	err := uapi.GetLineHandle(chip, &r)
	return r.Fd, err
}

func (v1) input(chip uintptr, offset int, cfg InputConfig) (int32, error) {
	flags := map[Bias]uapi.HandleFlag{PullUp: uapi.HandleRequestPullUp, PullDown: uapi.HandleRequestPullDown}[cfg.Bias]
	r := uapi.EventRequest{
		Offset:      uint32(offset),
		HandleFlags: uapi.HandleRequestInput | flags | lowV1(cfg.Config),
		EventFlags:  uapi.EventRequestBothEdges,
	}
	copy(r.Consumer[:len(r.Consumer)-1], cfg.consumer())
	err := uapi.GetLineEvent(chip, &r)
	return r.Fd, err
}

func lowV1(cfg Config) uapi.HandleFlag {
	if cfg.ActiveLow {
		return uapi.HandleRequestActiveLow
	}
	return 0
}

func (v1) get(fd uintptr) (bool, error) {
	var v uapi.HandleData
	err := uapi.GetLineValues(fd, &v)
	return v[0] != 0, err
}

func (v1) set(fd uintptr, active bool) error {
	var v uapi.HandleData
	if active {
		v[0] = 1
	}
	return uapi.SetLineValues(fd, v)
}

func (v1) edges(fd uintptr) ([]edge, error) {
	return read(fd, func(e uapi.EventData) edge {
		return edge{active: e.ID == uapi.EventRequestRisingEdge, stamp: e.Timestamp}
	})
}

// read returns the events that wait to be read, up to 16 of them. An end of the file is an error, as a kernel has none there.
func read[event, change any](fd uintptr, made func(event) change) (changes []change, err error) {
	var e event
	size := binary.Size(e)
	buffer := make([]byte, 16*size)
	n, err := unix.Read(int(fd), buffer)
	switch {
	case errors.Is(err, unix.EINTR):
		return nil, unix.EAGAIN
	case err != nil:
		return nil, err
	case n < size:
		return nil, io.ErrUnexpectedEOF
	}
	for buffer = buffer[:n]; len(buffer) >= size; buffer = buffer[size:] {
		if _, err := binary.Decode(buffer, binary.NativeEndian, &e); err != nil {
			return nil, err
		}
		changes = append(changes, made(e))
	}
	return changes, nil
}

// A moment is one reading of the clocks.
type moment struct {
	now             time.Time
	monotonic, real time.Duration
}

// present reads the clocks.
func present() (m moment, err error) {
	var mono, real unix.Timespec
	err = errors.Join(unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono), unix.ClockGettime(unix.CLOCK_REALTIME, &real))
	return moment{now: time.Now(), monotonic: time.Duration(mono.Nano()), real: time.Duration(real.Nano())}, err
}

// oldest is how long ago an edge may have been that is read now. What seems older is on another clock.
const oldest = time.Minute

// of returns when the kernel stamped an edge: on the monotonic clock or, before Linux 5.7, on that of the day. A stamp that
// is on neither counts as of now.
func (m moment) of(stamp uint64) time.Time {
	for _, clock := range []time.Duration{m.monotonic, m.real} {
		if age := clock - time.Duration(stamp); age >= 0 && age < oldest {
			return m.now.Add(-age)
		}
	}
	return m.now
}
