// Package visitsheet draws what a visitor is given on paper: the code of the pass, 8 cm wide, when and where it opens, in each
// language of the gate, and the notice of the gate. Everything but the code is text, in the order in which it is read, with the
// language of each line, so that a program that reads it aloud says what is printed; of the code it says what that is.
//
// The library that writes PDF knows no structure tree (PDF/UA, ISO 14289): a sheet has language, title, the order of its lines and the
// description of its code, and no headings. WriteText gives what it says as plain text.
//
// The code is as large as it is because a camera at a door reads it at 10 to 40 cm then.
package visitsheet

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

// The layout, in millimetres of a sheet of A4.
const (
	width   = 210.0
	height  = 297.0
	edge    = 20.0 // that nothing is printed on
	code    = 80.0 // side of the code without its margin
	normal  = 11.0 // points
	large   = 22.0 // points
	leading = 1.4  // of lines, in font sizes
	inch    = 25.4
	points  = 72.0 // of an inch
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

// A writer writes one document.
type writer struct {
	pdf   *fpdf.Fpdf
	faces []*face
	lang  notice.Language
}

// Write writes the sheet as a PDF to w. It refuses with ErrFont a text that none of the fonts can show.
func Write(w io.Writer, s Sheet, fonts Fonts) (err error) {
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
	pdf.SetCreationDate(s.Made)
	pdf.SetModificationDate(s.Made)
	first := s.Notices[0].Language
	pdf.SetLang(string(first))
	pdf.SetTitle(wordsOf(first).title+" "+s.Number, true)
	for _, f := range faces {
		pdf.AddUTF8FontFromBytes(f.name, "", f.font)
	}
	d := &writer{pdf: pdf, faces: faces}
	d.page()
	for i, n := range s.Notices {
		if err := d.facts(s, n.Language, i == 0); err != nil {
			return err
		}
	}
	for _, n := range s.Notices {
		d.page()
		if err := d.notice(n); err != nil {
			return err
		}
	}
	return pdf.Output(w)
}

func (d *writer) page() { d.pdf.AddPage() }

// facts writes when and where the pass opens, and with the first language the code.
func (d *writer) facts(s Sheet, lang notice.Language, first bool) error {
	d.lang = lang
	w := wordsOf(lang)
	if err := d.write(w.title, large); err != nil {
		return err
	}
	if first {
		d.picture(s, w.code)
	}
	for _, line := range w.facts(s) {
		if err := d.write(line, normal); err != nil {
			return err
		}
	}
	d.gap(normal)
	return nil
}

// picture draws the code in the middle of the line, and says to those who do not see it what it is.
func (d *writer) picture(s Sheet, says string) {
	side := code / (1 - 2*s.Margin)
	options := fpdf.ImageOptions{ImageType: "PNG"}
	d.pdf.RegisterImageOptionsReader("code", options, bytes.NewReader(s.Picture))
	d.open("/Alt " + literal(says))
	d.pdf.ImageOptions("code", (width-side)/2, d.pdf.GetY(), side, side, false, options, 0, "")
	d.close()
	d.pdf.SetY(d.pdf.GetY() + side)
}

// notice writes the notice of the gate.
func (d *writer) notice(n notice.Text) error {
	d.lang = n.Language
	for i, p := range plain(n.Text) {
		size := normal - 1
		if i == 0 {
			size = large - 6
		}
		if err := d.write(p, size); err != nil {
			return err
		}
		d.gap(size / 2)
	}
	return nil
}

// write writes a paragraph, line by line: each line has its language, and none is on two pages.
func (d *writer) write(text string, size float64) error {
	d.pdf.SetFont(d.faces[0].name, "", size)
	lines, err := d.wrap(text, size)
	if err != nil {
		return err
	}
	step := size * leading / points * inch
	for _, line := range lines {
		if d.pdf.GetY()+step > height-edge {
			d.page()
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

func (d *writer) gap(size float64) { d.pdf.SetY(d.pdf.GetY() + size/points*inch) }

// open and close mark what is between them (ISO 32000-1, 14.6).
func (d *writer) open(properties string) { d.pdf.RawWriteStr("/Span <<" + properties + ">> BDC\n") }
func (d *writer) close()                 { d.pdf.RawWriteStr("EMC\n") }

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
func (d *writer) wrap(text string, size float64) (lines []string, err error) {
	const room = width - 2*edge
	used := room
	for _, word := range words(text) {
		wide, err := d.width(word, size)
		if err != nil {
			return nil, err
		}
		if used += wide; used <= room {
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
func (d *writer) width(text string, size float64) (sum float64, err error) {
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
