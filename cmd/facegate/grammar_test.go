package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func parserOf(tb testing.TB, grammar any) *kong.Kong {
	tb.Helper()
	parser, err := kong.New(grammar, kong.Name("facegate"), kong.Vars{"version": version}, typed(), kong.Bind(terminal{}))
	if err != nil {
		tb.Fatal(err)
	}
	return parser
}

// TestGrammar compares what the parser knows of each command where it knows no other with what it knows of it among all.
func TestGrammar(t *testing.T) {
	commands := parserOf(t, new(commandLine)).Model.Children
	for _, command := range commands {
		got := parserOf(t, grammar([]string{command.Name, "--json"})).Model.Children
		if command.Name == "man" || command.Name == "completion" {
			if len(got) != len(commands) {
				t.Errorf("%s tells of %d commands of %d", command.Name, len(got), len(commands))
			}
			continue
		}
		if len(got) != 1 {
			t.Errorf("for %s the parser knows %d commands", command.Name, len(got))
			continue
		}
		if got, want := description(got[0]), description(command); got != want {
			t.Errorf("%s is\n%s\nand among all\n%s", command.Name, got, want)
		}
	}
	for _, args := range [][]string{nil, {"--help"}, {"--version"}, {"unlock"}, {"--json", "status"}, {"showversion"}} {
		if n := len(parserOf(t, grammar(args)).Model.Children); n != len(commands) {
			t.Errorf("of %q the parser knows %d commands of %d", args, n, len(commands))
		}
	}
}

// description returns all that a node, and those below it, say of themselves.
func description(n *kong.Node) string {
	var b strings.Builder
	fmt.Fprintln(&b, n.FullPath(), n.Help, n.Hidden)
	for _, f := range slices.Concat(n.AllFlags(false)...) {
		fmt.Fprintln(&b, f.Summary(), f.Help, f.Default, f.Enum, f.Required, f.Hidden)
	}
	for _, a := range n.Positional {
		fmt.Fprintln(&b, a.Summary(), a.Help, a.Required)
	}
	for _, child := range n.Children {
		b.WriteString(description(child))
	}
	return b.String()
}

// BenchmarkCommandLine builds the parser of one command as it is built for it, and as it is with all others.
func BenchmarkCommandLine(b *testing.B) {
	for name, args := range map[string][]string{"one": {"status"}, "all": nil} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				parserOf(b, grammar(args))
			}
		})
	}
}
