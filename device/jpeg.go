package device

import (
	"bytes"
	"errors"
	"io"
)

// What can be wrong with a JPEG picture.
var (
	ErrNotJPEG     = errors.New("not a JPEG picture")               // it does not begin with SOI
	ErrTruncated   = errors.New("the JPEG picture is cut short")    // no EOI
	ErrCorrupt     = errors.New("the JPEG picture is damaged")      // its markers make no sense
	ErrPictureSize = errors.New("the picture has an unusable size") // a side is 0 or above MaxSide
)

// A JPEGInfo is what the markers of a JPEG picture say.
type JPEGInfo struct {
	Length        int // bytes from SOI to EOI; what follows is not of the picture
	Width, Height int // pixels
	Scans         int
	Progressive   bool // every scan is another pass over the whole picture
	Arithmetic    bool // arithmetic coding instead of Huffman's

	// Grey is the mean grey value, 0 to 255, where the scans were read: with CheckJPEG, of a picture that is neither progressive
	// nor arithmetic.
	Grey float64
}

// CheckJPEG looks at the picture with which data begins, as sources do with each: it walks its markers from SOI to EOI and
// reads through its scans, without making a picture of them; see package scan. It follows what libjpeg accepts. Bytes may
// follow EOI and stand between segments; Huffman tables may be missing, as they are in MJPEG. Progressive scans and those
// with arithmetic coding are left to the decoder.
//
// The errors are ErrNotJPEG, ErrTruncated, ErrCorrupt, ErrPictureSize, and errors.ErrUnsupported for pictures that libjpeg
// does not decode (lossless, hierarchical) or not to colours (CMYK).
func CheckJPEG(data []byte) (JPEGInfo, error) { return readJPEG(data, new(tables)) }

// ParseJPEG is CheckJPEG without a look at the scans.
func ParseJPEG(data []byte) (JPEGInfo, error) { return readJPEG(data, nil) }

// JPEGSize returns width and height in pixels of what ParseJPEG finds. The walk to the end is needed because decoders turn
// a picture cut in half into one of full size without an error.
func JPEGSize(data []byte) (width, height int, err error) {
	info, err := ParseJPEG(data)
	return info.Width, info.Height, err
}

func readJPEG(data []byte, t *tables) (JPEGInfo, error) {
	if !bytes.HasPrefix(data, []byte{0xFF, markerSOI}) {
		return JPEGInfo{}, ErrNotJPEG
	}
	w := newWalker()
	w.tables = t
	if err := w.walk(data); err != nil {
		return JPEGInfo{}, err
	}
	return w.info, nil
}

// A JPEGReader cuts a stream of concatenated JPEG pictures (MJPEG as "ffmpeg -f mjpeg" writes it) into frames. What is
// not a whole picture is passed over: bytes between pictures, a damaged picture (see CheckJPEG), one beyond the limits
// MaxBytes and MaxSide, and one that the end of the stream cuts short.
type JPEGReader struct {
	PassedOver func(why error) // called for each picture that is passed over, if it is not nil

	r          io.Reader
	buf        []byte
	start, end int // buf[start:end] has been read and not yet handed out
	foreign    int // bytes since the beginning, or since the last report, in which no picture began; below 0 once one has
}

// NewJPEGReader returns a JPEGReader on r.
func NewJPEGReader(r io.Reader) *JPEGReader { return &JPEGReader{r: r} }

// Reset makes jr read from r as if it were new. It keeps the memory, and clears it of the pictures that it held.
func (jr *JPEGReader) Reset(r io.Reader) {
	clear(jr.buf)
	*jr = JPEGReader{PassedOver: jr.PassedOver, r: r, buf: jr.buf}
}

// Next returns the next whole picture with its Format, Data, Width and Height. The Data is valid until the next call.
// The error is io.EOF at the end of the stream, or that of the underlying reader.
func (jr *JPEGReader) Next() (Frame, error) {
	for {
		if err := jr.seekSOI(); err != nil {
			return Frame{}, err
		}
		w, why, end := jr.walk()
		data := jr.buf[jr.start : jr.start+w.pos]
		// Go on from where the walk stopped and not from behind SOI: the thumbnail of a damaged picture is no frame.
		jr.start += w.pos
		if why == nil {
			_, why = CheckJPEG(data)
		}
		if why == nil {
			return Frame{Format: JPEG, Data: data, Width: w.info.Width, Height: w.info.Height}, nil
		}
		if jr.PassedOver != nil {
			jr.PassedOver(why)
		}
		if end != nil {
			return Frame{}, end
		}
	}
}

// walk walks the picture at start, and reads on for as long as that may help. why says what is wrong with the picture, end
// why no more can be read.
func (jr *JPEGReader) walk() (w walker, why, end error) {
	w = newWalker()
	for {
		if why = w.walk(jr.buf[jr.start:jr.end]); !errors.Is(why, ErrTruncated) {
			return w, why, nil
		}
		switch err := jr.fill(); {
		case errors.Is(err, errFull):
			return w, ErrFrameSize, nil
		case err != nil:
			return w, why, err
		}
	}
}

// seekSOI moves start to the next SOI.
func (jr *JPEGReader) seekSOI() error {
	soi := []byte{0xFF, markerSOI}
	for {
		if i := bytes.Index(jr.buf[jr.start:jr.end], soi); i >= 0 {
			jr.start += i
			jr.foreign = -1
			return nil
		}
		passed := max(0, jr.end-len(soi)+1-jr.start)
		jr.start += passed
		jr.strange(passed)
		if err := jr.fill(); err != nil {
			return err
		}
	}
}

// strange tells, of a stream in which no picture has begun yet, that n more bytes are of none: it is something else.
func (jr *JPEGReader) strange(n int) {
	const enough = 64 << 10
	if jr.foreign < 0 {
		return
	}
	if jr.foreign += n; jr.foreign >= enough {
		jr.foreign = 0
		if jr.PassedOver != nil {
			jr.PassedOver(ErrNotJPEG)
		}
	}
}

// errFull is the error of a JPEGReader that holds MaxBytes and no end of the picture among them.
var errFull = errors.New("the buffer is full")

// fill reads once, after making room.
func (jr *JPEGReader) fill() error {
	const (
		least   = 64 << 10 // the size of a Linux pipe
		retries = 100      // empty reads, as bufio allows
	)
	if jr.end == len(jr.buf) {
		if jr.end-jr.start >= MaxBytes {
			return errFull
		}
		jr.makeRoom(least)
	}
	for range retries {
		n, err := jr.r.Read(jr.buf[jr.end:])
		jr.end += n
		if n > 0 {
			return nil // an error will come again
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeRoom moves what is left to the front of the buffer, or of one of twice the size when that would free too little.
func (jr *JPEGReader) makeRoom(least int) {
	held, old := jr.buf[jr.start:jr.end], jr.buf
	if len(held) >= len(old)/2 && len(old) < MaxBytes {
		jr.buf = make([]byte, min(max(least, 2*len(old)), MaxBytes))
		defer clear(old)
	}
	jr.end = copy(jr.buf, held)
	jr.start = 0
}
