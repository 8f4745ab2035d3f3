// Package typeset sets text and pictures on pages of A4, as a PDF. Everything but the pictures is text, in the order in which it is
// read, with the language of each line, so that a program that reads it aloud says what is printed; of a picture it says what that is.
//
// The library that writes PDF knows no structure tree (PDF/UA, ISO 14289): a document has language, title, the order of its lines and
// the descriptions of its pictures, and no headings.
package typeset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"codeberg.org/go-pdf/fpdf"

	"facegate/configs/notice"
)

// The layout, in millimetres of a sheet of A4.
const (
	width   = 210.0
	height  = 297.0
	edge    = 20.0 // that nothing is printed on
	leading = 1.4  // of lines, in font sizes
	inch    = 25.4
	points  = 72.0 // of an inch
)

// Room is how wide the lines are, in millimetres.
const Room = width - 2*edge

// A Head is what a document says of itself.
type Head struct {
	Language notice.Language
	Title    string
	Made     time.Time
}

// A Document is one that is being written.
type Document struct {
	pdf   *fpdf.Fpdf
	faces []*face
	lang  notice.Language
	drawn int // pictures
}

// Write writes the document that draw draws, on pages that it begins, as a PDF to w. It refuses with ErrFont a text that none of the
// fonts can show.
func Write(w io.Writer, fonts Fonts, h Head, draw func(*Document) error) (err error) {
	defer func() {
		if r := recover(); r != nil { // the library indexes by what it finds in a font
			err = errors.Join(ErrFont, fmt.Errorf("the sheet could not be drawn: %v", r))
		}
	}()
	faces, err := fonts.faces()
	if err != nil {
		return err
	}
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCellMargin(0)
	pdf.SetMargins(edge, edge, edge)
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(h.Made)
	pdf.SetModificationDate(h.Made)
	pdf.SetLang(string(h.Language))
	pdf.SetTitle(h.Title, true)
	for _, f := range faces {
		pdf.AddUTF8FontFromBytes(f.name, "", f.font)
	}
	if err := draw(&Document{pdf: pdf, faces: faces, lang: h.Language}); err != nil {
		return err
	}
	return pdf.Output(w)
}

// Page begins a page.
func (d *Document) Page() { d.pdf.AddPage() }

// Speak says in which language is what follows.
func (d *Document) Speak(lang notice.Language) { d.lang = lang }

// Gap leaves room, in points.
func (d *Document) Gap(size float64) { d.pdf.SetY(d.pdf.GetY() + size/points*inch) }

// A Picture is a code.
type Picture struct {
	PNG    []byte
	Margin float64 // that the code needs around it, white in PNG, as a share of the width of PNG
	Side   float64 // of the code without its margin, in millimetres
	Says   string  // what it is, to those who do not see it
}

// Row draws pictures side by side in the middle of the page, and puts what follows below them. Those that find no room on the page are
// on the next.
func (d *Document) Row(pictures ...Picture) {
	var wide, tall float64
	for _, p := range pictures {
		wide, tall = wide+p.side(), max(tall, p.side())
	}
	if d.pdf.GetY()+tall > height-edge {
		d.Page()
	}
	x, y := (width-wide)/2, d.pdf.GetY()
	for _, p := range pictures {
		d.drawn++
		name := fmt.Sprint("picture ", d.drawn)
		options := fpdf.ImageOptions{ImageType: "PNG"}
		d.pdf.RegisterImageOptionsReader(name, options, bytes.NewReader(p.PNG))
		d.open("/Alt " + literal(p.Says))
		d.pdf.ImageOptions(name, x, y, p.side(), p.side(), false, options, 0, "")
		d.close()
		x += p.side()
	}
	d.pdf.SetY(y + tall)
}

// side is that of the picture with the margin of the code.
func (p Picture) side() float64 { return p.Side / (1 - 2*p.Margin) }

// Write writes a paragraph in a size in points, line by line: each line has its language, and none is on two pages.
func (d *Document) Write(text string, size float64) error {
	d.pdf.SetFont(d.faces[0].name, "", size)
	lines, err := d.wrap(text, size)
	if err != nil {
		return err
	}
	step := size * leading / points * inch
	for _, line := range lines {
		if d.pdf.GetY()+step > height-edge {
			d.Page()
		}
		parts, err := runs(d.faces, line)
		if err != nil {
			return err
		}
		d.open("/Lang (" + string(d.lang) + ")")
		for _, p := range parts {
			d.pdf.SetFont(p.face.name, "", size)
			d.pdf.CellFormat(d.pdf.GetStringWidth(p.text), step, p.text, "", 0, "L", false, 0, "")
		}
		d.close()
		d.pdf.Ln(step)
	}
	return d.pdf.Error()
}

// open and close mark what is between them (ISO 32000-1, 14.6).
func (d *Document) open(properties string) { d.pdf.RawWriteStr("/Span <<" + properties + ">> BDC\n") }
func (d *Document) close()                 { d.pdf.RawWriteStr("EMC\n") }

// literal returns a text as a PDF has it: UTF-16, in hexadecimal.
func literal(text string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, "%04X", unit)
	}
	b.WriteString(">")
	return b.String()
}

// wrap returns text in lines that fit: broken at a space, or before a letter of a script that has none.
func (d *Document) wrap(text string, size float64) (lines []string, err error) {
	used := Room
	for _, word := range words(text) {
		wide, err := d.width(word, size)
		if err != nil {
			return nil, err
		}
		if used += wide; used <= Room {
			lines[len(lines)-1] += word
			continue
		}
		word = strings.TrimLeft(word, " ")
		lines = append(lines, word)
		if used, err = d.width(word, size); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// width returns how wide a text is, in millimetres.
func (d *Document) width(text string, size float64) (sum float64, err error) {
	parts, err := runs(d.faces, text)
	for _, p := range parts {
		d.pdf.SetFont(p.face.name, "", size)
		sum += d.pdf.GetStringWidth(p.text)
	}
	return sum, err
}

// words returns what of text stays together: words with the space before them, and single letters where there are no words.
func words(text string) (all []string) {
	alone := true // the last rune was one of which a line can begin with the next
	for _, r := range text {
		single := unicode.Is(unicode.Han, r)
		if n := len(all); n == 0 || single || alone || r == ' ' {
			all = append(all, string(r))
		} else {
			all[n-1] += string(r)
		}
		alone = single && !unicode.IsPunct(r)
	}
	return closed(all)
}

// closed returns words with the stops that no line begins with at the end of the word before.
func closed(all []string) (joined []string) {
	for _, w := range all {
		if n := len(joined); n > 0 && strings.ContainsAny(w[:min(len(w), 3)], "，。、；：！？）》”") {
			joined[n-1] += w
		} else {
			joined = append(joined, w)
		}
	}
	return joined
}
