// Package v4l2 reads frames from a Video4Linux2 camera, which in practice is a UVC camera on USB. It uses
// github.com/blackjack/webcam, and the comments say where it goes round what that library leaves open.
package v4l2

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"

	"facegate/device"
	"facegate/device/arrival"
	"facegate/device/controls"
	"facegate/device/v4l2/nodes"
)

// A Format names the pixel formats that may be asked of the camera.
type Format string

// The formats of Config.
const (
	Auto  Format = "auto"  // MJPEG if the camera has it, else YUYV
	MJPEG Format = "mjpeg" // V4L2_PIX_FMT_MJPEG, or V4L2_PIX_FMT_JPEG
	YUYV  Format = "yuyv"  // V4L2_PIX_FMT_YUYV; a bus of USB 2 carries no more than about 10 MP a second of it
)

// Config says which camera to open, and how.
type Config struct {
	Device        string // a node, best under /dev/v4l/by-id, where a camera keeps its name when it is plugged in again
	Format        Format // "" is Auto
	Width, Height int    // the size wanted, in pixels; the nearest one that the camera lists is taken
	FPS           int    // the frame rate wanted; 0 leaves it to the camera, as do drivers that cannot set one

	// FrozenAfter is how long the same picture may come again and again before the camera counts as frozen; 0 for ever, as where a
	// recording is shown in place of a camera.
	FrozenAfter time.Duration

	Controls controls.Wanted
	Log      *slog.Logger // told of controls that are wanted and cannot be had, and of another camera; may be nil
}

// How frames are read from the driver.
const (
	buffers     = 3  // webcam asks for 256, of which a slow reader would see the oldest
	waitSeconds = 1  // how long one wait for a frame lasts; nothing can interrupt it
	silentWaits = 3  // so many in a row mean that the camera has hung
	badFrames   = 10 // so many in a row mean that no good one is to be expected
	yuyvBytes   = 2  // a pixel
)

// Errors of a camera, beside those of the kernel (unix.Errno).
var (
	ErrNoFormat = errors.New("the camera offers no format that can be used")
	ErrHung     = errors.New("the camera sends no frames")
	ErrBad      = errors.New("the camera sends no frame that can be used")
)

// What can be wrong with a frame of a camera, beside what can be wrong with any JPEG picture.
var (
	ErrOtherSize   = errors.New("another size than the camera was set to")
	ErrProgressive = errors.New("a progressive picture, which takes too long to decode")
	errShort       = fmt.Errorf("%w: fewer bytes than the picture has", device.ErrTruncated)
)

// camera is what this package uses of *webcam.Webcam. One value serves one stream: it cannot be started again after a
// stop, nor given another format.
type camera interface {
	GetSupportedFormats() map[webcam.PixelFormat]string
	GetSupportedFrameSizes(webcam.PixelFormat) []webcam.FrameSize
	SetImageFormat(f webcam.PixelFormat, width, height uint32) (webcam.PixelFormat, uint32, uint32, error)
	SetFramerate(fps float32) error
	SetBufferCount(n uint32) error
	StartStreaming() error
	WaitForFrame(seconds uint32) error
	GetFrame() (data []byte, index uint32, err error)
	ReleaseFrame(index uint32) error
	Close() error

	GetControls() map[webcam.ControlID]webcam.Control
	GetControl(id webcam.ControlID) (int32, error)
	SetControl(id webcam.ControlID, value int32) error
}

type source struct {
	cfg      Config
	open     func(path string) (camera, error)
	format   func(path string) (pixFormat, error)
	identify func(path string) (nodes.Identity, error)
	paths    func() []string // of all video nodes
	told     func(why error) // of frames that cannot be used

	first  *nodes.Identity // the camera at the start of the process; nil before it has streamed
	freeze *freeze
	at     atomic.Pointer[string] // the node that was opened last
}

// New returns the camera that cfg names. Nothing is opened before Stream.
func New(cfg Config) device.Teller { return newSource(cfg) }

func newSource(cfg Config) *source {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	machine := nodes.This()
	return &source{
		cfg: cfg, open: openWebcam, format: currentFormat, identify: machine.Identify, paths: machine.Paths,
		freeze: newFreeze(cfg.FrozenAfter),
	}
}

// Tell implements device.Teller.
func (s *source) Tell(told func(why error)) { s.told = told }

// Watch implements device.Returner. A camera may come back under another number.
func (s *source) Watch() (device.Watch, error) {
	if nodes.Numbered(s.cfg.Device) {
		return arrival.New(filepath.Join(filepath.Dir(s.cfg.Device), "video[0-9]*"))
	}
	return arrival.New(s.cfg.Device)
}

func (s *source) String() string { return "camera " + s.cfg.Device }

func (s *source) Stream(ctx context.Context, emit func(device.Frame)) error {
	if ctx.Err() != nil {
		return nil
	}
	if err := s.stream(ctx, emit); err != nil {
		return explain(s.cfg.Device, fmt.Errorf("v4l2: %s: %w", s.cfg.Device, err))
	}
	return nil
}

func (s *source) stream(ctx context.Context, emit func(device.Frame)) (err error) {
	path, is, err := s.find()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	cam, err := s.open(path)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer cam.Close() // an error would tell nothing that the stream's own does not
	picture, err := s.setUp(cam, path)
	if err != nil {
		return err
	}
	if err := cam.StartStreaming(); err != nil {
		return fmt.Errorf("start: %w", withErrno(err))
	}
	s.remember(path, is)
	s.freeze.begin()
	r := reader{cam: cam, picture: picture, told: s.told, freeze: s.freeze}
	defer func() { clear(r.buf[:cap(r.buf)]) }()
	return r.run(ctx, emit)
}

// setUp sets format, size, rate and buffers, and returns what the frames will be.
func (s *source) setUp(cam camera, path string) (picture, error) {
	m, err := choose(cam, s.cfg)
	if err != nil {
		return picture{}, err
	}
	// The size that SetImageFormat returns is the one asked for, whatever the driver has made of it.
	got, _, _, err := cam.SetImageFormat(m.pixels, m.width, m.height)
	if err != nil {
		return picture{}, fmt.Errorf("set format: %w", err)
	}
	if got != m.pixels {
		return picture{}, fmt.Errorf("%w: asked for %s, it chose %s", ErrNoFormat, fourCC(m.pixels), fourCC(got))
	}
	p, err := s.negotiated(m, path)
	if err != nil {
		return picture{}, err
	}
	if s.cfg.FPS > 0 {
		_ = cam.SetFramerate(float32(s.cfg.FPS)) // many drivers cannot; the rate that comes will do
	}
	s.adjust(cam)
	if err := cam.SetBufferCount(buffers); err != nil {
		return picture{}, fmt.Errorf("set buffers: %w", err)
	}
	return p, nil
}

// negotiated asks the driver what it has made of the mode that was asked for.
func (s *source) negotiated(m mode, path string) (picture, error) {
	f, err := s.format(path)
	p := picture{format: device.JPEG, width: int(f.width), height: int(f.height)}
	if m.pixels != pixYUYV {
		if err != nil || f.pixels != m.pixels {
			return picture{format: device.JPEG}, nil // the pictures say it themselves
		}
		return p, nil
	}
	if err != nil {
		return picture{}, fmt.Errorf("get format: %w", err)
	}
	if f.pixels != pixYUYV || min(p.width, p.height) < 1 || max(p.width, p.height) > device.MaxSide {
		return picture{}, fmt.Errorf("%w: %s, %dx%d", ErrNoFormat, fourCC(f.pixels), f.width, f.height)
	}
	p.format, p.line = device.YUYV, int(f.bytesPerLine)
	if p.line == 0 { // some drivers do not say
		p.line = yuyvBytes * p.width
	}
	if p.line < yuyvBytes*p.width {
		return picture{}, fmt.Errorf("%w: lines of %d pixels in %d bytes", ErrNoFormat, p.width, p.line)
	}
	return p, nil
}

// A picture is what every frame of a stream has to be.
type picture struct {
	format        device.Format
	width, height int // 0 until the first good frame where the driver does not say, in MJPEG
	line          int // bytes from the beginning of one line to that of the next, in YUYV
}

// read returns what of data is a frame of this stream, or why there is none in them.
func (p *picture) read(data []byte) ([]byte, error) {
	if p.format == device.YUYV {
		return p.packed(data)
	}
	info, err := device.CheckJPEG(data)
	switch {
	case err != nil:
		return nil, err
	case p.width != 0 && (info.Width != p.width || info.Height != p.height):
		return nil, fmt.Errorf("%w: %dx%d instead of %dx%d", ErrOtherSize, info.Width, info.Height, p.width, p.height)
	case info.Progressive:
		return nil, ErrProgressive
	}
	p.width, p.height = info.Width, info.Height
	return data[:info.Length], nil
}

// packed moves the lines of a raw picture together, over what fills each up, and leaves out what follows the last.
func (p *picture) packed(data []byte) ([]byte, error) {
	width := yuyvBytes * p.width
	if len(data) < p.line*(p.height-1)+width {
		return nil, fmt.Errorf("%w: %d", errShort, len(data))
	}
	if p.line > width {
		for y := range p.height {
			copy(data[y*width:], data[y*p.line:][:width])
		}
	}
	return data[:width*p.height], nil
}

// A reader takes the frames from a camera that streams.
type reader struct {
	cam     camera
	picture picture
	told    func(why error) // may be nil
	freeze  *freeze
	buf     []byte
	seq     uint64
}

// run delivers frames until ctx is done or the camera fails.
func (r *reader) run(ctx context.Context, emit func(device.Frame)) error {
	var silent, bad int
	for ctx.Err() == nil {
		err := r.read()
		switch {
		case isTimeout(err):
			if silent++; silent == silentWaits {
				return fmt.Errorf("%w for %d s", ErrHung, silentWaits*waitSeconds)
			}
			continue
		case err != nil && !errors.Is(err, unix.EAGAIN):
			return err
		}
		silent = 0
		now := time.Now() // webcam drops the kernel's own stamp
		var data []byte
		if err == nil {
			data, err = r.frame()
		}
		if err != nil {
			if bad++; bad == badFrames {
				return fmt.Errorf("%w, %d in a row: %w", ErrBad, badFrames, err)
			}
			continue
		}
		bad = 0
		f := device.Frame{
			Format: r.picture.format, Data: data, Width: r.picture.width, Height: r.picture.height, Seq: r.seq, Time: now,
		}
		fresh, err := r.freeze.see(f)
		if err != nil {
			return err
		}
		if fresh {
			emit(f)
		} else {
			r.tell(ErrFrozen)
		}
	}
	return nil
}

// frame returns what of buf is the next frame, or tells why there is none in it.
func (r *reader) frame() ([]byte, error) {
	r.seq++
	data, err := r.picture.read(r.buf)
	if err != nil {
		r.tell(err)
	}
	return data, err
}

// tell says why the frame cannot be used.
func (r *reader) tell(why error) {
	if r.told != nil {
		r.told(flaw(why))
	}
}

// read waits for a frame and copies it to buf. The frame is given back to the driver only then, for from that moment
// on the driver may write to it.
func (r *reader) read() error {
	if err := r.cam.WaitForFrame(waitSeconds); err != nil {
		return fmt.Errorf("wait for frame: %w", err)
	}
	// A poll that reports an error, as after an unplug, also ends the wait: it is GetFrame that says what happened.
	data, index, err := r.cam.GetFrame()
	if err != nil {
		return fmt.Errorf("get frame: %w", err)
	}
	r.keep(data)
	if err := r.cam.ReleaseFrame(index); err != nil {
		return fmt.Errorf("release frame: %w", err)
	}
	return nil
}

// keep copies data to buf, and to larger memory if need be, with room to spare for frames that differ in size.
func (r *reader) keep(data []byte) {
	if cap(r.buf) < len(data) {
		clear(r.buf[:cap(r.buf)])
		r.buf = make([]byte, 0, len(data)+len(data)/4)
	}
	r.buf = append(r.buf[:0], data...)
}

func isTimeout(err error) bool {
	var t *webcam.Timeout
	return errors.As(err, &t)
}
