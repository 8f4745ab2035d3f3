package bugreport

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
)

var update = flag.Bool("update", false, "write words.txt anew")

// saysAt has the calls that the program says something by, with the place of the text among their arguments, and of the first key of a
// log.
var saysAt = map[string]struct{ text, keys int }{
	"New": {0, -1}, "Errorf": {0, -1}, "Wrap": {1, -1},
	"Debug": {0, 1}, "Info": {0, 1}, "Warn": {0, 1}, "Error": {0, 1}, "When": {4, -1}, "Sprintf": {0, -1},
	"DebugContext": {1, 2}, "InfoContext": {1, 2}, "WarnContext": {1, 2}, "ErrorContext": {1, 2},
}

// TestWords compares words.txt with what the program says in its source. It may be a little behind: what is not in it is taken out.
func TestWords(t *testing.T) {
	words := map[string]bool{}
	root := gatetest.Root(t)
	for _, top := range []string{"cmd", "configs", "device", "gpio", "pipeline", "store"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() && strings.HasSuffix(e.Name(), "test") { // of help to tests
				return filepath.SkipDir
			}
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err == nil {
				ast.Inspect(file, func(n ast.Node) bool { says(n, words); return true })
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		text := strings.Join(slices.Sorted(maps.Keys(words)), "\n") + "\n"
		if err := os.WriteFile("words.txt", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	known := map[string]bool{}
	for _, text := range strings.Split(wordsFile, "\n") {
		known[text] = true
	}
	missing := slices.DeleteFunc(slices.Sorted(maps.Keys(words)), func(text string) bool { return known[text] })
	if len(words) < 1000 || len(missing) > len(words)/20 {
		t.Errorf("%d of %d texts of the program are not in words.txt, such as %q: go test ./cmd/facegate/internal/bugreport -run TestWords -update",
			len(missing), len(words), missing[:min(len(missing), 5)])
	}
}

// says adds what a call says.
func says(n ast.Node, words map[string]bool) {
	if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && text.Value[0] == '"' && strings.Count(text.Value, " ") >= 3 { // a sentence
		if s, err := strconv.Unquote(text.Value); err == nil && !strings.Contains(s, "\n") {
			words[strconv.Quote(s)] = true
		}
	}
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	at, ok := saysAt[f.Sel.Name]
	if !ok {
		return
	}
	for i, arg := range call.Args {
		text, ok := arg.(*ast.BasicLit)
		if !ok || text.Kind != token.STRING {
			continue
		}
		s, err := strconv.Unquote(text.Value)
		if err == nil && !strings.Contains(s, "\n") && s != "" && (i == at.text || at.keys >= 0 && i >= at.keys && (i-at.keys)%2 == 0 || f.Sel.Name == "When" && i > 3) {
			words[strconv.Quote(s)] = true
		}
	}
}
