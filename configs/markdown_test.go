package configs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"facegate/configs/law"
	"facegate/configs/notice"
)

// TestTextsAreNoMarkdown writes HTML and Markdown into every text of the operator: the pages say it, and do nothing by it.
func TestTextsAreNoMarkdown(t *testing.T) {
	const evil = "<img src=x onerror=alert(1)> & **b** _i_ `c` [l](javascript:f) | ~~s~~ # h \\<"
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	q := string(quoted)
	words := fmt.Sprintf("{place: %s, purpose: %[1]s, necessity: %[1]s, rights: %[1]s}", q)
	topic := `"<b>**x**</b>|_y_"` // a name holds no slash
	cfg := parse(t, lawful(law.CN).with(file{
		"site": strings.ReplaceAll(topic, "/", ""), "gate": strings.ReplaceAll(topic, "/", ""),
		"assessment": fmt.Sprintf("{id: %s, date: 2026-03-31, version: %[1]s}", q),
		"mqtt":       fmt.Sprintf("{broker: 'ssl://broker.example.org:8883', username: a, transfer: %s}", q),
		"notice": fmt.Sprintf("{version: '<i>*3*</i>', controller: %s, contact: %[1]s, officer: %[1]s, sign_installed: true, en: %s, zh: %[2]s}",
			q, words),
	}).text())
	var policy bytes.Buffer
	if err := cfg.Policy().Write(&policy); err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"policy": policy.String()}
	for _, lang := range []notice.Language{notice.English, notice.Chinese} {
		n, err := cfg.Particulars().Text(lang)
		if err != nil {
			t.Fatal(err)
		}
		if n.SHA256 != sha256.Sum256([]byte(n.Text)) {
			t.Errorf("%s: the hash is not over what people read", lang)
		}
		pages[string(lang)] = n.Text
	}
	for name, page := range pages {
		for _, raw := range []string{"<", ">", " & ", " **b", " _i_", " `c`", " [l]", " ~~s", " # h"} {
			if i := strings.Index(page, raw); i >= 0 {
				t.Errorf("%s: %q stands as it is: %.80q", name, raw, page[max(0, i-20):])
			}
		}
		if !strings.Contains(reads(page), evil) {
			t.Errorf("%s: the text cannot be read in\n%s", name, page)
		}
	}
}

// TestNoticeInOneForm checks that a text has one notice and one hash, however its letters were typed.
func TestNoticeInOneForm(t *testing.T) {
	var seen [32]byte
	for i, place := range []string{"Caf\u00e9 north", "Cafe\u0301 \u00a0 north", "' Caf\u00e9\u3000north '", "|\n    Caf\u00e9\n    north"} {
		cfg := parse(t, "profile: lab\nsite: hq\ngate: n\nnotice:\n  en:\n   place: "+place+"\n")
		n, err := cfg.Particulars().Text(notice.English)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(n.Text, "Caf\u00e9 north") || i > 0 && n.SHA256 != seen {
			t.Errorf("%q is another notice:\n%.200s", place, n.Text)
		}
		seen = n.SHA256
	}
	cfg := parse(t, "profile: lab\nsite: ' Mu\u0308nchen  2 '\ngate: n\n")
	if cfg.Site != "M\u00fcnchen 2" || cfg.MQTT.ClientID != "facegate-M\u00fcnchen 2-n" {
		t.Errorf("the site is %+q, the client %+q", cfg.Site, cfg.MQTT.ClientID)
	}
}

// reads returns what a reader of Markdown sees of a text without markup of its own (CommonMark 2.4, 2.5).
func reads(page string) string {
	return html.UnescapeString(regexp.MustCompile(`\\([!-/:-@\[-`+"`"+`{-~])`).ReplaceAllString(page, "$1"))
}
