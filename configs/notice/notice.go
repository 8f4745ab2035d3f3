// Package notice prints what a gate says of itself on paper: the notice that a person reads before they consent, and the
// policy for an auditor. Every number in either is one that the gate keeps to.
package notice

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/passage"
	"facegate/configs/words"
)

// A Language is one that notices are written in (BCP 47).
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Languages returns every language that facegate itself has a notice in. Statement.Languages has those of an operator besides.
func Languages() []Language { return []Language{English, Chinese} }

// ErrNone says that there is no complete notice, without which nobody may be asked for consent.
var ErrNone = errors.New("there is no notice")

// A Text is the notice as a person reads it before they consent.
type Text struct {
	Language Language
	Version  string            // as the operator counts
	Text     string            // Markdown, at most a page
	SHA256   [sha256.Size]byte // of Text; a consent to another one is stale
}

//go:embed notice.en.md notice.zh.md policy.md
var templates embed.FS

//go:embed notice.html
var pages embed.FS

// Text writes the notice in a language. One without a statement that the law requires (PIPL 17 and 30, GDPR 13) is ErrNone.
func (p Particulars) Text(lang Language) (Text, error) {
	s := p.Statement
	if !slices.Contains(s.Languages(), lang) {
		return Text{}, fmt.Errorf("%w in language %q", ErrNone, lang)
	}
	for _, f := range append(s.Fields(), s.Words(lang).Fields(lang)...) {
		if strings.TrimSpace(f.Value) == "" && !f.Optional {
			err := fmt.Errorf("%w in language %q: %s is missing", ErrNone, lang, f.Key)
			return Text{}, hint.Wrap(err, "write %s in the configuration", f.Key)
		}
	}
	text, err := p.fill(lang, p.page(lang))
	if err != nil {
		return Text{}, err
	}
	return Text{Language: lang, Version: s.Version, Text: text, SHA256: sha256.Sum256([]byte(text))}, nil
}

// fill fills the notice of a language.
func (p Particulars) fill(lang Language, with page) (string, error) {
	if f, ok := p.Statement.foreign(lang); ok {
		return fill(f.File, f.Text, with)
	}
	return render("notice."+string(lang)+".md", with)
}

// page returns what the notice of a language is filled from.
func (p Particulars) page(lang Language) page {
	s, own := p.Statement, p.Statement.Words(lang)
	return page{
		Place: phrase(own.Place), Purpose: phrase(own.Purpose),
		Necessity: phrase(own.Necessity), Rights: phrase(own.Rights),
		Version: phrase(s.Version), Controller: phrase(s.Controller),
		Contact: phrase(s.Contact), Officer: phrase(s.Officer),
		Ways: p.listed(lang, p.Ways), Second: p.second(lang), Beside: p.beside(lang), Profile: p.Profile, RecordYears: law.RecordDays / 365,
	}
}

// Texts writes the notice in every language that the operator speaks, the one of the place first. None at all is ErrNone.
func (p Particulars) Texts() ([]Text, error) {
	languages := p.Statement.Languages()
	if p.Profile.Jurisdiction == law.CN {
		languages[0], languages[1] = Chinese, English
	}
	var texts []Text
	for _, lang := range languages {
		if p.Statement.Words(lang) == (Words{}) {
			continue
		}
		t, err := p.Text(lang)
		if err != nil {
			return nil, err
		}
		texts = append(texts, t)
	}
	if len(texts) == 0 {
		return nil, hint.Wrap(fmt.Errorf("%w in any language", ErrNone), "write notice.en or notice.zh in the configuration")
	}
	return texts, nil
}

// A page is what the notices are filled from.
type page struct {
	Place, Purpose, Necessity, Rights     string
	Version, Controller, Contact, Officer string

	Ways        string
	Second      string // of Ways, those that are asked for besides a face
	Beside      string // of Ways, those that are on the operator's word, "" for none
	Profile     law.Profile
	RecordYears int
}

// render fills an embedded template.
func render(name string, page any) (string, error) {
	text, err := templates.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("fill %s: %w", name, err)
	}
	return fill(name, string(text), page)
}

// parseText reads a template, of which name is said in errors.
func parseText(name, text string) (*template.Template, error) {
	return template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"markdown": markdown, "days": days}).Parse(text)
}

// fill fills a template.
func fill(name, text string, page any) (string, error) {
	t, err := parseText(name, text)
	if err != nil {
		return "", fmt.Errorf("fill %s: %w", name, err)
	}
	var filled strings.Builder
	if err := t.Execute(&filled, page); err != nil {
		return "", fmt.Errorf("fill %s: %w", name, err)
	}
	return filled.String(), nil
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// phrase is text of the operator within a sentence, without a full stop, which the notice sets itself.
func phrase(text string) string { return markdown(strings.TrimRight(text, ".。")) }

// markdown returns text as Markdown that reads as the text does, whatever stands in it.
func markdown(text string) string {
	return strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", ">", "&gt;",
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "~", `\~`,
	).Replace(text)
}

// second lists the ways in that are asked for besides a face.
func (p Particulars) second(lang Language) string {
	return p.listed(lang, slices.DeleteFunc(slices.Clone(p.Ways), func(w passage.Way) bool { return !w.Second() }))
}

// beside lists the ways in that the gate knows nothing of.
func (p Particulars) beside(lang Language) string {
	return p.listed(lang, slices.DeleteFunc(slices.Clone(p.Ways), passage.Way.Second))
}

// listed lists ways in as a sentence of the language does.
func (p Particulars) listed(lang Language, ways []passage.Way) string {
	return Ways(p.Statement.Says(lang), ways)
}

// Ways lists ways in as a sentence does.
func Ways(w words.Words, ways []passage.Way) string {
	names := make([]string, 0, len(ways))
	for _, way := range ways {
		names = append(names, w.Say("way-"+string(way)))
	}
	return w.List(names)
}
