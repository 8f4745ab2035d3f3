package passes

import (
	"bytes"
	"image/jpeg"
	"math/rand/v2"

	"rsc.io/qr"

	"facegate/device"
	"facegate/device/luma"
	"facegate/pipeline/qrcode"
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
)

// How a pass is shown, and read.
const (
	frames  = FPS // of a showing: one second
	every   = 2   // of so many frames one is looked at, as at most 5 a second are
	quality = 75  // of the camera's JPEG
)

// A Kind is what a code holds. It decides how many modules the code has.
type Kind string

// The kinds.
const (
	Token   Kind = "token"   // of somebody enrolled, 25 modules
	Visitor Kind = "visitor" // a signed pass, 41 modules
)

// text returns letters of the form of a pass. What they say makes no difference to how the code is read.
func (k Kind) text(r *rand.Rand) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	size := template.TokenTextSize
	if k == Visitor {
		size = visitor.TextSize
	}
	text := make([]byte, size)
	for i := range text {
		text[i] = letters[r.IntN(len(letters))]
	}
	return string(text)
}

// A Result is what came of one showing.
type Result struct {
	Seen  bool // the whole code was in one of the pictures that were looked at
	Read  bool
	First bool // read in the first picture
	Wrong bool // a text was read that the code does not say
}

// Show has somebody hold a pass to a gate for a second, and returns what came of it. The same seed and number give the same.
func Show(k Kind, s Scene, seed, number uint64) (Result, error) {
	r := rand.New(rand.NewPCG(seed, number))
	text := k.text(r)
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return Result{}, err
	}
	return NewShowing(s, code, r).watch(text, r.IntN(frames))
}

// watch looks at the pictures of a showing as a gate does that has looked at so many before.
func (w *Showing) watch(text string, before int) (r Result, err error) {
	sees, reads := luma.NewDecoder(), qrcode.NewReader()
	for i := range frames {
		if i%every != 0 {
			w.Skip()
			continue
		}
		r.Seen = r.Seen || w.InView()
		var file bytes.Buffer
		if err := jpeg.Encode(&file, w.Next(), &jpeg.Options{Quality: quality}); err != nil {
			return r, err
		}
		picture, err := sees.Decode(device.Frame{Format: device.JPEG, Data: file.Bytes()})
		if err != nil {
			return r, err
		}
		n := i / every
		for _, way := range reads.Load(picture, before+n) {
			if got, err := reads.Read(way); err == nil {
				r.Read = string(got) == text
				r.First, r.Wrong = r.Read && n == 0, !r.Read
				return r, nil
			}
		}
	}
	return r, nil
}
