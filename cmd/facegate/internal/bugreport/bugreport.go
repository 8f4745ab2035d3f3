// Package bugreport writes what whoever mends a gate has to know of it, and nothing of whom it knows, where it is and what opens it.
//
// Nothing is in a report by default. What is printed is a word of the program's own, a figure, or foreign text of which the caller says
// that it may be there, such as the model of a board. Every other text has a placeholder, the same one for the same text. After that the
// whole report is searched for whatever the caller knows to be secret.
package bugreport

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"facegate/cmd/facegate/internal/needle"
)

// A Report is pages with what was taken out of them.
type Report struct {
	Pages []*Page

	search *needle.Search
	places map[string]string // placeholders, by kind and text
	counts map[string]int    // placeholders of a kind
	out    int
}

// A Page is one part of a Report.
type Page struct {
	Title string
	lines []line
	in    *Report
}

// A piece of a line. ours is one that the program itself has, whoever may be called the same.
type piece struct {
	text string
	ours bool
}

type line []piece

// TakenOut stands for a text that is not in a report.
const TakenOut = "<taken out>"

// New returns a Report in which nothing of secrets may be.
func New(secrets []needle.Needle) *Report {
	return &Report{search: needle.NewSearch(secrets), places: map[string]string{}, counts: map[string]int{}}
}

// TakenOut returns how many texts were taken out so far.
func (r *Report) TakenOut() int { return r.out }

// Page begins a page. The title is a word of the program.
func (r *Report) Page(title string) *Page {
	p := &Page{Title: title, in: r}
	r.Pages = append(r.Pages, p)
	return p
}

// Lines returns how many there are.
func (p *Page) Lines() int { return len(p.lines) }

func ours(text string) piece { return piece{text, true} }

// Say writes a line of the program's own words.
func (p *Page) Say(text string) { p.lines = append(p.lines, line{ours(text)}) }

// Figure writes a named number, date or length.
func (p *Page) Figure(name string, v any) { p.row(name, p.in.foreign(fmt.Sprint(v))) }

// Foreign writes a named text that others have made and everybody may read, such as what a kernel is called. One in which there is
// anything secret is left out as a whole, so that nobody can tell from the rest what it was.
func (p *Page) Foreign(name, text string) { p.row(name, p.in.foreign(text)) }

// Sentence writes a named text of which what the program itself says is kept.
func (p *Page) Sentence(name, text string) { p.row(name, p.in.sentence(text)...) }

func (p *Page) row(name string, pieces ...piece) {
	p.lines = append(p.lines, append(line{ours(name + ": ")}, pieces...))
}

// longest is the longest foreign text, in bytes.
const longest = 120

// foreign returns a text as it is, unless there is anything secret in it, or anything that is not to be seen.
func (r *Report) foreign(text string) piece {
	hidden := func(c rune) bool { return !unicode.IsPrint(c) }
	if len(text) > longest || strings.ContainsFunc(text, hidden) || r.knows([]byte(text)) {
		return r.takeOut()
	}
	return piece{text: text}
}

// knows reports whether there is anything secret in data.
func (r *Report) knows(data []byte) bool {
	for range r.search.All(data) {
		return true
	}
	return false
}

func (r *Report) takeOut() piece {
	r.out++
	return ours(TakenOut)
}

// place returns a placeholder for a text: the same one for the same text.
func (r *Report) place(kind, text string) piece {
	if text == "" {
		return ours(`""`)
	}
	r.out++
	key := kind + "\x00" + text
	if r.places[key] == "" {
		r.counts[kind]++
		r.places[key] = fmt.Sprintf("<%s-%d>", kind, r.counts[kind])
	}
	return ours(r.places[key])
}

// ErrSecret means that a report has something secret in it. What it is, the error does not say.
var ErrSecret = errors.New("there is something in the report that must not be there, and nothing was written")

// Text returns the report, once it has been searched. The error is ErrSecret, with the kind of what was found.
func (r *Report) Text() ([]byte, error) {
	var text []byte
	var mask []bool // of the bytes that are ours
	write := func(p piece) {
		text = append(text, p.text...)
		for range len(p.text) {
			mask = append(mask, p.ours)
		}
	}
	for i, page := range r.Pages {
		if i > 0 {
			write(ours("\n"))
		}
		write(ours("== " + page.Title + "\n"))
		for _, l := range page.lines {
			for _, p := range l {
				write(p)
			}
			write(ours("\n"))
		}
	}
	for at, n := range r.search.All(text) {
		if slices.Contains(mask[at:at+len(n.Bytes)], false) {
			return nil, fmt.Errorf("%w: %s", ErrSecret, n.What)
		}
	}
	return text, nil
}
