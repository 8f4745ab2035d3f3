package qrcode

import (
	"strings"

	"github.com/makiuchi-d/gozxing"
)

// A Size is that of the picture that is looked at, against the one that was loaded.
type Size uint8

// The sizes.
const (
	Same   Size = iota
	Double      // reads modules that are small
	Half        // reads large modules through noise and shadow, and through the pixels of a screen
	Wide        // twice as wide: reads a code that is turned away to the side
	Tall        // twice as tall: reads one that is turned up or down
)

// A Way is one way to look at a picture.
type Way struct {
	Size     Size
	Global   bool // one threshold for the whole picture, instead of one for each part
	Inverted bool // the code is light on dark, as on a telephone in dark mode
}

func (w Way) String() string {
	words := []string{"hybrid"}
	if w.Global {
		words[0] = "global"
	}
	if w.Size != Same {
		words = append(words, [...]string{Double: "double size", Half: "half size", Wide: "wide", Tall: "tall"}[w.Size])
	}
	if w.Inverted {
		words = append(words, "inverted")
	}
	return strings.Join(words, ", ")
}

// ways returns the ways to look at the n-th picture of a stream, the most likely one first. Each picture gets the look that
// reads most; the others take turns, for one hand holds a pass before many pictures. After four pictures each has had its turn.
func ways(n int) []Way {
	return [...][]Way{
		{{}, {Global: true}},
		{{}, {Size: Double}},
		{{}, {Size: Half}, {Size: Wide}},
		{{}, {Size: Half, Global: true}, {Size: Tall}, {Inverted: true}},
	}[n%4]
}

// binarize says of each pixel whether it is black.
func (w Way) binarize(p *plane) (*gozxing.BitMatrix, error) {
	source, err := gozxing.NewPlanarYUVLuminanceSource(p.pix, p.width, p.height, 0, 0, p.width, p.height, false)
	if err != nil {
		return nil, err
	}
	if w.Global {
		return gozxing.NewGlobalHistgramBinarizer(source).GetBlackMatrix()
	}
	return gozxing.NewHybridBinarizer(source).GetBlackMatrix()
}
