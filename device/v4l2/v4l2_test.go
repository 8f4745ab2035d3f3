package v4l2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/blackjack/webcam"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/sourcetest"
	"facegate/device/v4l2/nodes"
)

// A driver stands in for kernel and camera, to the extent that the protocol goes: which calls come in which order, and
// what each failure leads to. Whether real cameras behave so is what TestCamera shows.
type driver struct {
	formats map[webcam.PixelFormat]string
	sizes   map[webcam.PixelFormat][]webcam.FrameSize
	set     pixFormat                // what VIDIOC_G_FMT says; made of what was set if it has no width
	chosen  webcam.PixelFormat       // what VIDIOC_S_FMT says; what was asked for if 0
	fail    map[string]error         // by the name of the method
	frames  []func() ([]byte, error) // one for each wait; then the camera is silent

	controls map[webcam.ControlID]webcam.Control
	values   map[webcam.ControlID]int32

	calls  []string
	asked  mode
	memory []byte // of the driver's only buffer
	out    bool   // the buffer is with the reader
}

func (d *driver) call(name string) error {
	d.calls = append(d.calls, name)
	return d.fail[name]
}

func (d *driver) GetSupportedFormats() map[webcam.PixelFormat]string { return d.formats }

func (d *driver) GetSupportedFrameSizes(f webcam.PixelFormat) []webcam.FrameSize { return d.sizes[f] }

func (d *driver) SetImageFormat(f webcam.PixelFormat, w, h uint32) (webcam.PixelFormat, uint32, uint32, error) {
	d.asked = mode{f, w, h}
	if d.chosen != 0 {
		f = d.chosen
	}
	return f, w, h, d.call("SetImageFormat")
}

func (d *driver) SetFramerate(float32) error    { return d.call("SetFramerate") }
func (d *driver) SetBufferCount(n uint32) error { return d.call(fmt.Sprint("SetBufferCount ", n)) }
func (d *driver) StartStreaming() error         { return d.call("StartStreaming") }
func (d *driver) Close() error                  { return d.call("Close") }

func (d *driver) GetControls() map[webcam.ControlID]webcam.Control { return d.controls }

func (d *driver) GetControl(id webcam.ControlID) (int32, error) {
	return d.values[id], d.fail[fmt.Sprintf("GetControl %#x", id)]
}

func (d *driver) SetControl(id webcam.ControlID, value int32) error {
	if err := d.call(fmt.Sprintf("SetControl %#x %d", id, value)); err != nil {
		return err
	}
	d.values[id] = value
	return nil
}

func (d *driver) WaitForFrame(seconds uint32) error {
	if d.out {
		return errors.New("test: the reader waits without having released the buffer")
	}
	if len(d.frames) == 0 {
		time.Sleep(time.Duration(seconds) * time.Second)
		return new(webcam.Timeout)
	}
	return d.fail["WaitForFrame"]
}

func (d *driver) GetFrame() ([]byte, uint32, error) {
	data, err := d.frames[0]()
	d.frames = d.frames[1:]
	if err != nil {
		return nil, 0, err
	}
	d.memory = append(d.memory[:0], data...)
	d.out = true
	return d.memory, 7, nil
}

func (d *driver) ReleaseFrame(index uint32) error {
	if index != 7 || !d.out {
		return fmt.Errorf("test: release of buffer %d, not handed out", index)
	}
	d.out = false
	for i := range d.memory {
		d.memory[i] = 0xEE // the driver writes the next frame
	}
	return d.fail["ReleaseFrame"]
}

// source returns a source on d.
func (d *driver) source(cfg Config) *source {
	cfg.Device = "/dev/video7"
	s := newSource(cfg)
	s.open = func(string) (camera, error) { return d, d.call("open") }
	s.identify = func(string) (nodes.Identity, error) { return nodes.Identity{Card: "a driver"}, nil }
	s.format = func(string) (pixFormat, error) {
		f := d.set
		if f.width == 0 {
			w, h := d.asked.width, d.asked.height
			f = pixFormat{width: w, height: h, pixels: d.asked.pixels, bytesPerLine: 2 * w}
		}
		return f, d.call("VIDIOC_G_FMT")
	}
	return s
}

// newDriver returns a camera with one size, in the given formats.
func newDriver(w, h uint32, formats ...webcam.PixelFormat) *driver {
	d := &driver{
		formats: map[webcam.PixelFormat]string{},
		sizes:   map[webcam.PixelFormat][]webcam.FrameSize{},
		fail:    map[string]error{},
	}
	for _, f := range formats {
		d.formats[f] = "a format"
		d.sizes[f] = []webcam.FrameSize{discrete(w, h)}
	}
	return d
}

func discrete(w, h uint32) webcam.FrameSize {
	return webcam.FrameSize{MinWidth: w, MaxWidth: w, MinHeight: h, MaxHeight: h}
}

// sends queues n frames of data.
func (d *driver) sends(n int, data []byte) *driver { return d.queue(n, data, nil) }

// errs queues n failures to get a frame.
func (d *driver) errs(n int, err error) *driver { return d.queue(n, nil, err) }

func (d *driver) queue(n int, data []byte, err error) *driver {
	for range n {
		d.frames = append(d.frames, func() ([]byte, error) { return data, err })
	}
	return d
}

func makeJPEG(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// run streams until d has no more to say and returns the numbers of the frames.
func run(t *testing.T, d *driver, cfg Config) (seqs []uint64, err error) {
	t.Helper()
	err = d.source(cfg).Stream(t.Context(), func(f device.Frame) {
		sourcetest.CheckFrame(t, f)
		seqs = append(seqs, f.Seq)
	})
	if len(d.calls) > 0 && d.fail["open"] == nil && d.calls[len(d.calls)-1] != "Close" {
		t.Errorf("the camera was not closed: %v", d.calls)
	}
	return seqs, err
}

// TestFrames shows which frames pass, and what ends a stream.
func TestFrames(t *testing.T) {
	pic, other := makeJPEG(t, 32, 16), makeJPEG(t, 16, 16)
	padded := append(bytes.Clone(pic), make([]byte, 100)...)
	cut := pic[:len(pic)/2]
	yuyv := make([]byte, 2*32*16)
	progressive := bytes.Replace(pic, []byte{0xFF, 0xC0}, []byte{0xFF, 0xC2}, 1)
	jpegs := func() *driver { return newDriver(32, 16, pixMJPEG, pixYUYV) }
	raw := func() *driver { return newDriver(32, 16, pixYUYV) }
	tests := []struct {
		name string
		d    *driver
		want []uint64
		err  error
	}{
		{"silent from the start", jpegs(), nil, ErrHung},
		{"falls silent", jpegs().sends(3, pic), []uint64{1, 2, 3}, ErrHung},
		{"padded", jpegs().sends(2, padded), []uint64{1, 2}, ErrHung},
		{"one cut short", jpegs().sends(1, pic).sends(1, cut).sends(1, pic), []uint64{1, 3}, ErrHung},
		{"stale buffer first", jpegs().sends(1, yuyv).sends(2, pic), []uint64{2, 3}, ErrHung},
		{"empty", jpegs().sends(1, nil).sends(1, pic), []uint64{2}, ErrHung},
		{"size changes", jpegs().sends(1, pic).sends(1, other).sends(1, pic), []uint64{1, 3}, ErrHung},
		{"size changes for good", jpegs().sends(1, pic).sends(badFrames, other), []uint64{1}, ErrBad},
		{"nine cut short", jpegs().sends(badFrames-1, cut).sends(1, pic).sends(badFrames-1, cut), []uint64{badFrames}, ErrHung},
		{"ten cut short", jpegs().sends(badFrames, cut).sends(1, pic), nil, ErrBad},
		{"raw", raw().sends(2, yuyv), []uint64{1, 2}, ErrHung},
		{"raw, short", raw().sends(1, yuyv[1:]).sends(1, yuyv), []uint64{2}, ErrHung},
		{"raw, long", raw().sends(2, make([]byte, len(yuyv)+1)), []uint64{1, 2}, ErrHung},
		{"raw, a page", raw().sends(2, make([]byte, 4096)), []uint64{1, 2}, ErrHung},
		{"raw, all short", raw().sends(badFrames, yuyv[1:]), nil, ErrBad},
		{"junk behind it", jpegs().sends(2, append(bytes.Clone(pic), "junk\xFF\xD9"...)), []uint64{1, 2}, ErrHung},
		{"a byte between segments", jpegs().sends(2, slices.Insert(bytes.Clone(pic), 2, 0)), []uint64{1, 2}, ErrHung},
		{"another size from the start", jpegs().sends(badFrames, other), nil, ErrOtherSize},
		{"progressive", jpegs().sends(badFrames, progressive), nil, ErrProgressive},
		{"not JPEG", jpegs().sends(badFrames, yuyv), nil, device.ErrNotJPEG},
		{"not ready", jpegs().sends(1, pic).errs(3, unix.EAGAIN).sends(1, pic), []uint64{1, 2}, ErrHung},
		{"never ready", jpegs().errs(badFrames, unix.EAGAIN), nil, ErrBad},
		{"unplugged", jpegs().sends(2, pic).errs(1, unix.ENODEV).sends(1, pic), []uint64{1, 2}, unix.ENODEV},
		{"input/output error", jpegs().sends(2, pic).errs(1, unix.EIO), []uint64{1, 2}, unix.EIO},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := run(t, tt.d, Config{Width: 32, Height: 16})
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("numbers of the frames (-want +got):\n%s", diff)
				}
				if !errors.Is(err, tt.err) {
					t.Errorf("Stream: %v, want %v", err, tt.err)
				}
			})
		})
	}
}

// TestHungCamera holds the time in which a camera that stops sending is given up.
func TestHungCamera(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if _, err := run(t, newDriver(32, 16, pixMJPEG), Config{}); !errors.Is(err, ErrHung) {
			t.Errorf("Stream: %v, want %v", err, ErrHung)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("given up after %v, want 3s", d)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := newDriver(32, 16, pixMJPEG).source(Config{}).Stream(ctx, nil); err != nil {
			t.Errorf("Stream: %v, want nil", err)
		}
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("returned after %v, want 2s, at the end of the wait", d)
		}
	})
}

func TestSetUp(t *testing.T) {
	d := newDriver(32, 16, pixYUYV).sends(1, make([]byte, 2*32*16)).errs(1, unix.ENODEV)
	d.fail["SetFramerate"] = unix.ENOTTY // not every driver can; the stream goes on
	if _, err := run(t, d, Config{Width: 32, Height: 16, FPS: 15}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("Stream: %v, want %v", err, unix.ENODEV)
	}
	want := []string{"open", "SetImageFormat", "VIDIOC_G_FMT", "SetFramerate", "SetBufferCount 3", "StartStreaming", "Close"}
	if diff := cmp.Diff(want, d.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestDriverHasTheLastWord sets a size that the driver changes without a word through webcam.
func TestDriverHasTheLastWord(t *testing.T) {
	d := newDriver(32, 16, pixYUYV).sends(2, make([]byte, 2*24*8)).errs(1, unix.ENODEV)
	d.set = pixFormat{width: 24, height: 8, pixels: pixYUYV, bytesPerLine: 48}
	var got []string
	_ = d.source(Config{}).Stream(t.Context(), func(f device.Frame) {
		got = append(got, fmt.Sprintf("%dx%d", f.Width, f.Height))
	})
	if diff := cmp.Diff([]string{"24x8", "24x8"}, got); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

// TestPadding holds that what fills up lines and buffers is left out.
func TestPadding(t *testing.T) {
	const w, h = 36, 16
	var packed []byte
	for i := range 2 * w * h {
		packed = append(packed, byte(i%251))
	}
	tests := []struct {
		name  string
		line  int // bytes, as the driver says
		each  int // bytes, as it is
		extra int // bytes behind the last line; below 0 they are missing
		used  bool
	}{
		{"packed", 72, 72, 0, true},
		{"the driver does not say", 0, 72, 0, true},
		{"padded lines", 96, 96, 0, true},
		{"the last line is not padded", 96, 96, -24, true},
		{"a byte of the last line is missing", 96, 96, -25, false},
		{"padded lines in pages", 128, 128, 2048, true},
		{"in a page", 72, 72, 4096 - len(packed), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := bytes.Repeat([]byte{0xEE}, tt.each*h+max(0, tt.extra))
			for y := range h {
				copy(data[y*tt.each:], packed[y*2*w:][:2*w])
			}
			data = data[:len(data)+min(0, tt.extra)]
			d := newDriver(w, h, pixYUYV).sends(2, data).errs(1, unix.ENODEV)
			d.set = pixFormat{width: w, height: h, pixels: pixYUYV, bytesPerLine: uint32(tt.line), sizeImage: uint32(len(data))}
			frames := 0
			if err := d.source(Config{Width: w, Height: h}).Stream(t.Context(), func(f device.Frame) {
				frames++
				sourcetest.CheckFrame(t, f)
				if !bytes.Equal(f.Data, packed) {
					t.Error("it is not the picture")
				}
			}); !errors.Is(err, unix.ENODEV) {
				t.Errorf("Stream: %v, want %v", err, unix.ENODEV)
			}
			if want := map[bool]int{true: 2}[tt.used]; frames != want {
				t.Errorf("%d frames, want %d", frames, want)
			}
		})
	}
}

// TestTells shows what is said of single frames that cannot be used, and what a technician should do.
func TestTells(t *testing.T) {
	pic, raw := makeJPEG(t, 32, 16), make([]byte, 2*32*16)
	tests := []struct {
		name string
		data []byte
		want error
		hint string
	}{
		{"cut short", pic[:len(pic)-1], device.ErrTruncated, "cable"},
		{"damaged", append(bytes.Clone(pic[:len(pic)-9]), 0xFF, 0xD9), device.ErrCorrupt, "cable"},
		{"another size", makeJPEG(t, 64, 64), ErrOtherSize, "camera.width"},
		{"huge", makeJPEG(t, 8200, 8), device.ErrPictureSize, "camera.width"},
		{"progressive", bytes.Replace(pic, []byte{0xFF, 0xC0}, []byte{0xFF, 0xC2}, 1), ErrProgressive, "yuyv"},
		{"raw", raw, device.ErrNotJPEG, "yuyv"},
		{"lossless", bytes.Replace(pic, []byte{0xFF, 0xC0}, []byte{0xFF, 0xC3}, 1), errors.ErrUnsupported, "yuyv"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDriver(32, 16, pixMJPEG).sends(1, pic).sends(3, tt.data).sends(1, pic).errs(1, unix.ENODEV)
			s := d.source(Config{Width: 32, Height: 16})
			var told []error
			s.Tell(func(why error) { told = append(told, why) })
			frames := 0
			if err := s.Stream(t.Context(), func(device.Frame) { frames++ }); !errors.Is(err, unix.ENODEV) {
				t.Errorf("Stream: %v, want %v", err, unix.ENODEV)
			}
			if frames != 2 || len(told) != 3 || !errors.Is(told[0], tt.want) || !strings.Contains(hint.Of(told[0]), tt.hint) {
				t.Errorf("%d frames, told %v, to do %q; want 2 and thrice %v, to do %q", frames, told, hint.Of(errors.Join(told...)), tt.want, tt.hint)
			}
		})
	}
}

// TestSizeNotTold streams from a driver that does not say to what size it has set MJPEG: the first picture does.
func TestSizeNotTold(t *testing.T) {
	pic, other := makeJPEG(t, 32, 16), makeJPEG(t, 64, 64)
	d := newDriver(640, 480, pixMJPEG).sends(2, pic).sends(1, other).sends(1, pic).errs(1, unix.ENODEV)
	d.fail["VIDIOC_G_FMT"] = unix.ENOTTY
	if got, err := run(t, d, Config{}); !errors.Is(err, unix.ENODEV) || !slices.Equal(got, []uint64{1, 2, 4}) {
		t.Errorf("frames %v, then %v", got, err)
	}
}

func TestChoose(t *testing.T) {
	all := newDriver(640, 480, pixMJPEG, pixJPEG, pixYUYV)
	tests := []struct {
		name   string
		d      *driver
		format Format
		want   webcam.PixelFormat // 0 for ErrNoFormat
	}{
		{"all, auto", all, Auto, pixMJPEG},
		{"all, unset", all, "", pixMJPEG},
		{"all, mjpeg", all, MJPEG, pixMJPEG},
		{"all, yuyv", all, YUYV, pixYUYV},
		{"unknown", all, "h264", 0},
		{"JPEG only", newDriver(640, 480, pixJPEG, pixYUYV), MJPEG, pixJPEG},
		{"YUYV only, auto", newDriver(640, 480, pixYUYV), Auto, pixYUYV},
		{"YUYV only, mjpeg", newDriver(640, 480, pixYUYV), MJPEG, 0},
		{"metadata node", newDriver(640, 480), Auto, 0},
		{"sensor", newDriver(640, 480, 'B'|'A'<<8|'8'<<16|'1'<<24), Auto, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := choose(tt.d, Config{Format: tt.format, Width: 800, Height: 600})
			if tt.want == 0 {
				if !errors.Is(err, ErrNoFormat) {
					t.Errorf("choose: %v, want %v", err, ErrNoFormat)
				}
				return
			}
			if want := (mode{pixels: tt.want, width: 640, height: 480}); err != nil || got != want {
				t.Errorf("choose = %v, %v; want %v", got, err, want)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	list := []webcam.FrameSize{discrete(160, 120), discrete(640, 480), discrete(1280, 720), discrete(1920, 1080)}
	steps := []webcam.FrameSize{{MinWidth: 48, MaxWidth: 1000, StepWidth: 16, MinHeight: 32, MaxHeight: 700, StepHeight: 4}}
	tests := []struct {
		name         string
		sizes        []webcam.FrameSize
		w, h         uint32
		wantW, wantH uint32
	}{
		{"listed", list, 1280, 720, 1280, 720},
		{"between", list, 800, 600, 640, 480},
		{"above all", list, 4096, 4096, 1920, 1080},
		{"below all", list, 1, 1, 160, 120},
		{"none listed", nil, 640, 480, 640, 480},
		{"a range as zeros", make([]webcam.FrameSize, 1), 640, 480, 640, 480},
		{"on a step", steps, 640, 480, 640, 480},
		{"below a step", steps, 639, 479, 640, 480},
		{"above a step", steps, 641, 481, 640, 480},
		{"the last step is short", steps, 1000, 700, 992, 700},
		{"below the range", steps, 1, 1, 48, 32},
		{"above the range", steps, 5000, 5000, 992, 700},
		{"range and list", append(steps, discrete(1920, 1080)), 1920, 1080, 1920, 1080},
		{"beyond what is handled", []webcam.FrameSize{discrete(10000, 10000), discrete(320, 240)}, 9000, 9000, 320, 240},
		{"step so large that it overflows", []webcam.FrameSize{
			{MinWidth: 1, MaxWidth: 9, StepWidth: 1<<32 - 1, MinHeight: 1, MaxHeight: 9, StepHeight: 1<<32 - 1},
		}, 5, 5, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if w, h := nearest(tt.sizes, tt.w, tt.h); w != tt.wantW || h != tt.wantH {
				t.Errorf("nearest to %dx%d is %dx%d, want %dx%d", tt.w, tt.h, w, h, tt.wantW, tt.wantH)
			}
		})
	}
}

// TestErrors shows what a technician is told.
func TestErrors(t *testing.T) {
	tests := []struct {
		name  string
		fail  string // the method that fails
		err   error
		set   pixFormat
		final bool
		want  error
		hint  string
	}{
		{name: "no node", fail: "open", err: unix.ENOENT, final: true, want: unix.ENOENT, hint: "plug the camera in"},
		{name: "node without camera", fail: "open", err: unix.ENODEV, want: unix.ENODEV, hint: "/dev/v4l/by-id"},
		{name: "no permission", fail: "open", err: unix.EACCES, final: true, want: unix.EACCES, hint: "group video"},
		{name: "no camera", fail: "open", err: unix.ENOTTY, final: true, want: unix.ENOTTY, hint: "UVC"},
		{name: "an output", fail: "open", err: errNotCamera, final: true, want: errNotCamera, hint: "UVC"},
		{name: "busy", fail: "SetImageFormat", err: unix.EBUSY, want: unix.EBUSY, hint: "fuser -v /dev/video7"},
		{name: "second opening", fail: "VIDIOC_G_FMT", err: unix.EBUSY, want: unix.EBUSY, hint: "fuser"},
		{
			name: "busy at the start", fail: "StartStreaming", want: unix.EBUSY, hint: "fuser",
			err: errors.New("Failed to map request buffers: device or resource busy"),
		},
		{
			name: "no bandwidth", fail: "StartStreaming", want: unix.ENOSPC, hint: "USB bus",
			err: errors.New("Failed to start streaming: no space left on device"),
		},
		{name: "release", fail: "ReleaseFrame", err: unix.EIO, want: unix.EIO, hint: "cable"},
		{name: "wait", fail: "WaitForFrame", err: unix.EIO, want: unix.EIO, hint: "cable"},
		{name: "buffers", fail: "SetBufferCount 3", err: unix.EINVAL, want: unix.EINVAL},
		{
			name: "lines too short", final: true, want: ErrNoFormat, hint: "UVC",
			set: pixFormat{width: 32, height: 16, pixels: pixYUYV, bytesPerLine: 48},
		},
		{
			name: "another format", final: true, want: ErrNoFormat, hint: "UVC",
			set: pixFormat{width: 32, height: 16, pixels: pixMJPEG, bytesPerLine: 64},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDriver(32, 16, pixYUYV).sends(3, make([]byte, 2*32*16))
			d.fail[tt.fail], d.set = tt.err, tt.set
			_, err := run(t, d, Config{Width: 32, Height: 16})
			if !errors.Is(err, tt.want) || device.Final(err) != tt.final {
				t.Errorf("Stream: %v, final %v; want %v, final %v", err, device.Final(err), tt.want, tt.final)
			}
			if h := hint.Of(err); !strings.Contains(h, tt.hint) || (h == "") != (tt.hint == "") {
				t.Errorf("hint %q, want it to say %q", h, tt.hint)
			}
			if !strings.Contains(err.Error(), "/dev/video7") {
				t.Errorf("%q does not name the camera", err)
			}
		})
	}
}

func TestFormatRefused(t *testing.T) {
	d := newDriver(32, 16, pixMJPEG)
	d.chosen = pixYUYV
	if _, err := run(t, d, Config{}); !errors.Is(err, ErrNoFormat) || !strings.Contains(err.Error(), `"YUYV"`) {
		t.Errorf("Stream: %v, want %v that names YUYV", err, ErrNoFormat)
	}
}

// TestForgets looks at the memory of the frames when the stream is over.
func TestForgets(t *testing.T) {
	d := newDriver(32, 16, pixYUYV).sends(2, bytes.Repeat([]byte("face"), 256)).errs(1, unix.ENODEV)
	var memory []byte
	_ = d.source(Config{}).Stream(t.Context(), func(f device.Frame) { memory = f.Data })
	if len(memory) != 1024 || bytes.Contains(memory, []byte("face")) {
		t.Errorf("%d bytes, the frame still among them", len(memory))
	}
}

// TestRealNodes opens files that are no cameras.
func TestRealNodes(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		path string
		want error
	}{
		{dir + "/none", unix.ENOENT},
		{dir, unix.EISDIR},
		{"/dev/null", unix.ENOTTY},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			src := New(Config{Device: tt.path})
			err := src.Stream(t.Context(), func(device.Frame) { t.Error("a frame from nowhere") })
			if !errors.Is(err, tt.want) || !device.Final(err) || hint.Of(err) == "" {
				t.Errorf("Stream: %v, final %v, hint %q; want %v, final, with a hint", err, device.Final(err), hint.Of(err), tt.want)
			}
			if _, err := currentFormat(tt.path); !errors.Is(err, tt.want) {
				t.Errorf("currentFormat: %v, want %v", err, tt.want)
			}
		})
	}
}

// TestUnmap checks that the field which unmap reaches for is there and is what it takes it for.
func TestUnmap(t *testing.T) {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	w := new(webcam.Webcam)
	*buffersOf(w) = [][]byte{page, nil} // as when the second buffer could not be mapped
	unmap(w)
	if err := unix.Msync(page, unix.MS_ASYNC); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("the page is still mapped: msync says %v, want %v", err, unix.ENOMEM)
	}
	if *buffersOf(w) != nil {
		t.Error("the camera still knows the page")
	}
}

// TestABI compares with the sizes in the kernel's videodev2.h.
func TestABI(t *testing.T) {
	pointer := unsafe.Sizeof(uintptr(0))
	var f v4l2Format
	if size, offset := unsafe.Sizeof(f), unsafe.Offsetof(f.pix); size != pointer+200 || offset != pointer {
		t.Errorf("struct v4l2_format has %d bytes and its union is at %d, want %d and %d", size, offset, pointer+200, pointer)
	}
}

// TestCamera runs the contract on real hardware, or on the kernel's own simulation of it (vivid).
func TestCamera(t *testing.T) {
	path := os.Getenv("FACEGATE_CAMERA")
	if path == "" {
		t.Skip("needs a camera: set FACEGATE_CAMERA=/dev/videoN")
	}
	for _, format := range []Format{Auto, MJPEG, YUYV} {
		t.Run(string(format), func(t *testing.T) {
			cfg := Config{Device: path, Format: format, Width: 640, Height: 480, FPS: 15}
			if cam, err := openWebcam(path); err != nil {
				t.Fatal(err)
			} else if _, err := choose(cam, cfg); errors.Is(err, ErrNoFormat) {
				cam.Close()
				t.Skip(err)
			} else {
				cam.Close()
			}
			sourcetest.Run(t, func(*testing.T) device.Source { return New(cfg) })
		})
	}
}
