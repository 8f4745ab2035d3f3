package house_test

import (
	"go/ast"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestQuestionsStandOnce checks that whoever adds a question about people edits three files: each method of people.Records is
// declared in the interface, implemented by the register and asked by the client. Whoever passes it on besides has a reason.
func TestQuestionsStandOnce(t *testing.T) {
	const (
		internal  = "facegate/cmd/facegate/internal/"
		questions = "records.go" // has the interface
	)
	besides := map[string][]string{ // packages that decorate a question
		// A gate goes on in a fresh process after something was destroyed, and to look at faces that it had left out.
		internal + "daemon": {"EndEpoch", "Erase", "Lockdown", "TurnFacesOn"},
	}
	var asked []string
	found := make(map[string]map[string]int) // by package and name
	for _, p := range listPackages(t) {
		if !strings.HasPrefix(p.ImportPath, internal) {
			continue
		}
		found[p.ImportPath] = make(map[string]int)
		eachFile(t, p, func(path string, file *ast.File) {
			if p.ImportPath == internal+"people" && filepath.Base(path) == questions {
				asked = methodsOf(file, "Records")
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && takesContext(f.Type) {
					found[p.ImportPath][f.Name.Name]++
				}
			}
		})
	}
	if len(asked) < 15 {
		t.Fatalf("the questions are %q", asked)
	}
	for _, place := range slices.Sorted(maps.Keys(found)) {
		for _, name := range asked {
			n, want := found[place][name], 0
			switch {
			case place == internal+"people", place == internal+"control", slices.Contains(besides[place], name):
				want = 1
			}
			if n != want {
				t.Errorf("%s has %d methods %s that answer or ask this question, want %d", place, n, name, want)
			}
		}
	}
}

// methodsOf returns the methods of an interface.
func methodsOf(file *ast.File, name string) (methods []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.TypeSpec)
		if !ok || s.Name.Name != name {
			return true
		}
		for _, m := range s.Type.(*ast.InterfaceType).Methods.List {
			methods = append(methods, m.Names[0].Name)
		}
		return false
	})
	return methods
}

// takesContext reports whether the first parameter is a context, as that of every question is.
func takesContext(f *ast.FuncType) bool {
	if len(f.Params.List) == 0 {
		return false
	}
	s, ok := f.Params.List[0].Type.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Context"
}
