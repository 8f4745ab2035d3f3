package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"iter"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A source is the Go source of this module, for what reflection does not know of a type: its comments and its constants.
type source struct {
	root     string
	packages map[string]*doc.Package // by import path
}

// module is what the import path of each of its packages begins with.
const module = "facegate/"

// A word is a constant of a type.
type word struct {
	value   string
	comment string
}

// of returns what the source says of a named type, nil if it is of no package of this module.
func (s *source) of(path, name string) (*doc.Type, error) {
	if !strings.HasPrefix(path, module) || name == "" {
		return nil, nil
	}
	p, err := s.load(path)
	if err != nil {
		return nil, err
	}
	for _, d := range p.Types {
		if d.Name == name {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%s.%s is not in its source", path, name)
}

// load reads a package of this module.
func (s *source) load(path string) (*doc.Package, error) {
	if p, ok := s.packages[path]; ok {
		return p, nil
	}
	names, err := filepath.Glob(filepath.Join(s.root, strings.TrimPrefix(path, module), "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	fset := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, path, doc.AllDecls|doc.PreserveAST)
	if err == nil {
		s.packages[path] = p
	}
	return p, err
}

// comment returns the comment on a type, or on a field of it, in one line.
func (s *source) comment(t reflect.Type, field string) string {
	d, err := s.of(t.PkgPath(), t.Name())
	if err != nil || d == nil {
		return "" // of gives the same error where the type is looked at for its words
	}
	if field == "" {
		return line(d.Doc)
	}
	text := ""
	ast.Inspect(d.Decl, func(n ast.Node) bool {
		if f, ok := n.(*ast.Field); ok {
			for _, name := range f.Names {
				if name.Name == field {
					text = line(f.Doc.Text() + " " + f.Comment.Text())
				}
			}
		}
		return true
	})
	return text
}

// line joins the lines of a comment.
func line(comment string) string { return strings.Join(strings.Fields(comment), " ") }

// words returns the constants of a kind of string, in the order of the source.
func (s *source) words(path, name string) (all []word, err error) {
	d, err := s.of(path, name)
	if err != nil || d == nil {
		return nil, err
	}
	p := s.packages[path]
	for spec := range constants(d.Consts) {
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != d.Name {
			continue // another one of the same group
		}
		for i := range spec.Values {
			value, err := valueOf(p, spec, i)
			if err != nil {
				return nil, err
			}
			all = append(all, word{value, line(spec.Doc.Text() + " " + spec.Comment.Text())})
		}
	}
	return all, nil
}

// constants goes through the lines of groups of constants.
func constants(groups []*doc.Value) iter.Seq[*ast.ValueSpec] {
	return func(yield func(*ast.ValueSpec) bool) {
		for _, g := range groups {
			for _, spec := range g.Decl.Specs {
				if !yield(spec.(*ast.ValueSpec)) {
					return
				}
			}
		}
	}
}

// valueOf returns the text of a constant, which is written out, or is that of another constant of the package which is.
func valueOf(p *doc.Package, spec *ast.ValueSpec, i int) (string, error) {
	switch v := spec.Values[i].(type) {
	case *ast.BasicLit:
		return strconv.Unquote(v.Value)
	case *ast.Ident:
		for other := range constants(p.Consts) {
			if at := slices.IndexFunc(other.Names, func(n *ast.Ident) bool { return n.Name == v.Name }); at >= 0 && other != spec {
				return valueOf(p, other, at)
			}
		}
	}
	return "", fmt.Errorf("the constant %s is not written out", spec.Names[i])
}
