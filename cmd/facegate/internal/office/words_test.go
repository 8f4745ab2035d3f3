package office

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"facegate/configs/notice"
)

// TestWords checks that every language has words for the same keys, that those of one key want as many values, and that each is said
// somewhere.
func TestWords(t *testing.T) {
	source := ""
	for _, pattern := range []string{"*.go", "pages/*.html"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if name == "words.go" || strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			source += string(text)
		}
	}
	verbs := regexp.MustCompile(`%[\[\d\]]*[sd]`)
	for lang, table := range words {
		if keys, want := slices.Sorted(maps.Keys(table)), slices.Sorted(maps.Keys(words[notice.English])); !slices.Equal(keys, want) {
			t.Errorf("the keys of %s are %q, want %q", lang, keys, want)
		}
		for key, text := range table {
			if n, want := len(verbs.FindAllString(text, -1)), len(verbs.FindAllString(words[notice.English][key], -1)); n != want {
				t.Errorf("%s in %s has %d values, want %d", key, lang, n, want)
			}
			if !strings.HasPrefix(key, "title-") && !strings.Contains(source, `"`+key+`"`) {
				t.Errorf("%s is said nowhere", key)
			}
		}
	}
	pages, err := filepath.Glob("pages/*.html")
	if err != nil || len(pages) < 8 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".html")
		if _, ok := words[notice.English]["title-"+name]; !ok && name != "layout" {
			t.Errorf("%s has no title", page)
		}
	}
}
