package words_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/configs/words"
)

// TestBuiltIn holds that what is built in is a file as an operator has it, and lacks nothing.
func TestBuiltIn(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		file, ok := words.Source(lang)
		w, err := words.Parse(lang+".yaml", file)
		if !ok || err != nil || len(w.Missing()) > 0 {
			t.Errorf("%s: %v, missing %q", lang, err, w.Missing())
		}
		if w.Say("name") != words.Of(lang).Say("name") || w.Say("hold-still") == "" {
			t.Errorf("%s: read it says %q, built in %q", lang, w.Say("name"), words.Of(lang).Say("name"))
		}
	}
	if _, ok := words.Source("de"); ok || words.Of("de").Say("wait") != words.Of("en").Say("wait") || (words.Words{}).Say("wait") == "" {
		t.Error("another language is not said in English")
	}
}

func TestParse(t *testing.T) {
	w, err := words.Parse("de.yaml", []byte("name: Deutsch\nway-card: eine Karte\nway-key: ein Schlüssel\nlist-or: \" oder \"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.List([]string{w.Say("way-card"), w.Say("way-pin"), w.Say("way-key")}); got != "eine Karte, a PIN oder ein Schlüssel" {
		t.Errorf("the list is %q", got)
	}
	if missing := w.Missing(); slices.Contains(missing, "name") || !slices.Contains(missing, "wait") || w.Say("wait") != words.Of("en").Say("wait") {
		t.Errorf("missing: %q", missing)
	}
	if w.List(nil) != "" || w.List([]string{"x"}) != "x" {
		t.Error("a list of one, or of none")
	}
	for name, test := range map[string]struct{ file, want string }{
		"a key that there is not": {"name: X\nholdstill: x\n", `de.yaml:2: holdstill: nothing is called so; did you mean "hold-still"?`},
		"twice":                   {"name: X\nname: Y\n", "de.yaml"},
		"no text":                 {"name:\n", "de.yaml:1: name: a text is wanted"},
		"a section":               {"name:\n  a: b\n", "de.yaml:1: name: a text is wanted"},
		"a list":                  {"- name\n", "a text after each key"},
		"an anchor":               {"name: &a X\n", "de.yaml:1: name: a text is wanted"},
		"too long":                {"wait: " + strings.Repeat("x", 101) + "\n", "de.yaml:1: wait: is longer than 100"},
		"control characters":      {"wait: \"a\\u001b[2J\"\n", "de.yaml:1: wait: cannot be shown"},
		"no place for the time":   {"shut-until: zu\n", "de.yaml:1: shut-until: has to have an @"},
		"no YAML":                 {"name: \"X\n", "de.yaml"},
		"empty":                   {"", "a text after each key"},
		"large":                   {strings.Repeat("#", words.MaxSize+1), "a text after each key"},
	} {
		if _, err := words.Parse("de.yaml", []byte(test.file)); err == nil || !strings.Contains(err.Error(), test.want) || hint.Of(err) == "" {
			t.Errorf("%s: %v, hint %q; want %q", name, err, hint.Of(err), test.want)
		}
	}
	if _, err := words.Parse("de.yaml", []byte("- x")); !errors.Is(err, words.ErrFile) {
		t.Errorf("got %v", err)
	}
}
