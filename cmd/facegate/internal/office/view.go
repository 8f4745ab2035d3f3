package office

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"facegate/configs/notice"
)

//go:embed pages/*.html
var pages embed.FS

// views are the pages, in each language that they have words in.
type views map[notice.Language]*template.Template

// A view is what a page is filled from.
type view struct {
	Lang notice.Language
	Base string // path of the session's room
	Form string // what every form holds
	Page string // name of the page, and of its title
	D    any    // of the page itself
}

// know reports whether the pages have words in a language.
func (v views) know(lang notice.Language) bool { return v[lang] != nil }

// readViews reads every page. The name of a language is what it says itself.
func readViews(s notice.Statement) (views, error) {
	all := make(views)
	for lang := range words {
		t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
			"say":   func(key string, args ...any) (string, error) { return say(lang, key, args...) },
			"tell":  say,
			"known": known,
			"day":   func(t time.Time) string { return t.Local().Format(time.DateOnly) },
			"name":  func(lang notice.Language) string { return s.Says(lang).Say("name") },
			"inc":   func(i int) int { return i + 1 },
			"steps": stepsOf,
		}).ParseFS(pages, "pages/*.html")
		if err != nil {
			return nil, fmt.Errorf("read the pages of the office: %w", err)
		}
		all[lang] = t
	}
	return all, nil
}

// stepsOf returns the steps of a person, by the keys of their words: who gives no face needs no capture.
func stepsOf(face bool) []string {
	if !face {
		return []string{"step-notice", "step-agreement", "step-pass"}
	}
	return []string{"step-notice", "step-consent", "step-capture", "step-pass"}
}

// show answers with a page. One that cannot be filled is an answer of its own: half a page would pass for a whole one.
func (v views) show(w http.ResponseWriter, code int, filled view) {
	var body bytes.Buffer
	if err := v[filled.Lang].ExecuteTemplate(&body, filled.Page+".html", filled); err != nil {
		http.Error(w, "the page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	w.Write(body.Bytes())
}
