package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"facegate/cmd/facegate/internal/gatetest"
)

// A mention is a command in a document.
type mention struct {
	file  string
	words []string // of the program and what it is given
	whole bool     // it stands in a block, as it is to be typed
}

func (m mention) String() string { return m.file + ": " + strings.Join(m.words, " ") }

// is returns what follows the words with which m begins, which may name a program by its path.
func (m mention) is(words ...string) (args []string, ok bool) {
	if len(m.words) < len(words) || path.Base(m.words[0]) != words[0] || !slices.Equal(m.words[1:len(words)], words[1:]) {
		return nil, false
	}
	return m.words[len(words):], true
}

// mentions returns every command in the documents.
func mentions(t *testing.T) (all []mention) {
	t.Helper()
	root := gatetest.Root(t)
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	must(t, err)
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		source, err := os.ReadFile(file)
		must(t, err)
		name, err := filepath.Rel(root, file)
		must(t, err)
		for _, code := range codesOf(source) {
			for _, words := range commandsOf(code.text) {
				all = append(all, mention{name, words, code.block && !slices.ContainsFunc(words, elided)})
			}
		}
	}
	return all
}

// A code is a piece of a document that is set as code.
type code struct {
	text  string
	block bool
}

// codesOf returns what is set as code in Markdown.
func codesOf(source []byte) (codes []code) {
	ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		var said bytes.Buffer
		switch n.Kind() {
		case ast.KindCodeBlock, ast.KindFencedCodeBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				said.Write(line.Value(source))
			}
			codes = append(codes, code{said.String(), true})
		case ast.KindCodeSpan:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				said.Write(c.(*ast.Text).Segment.Value(source))
			}
			codes = append(codes, code{strings.ReplaceAll(said.String(), "\n", " "), false})
		}
		return ast.WalkContinue, nil
	})
	return codes
}

// commandsOf returns the commands of a piece of shell as words, without what they run under, such as sudo.
func commandsOf(shell string) (all [][]string) {
	for line := range strings.Lines(strings.ReplaceAll(shell, "\\\n", " ")) {
		for _, words := range simple(strings.TrimRight(line, "\n")) {
			for len(words) > 0 && under.MatchString(words[0]) {
				words = words[1:]
			}
			if len(words) > 1 && words[0] == "-u" { // of sudo
				words = words[2:]
			}
			if len(words) > 0 {
				all = append(all, words)
			}
		}
	}
	return all
}

var under = regexp.MustCompile(`^(\$|sudo|[A-Z_]+=.*)$`)

// elided reports whether a word stands for others.
func elided(word string) bool { return word == "…" || word == "..." }

// simple returns the simple commands of one line. Brackets are round what may be left out, and a bar without spaces is between
// what may be chosen: the first is. Where an operator leads into a file, the file is no word.
func simple(line string) (all [][]string) {
	var words []string
	end := func() {
		if words != nil {
			all = append(all, words)
		}
		words = nil
	}
	for _, token := range shellTokens.FindAllString(line, -1) {
		switch {
		case token[0] == '#':
			end()
			return all
		case intoFile.MatchString(token), token[0] == ' ':
		case strings.ContainsAny(token[:1], "|&;()<"):
			end()
		default:
			word := strings.TrimSuffix(strings.TrimPrefix(token, "["), "]")
			if word != "" && !strings.ContainsAny(word, `"'`) {
				word, _, _ = strings.Cut(word, "|")
			}
			words = append(words, strings.NewReplacer(`"`, "", "'", "").Replace(word))
		}
	}
	end()
	return all
}

// shellTokens are space, a comment, a file that is led into, an operator, and a word with what is quoted in it.
var shellTokens = regexp.MustCompile(` +|#.*|<\(|[0-9]?[<>]{1,2}&?\s*[^\s()|]+|\|\|?|&&?|[;()]|(?:"[^"]*"|'[^']*'|[^\s"'();&<>#|][#|][^\s"'();&<>#|]?|[^\s"'();&<>#|])+`)

var intoFile = regexp.MustCompile(`^[0-9]?[<>]+[^(]`)

// TestSimple reads lines as documents have them.
func TestSimple(t *testing.T) {
	for line, want := range map[string]string{
		"sudo facegate config check && sudo systemctl restart facegate":                     "facegate config check; systemctl restart facegate",
		"facegate config example | sudo tee /etc/x   # then":                                "facegate config example; tee /etc/x",
		`facegate key add "control room" operator.key.pub`:                                  "facegate key add control room operator.key.pub",
		"sudo -u facegate facegate backup restore FILE [--last N] [--credentials back|out]": "facegate backup restore FILE --last N --credentials back",
		". <(facegate completion bash)":                                                     ".; facegate completion bash",
		"A=b go test -run '^$' ./x >log 2>&1":                                               "go test -run ^$ ./x",
		"facegate config example > x && make -k":                                            "facegate config example; make -k",
		"$ facegate door test":                                                              "facegate door test",
	} {
		var got []string
		for _, words := range commandsOf(line) {
			got = append(got, strings.Join(words, " "))
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s\n is read as %q\n want       %q", line, strings.Join(got, "; "), want)
		}
	}
}

// TestDocsSayWhatThereIs looks at every command in the documents: facegate has to know it with its flags, make its target, Go its
// packages and tests, and a script has to be there.
func TestDocsSayWhatThereIs(t *testing.T) {
	root := gatetest.Root(t)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	must(t, err)
	seen := map[string]int{}
	for _, m := range mentions(t) {
		var err error
		if args, ok := m.is("facegate"); ok {
			seen["facegate"]++
			err = inGrammar(args, m.whole)
		} else if args, ok := m.is("make"); ok {
			seen["make"]++
			err = inMakefile(args, string(makefile))
		} else if args, ok := m.is("go", "test"); ok {
			seen["go test"]++
			err = inTests(root, args)
		} else if strings.HasPrefix(m.words[0], "scripts/") {
			seen["scripts"]++
			_, err = os.Stat(filepath.Join(root, m.words[0]))
		}
		if err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	for program, least := range map[string]int{"facegate": 150, "make": 20, "go test": 10, "scripts": 10} {
		if seen[program] < least {
			t.Errorf("only %d commands of %s found", seen[program], program)
		}
	}
}

// placeholders are what stands in documents for what is not any text, with an example.
var placeholders = map[string]string{"DATE": "2040-01-31", "TIME": "1m", "N": "1"}

// examples puts examples in the places of placeholders, and leaves out what stands for other words.
func examples(words []string) (args []string) {
	for _, word := range words {
		if !elided(word) {
			args = append(args, cmp.Or(placeholders[word], word))
		}
	}
	return args
}

// inGrammar has the parser of facegate read a command. What does not stand in a block may lack what it needs.
func inGrammar(words []string, whole bool) error {
	args := examples(words)
	parser, err := kong.New(grammar(args), kong.Name("facegate"), kong.Exit(func(int) {}), kong.Writers(&bytes.Buffer{}, &bytes.Buffer{}),
		kong.Vars{"version": version}, typed(), kong.Bind(terminal{out: &bytes.Buffer{}}))
	if err != nil {
		return err
	}
	if whole {
		_, err = parser.Parse(args)
		return err
	}
	c, err := kong.Trace(parser, args)
	if err == nil && c.Error != nil && !strings.Contains(c.Error.Error(), "<EOL>") {
		err = c.Error
	}
	return err
}

// TestInGrammar refuses what there is not, and what a block leaves out.
func TestInGrammar(t *testing.T) {
	for line, ok := range map[string]bool{
		"person show NAME": true, "person shwo NAME": false, "status --jsno": false, "door watch --for TIME": true, "door watch --for long": false,
		"enroll NAME --again": false, "eval": false, "man extra": false,
	} {
		if err := inGrammar(strings.Fields(line), true); (err == nil) != ok {
			t.Errorf("in a block, %s: %v", line, err)
		}
	}
	for line, ok := range map[string]bool{"enroll NAME --again": true, "eval": true, "enroll NAME --agian": false, "evla": false} {
		if err := inGrammar(strings.Fields(line), false); (err == nil) != ok {
			t.Errorf("in a sentence, %s: %v", line, err)
		}
	}
	if inMakefile([]string{"tset"}, "test: setup\n") == nil || inMakefile([]string{"test"}, "test: setup\n") != nil {
		t.Error("a target of make is there or not")
	}
	if root := gatetest.Root(t); inTests(root, strings.Fields("-run TestNoSuch ./cmd/facegate")) == nil ||
		inTests(root, strings.Fields("./cmd/none")) == nil || inTests(root, strings.Fields("./cmd/facegate -run TestInGrammar")) != nil {
		t.Error("a test is there or not")
	}
}

// inMakefile looks for targets and variables.
func inMakefile(args []string, makefile string) error {
	for _, arg := range args {
		name, _, variable := strings.Cut(arg, "=")
		pattern := `(?m)^` + regexp.QuoteMeta(name) + `( [a-z-]+)*:`
		if variable {
			pattern = `\b` + regexp.QuoteMeta(name) + `\b`
		}
		if !regexp.MustCompile(pattern).MatchString(makefile) {
			return fmt.Errorf("the Makefile has no %s", name)
		}
	}
	return nil
}

// inTests looks for the packages of go test, and in them for the tests that -run or -bench choose.
func inTests(root string, args []string) error {
	var sources strings.Builder
	for _, arg := range args {
		if !strings.HasPrefix(arg, "./") || strings.HasSuffix(arg, "...") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(root, arg, "*_test.go"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("%s has no tests, %w", arg, err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			sources.Write(source)
		}
	}
	for i, arg := range args[:max(len(args)-1, 0)] {
		kind, ok := map[string]string{"-run": "Test", "-bench": "Benchmark"}[arg]
		if !ok || args[i+1] == "^$" || args[i+1] == "xxx" || args[i+1] == "." {
			continue
		}
		pattern := `func ` + kind + `\w*`
		if !slices.ContainsFunc(regexp.MustCompile(pattern).FindAllString(sources.String(), -1), func(f string) bool {
			return regexp.MustCompile(args[i+1]).MatchString(strings.TrimPrefix(f, "func "))
		}) {
			return errors.New("there is no " + args[i+1])
		}
	}
	return nil
}
