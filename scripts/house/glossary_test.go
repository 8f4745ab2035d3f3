package house_test

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	markdown "github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// TestGlossary looks in all that people read for words that docs/glossary.md has another one for.
func TestGlossary(t *testing.T) {
	g := readGlossary(t)
	if len(g.words) < 100 {
		t.Fatalf("only %d words are ruled out", len(g.words))
	}
	refuse := func(where, said string) {
		for _, r := range g.ruledOut(said) {
			t.Errorf("%s has %q, where docs/glossary.md has %q: %.200q", where, r.word, r.instead, said)
		}
	}
	for _, page := range pages(t) {
		for _, said := range prose(readSource(t, page)) {
			refuse(page, said)
		}
	}
	for _, name := range []string{"configs/facegate.yaml", "configs/words/en.yaml"} {
		for line := range strings.Lines(string(readSource(t, name))) {
			refuse(name, line)
		}
	}
	seen := 0
	for _, p := range listPackages(t) {
		if forTests(p.ImportPath) || within(p.ImportPath, "facegate/scripts") {
			continue
		}
		eachFile(t, p, func(name string, file *ast.File) {
			for _, said := range sentences(file) {
				refuse(name, said)
				seen++
			}
		})
	}
	if seen < 2000 {
		t.Errorf("only %d messages found", seen)
	}
}

// TestGlossaryRefuses checks what is found, and what is only named.
func TestGlossaryRefuses(t *testing.T) {
	g := newGlossary(map[string]string{"QR card": "pass", "back-up": "backup", "license": "licence", "*niz*": "-ise"})
	for said, want := range map[string]string{
		"Show the QR\ncard":                                    "QR card",
		"the back-ups, a back-up’s":                            "back-up back-up",
		"## Back-up\n\nOrganized. Back-up, or [back-up](a.md)": "back-up *niz* back-up back-up",
		"| a | Back-ups |\n|---|---|":                          "back-up",
		"under the Apache License, no license":                 "license",
		"show a pass, or a card":                               "",
		"`back-up` and \"QR card\", or “QR cards”":             "",
		"[it](backup.md#back-up), backup.md#back-up":           "",
		"the back-upper, configs/back-up":                      "",
	} {
		var got []string
		for _, paragraph := range prose([]byte(said)) {
			for _, r := range g.ruledOut(paragraph) {
				got = append(got, r.word)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q is found, not %q", said, got, want)
		}
	}
}

// A glossary has the words that are ruled out.
type glossary struct {
	words []ruled
	any   *regexp.Regexp
}

// A ruled word is one that is ruled out.
type ruled struct {
	word, instead string // as the glossary writes them
	form          *regexp.Regexp
}

// newGlossary returns a glossary of words, each with the one that is used instead.
func newGlossary(instead map[string]string) glossary {
	const before, after = `(?:^|[^\pL\pN_-])`, `(?:s|['’]s|s['’])?(?:$|[^\pL\pN_-])`
	var g glossary
	var forms []string
	for _, word := range slices.Sorted(maps.Keys(instead)) {
		form := strings.NewReplacer(`\*`, `\pL*`, " ", "  ").Replace(regexp.QuoteMeta(word)) // two spaces: see ruledOut
		g.words = append(g.words, ruled{word, instead[word], regexp.MustCompile(before + form + after)})
		forms = append(forms, form)
	}
	g.any = regexp.MustCompile(before + "(?:" + strings.Join(forms, "|") + ")" + after)
	return g
}

// row is a line of a table of the glossary: a word, what it is, and what it is not called.
var row = regexp.MustCompile(`(?m)^\| (.+) \| .+ \| (` + "`.+`" + `) \|$`)

// readGlossary reads docs/glossary.md.
func readGlossary(t *testing.T) glossary {
	t.Helper()
	instead := make(map[string]string)
	for _, found := range row.FindAllSubmatch(readSource(t, "docs/glossary.md"), -1) {
		for word := range strings.SplitSeq(string(found[2]), ", ") {
			instead[strings.Trim(word, "`")] = string(found[1])
		}
	}
	return newGlossary(instead)
}

var (
	// named is what is no word of a sentence: it is quoted, an address, or the place of a file.
	named = regexp.MustCompile(`"[^"]*"|“[^”]*”|\S*[/#]\S*|\S+\.md`)

	// opening begins a sentence, or the cell of a table.
	opening = regexp.MustCompile(`(?:^|[.:!?|] +)\p{Lu}\p{Ll}`)
)

// ruledOut returns the words of a text that are ruled out. A word with a capital counts where a sentence begins, and nowhere else: the
// Apache License keeps its name.
func (g glossary) ruledOut(said string) (found []ruled) {
	said = strings.Join(strings.Fields(named.ReplaceAllString(said, "`")), "  ") // no two words share the space between them
	said = opening.ReplaceAllStringFunc(said, strings.ToLower)
	for _, hit := range g.any.FindAllString(said, -1) {
		i := slices.IndexFunc(g.words, func(r ruled) bool { return r.form.MatchString(hit) })
		found = append(found, g.words[i])
	}
	return found
}

// pages returns the pages in English, by their names in the source.
func pages(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"README.md", "docs/*.md", "configs/notice/*.en.md", "configs/notice/policy.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("there is no %s: %v", pattern, err)
		}
		for _, name := range found {
			names = append(names, strings.TrimPrefix(name, root+"/"))
		}
	}
	return names
}

func readSource(t *testing.T, name string) []byte {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// prose returns the headings and paragraphs of a page, with a mark for each piece of code.
func prose(source []byte) (paragraphs []string) {
	var said strings.Builder
	markdown.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(n markdown.Node, entering bool) (markdown.WalkStatus, error) {
		switch n := n.(type) {
		case *markdown.Text:
			if entering {
				said.Write(n.Segment.Value(source))
				if n.SoftLineBreak() || n.HardLineBreak() {
					said.WriteByte(' ')
				}
			}
		case *markdown.CodeSpan, *markdown.AutoLink, *markdown.RawHTML:
			if entering {
				said.WriteByte('`')
			}
			return markdown.WalkSkipChildren, nil
		default:
			if n.Type() == markdown.TypeBlock && !entering && said.Len() > 0 {
				paragraphs = append(paragraphs, said.String())
				said.Reset()
			}
		}
		return markdown.WalkContinue, nil
	})
	return paragraphs
}

// sentences returns what a file may say to people: literals of more than one word, and what tags have as help.
func sentences(file *ast.File) (all []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		said, err := strconv.Unquote(literal.Value)
		if help := reflect.StructTag(said).Get("help"); help != "" {
			said = help
		}
		if err == nil && strings.Contains(strings.TrimSpace(said), " ") {
			all = append(all, said)
		}
		return true
	})
	return all
}
