package configs_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facegate/configs"
	"facegate/configs/law"
	"facegate/configs/notice"
)

// further adds languages to a statement, of which the files are in dir.
func further(notice, dir string, tags ...string) string {
	all := map[string]string{
		"de": "place: Nordtür, purpose: Um diese Tür zu öffnen, necessity: Die Hände bleiben frei, rights: an der Pforte fragen",
		"ar": "place: الباب الشمالي, purpose: لفتح هذا الباب, necessity: تبقى اليدان حرتين, rights: اسأل البواب",
	}
	var of []string
	for _, tag := range tags {
		lang := tag
		if all[tag] == "" {
			lang = "de"
		}
		of = append(of, fmt.Sprintf("%s: {notice: %s/notice.%s.md, words: %[2]s/words.%[3]s.yaml, %s}", tag, dir, lang, all[lang]))
	}
	return strings.TrimSuffix(notice, "}") + ", languages: {" + strings.Join(of, ", ") + "}}"
}

// copied copies the files of the languages, which a test then spoils.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/languages")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFurtherLanguages(t *testing.T) {
	for _, j := range []law.Jurisdiction{law.CN, law.EU, law.USIL, law.Lab} {
		text := lawful(j).with(file{"notice": further(statement("en", "zh"), copied(t), "de", "ar")}).text()
		c, err := configs.Parse("test.yaml", strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", j, err)
		}
		p := c.Particulars()
		texts, err := p.Texts()
		if err != nil || len(texts) != 4 || texts[2].Language != "ar" || texts[3].Language != "de" {
			t.Fatalf("%s: %d notices, %v", j, len(texts), err)
		}
		for _, want := range []string{"Gesichtserkennung: Nordtür", "an der Pforte fragen", " oder ", "365 Tage"} {
			if !strings.Contains(texts[3].Text, want) {
				t.Errorf("%s: the notice in German has no %q:\n%s", j, want, texts[3].Text)
			}
		}
		page, err := texts[2].HTML()
		if err != nil || !strings.Contains(string(page), `<html lang="ar" dir="rtl">`) {
			t.Errorf("%s: the page in Arabic: %v", j, err)
		}
		if got := p.Statement.Says("de").Say("come-closer"); got != "Bitte kommen Sie etwas näher." {
			t.Errorf("in German it says %q", got)
		}
		if unsaid := c.Unsaid(); len(unsaid) != 1 || !slices.Equal(unsaid["de"], []string{"one-only"}) {
			t.Errorf("unsaid is %v", unsaid)
		}
	}
}

// TestFurtherLanguagesAlone speaks no language of facegate's own, where no law wants one.
func TestFurtherLanguagesAlone(t *testing.T) {
	text := lawful(law.EU).with(file{"notice": further(statement(), copied(t), "de", "ar")}).text()
	c, err := configs.Parse("test.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := c.Particulars().Texts()
	if err != nil || len(texts) != 2 {
		t.Errorf("%d notices, %v", len(texts), err)
	}
	_, err = configs.Parse("test.yaml", strings.NewReader(lawful(law.CN).with(file{"notice": further(statement(), copied(t), "de", "ar")}).text()))
	if err == nil || !strings.Contains(err.Error(), "notice.zh: is missing") {
		t.Errorf("under cn, without Chinese: %v", err)
	}
}

// TestSpoiltLanguages refuses files that leave something out, or have what no notice has.
func TestSpoiltLanguages(t *testing.T) {
	swap := func(name, old, new string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), old) {
				t.Fatalf("%s has no %q: %v", name, old, err)
			}
			if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, new)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		spoil func(*testing.T, string)
		want  string
	}{
		"a place that there is not":    {swap("notice.de.md", "{{.Controller}}", "{{.Kontroller}}"), "notice.de.md:11: no notice has a place called {{.Kontroller}}"},
		"a function that there is not": {swap("notice.de.md", "{{days .Profile.IdleMax}}", "{{tage .Profile.IdleMax}}"), "function \"tage\" not defined"},
		"no end":                       {swap("notice.de.md", "{{- end}} Wie:", " Wie:"), "unexpected EOF"},
		"a loop":                       {swap("notice.de.md", "# Gesichtserkennung", "{{range 9}}x{{end}}# Gesichtserkennung"), "notice.de.md:1: this does not belong in a notice: {{range"},
		"words that are none":          {swap("words.de.yaml", "come-closer", "komm-naeher"), "words.de.yaml:16: komm-naeher: nothing is called so"},
		"a place in the list":          {swap("words.de.yaml", "hinein: @", "hinein"), "words.de.yaml:6: other-ways: has to have an @"},
		"characters for a terminal":    {swap("notice.de.md", "Fassung", "\x1b[2JFassung"), "cannot be printed"},
		"another character set":        {swap("words.de.yaml", "ü", "\xfc"), "cannot be printed"},
		"no file": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "notice.de.md")); err != nil {
				t.Fatal(err)
			}
		}, "notice.languages.de.notice: cannot be read"},
		"everybody may write": {func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "notice.de.md"), 0o666); err != nil {
				t.Fatal(err)
			}
		}, "every user may write to it"},
	}
	for place, text := range map[string]string{
		".Place": "die Tür", ".Purpose": "", ".Necessity": "", ".Rights": "", ".Version": "1", ".Controller": "", ".Contact": "",
		"days .Profile.RetentionMax": "100", "days .Profile.IdleMax": "100", "days .Profile.AccessLogRetention": "100",
		".RecordYears": "3", ".Profile.ChildAge": "16", ".Ways": "eine Karte", "days .Profile.YoungMax": "100",
	} {
		name := strings.TrimPrefix(place, "days ")
		tests["without "+name] = struct {
			spoil func(*testing.T, string)
			want  string
		}{swap("notice.de.md", "{{"+place+"}}", text), "{{" + name + "}} is"}
	}
	tests["without the officer"] = struct {
		spoil func(*testing.T, string)
		want  string
	}{swap("notice.de.md", "{{- with .Officer}} Datenschutzbeauftragte Person: {{.}}.{{end}}", ""), "{{.Officer}} is"}
	tests["one mode alone"] = struct {
		spoil func(*testing.T, string)
		want  string
	}{swap("notice.de.md", "eq .Profile.Mode", `eq "x"`), "{{.Profile.Mode}} is"}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			dir := copied(t)
			tests[name].spoil(t, dir)
			text := lawful(law.EU).with(file{"notice": further(statement("en"), dir, "de", "ar")}).text()
			_, err := configs.Parse("test.yaml", strings.NewReader(text))
			if err == nil || !strings.Contains(err.Error(), tests[name].want) || !strings.Contains(err.Error(), "test.yaml:") {
				t.Errorf("got %v, want %q", err, tests[name].want)
			}
		})
	}
}

// TestLanguageTags refuses what is no tag of a language, and one that facegate speaks itself.
func TestLanguageTags(t *testing.T) {
	dir := copied(t)
	for _, tag := range []string{"en", "zh", "German", "DE", "x y", "x-klingon"} {
		_, err := configs.Parse("test.yaml", strings.NewReader(lawful(law.EU).with(file{"notice": further(statement("en"), dir, tag)}).text()))
		if err == nil || !strings.Contains(err.Error(), "notice.languages."+tag) {
			t.Errorf("%s: %v", tag, err)
		}
	}
	kiosk := lawful(law.EU).with(file{"notice": further(statement("en"), dir, "ar"), "kiosk": "{listen: 127.0.0.1:8686, languages: [ar, en]}"}).text()
	c, err := configs.Parse("test.yaml", strings.NewReader(kiosk))
	if err != nil || !slices.Equal(c.Kiosk.Languages, []notice.Language{"ar", "en"}) {
		t.Errorf("on the screen: %v", err)
	}
}
