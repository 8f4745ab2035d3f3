package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFunctionsAreShort measures every function of the program, from its first line to its last.
func TestFunctionsAreShort(t *testing.T) {
	const longest, mean = 60, 12
	functions, lines := 0, 0
	for _, p := range listPackages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
			path, fset := filepath.Join(p.Dir, name), token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1
				if n > longest {
					t.Errorf("%s: %s has %d lines, more than %d", fset.Position(f.Pos()), f.Name.Name, n, longest)
				}
				functions, lines = functions+1, lines+n
			}
		}
	}
	t.Logf("%d functions of %.1f lines in the mean", functions, float64(lines)/float64(functions))
	if functions == 0 || lines > mean*functions {
		t.Errorf("%d functions have %d lines, more than %d each", functions, lines, mean)
	}
}

// TestFoldersHaveNoCircles checks that the folders of the module stand on floors. A folder stands for all of its packages:
// Go refuses circles of packages, and not a package that imports one below it which imports its neighbour. A folder may
// import what it contains, and what it contains may import it, as contracts and stages do.
func TestFoldersHaveNoCircles(t *testing.T) {
	arrows := make(map[string]map[string]string) // from folder to folder, by an example
	for _, p := range listPackages(t) {
		from := strings.TrimPrefix(p.ImportPath, "facegate/")
		for _, imported := range p.Imports {
			to, ok := strings.CutPrefix(imported, "facegate/")
			if !ok {
				continue
			}
			a, b := apart(from, to)
			if a == "" || b == "" {
				continue
			}
			if arrows[a] == nil {
				arrows[a] = make(map[string]string)
			}
			arrows[a][b] = from + " imports " + to
		}
	}
	for from := range arrows {
		if way := circle(arrows, from); way != nil {
			t.Errorf("a circle of folders: %s", strings.Join(way, ", "))
		}
	}
}

// apart returns the folders, below the last one that they share, in which two packages lie; "" for the shared one itself.
func apart(from, to string) (a, b string) {
	x, y := strings.Split(from, "/"), strings.Split(to, "/")
	shared := 0
	for shared < len(x) && shared < len(y) && x[shared] == y[shared] {
		shared++
	}
	if shared == len(x) || shared == len(y) {
		return "", ""
	}
	return strings.Join(x[:shared+1], "/"), strings.Join(y[:shared+1], "/")
}

// circle returns the imports by which one comes from a folder back to it, nil if there is no way.
func circle(arrows map[string]map[string]string, start string) []string {
	seen := make(map[string]bool)
	var walk func(folder string) []string
	walk = func(folder string) []string {
		for next, example := range arrows[folder] {
			if next == start {
				return []string{example}
			}
			if seen[next] {
				continue
			}
			seen[next] = true
			if way := walk(next); way != nil {
				return append([]string{example}, way...)
			}
		}
		return nil
	}
	return walk(start)
}

// TestCircle finds a circle where there is one, and says how it runs.
func TestCircle(t *testing.T) {
	arrows := map[string]map[string]string{
		"a": {"b": "a imports b/x"}, "b": {"c": "b imports c", "d": "b imports d"}, "c": {"d": "c imports d"},
	}
	for folder := range arrows {
		if way := circle(arrows, folder); way != nil {
			t.Errorf("from %s: %v", folder, way)
		}
	}
	arrows["d"] = map[string]string{"a": "d imports a/y"}
	if way := circle(arrows, "a"); len(way) < 3 || way[0] != "a imports b/x" || way[len(way)-1] != "d imports a/y" {
		t.Errorf("from a: %v", way)
	}
	for _, tt := range []struct{ from, to, a, b string }{
		{"store/vault", "store/seal", "store/vault", "store/seal"},
		{"store/vault", "pipeline/match", "store", "pipeline"},
		{"pipeline/publish", "pipeline/publish/feed", "", ""},
		{"pipeline/publish/feed", "pipeline", "", ""},
	} {
		if a, b := apart(tt.from, tt.to); a != tt.a || b != tt.b {
			t.Errorf("%s and %s: %q and %q", tt.from, tt.to, a, b)
		}
	}
}
