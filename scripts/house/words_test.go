package house_test

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"facegate/configs/show"
)

// TestNoInternalPrefixes looks through every error that the program can make, and checks that nobody reads the name of one
// of its packages in front of it.
func TestNoInternalPrefixes(t *testing.T) {
	packages := listPackages(t)
	var names []string
	for _, p := range packages {
		names = append(names, path.Base(p.ImportPath))
	}
	prefix := regexp.MustCompile(`^([a-z0-9]+): `)
	seen := 0
	for _, p := range packages {
		if strings.HasSuffix(p.ImportPath, "test") || within(p.ImportPath, "facegate/scripts") {
			continue
		}
		eachFile(t, p, func(name string, file *ast.File) {
			ast.Inspect(file, func(n ast.Node) bool {
				text, ok := errorText(n)
				if !ok {
					return true
				}
				seen++
				if found := prefix.FindStringSubmatch(text); found != nil && slices.Contains(names, found[1]) {
					if got := show.Plain(text); got == text {
						t.Errorf("%s: people read %q", name, text)
					}
				}
				return true
			})
		})
	}
	if seen < 200 {
		t.Errorf("only %d errors found", seen)
	}
}

// errorText returns the text of a call of errors.New or fmt.Errorf.
func errorText(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", false
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != "Errorf" && f.Sel.Name != "New" {
		return "", false
	}
	text, ok := call.Args[0].(*ast.BasicLit)
	if !ok || text.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(text.Value)
	return s, err == nil
}
