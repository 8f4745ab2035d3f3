package house_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// A document is what a page of Markdown leads to, and where links to it can lead.
type document struct {
	links   []string
	anchors map[string]bool
}

// TestLinks follows every link of README.md and docs/*.md within the repository. The file has to be there, and in a page the heading.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	followed := 0
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		for _, link := range readDocument(t, page).links {
			to, err := url.Parse(link)
			if err == nil && to.IsAbs() {
				continue
			}
			followed++
			if err == nil {
				err = reached(t, page, to)
			}
			if err != nil {
				t.Errorf("%s leads to %s: %v", page, link, err)
			}
		}
	}
	if followed < 200 {
		t.Errorf("only %d links found", followed)
	}
}

// reached says why a link on a page leads nowhere.
func reached(t *testing.T, page string, to *url.URL) error {
	t.Helper()
	if to.Path != "" {
		page = filepath.Join(filepath.Dir(page), to.Path)
	}
	if _, err := os.Stat(page); err != nil {
		return err
	}
	if to.Fragment != "" && !readDocument(t, page).anchors[to.Fragment] {
		return fmt.Errorf("it has no #%s", to.Fragment)
	}
	return nil
}

// anchor is one that is written by hand.
var anchor = regexp.MustCompile(`<a id="([^"]+)">`)

// readDocument reads a page.
func readDocument(t *testing.T, path string) document {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := document{anchors: make(map[string]bool)}
	for _, found := range anchor.FindAllSubmatch(source, -1) {
		d.anchors[string(found[1])] = true
	}
	err = ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			d.links = append(d.links, string(n.Destination))
		case *ast.Image:
			d.links = append(d.links, string(n.Destination))
		case *ast.Heading:
			d.anchors[anchorOf(n, source)] = true
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// anchorOf returns the anchor of a heading as GitHub makes it: its words in small letters with - between them, without other marks.
func anchorOf(heading ast.Node, source []byte) string {
	var said strings.Builder
	ast.Walk(heading, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			said.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, said.String())
}

// TestAnchorOf makes anchors of headings.
func TestAnchorOf(t *testing.T) {
	for heading, want := range map[string]string{
		"Consent, erasure, proof": "consent-erasure-proof", "What `status` says": "what-status-says", "10,000 gates": "10000-gates",
	} {
		source := []byte("## " + heading + "\n")
		if got := anchorOf(goldmark.DefaultParser().Parse(text.NewReader(source)).FirstChild(), source); got != want {
			t.Errorf("%s has the anchor %s, want %s", heading, got, want)
		}
	}
}
