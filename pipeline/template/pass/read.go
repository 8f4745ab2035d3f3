package pass

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"unicode"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"facegate/pipeline/template"
)

// ErrPicture refuses a picture in which no QR code is found.
var ErrPicture = errors.New("there is no QR code in the picture")

const (
	maxPixels = 30_000_000 // of a picture, as of a photograph by a good camera
	maxOnes   = 4          // digits that may be either of two letters
)

// A format is one that a picture of a pass may have.
type format struct {
	magic  string // that its files begin with
	size   func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func formats() []format {
	return []format{
		{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode}, // what PNG has drawn, or a screen
		{"\xff\xd8", jpeg.DecodeConfig, jpeg.Decode},        // a photograph
	}
}

// Read returns the token of a pass whose letters were typed, or of a PNG or JPEG picture of its code. It refuses with
// ErrPicture or template.ErrToken.
func Read(data []byte) (template.Token, error) {
	text, err := Text(data)
	if err != nil {
		return template.Token{}, err
	}
	return Letters(text)
}

// Text returns what the code in a PNG or JPEG picture says, and data as it is where that is no picture. It refuses with ErrPicture.
func Text(data []byte) (string, error) {
	for _, f := range formats() {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return f.read(data)
		}
	}
	return string(data), nil
}

func (f format) read(data []byte) (string, error) {
	size, err := f.size(bytes.NewReader(data))
	if err != nil || size.Width*size.Height > maxPixels {
		const million = 1_000_000
		return "", fmt.Errorf("%w: it is damaged, or has more than %d million pixels", ErrPicture, maxPixels/million)
	}
	picture, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("%w: it is damaged", ErrPicture)
	}
	return scan(picture)
}

// scan returns what the code in a picture says, with the colours as they are or exchanged.
func scan(picture image.Image) (text string, err error) {
	defer func() {
		if recover() != nil { // the library indexes by what it finds in the picture
			err = ErrPicture
		}
	}()
	light := gozxing.NewLuminanceSourceFromImage(picture)
	// A clean picture of a large code has patterns by chance that look like its corners; there is no need to look for them.
	if text, ok := decode(gozxing.NewGlobalHistgramBinarizer(light), gozxing.DecodeHintType_PURE_BARCODE); ok {
		return text, nil
	}
	for _, source := range []gozxing.LuminanceSource{light, light.Invert()} {
		for _, binarizer := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(source), gozxing.NewGlobalHistgramBinarizer(source)} {
			if text, ok := decode(binarizer, gozxing.DecodeHintType_TRY_HARDER); ok {
				return text, nil
			}
		}
	}
	return "", ErrPicture
}

func decode(b gozxing.Binarizer, how gozxing.DecodeHintType) (string, bool) {
	bitmap, err := gozxing.NewBinaryBitmap(b)
	if err != nil {
		return "", false
	}
	found, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{how: true})
	if err != nil {
		return "", false
	}
	return found.GetText(), true
}

// Letters reads the letters of a pass as people type them: in any case, in groups with spaces, dashes or anything else
// between them, and with the digits that look like letters. The checksum of a token says which letter was meant. It returns
// template.ErrToken for anything else.
func Letters(typed string) (template.Token, error) {
	ones := 0
	letters := strings.Map(func(r rune) rune {
		switch r = unicode.ToUpper(r); {
		case r == '0':
			return 'O'
		case r == '8':
			return 'B'
		case r == '1':
			ones++
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return -1
		}
		return r
	}, typed)
	if ones > maxOnes || len(letters) != template.TokenTextSize {
		return template.Token{}, template.ErrToken
	}
	return either(letters)
}

// either tries both letters for each digit one.
func either(letters string) (template.Token, error) {
	if !strings.Contains(letters, "1") {
		return template.ParseToken(letters)
	}
	t, err := either(strings.Replace(letters, "1", "I", 1))
	if err != nil {
		t, err = either(strings.Replace(letters, "1", "L", 1))
	}
	return t, err
}
