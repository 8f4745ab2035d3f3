// Package letter writes in words, for the person concerned, what is otherwise records: the receipt of an erasure, and the
// answer to a request for access (GDPR Art. 15, PIPL Art. 45).
package letter

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"
	"time"

	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/show"
)

//go:embed texts/*.txt
var texts embed.FS

// write fills the text of this name in a language, or in English where there is none in it. Times are told in zone.
func write(w io.Writer, name string, lang notice.Language, zone *time.Location, page any) error {
	if !slices.Contains(notice.Languages(), lang) {
		lang = notice.English
	}
	file := fmt.Sprintf("%s.%s.txt", name, lang)
	t, err := template.New(file).Option("missingkey=error").Funcs(template.FuncMap{
		"when":  func(t time.Time) string { return when(lang, t.In(zone)) },
		"day":   func(t time.Time) string { return day(lang, t) },
		"days":  func(d time.Duration) int { return int(d / (24 * time.Hour)) },
		"count": count,
		"list":  func(words []string) string { return list(lang, words) },
		"fold":  fold,
		"line":  func(text string) string { return string(show.Whole(text)) },
		"age":   func(name string, childAge int) string { return Age(lang, name, childAge) },
	}).ParseFS(texts, "texts/"+file, fmt.Sprintf("texts/parts.%s.txt", lang))
	if err != nil {
		return fmt.Errorf("letter: %w", err)
	}
	if err := t.Execute(w, page); err != nil {
		return fmt.Errorf("letter: %w", err)
	}
	return nil
}

// when tells a time with its zone.
func when(lang notice.Language, t time.Time) string {
	if lang == notice.Chinese {
		return t.Format("2006年1月2日 15:04") + "（" + zoneOf(t) + "）"
	}
	return t.Format("2 January 2006, 15:04 ") + zoneOf(t)
}

// zoneOf says how far the clocks of t are from UTC.
func zoneOf(t time.Time) string {
	if _, offset := t.Zone(); offset == 0 {
		return "UTC"
	}
	return "UTC" + t.Format("-07:00")
}

// day tells one of the days that are kept, which begin at midnight UTC and have no time.
func day(lang notice.Language, t time.Time) string {
	if lang == notice.Chinese {
		return t.UTC().Format("2006年1月2日") + "（按UTC计）"
	}
	return t.UTC().Format("2 January 2006") + " (UTC)"
}

// Age says how old somebody is in whose consent this age band stands, where a guardian consents for who is under childAge.
func Age(lang notice.Language, name string, childAge int) string {
	words := map[string]string{"adult": "adult", "minor": fmt.Sprintf("%d or more, and a minor", max(childAge, law.FaceAloneFrom))}
	under, years, from := "under %s", "%s years", "%s to %s years"
	if lang == notice.Chinese {
		words = map[string]string{"adult": "成年人", "minor": "未成年人"}
		under, years, from = "未满%s周岁", "%s周岁", "%s至%s周岁"
	}
	if word, ok := words[name]; ok {
		return word
	}
	first, last, two := strings.Cut(name, "-")
	switch {
	case first == "under":
		return fmt.Sprintf(under, last)
	case two:
		return fmt.Sprintf(from, first, last)
	}
	return fmt.Sprintf(years, first)
}

// count returns n with one of two words.
func count(n uint32, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// list returns words in a row.
func list(lang notice.Language, words []string) string {
	if lang == notice.Chinese {
		return strings.Join(words, "、")
	}
	return strings.Join(words, ", ")
}

// fold makes one line of a text of the configuration, without a full stop.
func fold(text string) string {
	return strings.TrimRight(strings.Join(strings.Fields(text), " "), ".。")
}
