package text

import (
	"bytes"
	"slices"
)

// Carried returns lines that are signed or hashed as they were made. What a letter, an editor or a scanner of QR codes does to the ends of
// lines is put right: each is one line feed, and the text ends with one.
func Carried(lines []byte) []byte {
	lines = bytes.ReplaceAll(lines, []byte("\r\n"), []byte("\n"))
	return slices.Concat(bytes.TrimRight(lines, "\n"), []byte("\n"))
}
