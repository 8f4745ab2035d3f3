// Package visitsheet draws what a visitor is given on paper: the code of the pass, 8 cm wide, when and where it opens, in each
// language of the gate, and the notice of the gate. WriteText gives what it says as plain text.
//
// The code is as large as it is because a camera at a door reads it at 10 to 40 cm then.
package visitsheet

import (
	"io"
	"strings"
	"time"

	"facegate/cmd/facegate/internal/typeset"
	"facegate/configs/notice"
)

// A Sheet is what is printed.
type Sheet struct {
	Picture []byte  // of the code, a PNG with the white margin that it needs
	Margin  float64 // of Picture, as a share of its width
	Number  string
	Door    string // site and gate, or the name of a group
	Group   bool
	From    time.Time // in the zone in which it is printed, as Until
	Until   time.Time
	Uses    int           // 0 for any number of times
	Notices []notice.Text // of the gate; the first one's language is that of the document
	Made    time.Time
}

// The layout of a sheet.
const (
	code   = 80.0 // side of the code without its margin, in millimetres
	normal = 11.0 // points
	large  = 22.0 // points
)

// WriteText writes what the sheet says to w as plain text, without the code: for who has it read aloud, or cannot read print.
func WriteText(w io.Writer, s Sheet) error {
	var paragraphs []string
	for _, n := range s.Notices {
		words := wordsOf(n.Language)
		paragraphs = append(append(paragraphs, words.title), words.facts(s)...)
	}
	for _, n := range s.Notices {
		paragraphs = append(paragraphs, plain(n.Text)...)
	}
	_, err := io.WriteString(w, strings.Join(paragraphs, "\n\n")+"\n")
	return err
}

// Write writes the sheet as a PDF to w. It refuses with typeset.ErrFont a text that none of the fonts can show.
func Write(w io.Writer, s Sheet, fonts typeset.Fonts) error {
	first := s.Notices[0].Language
	head := typeset.Head{Language: first, Title: wordsOf(first).title + " " + s.Number, Made: s.Made}
	return typeset.Write(w, fonts, head, func(d *typeset.Document) error {
		d.Page()
		for i, n := range s.Notices {
			if err := facts(d, s, n.Language, i == 0); err != nil {
				return err
			}
		}
		for _, n := range s.Notices {
			d.Page()
			if err := writeNotice(d, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// facts writes when and where the pass opens, and with the first language the code.
func facts(d *typeset.Document, s Sheet, lang notice.Language, first bool) error {
	d.Speak(lang)
	w := wordsOf(lang)
	if err := d.Write(w.title, large); err != nil {
		return err
	}
	if first {
		d.Row(typeset.Picture{PNG: s.Picture, Margin: s.Margin, Side: code, Says: w.code})
	}
	for _, line := range w.facts(s) {
		if err := d.Write(line, normal); err != nil {
			return err
		}
	}
	d.Gap(normal)
	return nil
}

// writeNotice writes the notice of the gate.
func writeNotice(d *typeset.Document, n notice.Text) error {
	d.Speak(n.Language)
	for i, p := range plain(n.Text) {
		size := normal - 1
		if i == 0 {
			size = large - 6
		}
		if err := d.Write(p, size); err != nil {
			return err
		}
		d.Gap(size / 2)
	}
	return nil
}

// plain returns the paragraphs of a notice, the title first, without the marks of Markdown.
func plain(markdown string) (paragraphs []string) {
	unescape := strings.NewReplacer("**", "", `\\`, `\`, "\\`", "`", `\*`, "*", `\_`, "_", `\[`, "[", `\]`, "]", `\|`, "|", `\#`, "#", `\~`, "~",
		"&lt;", "<", "&gt;", ">", "&amp;", "&", "# ", "")
	for p := range strings.SplitSeq(markdown, "\n\n") {
		if p = strings.Join(strings.Fields(unescape.Replace(p)), " "); p != "" {
			paragraphs = append(paragraphs, p)
		}
	}
	return paragraphs
}
