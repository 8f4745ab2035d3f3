package kiosk

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"facegate/cmd/facegate/internal/guide"
	"facegate/configs/notice"
	"facegate/configs/passage"
	"facegate/configs/words"
)

//go:embed page.html notice.html
var templates embed.FS

// A page is one that is served as it stands.
type page struct {
	body   []byte
	policy string // its Content-Security-Policy
}

// A link leads to the same page in another language.
type link struct {
	Language notice.Language
	Name     string
}

// pages makes every page, by its path. They change only with the configuration.
func pages(notices []notice.Text, says func(notice.Language) words.Words, ways []passage.Way) (map[string]page, error) {
	all := make(map[string]page)
	for i, n := range notices {
		var others []link
		for _, o := range notices {
			if o.Language != n.Language {
				others = append(others, link{o.Language, says(o.Language).Say("name")})
			}
		}
		path := "/" + string(n.Language)
		var err error
		if all[path], err = door(n.Language, says(n.Language), others, ways, i > 0); err != nil {
			return nil, err
		}
		if all[path+"/notice"], err = told(n, says(n.Language), others); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// door makes the page that follows the door. One that is away from the first language returns to it by itself.
func door(lang notice.Language, w words.Words, others []link, ways []passage.Way, away bool) (page, error) {
	type text struct {
		Step guide.Step
		Text string
	}
	var texts []text
	for _, s := range guide.Steps() {
		texts = append(texts, text{s, w.Say(s.Word())})
	}
	return fill("page.html", map[string]any{
		"Language": lang, "Dir": lang.Dir(), "Title": w.Say("title"), "Ways": listed(w, ways), "WaysShut": listed(w, unwatched(ways)),
		"Until": w.Say("shut-until"), "Links": w.Say("links"), "Notice": w.Say("notice"),
		"Others": others, "Texts": texts, "Away": away, "Dates": dates(lang),
	})
}

// dates is the place whose dates a language has, as browsers know it.
func dates(lang notice.Language) string {
	switch lang {
	case notice.English:
		return "en-GB"
	case notice.Chinese:
		return "zh-CN"
	}
	return string(lang)
}

// listed says in words which ways in there are, "" for none.
func listed(w words.Words, ways []passage.Way) string {
	if len(ways) == 0 {
		return ""
	}
	return strings.ReplaceAll(w.Say("other-ways"), "@", notice.Ways(w, ways))
}

// unwatched returns those of ways of which the gate knows nothing, so that they may open a door that it keeps shut.
func unwatched(ways []passage.Way) []passage.Way {
	return slices.DeleteFunc(slices.Clone(ways), func(w passage.Way) bool { return w != passage.Key && w != passage.Intercom })
}

// told makes the page with the whole notice, as people read it before they consent.
func told(n notice.Text, w words.Words, others []link) (page, error) {
	body, err := n.Body()
	if err != nil {
		return page{}, err
	}
	return fill("notice.html", map[string]any{
		"Language": n.Language, "Dir": n.Language.Dir(), "Title": w.Say("notice"), "Links": w.Say("links"), "Back": w.Say("back"), "Others": others,
		"Body": body,
	})
}

func fill(name string, values any) (page, error) {
	t, err := template.ParseFS(templates, name)
	if err != nil {
		return page{}, fmt.Errorf("fill %s: %w", name, err)
	}
	var body bytes.Buffer
	if err := t.Execute(&body, values); err != nil {
		return page{}, fmt.Errorf("fill %s: %w", name, err)
	}
	return page{body.Bytes(), policyOf(body.Bytes())}, nil
}

// policyOf lets a page do what it does itself, and nothing else: its own style and script, by their hash, and the events.
func policyOf(body []byte) string {
	return fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; connect-src 'self'; img-src data:; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'", hashOf(body, "style"), hashOf(body, "script"))
}

// hashOf returns the hash of the one element of that name, as CSP wants it.
func hashOf(body []byte, element string) string {
	inside := regexp.MustCompile("(?s)<" + element + ">(.*)</" + element + ">").FindSubmatch(body)
	sum := sha256.Sum256(inside[1])
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
