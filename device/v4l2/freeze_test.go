package v4l2

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blackjack/webcam"

	"facegate/configs/hint"
	"facegate/device"
)

const shot = 50 * time.Millisecond // from one picture to the next

// shoots queues n pictures, each a shot after the one before.
func (d *driver) shoots(n int, data []byte) *driver {
	for range n {
		d.frames = append(d.frames, func() ([]byte, error) {
			time.Sleep(shot)
			return data, nil
		})
	}
	return d
}

// room is a picture in which there is something, other for each seed.
func room(t *testing.T, seed byte) []byte {
	t.Helper()
	random := rand.New(rand.NewChaCha8([32]byte{seed}))
	img := image.NewGray(image.Rect(0, 0, 160, 120))
	for i := range img.Pix {
		img.Pix[i] = byte(random.UintN(256))
	}
	return encode(t, img)
}

func dark(t *testing.T) []byte {
	t.Helper()
	img := image.NewYCbCr(image.Rect(0, 0, 160, 120), image.YCbCrSubsampleRatio422)
	for i := range img.Y {
		img.Y[i] = 16
	}
	return encode(t, img)
}

func encode(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dated gives a picture another comment each time, as some cameras do.
func dated(pic []byte, n int) []byte {
	comment := []byte{0xFF, 0xFE, 0, 4, byte(n >> 8), byte(n)}
	return append(append(bytes.Clone(pic[:2]), comment...), pic[2:]...)
}

// streamed is what came of one stream.
type streamed struct {
	frames, told int
	lasted       time.Duration
	err          error
}

// stream lets src stream once.
func stream(t *testing.T, s *source) (is streamed) {
	t.Helper()
	began := time.Now()
	s.Tell(func(why error) {
		is.told++
		if !errors.Is(why, ErrFrozen) || hint.Of(why) == "" {
			t.Errorf("told %v, to do %q", why, hint.Of(why))
		}
	})
	is.err = s.Stream(t.Context(), func(device.Frame) { is.frames++ })
	is.lasted = time.Since(began)
	return is
}

// TestFrozen shows when a picture that comes again and again ends a stream.
func TestFrozen(t *testing.T) {
	one, other := room(t, 1), room(t, 2)
	night := dark(t)
	raw, rawNight := make([]byte, 2*160*120), bytes.Repeat([]byte{16, 128}, 160*120)
	copy(raw, one)
	var counted [][]byte
	for i := range 200 {
		counted = append(counted, dated(one, i))
	}
	const after = 3 * time.Second
	tests := []struct {
		name   string
		pixels webcam.PixelFormat
		shoot  func(d *driver)
		after  time.Duration
		frames int // that pass; the one with which the picture counts as frozen does not
		err    error
	}{
		{"frozen from the start", pixMJPEG, func(d *driver) { d.shoots(200, one) }, after, 60, ErrFrozen},
		{"frozen later", pixMJPEG, func(d *driver) { d.shoots(7, other).shoots(200, one) }, after, 67, ErrFrozen},
		{"raw", pixYUYV, func(d *driver) { d.shoots(200, raw) }, after, 60, ErrFrozen},
		{"it never freezes", pixMJPEG, func(d *driver) { d.shoots(200, one) }, 0, 200, ErrHung},
		{"the headers differ", pixMJPEG, func(d *driver) {
			for _, c := range counted {
				d.shoots(1, c)
			}
		}, after, 60, ErrFrozen},
		{"it stands still for a while", pixMJPEG, func(d *driver) {
			for range 5 {
				d.shoots(59, one).shoots(1, other)
			}
		}, after, 300, ErrHung},
		{"two in turn", pixMJPEG, func(d *driver) {
			for range 100 {
				d.shoots(1, one).shoots(1, other)
			}
		}, after, 200, ErrHung},
		{"few frames", pixMJPEG, func(d *driver) { d.shoots(9, one) }, shot, 9, ErrHung},
		{"the dark", pixMJPEG, func(d *driver) { d.shoots(600, night).shoots(1, one) }, after, 601, ErrHung},
		{"the dark, raw", pixYUYV, func(d *driver) { d.shoots(600, rawNight).shoots(1, raw) }, after, 601, ErrHung},
		{"the dark for half a minute", pixMJPEG, func(d *driver) { d.shoots(700, night) }, after, 600, ErrFrozen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDriver(160, 120, tt.pixels)
				tt.shoot(d)
				got := stream(t, d.source(Config{Width: 160, Height: 120, FrozenAfter: tt.after}))
				if !errors.Is(got.err, tt.err) || got.frames != tt.frames || got.told > 0 {
					t.Errorf("%+v; want %d frames, %v", got, tt.frames, tt.err)
				}
				if tt.err == ErrFrozen && (device.Final(got.err) || !strings.Contains(hint.Of(got.err), "plug it in again")) {
					t.Errorf("%v, final %v, to do %q", got.err, device.Final(got.err), hint.Of(got.err))
				}
			})
		})
	}
}

// TestStillFrozen opens a camera anew that has frozen: its picture does not pass until it is another. The dark passes, and the
// camera is opened anew ever more seldom for it.
func TestStillFrozen(t *testing.T) {
	one, other, night := room(t, 1), room(t, 2), dark(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDriver(160, 120, pixMJPEG)
		s := d.source(Config{Width: 160, Height: 120, FrozenAfter: 3 * time.Second})
		if got := stream(t, next(s, d.shoots(100, one))); got.frames != 60 {
			t.Errorf("at first: %+v", got)
		}
		if got := stream(t, next(s, d.shoots(100, one))); got.frames != 0 || got.told != 60 || !errors.Is(got.err, ErrFrozen) {
			t.Errorf("still frozen: %+v", got)
		}
		if got := stream(t, next(s, d.shoots(10, one).shoots(10, other).shoots(10, one))); got.frames != 20 || got.told != 10 || !errors.Is(got.err, ErrHung) {
			t.Errorf("mended: %+v", got)
		}
		for i, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
			if got := stream(t, next(s, d.shoots(6000, night))); !errors.Is(got.err, ErrFrozen) || got.told > 0 || got.lasted.Round(time.Second) != want {
				t.Errorf("in the dark, stream %d: %+v, want it to last %v", i, got, want)
			}
		}
		if got := stream(t, next(s, d.shoots(1, one).shoots(1000, night))); got.lasted.Round(time.Second) != 30*time.Second {
			t.Errorf("dark again: %+v", got)
		}
	})
}

// next gives s the driver for the next stream, without what the one before has left.
func next(s *source, d *driver) *source {
	frames := d.frames
	d.frames = nil
	fresh := *d
	fresh.frames = frames
	s.open = func(string) (camera, error) { return &fresh, nil }
	return s
}

// TestFrozenStatus shows what a Capture says of a camera that freezes, and of one that shows a recording on purpose.
func TestFrozenStatus(t *testing.T) {
	for _, after := range []time.Duration{2 * time.Second, 0} {
		synctest.Test(t, func(t *testing.T) {
			d := newDriver(160, 120, pixMJPEG)
			s := d.source(Config{Width: 160, Height: 120, FrozenAfter: after})
			pic := room(t, 1)
			s.open = func(string) (camera, error) {
				fresh := *d
				return fresh.shoots(1500, pic), nil
			}
			// A Watch waits for the kernel, by whose clock no test bubble goes.
			c := device.NewCapture(struct{ device.Teller }{s}, device.NewMailbox(), s.cfg.Log)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			time.Sleep(time.Second)
			for range 30 { // through streams and pauses
				want := device.Lost
				if after == 0 || c.Status().Frames < 40 {
					want = device.Streaming
				}
				if got := c.Status(); got.State != want || want == device.Lost && (!strings.Contains(got.Error, "same picture") || got.Hint == "") {
					t.Errorf("frozen after %v: %+v, want %s", after, got, want)
				}
				time.Sleep(1700 * time.Millisecond)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
