// Package qrcode finds a QR code (ISO/IEC 18004) in a grey picture and reads its text. It is pure: no clock, no goroutine, no
// disk. Who holds a code to a camera chooses every bit of it, so the picture is bounded, the text is bounded, and a panic of
// the library is an unread picture.
//
// One look at a picture misses codes that another look reads: too small, too noisy, or light on dark. A Way is one kind of
// look, and Ways says which are worth their time at which picture of a stream.
package qrcode

import (
	"errors"
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// The limits on what is looked at and on what is returned.
const (
	MaxPixels = 640 * 480 // of a picture; a larger one is reduced, or its middle is taken
	MaxText   = 200       // bytes; a longer text is no pass

	maxCorners = 200 // finder patterns; a sheet that is full of them is no pass
)

// What can come of a look.
var (
	ErrNone  = errors.New("no QR code was read in the picture")
	ErrText  = errors.New("the text of the QR code is too long, or empty")
	ErrPanic = errors.New("the picture has made the QR decoder fail")
)

// A Reader looks at one picture at a time. It owns the memory that it needs, and Clear leaves nothing of a picture in it. It
// is for one goroutine.
type Reader struct {
	picture plane
	work    plane // what the present look is at
	seen    seen  // of the picture
	decoder *decoder.Decoder
}

// NewReader returns a Reader without a picture.
func NewReader() *Reader { return &Reader{decoder: decoder.NewDecoder()} }

// Load takes a copy of the n-th picture of a stream, and returns the ways to look at it. A picture beyond MaxPixels is reduced
// for one look, and its middle is taken at full size for the next; each of the two has the ways in turn.
func (r *Reader) Load(p *image.Gray, n int) []Way {
	r.seen = r.seen[:0]
	switch b := p.Bounds(); {
	case b.Dx()*b.Dy() <= MaxPixels:
		r.picture.copy(p)
		return ways(n)
	case n%2 == 0:
		r.picture.reduce(p)
	default:
		r.picture.copy(p.SubImage(middleOf(b)).(*image.Gray))
	}
	return ways(n / 2)
}

// Clear overwrites the picture.
func (r *Reader) Clear() {
	r.picture.clear()
	r.work.clear()
	clear(r.seen)
	r.seen = r.seen[:0]
}

// Read looks at the picture that was loaded, in one way, and returns the text of the code that it has found. The text is the
// caller's own. The error is ErrNone, ErrText or ErrPanic.
//
// A look cannot be broken off: a picture that was made for it takes half a second of a fast processor.
func (r *Reader) Read(w Way) (text []byte, err error) {
	defer func() {
		switch recover() {
		case nil:
		case errCrowded:
			text, err = nil, ErrNone
		default: // the library indexes by what it finds in the picture
			text, err = nil, ErrPanic
		}
	}()
	if len(r.picture.pix) == 0 {
		return nil, ErrNone
	}
	r.prepare(w)
	black, err := w.binarize(&r.work)
	if err != nil {
		return nil, ErrNone
	}
	defer black.Clear()
	if w.Inverted {
		r.seen = r.seen[:0] // what was dark is light
	}
	return r.decode(black)
}

// prepare makes the picture that a way looks at.
func (r *Reader) prepare(w Way) {
	switch w.Size {
	case Double:
		r.work.enlarge(&r.picture, 2, 2)
	case Wide:
		r.work.enlarge(&r.picture, 2, 1)
	case Tall:
		r.work.enlarge(&r.picture, 1, 2)
	case Half:
		r.work.halve(&r.picture)
	default:
		r.work.set(&r.picture)
	}
	if w.Inverted {
		r.work.invert()
	}
}

// decode finds a code in black modules on white, and reads it.
func (r *Reader) decode(black *gozxing.BitMatrix) ([]byte, error) {
	finder := detector.NewFinderPatternFinder(black, bounded())
	corners, err := finder.Find(hints())
	if err == nil {
		if found, err := detector.NewDetector(black).ProcessFinderPatternInfo(corners); err == nil {
			if text, err := r.text(found.GetBits()); !errors.Is(err, ErrNone) {
				return text, err
			}
		}
	}
	across, down := float64(r.work.width)/float64(r.picture.width), float64(r.work.height)/float64(r.picture.height)
	r.seen.add(finder.GetPossibleCenters(), across, down)
	for _, code := range fits(black, r.seen.at(across, down)) {
		if text, err := r.text(code); !errors.Is(err, ErrNone) {
			return text, err
		}
	}
	return nil, ErrNone
}

// errCrowded breaks off a look at a picture that has too many finder patterns.
var errCrowded = errors.New("too many finder patterns")

// bounded counts finder patterns. The library tries all of them with each other, three at a time: a sheet with thousands keeps it
// busy for minutes. It cannot be told to stop, but for a panic in what it calls at each pattern.
func bounded() gozxing.ResultPointCallback {
	n := 0
	return func(gozxing.ResultPoint) {
		if n++; n > maxCorners {
			panic(errCrowded)
		}
	}
}

// text reads a code of which every module is known.
func (r *Reader) text(code *gozxing.BitMatrix) ([]byte, error) {
	defer code.Clear()
	read, err := r.decoder.Decode(code, nil)
	if err != nil {
		return nil, ErrNone
	}
	defer clear(read.GetRawBytes())
	text := read.GetText()
	if len(text) == 0 || len(text) > MaxText {
		return nil, ErrText
	}
	return []byte(text), nil
}

// hints has every third row searched, however large a code may be: one that is far away is small.
func hints() map[gozxing.DecodeHintType]any {
	return map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
}
