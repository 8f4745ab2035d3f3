package v4l2

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"facegate/device"
)

// ErrFrozen means that the camera, or its driver, sends one picture again and again. A sensor has noise: no two of its pictures are
// the same.
var ErrFrozen = errors.New("the camera sends the same picture again and again")

// When a picture counts as frozen, besides the time that Config.FrozenAfter gives it.
const (
	sameFrames = 10 // so many in a row at least: a slow camera sends few in that time

	// A plain picture, such as of the dark or of a lens that is covered, may come out the same every time: what noise there is
	// the camera rounds away. It is frozen after so long, and then after twice as long each time, because to open the camera anew
	// helps only if it has failed.
	plainAfter  = 30 * time.Second
	plainLatest = time.Hour
)

// A freeze looks for a picture that comes again and again. It outlives a stream, so that a camera which is still frozen after it was
// opened anew is known by its picture. Of a picture it keeps a hash.
type freeze struct {
	after time.Duration // 0 for never
	seed  maphash.Seed

	last    uint64 // of the last picture
	count   int    // how often it has come in this stream
	since   time.Time
	held    bool          // the last stream ended for this picture, which shows something: it is not passed on again
	patient time.Duration // with a plain picture
}

func newFreeze(after time.Duration) *freeze { return &freeze{after: after, seed: maphash.MakeSeed()} }

// begin takes note of a new stream.
func (z *freeze) begin() { z.count = 0 }

// see takes the next frame of a stream, and returns whether it may be passed on. An error ends the stream.
func (z *freeze) see(f device.Frame) (fresh bool, err error) {
	if z.after == 0 {
		return true, nil
	}
	sum := maphash.Bytes(z.seed, content(f))
	if sum != z.last {
		*z = freeze{after: z.after, seed: z.seed, last: sum}
	}
	if z.count == 0 {
		z.since = f.Time
	}
	z.count++
	lasts := f.Time.Sub(z.since)
	switch {
	case z.count < sameFrames || lasts < z.after:
		return !z.held, nil
	case !plain(f):
		z.held = true
	case lasts < max(z.patient, plainAfter, z.after):
		return true, nil
	default:
		z.patient = min(2*max(z.patient, plainAfter), plainLatest)
	}
	return false, fmt.Errorf("%w for %v", ErrFrozen, lasts.Round(time.Second))
}

// content returns what of a frame is the picture. The headers of a JPEG picture may count or date it.
func content(f device.Frame) []byte {
	if i := bytes.Index(f.Data, []byte{0xFF, 0xDA}); f.Format == device.JPEG && i >= 0 {
		return f.Data[i:]
	}
	return f.Data
}

// plain reports whether there is next to nothing in a picture: few bytes of JPEG, or grey values that hardly differ.
func plain(f device.Frame) bool {
	const (
		pixels = 24 // to a byte of JPEG; of nothing at all they are 36 to 85, of a room 2 to 15
		spread = 16 // grey values
		apart  = 64 // bytes from one sample to the next in YUYV, of grey both
	)
	if f.Format == device.JPEG {
		return len(content(f))*pixels < f.Width*f.Height
	}
	least, most := byte(255), byte(0)
	for i := 0; i < len(f.Data); i += apart {
		least, most = min(least, f.Data[i]), max(most, f.Data[i])
	}
	return int(most)-int(least) < spread
}
