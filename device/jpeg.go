package device

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// What can be wrong with a JPEG picture.
var (
	ErrNotJPEG     = errors.New("not a JPEG picture")               // it does not begin with SOI
	ErrTruncated   = errors.New("the JPEG picture is cut short")    // no EOI
	ErrCorrupt     = errors.New("the JPEG picture is damaged")      // its markers make no sense
	ErrPictureSize = errors.New("the picture has an unusable size") // a side is 0 or above MaxSide
)

// Marker codes, the byte after FF (ITU-T T.81, table B.1).
const (
	markerSOF0 = 0xC0 // baseline
	markerSOF2 = 0xC2 // progressive; SOF1, extended sequential, lies between
	markerDHT  = 0xC4
	markerDAC  = 0xCC
	markerSOFn = 0xCF // the last of the frame headers that common decoders do not read
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
)

// JPEGSize returns the size in pixels of the one picture that data holds, after walking all its markers from SOI to
// EOI. Cameras pad frames with zeros, so zeros may follow EOI; Huffman tables may be missing, as they are in MJPEG. The
// walk is needed because decoders turn a picture cut in half into one of full size without an error.
//
// The errors are ErrNotJPEG, ErrTruncated, ErrCorrupt, ErrPictureSize, and errors.ErrUnsupported for a coding process
// that common decoders do not read (lossless, hierarchical, arithmetic).
func JPEGSize(data []byte) (width, height int, err error) {
	if !bytes.HasPrefix(data, []byte{0xFF, markerSOI}) {
		return 0, 0, ErrNotJPEG
	}
	w := newWalker()
	n, err := w.walk(data)
	if err != nil {
		return 0, 0, err
	}
	if len(bytes.TrimLeft(data[n:], "\x00")) > 0 {
		return 0, 0, fmt.Errorf("%w: bytes follow its end", ErrCorrupt)
	}
	return w.width, w.height, nil
}

// A walker follows the markers of one picture (ITU-T T.81, B.1 and B.2). It keeps its place, so that a picture can be
// walked while its bytes arrive and each byte is looked at once.
type walker struct {
	pos           int  // all bytes before it have been understood; never beyond the data seen
	scanning      bool // pos is in entropy-coded data
	scans         int
	width, height int
}

func newWalker() walker { return walker{pos: len("\xFF\xD8")} }

// walk goes on through data, which begins with SOI and whose beginning earlier calls may have seen, and returns the
// length of the picture. ErrTruncated means that more bytes may help, any other error that they cannot.
func (w *walker) walk(data []byte) (int, error) {
	for {
		if w.scanning && !w.skipEntropy(data) {
			return 0, ErrTruncated
		}
		code, err := w.marker(data)
		if err != nil {
			return 0, err
		}
		switch {
		case w.scanning && (code == 0 || markerRST0 <= code && code <= markerRST7):
			w.pos += 2
		case code == markerEOI:
			if w.scans == 0 {
				return 0, fmt.Errorf("%w: it ends before its first scan", ErrCorrupt)
			}
			return w.pos + 2, nil
		case code < markerSOF0 || markerRST0 <= code && code <= markerSOI:
			return 0, fmt.Errorf("%w: marker %02X is out of place", ErrCorrupt, code)
		default:
			if err := w.segment(data, code); err != nil {
				return 0, err
			}
		}
	}
}

// skipEntropy moves to the next byte of entropy-coded data that may begin a marker.
func (w *walker) skipEntropy(data []byte) bool {
	i := bytes.IndexByte(data[w.pos:], 0xFF)
	if i < 0 {
		w.pos = len(data)
		return false
	}
	w.pos += i
	return true
}

// marker returns the code at pos after dropping fill bytes, which are any number of FF before a marker (B.1.1.2).
func (w *walker) marker(data []byte) (byte, error) {
	for ; w.pos+1 < len(data); w.pos++ {
		if data[w.pos] != 0xFF {
			return 0, fmt.Errorf("%w: no marker after a segment", ErrCorrupt)
		}
		if code := data[w.pos+1]; code != 0xFF {
			return code, nil
		}
	}
	return 0, ErrTruncated
}

// segment passes over the marker segment at pos by its length, so that a thumbnail inside is never looked at.
func (w *walker) segment(data []byte, code byte) error {
	rest := data[w.pos+2:]
	if len(rest) < 2 {
		return ErrTruncated
	}
	n := int(binary.BigEndian.Uint16(rest))
	if n < 2 {
		return fmt.Errorf("%w: segment %02X has length %d", ErrCorrupt, code, n)
	}
	if len(rest) < n {
		return ErrTruncated
	}
	switch {
	case code == markerSOS:
		if w.width == 0 {
			return fmt.Errorf("%w: a scan before the frame header", ErrCorrupt)
		}
		w.scans++
	case markerSOF0 <= code && code <= markerSOF2:
		if err := w.frameHeader(rest[2:n]); err != nil {
			return err
		}
	case code <= markerSOFn && code != markerDHT && code != markerDAC:
		return fmt.Errorf("%w: coding process SOF%d", errors.ErrUnsupported, code-markerSOF0)
	}
	w.scanning = code == markerSOS
	w.pos += 2 + n
	return nil
}

// frameHeader reads sample precision, lines and samples per line (B.2.2).
func (w *walker) frameHeader(b []byte) error {
	if len(b) < 6 || b[0] != 8 || w.width != 0 {
		return fmt.Errorf("%w: its frame header makes no sense", ErrCorrupt)
	}
	height, width := int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if width == 0 || height == 0 || width > MaxSide || height > MaxSide {
		return fmt.Errorf("%w: %dx%d", ErrPictureSize, width, height)
	}
	w.width, w.height = width, height
	return nil
}

// A JPEGReader cuts a stream of concatenated JPEG pictures (MJPEG as "ffmpeg -f mjpeg" writes it) into frames. What is
// not a whole picture is passed over: bytes between pictures, a damaged picture, one beyond the limits MaxBytes and
// MaxSide, and one that the end of the stream cuts short.
type JPEGReader struct {
	r          io.Reader
	buf        []byte
	start, end int // buf[start:end] has been read and not yet handed out
}

// NewJPEGReader returns a JPEGReader on r.
func NewJPEGReader(r io.Reader) *JPEGReader { return &JPEGReader{r: r} }

// Reset makes jr read from r as if it were new. It keeps the memory, and clears it of the pictures that it held.
func (jr *JPEGReader) Reset(r io.Reader) {
	clear(jr.buf)
	*jr = JPEGReader{r: r, buf: jr.buf}
}

// Next returns the next whole picture with its Format, Data, Width and Height. The Data is valid until the next call.
// The error is io.EOF at the end of the stream, or that of the underlying reader.
func (jr *JPEGReader) Next() (Frame, error) {
	for {
		if err := jr.seekSOI(); err != nil {
			return Frame{}, err
		}
		w := newWalker()
		n, err := w.walk(jr.buf[jr.start:jr.end])
		for errors.Is(err, ErrTruncated) {
			if err := jr.fill(); errors.Is(err, errFull) {
				break
			} else if err != nil {
				return Frame{}, err
			}
			n, err = w.walk(jr.buf[jr.start:jr.end])
		}
		if err == nil {
			data := jr.buf[jr.start : jr.start+n]
			jr.start += n
			return Frame{Format: JPEG, Data: data, Width: w.width, Height: w.height}, nil
		}
		// Go on from where the walk stopped and not from behind SOI: the thumbnail of a damaged picture is no frame.
		jr.start += w.pos
	}
}

// seekSOI moves start to the next SOI. A third byte FF, the beginning of the next marker, makes a chance hit rare.
func (jr *JPEGReader) seekSOI() error {
	soi := []byte{0xFF, markerSOI, 0xFF}
	for {
		if i := bytes.Index(jr.buf[jr.start:jr.end], soi); i >= 0 {
			jr.start += i
			return nil
		}
		jr.start = max(jr.start, jr.end-len(soi)+1)
		if err := jr.fill(); err != nil {
			return err
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
