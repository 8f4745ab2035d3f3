package notice_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"facegate/configs/goldentest"
	"facegate/configs/law"
	"facegate/configs/notice"
)

func TestHTML(t *testing.T) {
	p := told(law.EU, nil)
	p.Statement.Controller = `<script>alert(1)</script> & "Sons"`
	for _, lang := range notice.Languages() {
		text, err := p.Text(lang)
		if err != nil {
			t.Fatal(err)
		}
		page, err := text.HTML()
		if err != nil {
			t.Fatal(err)
		}
		goldentest.Check(t, "html-eu-"+string(lang)+".golden", string(page))
		for _, want := range []string{`<html lang="` + string(lang) + `" dir="ltr">`, hex.EncodeToString(text.SHA256[:]), "@media print", "<main>\n<h1>"} {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s: there is no %q", lang, want)
			}
		}
		for _, never := range []string{"<script", "http:", "https:", " src=", "javascript:"} {
			if strings.Contains(string(page), never) {
				t.Errorf("%s: there is %q", lang, never)
			}
		}
	}
}

func TestDir(t *testing.T) {
	for lang, want := range map[notice.Language]string{
		"en": "ltr", "zh": "ltr", "de": "ltr", "ar": "rtl", "he": "rtl", "fa": "rtl", "ur": "rtl", "az-Arab": "rtl", "az": "ltr", "": "ltr",
	} {
		if got := lang.Dir(); got != want {
			t.Errorf("%s is written %s, want %s", lang, got, want)
		}
	}
}
