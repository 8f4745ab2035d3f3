// Package device brings pictures of the door into the process: what a frame is, what a source of frames is, and the
// parts that every source needs, a mailbox that keeps only the newest frame, a loop that opens a lost source again, and
// a walk over the markers of a JPEG picture.
package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"facegate/device/controls"
)

// A Format says how the bytes of a Frame encode the picture.
type Format uint8

// The formats that UVC cameras deliver and that the pipeline decodes.
const (
	JPEG Format = iota + 1 // one whole JFIF picture, SOI to EOI (ITU-T T.81); Huffman tables may be missing, as in MJPEG
	YUYV                   // packed YUV 4:2:2, bytes Y0 U Y1 V, 2 bytes a pixel, no padding (V4L2_PIX_FMT_YUYV)
)

func (f Format) String() string {
	switch f {
	case JPEG:
		return "JPEG"
	case YUYV:
		return "YUYV"
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// The limits on one frame. They bound the memory that a hostile or damaged stream can claim, and leave room for every
// UVC camera: 3840x2160 in YUYV is 15.8 MiB.
const (
	MaxBytes = 16 << 20 // encoded size
	MaxSide  = 8192     // width and height, in pixels
)

// A Frame is one picture as the source delivered it, not yet decoded.
type Frame struct {
	Format Format
	Data   []byte
	Width  int       // pixels; for JPEG what the picture's own header says
	Height int       // pixels
	Seq    uint64    // counts the frames of one Stream from 1, dropped ones included; Capture counts on when it opens again
	Time   time.Time // when the source handed the frame over, with a monotonic reading; its age is measured from here
}

// A Source delivers frames: a camera, a folder of pictures, a recorded stream.
type Source interface {
	// Stream opens the source and calls emit for each frame, in order, from one goroutine. The frame's Data is the
	// source's own memory and must not be used after emit returns. Stream ends with
	//   - nil when ctx is cancelled,
	//   - ErrEnd when a recording has no more frames,
	//   - an error for which Final is true when opening again cannot help before somebody acts, or
	//   - any other error when the device was lost and may come back.
	// The source is closed when Stream returns; Stream may be called again.
	Stream(ctx context.Context, emit func(Frame)) error

	// String names the source as a technician would, for logs and status ("camera /dev/video0").
	String() string
}

// A Teller is a Source that also tells of the frames that cannot be used, which it does not emit.
type Teller interface {
	Source

	// Tell makes Stream call told for each such frame, between two calls of emit, with the reason and a hint. It is called
	// before Stream.
	Tell(told func(why error))
}

// A Controlled is a Source of a camera with settings of its own. A recording is none.
type Controlled interface {
	Source

	// Controls returns the controls of package controls that the camera has, and their values at present. It may be called
	// from another goroutine than Stream, while that runs or not.
	Controls() ([]controls.Control, error)
}

// A Returner is a Source of a device that can be away for a while, and whose return can be noticed.
type Returner interface {
	Source
	// Watch returns what tells of the return. It is not called while another Watch is open.
	Watch() (Watch, error)
}

// A Watch tells when a device may be back.
type Watch interface {
	// Wait returns true as soon as something has happened, since Watch was called or Wait last returned true, for which it is worth
	// trying to open the device. It returns false after d, and when ctx is done.
	Wait(ctx context.Context, d time.Duration) bool
	Close() error
}

// ErrEnd ends the stream of a recording that has been played to its end.
var ErrEnd = errors.New("the recording has ended")

type finalError struct{ err error }

func (e finalError) Error() string { return e.err.Error() }
func (e finalError) Unwrap() error { return e.err }

// AsFinal marks err as one that opening the source again cannot mend.
func AsFinal(err error) error { return finalError{err} }

// Final reports whether err is marked by AsFinal.
func Final(err error) bool {
	var f finalError
	return errors.As(err, &f)
}
