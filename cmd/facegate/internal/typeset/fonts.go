package typeset

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"

	"facegate/configs/hint"
)

// ErrFont says that a sheet cannot be printed with the fonts at hand.
var ErrFont = errors.New("no font has all letters of the sheet")

// maxFont bounds, in bytes, what is read as a font.
const maxFont = 64 << 20

// Fonts are those that a sheet is written in. Go Regular, which is built in, has the letters of Latin, Greek and Cyrillic.
type Fonts struct{ other []byte } // a TrueType font for what that lacks; nil for none

// Places are where Debian keeps TrueType fonts with the letters of Chinese, below the root.
func places() []string {
	return []string{
		"usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",      // fonts-droid-fallback
		"usr/share/fonts/truetype/arphic-gbsn00lp/gbsn00lp.ttf",         // fonts-arphic-gbsn00lp
		"usr/share/fonts/truetype/arphic-gkai00mp/gkai00mp.ttf",         // fonts-arphic-gkai00mp
		"usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf", // likewise
	}
}

// Find returns the fonts of a machine, whose root is given.
func Find(root fs.FS) Fonts {
	for _, path := range places() {
		if data, err := fs.ReadFile(root, path); err == nil {
			if f, err := With(data); err == nil {
				return f
			}
		}
	}
	return Fonts{}
}

// With returns the built-in font and another one. It refuses with ErrFont what is no single TrueType font.
func With(font []byte) (Fonts, error) {
	if _, err := sfnt.Parse(font); err != nil || !strings.HasPrefix(string(font), "\x00\x01\x00\x00") || len(font) > maxFont {
		return Fonts{}, hint.Wrap(fmt.Errorf("%w: this is not a single TrueType font", ErrFont),
			"take a file .ttf with outlines of TrueType, as DroidSansFallbackFull.ttf of Debian's fonts-droid-fallback; .ttc and .otf do not serve")
	}
	return Fonts{font}, nil
}

// A face is a font that was looked into.
type face struct {
	name   string // in the document
	font   []byte
	glyphs *sfnt.Font
	buffer sfnt.Buffer
}

// faces returns the fonts, the built-in one first.
func (f Fonts) faces() (all []*face, err error) {
	for i, font := range [][]byte{goregular.TTF, f.other} {
		if font == nil {
			continue
		}
		glyphs, err := sfnt.Parse(font)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFont, err)
		}
		all = append(all, &face{name: []string{"go", "other"}[i], font: font, glyphs: glyphs})
	}
	return all, nil
}

func (f *face) has(r rune) bool {
	i, err := f.glyphs.GlyphIndex(&f.buffer, r)
	return err == nil && i != 0
}

// A run is part of a text that is written in one font.
type run struct {
	face *face
	text string
}

// runs returns text in parts of one font each: the first of faces that has the letter, as fonts of Chinese may have no Latin ones.
// It refuses with ErrFont a letter that none has.
func runs(faces []*face, text string) (all []run, err error) {
	for _, r := range text {
		i := slices.IndexFunc(faces, func(f *face) bool { return f.has(r) })
		switch {
		case i < 0:
			return nil, hint.Wrap(fmt.Errorf("%w: there is none with %q", ErrFont, r),
				"install one with the letters of Chinese (apt install fonts-droid-fallback), or name a TrueType font that has them: --font FILE")
		case len(all) > 0 && all[len(all)-1].face == faces[i]:
			all[len(all)-1].text += string(r)
		default:
			all = append(all, run{faces[i], string(r)})
		}
	}
	return all, nil
}
