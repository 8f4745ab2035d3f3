package configs

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"facegate/configs/hint"
)

// A Language is one that notices are written in (BCP 47).
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// ErrNotice says that there is no complete notice, without which nobody may be asked for consent.
var ErrNotice = errors.New("configs: no notice")

// A NoticeText is the notice as a person reads it before they consent.
type NoticeText struct {
	Language Language
	Version  string            // as the operator counts
	Text     string            // Markdown, at most a page
	SHA256   [sha256.Size]byte // of Text; a consent to another one is stale
}

//go:embed notices/en.md notices/zh.md policy.md
var templates embed.FS

// NoticeText fills the notice of lang from the configuration: retention, method and the other ways in are those that the
// gate keeps to. A notice without one of the required statements (PIPL 17 and 30, GDPR 13) is ErrNotice.
func (c *Config) NoticeText(lang Language) (NoticeText, error) {
	if lang != English && lang != Chinese {
		return NoticeText{}, fmt.Errorf("%w in language %q", ErrNotice, lang)
	}
	words := c.Notice.words(lang)
	for _, f := range append(c.Notice.fields(), words.fields(lang)...) {
		if strings.TrimSpace(f.value) == "" && !f.optional {
			err := fmt.Errorf("%w in language %q: %s is missing", ErrNotice, lang, f.key)
			return NoticeText{}, hint.Wrap(err, "write %s in the configuration", f.key)
		}
	}
	text, err := c.render("notices/"+string(lang)+".md", noticePage{
		Place: phrase(words.Place), Purpose: phrase(words.Purpose),
		Necessity: phrase(words.Necessity), Rights: phrase(words.Rights),
		Version: phrase(c.Notice.Version), Controller: phrase(c.Notice.Controller),
		Contact: phrase(c.Notice.Contact), Officer: phrase(c.Notice.Officer),
		Ways:   waysIn(lang, c.Alternatives),
		Config: c, Profile: c.Profile(), RecordYears: RecordDays / 365,
	})
	if err != nil {
		return NoticeText{}, err
	}
	return NoticeText{Language: lang, Version: c.Notice.Version, Text: text, SHA256: sha256.Sum256([]byte(text))}, nil
}

// Notices returns the notices of every language that the gate speaks, the one of the place first. None at all is
// ErrNotice.
func (c *Config) Notices() ([]NoticeText, error) {
	languages := []Language{English, Chinese}
	if c.Jurisdiction == CN {
		languages = []Language{Chinese, English}
	}
	var notices []NoticeText
	for _, lang := range languages {
		if *c.Notice.words(lang) == (Words{}) {
			continue
		}
		n, err := c.NoticeText(lang)
		if err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	if len(notices) == 0 {
		return nil, hint.Wrap(fmt.Errorf("%w in any language", ErrNotice), "write notice.en or notice.zh in the configuration")
	}
	return notices, nil
}

// A noticePage is what the notices are filled from.
type noticePage struct {
	Place, Purpose, Necessity, Rights     string
	Version, Controller, Contact, Officer string

	Ways        string
	Config      *Config
	Profile     Profile
	RecordYears int
}

// render fills an embedded template.
func (c *Config) render(name string, page any) (string, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"markdown": markdown}).ParseFS(templates, name)
	if err != nil {
		return "", fmt.Errorf("configs: %w", err)
	}
	var text strings.Builder
	if err := t.ExecuteTemplate(&text, name[strings.LastIndex(name, "/")+1:], page); err != nil {
		return "", fmt.Errorf("configs: %w", err)
	}
	return text.String(), nil
}

// phrase is text of the operator within a sentence, without a full stop, which the notice sets itself.
func phrase(text string) string { return markdown(strings.TrimRight(text, ".。")) }

// markdown returns text as Markdown that reads as the text does, whatever stands in it.
func markdown(text string) string {
	return strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", ">", "&gt;",
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "~", `\~`,
	).Replace(text)
}

// WaysIn lists the other ways in as a sentence does.
func (c *Config) WaysIn(lang Language) string { return waysIn(lang, c.Alternatives) }

// waysIn lists ways as a sentence does.
func waysIn(lang Language, ways []Way) string {
	names := map[Way]string{
		Card: "a card", PIN: "a PIN", QR: "a QR pass", Intercom: "the intercom", Key: "a key",
	}
	comma, or := ", ", " or "
	if lang == Chinese {
		names = map[Way]string{Card: "门禁卡", PIN: "密码", QR: "二维码", Intercom: "对讲", Key: "钥匙"}
		comma, or = "、", "或"
	}
	var b strings.Builder
	for i, way := range ways {
		switch {
		case i > 0 && i == len(ways)-1:
			b.WriteString(or)
		case i > 0:
			b.WriteString(comma)
		}
		b.WriteString(names[way])
	}
	return b.String()
}

// A field is a statement of the notice.
type field struct {
	key, value string
	optional   bool
}

// fields returns what the notice says in every language.
func (n *Notice) fields() []field {
	return []field{
		{key: "notice.version", value: n.Version},
		{key: "notice.controller", value: n.Controller},
		{key: "notice.contact", value: n.Contact},
		{key: "notice.officer", value: n.Officer, optional: true},
	}
}

func (n *Notice) words(lang Language) *Words {
	if lang == Chinese {
		return &n.ZH
	}
	return &n.EN
}

func (w *Words) fields(lang Language) []field {
	prefix := "notice." + string(lang) + "."
	return []field{
		{key: prefix + "place", value: w.Place},
		{key: prefix + "purpose", value: w.Purpose},
		{key: prefix + "necessity", value: w.Necessity},
		{key: prefix + "rights", value: w.Rights},
	}
}
