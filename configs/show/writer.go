package show

import (
	"io"
	"slices"
	"sync"
	"unicode/utf8"
)

// A Writer passes on what can be shown, line breaks and tabs, and an escape for everything else. What it is given in
// pieces it takes as one text. It is safe for concurrent use.
type Writer struct {
	to   io.Writer
	mu   sync.Mutex // guards rest, and keeps the order
	rest []byte     // a character that is not whole yet
}

// NewWriter returns a Writer above to.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Unwrap returns what is below, for those who draw.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.Concat(w.rest, p)
	whole := len(all) - unfinished(all)
	w.rest = all[whole:]
	if _, err := io.WriteString(w.to, escape(string(all[:whole]), "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// unfinished returns how many bytes at the end of p begin a character.
func unfinished(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if c := p[len(p)-n]; utf8.RuneStart(c) {
			if utf8.FullRune(p[len(p)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}
