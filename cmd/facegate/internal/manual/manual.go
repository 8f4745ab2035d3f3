// Package manual writes the man page of a command line and what completes it in a shell. Both come from the model that the
// command line is parsed by, so that neither can say what is not so.
package manual

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// A Row is a term with what it means.
type Row struct{ Term, Meaning string }

// A Section of the page follows the commands.
type Section struct {
	Title string
	Rows  []Row
}

// Page writes the man page of app (man(7)) to w.
func Page(w io.Writer, app *kong.Application, version string, sections ...Section) error {
	var b strings.Builder
	name := strings.ToUpper(app.Name)
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s %s\" \"User Commands\"\n", roff(name), roff(app.Name), roff(version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(app.Name), roff(app.Help))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.I command\n[\\fIflags\\fR]\n", roff(app.Name))
	b.WriteString(".SH COMMANDS\n")
	for _, c := range commands(app) {
		fmt.Fprintf(&b, ".SS %s\n%s\n", roff(c.Summary()), roff(c.Help))
		for _, p := range c.Positional {
			item(&b, Row{"<" + p.Name + ">", p.Help})
		}
		for _, f := range flags(c) {
			item(&b, Row{usage(f), f.Help})
		}
	}
	for _, s := range sections {
		fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(s.Title)))
		for _, r := range s.Rows {
			item(&b, r)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func item(b *strings.Builder, r Row) {
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(r.Term), roff(r.Meaning))
}

// usage is how a flag is given.
func usage(f *kong.Flag) string {
	if f.IsBool() {
		return "--" + f.Name
	}
	return "--" + f.Name + "=" + f.FormatPlaceHolder()
}

// roff returns text as it has to stand in the source of a page: it must begin no request, and a dash is one that can be typed.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}

// commands returns the commands that can be given, in their order.
func commands(app *kong.Application) []*kong.Node { return app.Leaves(true) }

// flags returns the flags of a command that are shown.
func flags(c *kong.Node) (shown []*kong.Flag) {
	for _, f := range c.Flags {
		if !f.Hidden {
			shown = append(shown, f)
		}
	}
	return shown
}
