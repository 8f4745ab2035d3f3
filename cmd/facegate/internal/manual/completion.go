package manual

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// ErrShell means that there is no completion for this shell.
var ErrShell = errors.New("there is no completion for this shell")

// Shells are those that Completion knows.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Completion writes to w what completes the commands and flags of app in a shell. Whatever else there is to complete is left
// to the shell: most arguments are files, and the people of a gate are not listed to whoever types.
func Completion(w io.Writer, shell string, app *kong.Application) error {
	write, ok := map[string]func(*strings.Builder, string, []place){"bash": bash, "zsh": zsh, "fish": fish}[shell]
	if !ok {
		return fmt.Errorf("%w: %s", ErrShell, shell)
	}
	var b strings.Builder
	write(&b, app.Name, places(app.Node, ""))
	_, err := io.WriteString(w, b.String())
	return err
}

// A place is where a command line has come to: the words of a command, and what may follow.
type place struct {
	path string // the words, with spaces between them
	next []Row
}

func places(n *kong.Node, path string) []place {
	here := place{path: path}
	var below []place
	for _, c := range n.Children {
		if c.Hidden || c.Type != kong.CommandNode {
			continue
		}
		here.next = append(here.next, Row{c.Name, c.Help})
		below = append(below, places(c, strings.TrimSpace(path+" "+c.Name))...)
	}
	for _, f := range flags(n) {
		here.next = append(here.next, Row{"--" + f.Name, f.Help})
	}
	return append([]place{here}, below...)
}

// words returns what may follow, with spaces between.
func (p place) words() string {
	var words []string
	for _, r := range p.next {
		words = append(words, r.Term)
	}
	return strings.Join(words, " ")
}

// steps returns the patterns of a shell's case that lead from one place to the next: the place, a space, and the word.
func steps(all []place) string {
	var patterns []string
	for _, p := range all[1:] {
		if !strings.Contains(p.path, " ") {
			p.path = " " + p.path
		}
		patterns = append(patterns, `"`+p.path+`"`)
	}
	return strings.Join(patterns, "|")
}

func bash(b *strings.Builder, name string, all []place) {
	fmt.Fprintf(b, "# bash completion of %s: . <(%[1]s completion bash)\n_%[1]s() {\n", name)
	b.WriteString("  local word path= cur=${COMP_WORDS[COMP_CWORD]}\n")
	b.WriteString("  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case \"$path $word\" in\n")
	fmt.Fprintf(b, "      %s) path=\"${path:+$path }$word\" ;;\n    esac\n  done\n  case \"$path\" in\n", steps(all))
	for _, p := range all {
		fmt.Fprintf(b, "    %q) COMPREPLY=($(compgen -W %q -- \"$cur\")) ;;\n", p.path, p.words())
	}
	fmt.Fprintf(b, "  esac\n}\ncomplete -o bashdefault -o default -F _%s %[1]s\n", name)
}

func zsh(b *strings.Builder, name string, all []place) {
	fmt.Fprintf(b, "#compdef %s\n# zsh completion: %[1]s completion zsh > a folder of $fpath/_%[1]s\n_%[1]s() {\n", name)
	b.WriteString("  local word path_=\n  local -a next\n  for word in ${words[2,CURRENT-1]}; do\n    case \"$path_ $word\" in\n")
	fmt.Fprintf(b, "      %s) path_=\"${path_:+$path_ }$word\" ;;\n    esac\n  done\n  case \"$path_\" in\n", steps(all))
	for _, p := range all {
		fmt.Fprintf(b, "    %q) next=(", p.path)
		for _, r := range p.next {
			fmt.Fprintf(b, "\n      %s", quoted(strings.ReplaceAll(r.Term, ":", `\:`)+":"+r.Meaning, `'\''`))
		}
		b.WriteString(") ;;\n")
	}
	fmt.Fprintf(b, "  esac\n  _describe '%s' next\n  _files\n}\n_%[1]s \"$@\"\n", name)
}

func fish(b *strings.Builder, name string, all []place) {
	fmt.Fprintf(b, "# fish completion: %s completion fish > ~/.config/fish/completions/%[1]s.fish\n", name)
	fmt.Fprintf(b, "function __%s_at\n  set -l path ''\n  for word in (commandline -opc)[2..]\n    switch \"$path $word\"\n", name)
	fmt.Fprintf(b, "      case %s\n", strings.ReplaceAll(steps(all), "|", " "))
	b.WriteString("        set path (string trim \"$path $word\")\n    end\n  end\n")
	b.WriteString("  test \"$path\" = \"$argv[1]\"\nend\n")
	for _, p := range all {
		for _, r := range p.next {
			kind := "-f -a "
			if flag, ok := strings.CutPrefix(r.Term, "--"); ok {
				kind, r.Term = "-l ", flag
			}
			fmt.Fprintf(b, "complete -c %s -n \"__%[1]s_at '%s'\" %s%s -d %s\n", name, p.path, kind, r.Term, quoted(r.Meaning, `\'`))
		}
	}
}

// quoted returns text between single quotes. A quote within stands as the shell writes it.
func quoted(text, quote string) string { return "'" + strings.ReplaceAll(text, "'", quote) + "'" }
