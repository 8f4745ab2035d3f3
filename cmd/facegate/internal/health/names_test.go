package health_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/health"
)

// TestNames checks that every condition in the code of the gate has a name of the closed set, which has no other.
func TestNames(t *testing.T) {
	used, declared := namesIn(t), constants(t)
	for name, value := range declared {
		if !slices.Contains(health.Names(), value) || !used[name] {
			t.Errorf("health.%s (%s) is not among Names, or no condition has it", name, value)
		}
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(string(value)) {
			t.Errorf("health.%s is %q", name, value)
		}
	}
	if len(health.Names()) != len(declared) {
		t.Errorf("%d names, and %d in the code", len(health.Names()), len(declared))
	}
}

// constants returns the names that names.go declares.
func constants(t *testing.T) map[string]health.Name {
	t.Helper()
	all := map[string]health.Name{}
	for _, n := range inspect(t, "names.go") {
		if v, ok := n.(*ast.ValueSpec); ok {
			all[v.Names[0].Name] = health.Name(strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`))
		}
	}
	return all
}

// namesIn returns the names that the code of the gate gives conditions, and fails the test for a condition without one.
func namesIn(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, n := range inspect(t, path) {
			switch n := n.(type) {
			case *ast.CallExpr:
				if selects(n.Fun) == "When" && selects(n.Args[1]) == "" {
					t.Errorf("%s: a condition has a name that is made up", path)
				}
			case *ast.SelectorExpr:
				used[selects(n)] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
}

func inspect(t *testing.T, path string) (nodes []ast.Node) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool { nodes = append(nodes, n); return true })
	return nodes
}

// selects returns what an expression selects of this package, "" for nothing.
func selects(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "health" {
			return s.Sel.Name
		}
	}
	return ""
}
