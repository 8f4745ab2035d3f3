package main

import (
	"fmt"
	"os"

	"facegate/cmd/facegate/internal/typeset"
	"facegate/configs/hint"
)

// fontFlag names a font for what is printed.
type fontFlag struct {
	Font string `placeholder:"FILE" help:"TrueType font for letters that are neither Latin, Greek nor Cyrillic. Otherwise one of Debian's."`
}

// fonts returns the fonts of a sheet.
func (c fontFlag) fonts(t terminal) (typeset.Fonts, error) {
	if c.Font == "" {
		return typeset.Find(t.root()), nil
	}
	font, err := os.ReadFile(c.Font)
	if err != nil {
		return typeset.Fonts{}, hint.Wrap(fmt.Errorf("read the font: %w", err), "name a file .ttf")
	}
	return typeset.With(font)
}
