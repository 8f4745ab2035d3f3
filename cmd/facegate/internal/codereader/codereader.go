// Package codereader is the task that reads the codes that are held to the camera, and the reader of passes that comes of it.
//
// It has frames of its own from the camera and decodes them itself, without OpenCV and without a network. So it reads passes
// while faces are off, while nobody is let in by face, and while the networks are missing; and no face waits for a code. It
// keeps no picture: a frame is cleared before the next one is taken.
//
// What a code says is looked at by nobody before it has the form of a pass.
package codereader

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/luma"
	"facegate/device/reader"
	"facegate/pipeline/qrcode"
)

// How often frames are looked at, and a code counts as shown.
const (
	pause = 200 * time.Millisecond // from one look to the next, at the least
	slow  = 400 * time.Millisecond // the same while a pass is shown that was handed on: all there is to see is when it is gone
	gone  = 2 * time.Second        // without being seen, a code counts as taken away
	blind = 25                     // frames one after the other that could not be decoded, which is more than chance
)

// Parts are what a Reader works with.
type Parts struct {
	Mailbox *device.Mailbox // of frames that are for the Reader alone
	MaxAge  time.Duration   // an older frame is not looked at
	Now     func() time.Time
	Log     *slog.Logger
}

// A Reader is the task, and the source of the scans that it makes.
type Reader struct {
	parts Parts
	ready chan struct{}
	scans chan reader.Scan // holds the newest one that nobody has taken
	shut  chan struct{}
	close sync.Once
	busy  atomic.Pointer[time.Time] // since when the frame under way is looked at; nil if there is none
	count struct{ looks, codes, passes, failed atomic.Uint64 }
	inRow atomic.Uint64 // frames that could not be decoded since the last one that was

	// The goroutine of Run alone uses these.
	light   *luma.Decoder
	codes   *qrcode.Reader
	looks   int
	seed    maphash.Seed
	shown   map[uint64]time.Time // when each code was last seen that was handed on; it is forgotten once it is gone
	trouble time.Time            // when trouble was last logged
}

// New returns a Reader. Its Run must be called for Read to return anything.
func New(p Parts) *Reader {
	return &Reader{
		parts: p, ready: make(chan struct{}), scans: make(chan reader.Scan, 1), shut: make(chan struct{}),
		light: luma.NewDecoder(), codes: qrcode.NewReader(), seed: maphash.MakeSeed(), shown: map[uint64]time.Time{},
	}
}

func (r *Reader) String() string { return reader.Camera }

// Ready is closed when frames are looked at.
func (r *Reader) Ready() <-chan struct{} { return r.ready }

// Read implements reader.Source. A code is returned once for as long as it is shown, and again when it was gone. One that
// nobody has taken gives way to a newer one.
func (r *Reader) Read(ctx context.Context) (reader.Scan, error) {
	select {
	case <-ctx.Done():
		return reader.Scan{}, ctx.Err()
	case <-r.shut:
		return reader.Scan{}, errShut()
	default:
	}
	select {
	case s := <-r.scans:
		return s, nil
	case <-ctx.Done():
		return reader.Scan{}, ctx.Err()
	case <-r.shut:
		return reader.Scan{}, errShut()
	}
}

func errShut() error { return hint.Wrap(reader.ErrClosed, "start the gate again") }

// Close implements reader.Source. The task goes on until its ctx ends.
func (r *Reader) Close() error {
	r.close.Do(func() { close(r.shut) })
	return nil
}

// A Count is what can be told of codes since the start. It tells of nobody.
type Count struct {
	Looks  uint64 // frames that were looked at
	Codes  uint64 // codes that were read, whatever they said
	Passes uint64 // of them, those that have the form of a pass and were handed on
	Failed uint64 // frames that could not be decoded, or made the decoder fail
}

// Count returns the figures so far.
func (r *Reader) Count() Count {
	return Count{r.count.looks.Load(), r.count.codes.Load(), r.count.passes.Load(), r.count.failed.Load()}
}

// Blind reports whether frames come and none of them can be decoded.
func (r *Reader) Blind() bool { return r.inRow.Load() >= blind }

// Busy returns for how long the frame under way has been looked at, and 0 while the next is waited for.
func (r *Reader) Busy() time.Duration {
	since := r.busy.Load()
	if since == nil {
		return 0
	}
	return r.parts.Now().Sub(*since)
}

// Run looks at frames until ctx is cancelled or no more come, which both return nil: a recording that has ended ends the gate
// when its last face was looked at, not before.
func (r *Reader) Run(ctx context.Context) error {
	defer r.drop()
	close(r.ready)
	for {
		f, err := r.parts.Mailbox.Take(ctx)
		if err != nil {
			return nil
		}
		began := r.parts.Now()
		r.busy.Store(&began)
		wait := pause
		if r.look(f, began) {
			wait = slow
		}
		r.busy.Store(nil)
		reader.Rest(ctx, wait-r.parts.Now().Sub(began)) // Take clears the frame, also when ctx has ended
	}
}

// drop clears a scan that nobody has taken.
func (r *Reader) drop() {
	select {
	case s := <-r.scans:
		s.Clear()
	default:
	}
}

// look reads the code of one frame, and reports whether it was handed on before and is shown still.
func (r *Reader) look(f device.Frame, now time.Time) (still bool) {
	if now.Sub(f.Time) > r.parts.MaxAge {
		return false
	}
	r.count.looks.Add(1)
	defer r.light.Clear()
	picture, err := r.light.Decode(f)
	if err != nil {
		r.inRow.Add(1)
		r.fail(now, err)
		return false
	}
	r.inRow.Store(0)
	defer r.codes.Clear()
	ways := r.codes.Load(picture, r.looks)
	r.looks++
	for _, way := range ways {
		switch text, err := r.codes.Read(way); {
		case err == nil:
			return r.take(text, f.Time)
		case errors.Is(err, qrcode.ErrPanic):
			r.fail(now, err)
		}
	}
	return false
}

// take hands a text on that has the form of a pass, unless it is being shown since it was handed on, which it reports.
func (r *Reader) take(text []byte, at time.Time) (still bool) {
	r.count.codes.Add(1)
	if !isPass(text) {
		clear(text)
		return false
	}
	if !r.anew(text, at) {
		clear(text)
		return true
	}
	r.count.passes.Add(1)
	r.drop()
	r.scans <- reader.Scan{Reader: reader.Camera, Kind: reader.Code, Value: text, At: at}
	return false
}

// anew notes that a code is seen, and reports whether it was not before, or was gone. Codes are told apart by a number that
// means nothing outside the process.
func (r *Reader) anew(text []byte, at time.Time) bool {
	for code, last := range r.shown {
		if at.Sub(last) > gone {
			delete(r.shown, code)
		}
	}
	code := maphash.Bytes(r.seed, text)
	_, known := r.shown[code]
	r.shown[code] = at
	return !known
}

// fail counts a frame of which nothing came, and logs that at most once a minute: the camera says more of damaged frames.
func (r *Reader) fail(now time.Time, err error) {
	r.count.failed.Add(1)
	if now.Sub(r.trouble) < time.Minute {
		return
	}
	r.trouble = now
	r.parts.Log.Warn("a frame could not be searched for passes", "error", err, "hint", hint.Of(err))
}
