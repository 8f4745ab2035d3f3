package notice

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"golang.org/x/text/language"
)

// Dir returns the direction in which a language is written, as HTML has it: "ltr" or "rtl".
func (l Language) Dir() string {
	script, _ := language.Make(string(l)).Script()
	if slices.Contains([]string{"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// Body returns the text as HTML, without a page around it. What an operator has written stays text, whatever stands in it.
func (t Text) Body() (template.HTML, error) {
	var body bytes.Buffer
	if err := goldmark.Convert([]byte(t.Text), &body); err != nil { // without raw HTML, which it leaves out
		return "", fmt.Errorf("typeset the notice: %w", err)
	}
	return template.HTML(body.String()), nil
}

// A printed is what the page is filled from.
type printed struct {
	Language Language
	Dir      string
	Title    template.HTML
	Body     template.HTML
	Sum      string
}

// HTML returns the text as a page of its own, to be read on a screen or printed on A4 or Letter. It has no script, and asks for
// nothing else. At its foot stands the sum of the text, which a consent to it has.
func (t Text) HTML() ([]byte, error) {
	body, err := t.Body()
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	filled := printed{t.Language, t.Language.Dir(), heading(body), body, hex.EncodeToString(t.SHA256[:])}
	if err := printedPage.Execute(&page, filled); err != nil {
		return nil, fmt.Errorf("typeset the notice: %w", err)
	}
	return page.Bytes(), nil
}

var (
	headings = regexp.MustCompile("(?s)<h1[^>]*>(.*?)</h1>")
	tags     = regexp.MustCompile("<[^>]*>")
)

// heading returns the first heading of a text, as a title.
func heading(body template.HTML) template.HTML {
	found := headings.FindStringSubmatch(string(body))
	if found == nil {
		return ""
	}
	return template.HTML(strings.TrimSpace(tags.ReplaceAllString(found[1], "")))
}

var printedPage = template.Must(template.ParseFS(pages, "notice.html"))
