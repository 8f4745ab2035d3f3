package notice

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"text/template/parse"
	"time"

	"facegate/configs/law"
)

// MaxSize is the greatest length of the file of a notice in bytes. That in English has some 6,000.
const MaxSize = 64 << 10

// ErrForeign says that the text of an operator is no notice.
var ErrForeign = errors.New("this is no notice")

// Source returns the notice of a language that facegate speaks itself, with its places unfilled, to be translated.
func Source(lang Language) (string, error) {
	text, err := templates.ReadFile("notice." + string(lang) + ".md")
	if err != nil {
		return "", fmt.Errorf("%w in language %q", ErrNone, lang)
	}
	return string(text), nil
}

// Check says what is wrong with the notice in a language of the operator's. It may have the places of the notice in English and no
// others, and each fault of them is named with its line. Whatever changes the notice in English has to change it too: so no particular
// that the law wants is left out, and the notice does not become false when the configuration changes.
func (p Particulars) Check(f Foreign) error {
	if err := places(f.File, f.Text); err != nil {
		return err
	}
	like := p.page(f.Language)
	own, err := fill(f.File, f.Text, like)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	english, err := render("notice.en.md", like)
	if err != nil {
		return err
	}
	var faults []error
	for _, c := range changes() {
		changed := like
		c.make(&changed)
		other, err := render("notice.en.md", changed)
		if err != nil {
			return err
		}
		if other == english {
			continue
		}
		switch other, err := fill(f.File, f.Text, changed); {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrForeign, err)
		case other == own:
			faults = append(faults, fmt.Errorf("%s: %w that people may be asked to consent to: it says the same whatever {{%s}} is, and that in English does not", f.File, ErrForeign, c.place))
		}
	}
	return errors.Join(faults...)
}

// A change is of one place of a page.
type change struct {
	place string
	make  func(*page)
}

// changes returns one of each place that a notice has to depend on.
func changes() (all []change) {
	text := func(place string, at func(*page) *string) {
		all = append(all, change{"." + place, func(p *page) { *at(p) += "x" }})
	}
	text("Place", func(p *page) *string { return &p.Place })
	text("Purpose", func(p *page) *string { return &p.Purpose })
	text("Necessity", func(p *page) *string { return &p.Necessity })
	text("Rights", func(p *page) *string { return &p.Rights })
	text("Version", func(p *page) *string { return &p.Version })
	text("Controller", func(p *page) *string { return &p.Controller })
	text("Contact", func(p *page) *string { return &p.Contact })
	text("Officer", func(p *page) *string { return &p.Officer })
	text("Ways", func(p *page) *string { return &p.Ways })
	text("Second", func(p *page) *string { return &p.Second })
	text("Beside", func(p *page) *string { return &p.Beside })
	days := func(place string, at func(*law.Profile) *time.Duration) {
		all = append(all, change{".Profile." + place, func(p *page) { *at(&p.Profile) += 24 * time.Hour }})
	}
	days("RetentionMax", func(p *law.Profile) *time.Duration { return &p.RetentionMax })
	days("IdleMax", func(p *law.Profile) *time.Duration { return &p.IdleMax })
	days("AccessLogRetention", func(p *law.Profile) *time.Duration { return &p.AccessLogRetention })
	days("YoungMax", func(p *law.Profile) *time.Duration { return &p.YoungMax })
	return append(all,
		change{".RecordYears", func(p *page) { p.RecordYears++ }},
		change{".Profile.ChildAge", func(p *page) { p.Profile.ChildAge++ }},
		change{".Profile.MinorsAllowed", func(p *page) { p.Profile.MinorsAllowed = !p.Profile.MinorsAllowed }},
		change{".Profile.Passes", func(p *page) { p.Profile.Passes = !p.Profile.Passes }},
		change{".Profile.Mode", func(p *page) { p.Profile.Mode = another(p.Profile.Mode, law.OneToOne, law.OneToMany) }},
		change{".Profile.EmbedTrigger", func(p *page) {
			p.Profile.EmbedTrigger = another(p.Profile.EmbedTrigger, law.ZoneTrigger, law.RequestTrigger)
		}},
		change{".Profile.WhenAlike", func(p *page) { p.Profile.WhenAlike = another(p.Profile.WhenAlike, law.RefuseAlike, law.SecondFactor) }},
		change{".Profile.Consent", func(p *page) { p.Profile.Consent = another(p.Profile.Consent, law.SyntheticOnly, law.ExplicitConsent) }},
		change{".Profile.Jurisdiction", func(p *page) { p.Profile.Jurisdiction = another(p.Profile.Jurisdiction, law.Lab, law.EU) }},
	)
}

// another returns a, or b where it is a already.
func another[T comparable](is, a, b T) T {
	if is == a {
		return b
	}
	return a
}

// places checks the places of a notice, as far as they can be seen without filling them.
func places(name, text string) error {
	t, err := parseText(name, text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	var faults []error
	visit(t.Root, func(n parse.Node) {
		said := ""
		switch n := n.(type) {
		case *parse.FieldNode:
			if known(n.Ident) {
				return
			}
			said = "no notice has a place called {{" + n.String() + "}}"
		case *parse.RangeNode, *parse.TemplateNode, *parse.BreakNode, *parse.ContinueNode:
			said = "this does not belong in a notice: " + strings.SplitN(n.String(), "\n", 2)[0]
		default:
			return
		}
		line := 1 + strings.Count(text[:min(int(n.Position()), len(text))], "\n")
		faults = append(faults, fmt.Errorf("%s:%d: %s", name, line, said))
	})
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return nil
}

// known reports whether a page has a field of these names.
func known(names []string) bool {
	t := reflect.TypeFor[page]()
	for _, name := range names {
		if t.Kind() != reflect.Struct {
			return false
		}
		f, ok := t.FieldByName(name)
		if !ok {
			return false
		}
		t = f.Type
	}
	return true
}

// visit calls see for a node of a template and all below it.
func visit(n parse.Node, see func(parse.Node)) {
	if n == nil || reflect.ValueOf(n).IsNil() {
		return
	}
	see(n)
	branch := func(b *parse.BranchNode) {
		visit(b.Pipe, see)
		visit(b.List, see)
		visit(b.ElseList, see)
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			visit(child, see)
		}
	case *parse.ActionNode:
		visit(n.Pipe, see)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			visit(c, see)
		}
	case *parse.CommandNode:
		for _, arg := range n.Args {
			visit(arg, see)
		}
	}
}
