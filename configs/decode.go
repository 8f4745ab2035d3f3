package configs

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/configs/week"
)

// An Error is one fault of a configuration file.
type Error struct {
	Name    string // of the file
	Line    int    // from 1; 0 if the fault has no place in the file, such as a missing key
	Column  int    // from 1, in characters
	Key     string // dotted path of the key, "" for a fault of the YAML itself
	Message string
	Law     string // articles and standards that a profile refuses the value by, "" if it is none of theirs
	Source  string // the line itself

	cause error // what a value that is in order leads to, nil if it is not in order itself
}

// Unwrap returns what the value leads to, such as that a file is missing; nil if the value itself is at fault.
func (e *Error) Unwrap() error { return e.cause }

// Error gives the place, the key and the fault on one line, and below it the line of the file with a mark.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(show.Whole(e.Name)))
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	b.WriteString(": " + e.Message)
	if e.Law != "" {
		b.WriteString(" [" + e.Law + "]")
	}
	if e.Line > 0 {
		number := strconv.Itoa(e.Line)
		source, column := around(e.Source, e.Column)
		fmt.Fprintf(&b, "\n  %s | %s\n  %*s | %*s", number, source, len(number), "", column, "^")
	}
	return b.String()
}

// around returns the part of a long line that is around column, and the column in that part. Both count in characters.
func around(line string, column int) (part string, at int) {
	const width = 100
	text := []rune(line)
	from := max(0, column-width)
	to := min(len(text), from+2*width)
	if from >= to {
		return line[:min(len(line), width)], column
	}
	return string(text[from:to]), column - from
}

// A document is one file while it is read. It collects faults, so that a technician sees all of them in one go.
//
// It walks the syntax tree itself. The library's own decoder stops at the first fault, names Go types in its messages,
// takes 3.7 for the whole number 3 and a bare 3 for a duration of three nanoseconds.
type document struct {
	name  string
	text  string
	lines []string
	place map[string]*token.Token // of each key that the file names, by dotted path
	given map[string]bool         // the keys among them that have a value
	usual Config                  // what the reference has
	errs  []error
	late  []error // faults of values that are read with the form; they do not keep the other values from being looked at
}

func newDocument(name, text string) *document {
	text = strings.TrimPrefix(text, "\ufeff") // some editors begin a file with a byte order mark
	return &document{
		name:  name,
		text:  text,
		lines: strings.Split(text, "\n"),
		place: make(map[string]*token.Token),
		given: make(map[string]bool),
	}
}

// fault records a fault of key, which stands at tok.
func (d *document) fault(tok *token.Token, key, format string, args ...any) {
	d.unlawful(tok, key, "", format, args...)
}

// unlawful records a fault of key, which stands at tok, with the law that it breaks.
func (d *document) unlawful(tok *token.Token, key, law, format string, args ...any) {
	d.errs = append(d.errs, d.fresh(tok, key, law, format, args...))
}

// nearest returns where key stands or, if the file does not name it, the nearest section that it would stand in.
func (d *document) nearest(key string) *token.Token {
	for ; key != ""; key = section(key) {
		if d.place[key] != nil {
			return d.place[key]
		}
	}
	return nil
}

func (d *document) fresh(tok *token.Token, key, law, format string, args ...any) *Error {
	e := &Error{Name: d.name, Key: key, Message: string(show.Sprintf(format, args...)), Law: law}
	if tok != nil && tok.Position.Line >= 1 && tok.Position.Line <= len(d.lines) {
		// Tabs and control characters would move the mark, and a terminal.
		e.Source = strings.Map(printable, d.lines[tok.Position.Line-1])
		e.Line, e.Column = tok.Position.Line, tok.Position.Column
	}
	return e
}

func printable(r rune) rune {
	if strconv.IsPrint(r) {
		return r
	}
	return ' '
}

// decode sets the fields of cfg that the document names.
func (d *document) decode(cfg *Config) {
	if d.foreign() {
		return
	}
	if d.crowded() {
		return
	}
	file, err := parser.ParseBytes([]byte(d.text), 0)
	if err != nil {
		d.syntax(err)
		return
	}
	for i, doc := range file.Docs {
		if i > 0 {
			d.fault(doc.Start, "", "a second document begins here; one file configures one gate")
			return
		}
		if doc.Body != nil {
			d.value("", doc.Body, reflect.ValueOf(cfg).Elem())
		}
	}
}

// maxNested bounds how many lists and sections a file may begin within its lines. The reference begins some ten. The YAML
// parser needs time and memory in the square of how deep they lie in each other: a quarter of a minute for 60,000.
const maxNested = 500

// crowded records, before anything is parsed, that the file begins more lists and sections than a configuration can have.
// It counts their marks wherever they stand: to tell those in quotes apart would take a parser.
func (d *document) crowded() bool {
	n := 0
	for i, line := range d.lines {
		text := []rune(line)
		for at := range text {
			if begins(text, at) {
				n++
			}
			if n > maxNested {
				tok := &token.Token{Position: &token.Position{Line: i + 1, Column: at + 1}}
				d.fault(tok, "", "more than %d lists and sections begin in this file; a configuration needs some dozens", maxNested)
				return true
			}
		}
	}
	return false
}

// begins reports whether a list or a section may begin at text[at]. It begins with a bracket, or with a dash or question mark
// that stands alone.
func begins(text []rune, at int) bool {
	switch text[at] {
	case '[', '{':
		return true
	case '-', '?':
		return (at == 0 || unicode.IsSpace(text[at-1])) && (at+1 == len(text) || unicode.IsSpace(text[at+1]))
	}
	return false
}

// foreign records the first line that is not UTF-8, and reports whether there is one.
func (d *document) foreign() bool {
	for i, line := range d.lines {
		if utf8.ValidString(line) {
			continue
		}
		valid := strings.ToValidUTF8(line, "\ufffd")
		d.errs = append(d.errs, &Error{
			Name: d.name, Line: i + 1, Column: utf8.RuneCountInString(valid[:strings.IndexRune(valid, utf8.RuneError)]) + 1,
			Message: "the file is not in UTF-8; save it in that character set", Source: strings.Map(printable, valid),
		})
		return true
	}
	return false
}

func (d *document) syntax(err error) {
	if e, ok := err.(yaml.Error); ok {
		d.fault(e.GetToken(), "", "%s", e.GetMessage())
		return
	}
	d.fault(nil, "", "%v", err)
}

var (
	regionType    = reflect.TypeFor[Region]()
	thresholdType = reflect.TypeFor[Threshold]()
	daysType      = reflect.TypeFor[week.Days]()
	brokersType   = reflect.TypeFor[Brokers]()
	textType      = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// value stores what node says in dst, the value of the key at path. A key without a value keeps its default.
func (d *document) value(path string, node ast.Node, dst reflect.Value) {
	if _, ok := node.(*ast.NullNode); ok {
		return
	}
	d.given[path] = true
	switch {
	case dst.Type() == regionType:
		d.region(path, node, dst.Addr().Interface().(*Region))
	case dst.Type() == thresholdType:
		d.threshold(path, node, dst.Addr().Interface().(*Threshold))
	case dst.Type() == daysType:
		d.days(path, node, dst.Addr().Interface().(*week.Days))
	case dst.Type() == brokersType:
		d.brokers(path, node, dst.Addr().Interface().(*Brokers))
	case dst.Kind() == reflect.Struct && !dst.Addr().Type().Implements(textType):
		d.section(path, node, dst)
	case dst.Kind() == reflect.Slice:
		d.list(path, node, dst)
	case dst.Kind() == reflect.Map:
		d.named(path, node, dst)
	default:
		text, ok := scalar(node)
		if !ok {
			d.fault(node.GetToken(), path, "one plain value is wanted here")
		} else if err := setText(dst, text); err != nil {
			d.fault(node.GetToken(), path, "%v", err)
		}
	}
}

func (d *document) section(path string, node ast.Node, dst reflect.Value) {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		d.fault(node.GetToken(), path, "keys are wanted here, each on its own line as \"key: value\"")
		return
	}
	keys := keysOf(dst.Type())
	for _, entry := range mapping.Values {
		tok := entry.Key.GetToken()
		name := present(path, tok.Value)
		key := join(path, name)
		i := slices.Index(keys, name)
		if i < 0 {
			d.fault(tok, path, "unknown key %q; %s", tok.Value, suggest(tok.Value, keys))
			continue
		}
		if d.place[key] != nil {
			d.fault(tok, path, "key %q is set a second time", tok.Value)
			continue
		}
		d.place[key] = tok
		d.value(key, entry.Value, dst.Field(i))
	}
}

// present returns the present name of a key at path. A file may have it by its former one: consent.children was under_14 while
// one age stood for all laws.
func present(path, name string) string {
	if path == "consent" && name == "under_14" {
		return "children"
	}
	return name
}

// list stores a list. Its items have paths of their own, counted from 1: door.schedule[1].
func (d *document) list(path string, node ast.Node, dst reflect.Value) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fault(node.GetToken(), path, "a list is wanted here, such as [a, b]")
		return
	}
	items := reflect.Zero(dst.Type())
	for i, node := range seq.Values {
		at, item := fmt.Sprintf("%s[%d]", path, i+1), reflect.New(dst.Type().Elem()).Elem()
		d.place[at] = node.GetToken()
		d.value(at, node, item)
		items = reflect.Append(items, item)
	}
	dst.Set(items)
}

// named stores values under names of the technician's own.
func (d *document) named(path string, node ast.Node, dst reflect.Value) {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		d.fault(node.GetToken(), path, "names are wanted here, each on its own line as \"name: value\"")
		return
	}
	values := reflect.MakeMap(dst.Type())
	for _, entry := range mapping.Values {
		tok := entry.Key.GetToken()
		key, value := join(path, tok.Value), reflect.New(dst.Type().Elem()).Elem()
		if d.place[key] != nil {
			d.fault(tok, path, "%q is set a second time", tok.Value)
			continue
		}
		d.place[key] = tok
		d.value(key, entry.Value, value)
		values.SetMapIndex(reflect.ValueOf(tok.Value), value)
	}
	dst.Set(values)
}

// days stores days of the week, which are one text or a list of texts.
func (d *document) days(path string, node ast.Node, dst *week.Days) {
	texts, ok := sequence(node)
	if !ok {
		var text string
		text, ok = scalar(node)
		texts = []string{text}
	}
	if !ok {
		d.fault(node.GetToken(), path, "days are wanted here, such as mon-fri, or [mon, wed]")
	} else if err := dst.UnmarshalText([]byte(strings.Join(texts, ","))); err != nil {
		d.fault(node.GetToken(), path, "%v", err)
	}
}

func (d *document) region(path string, node ast.Node, dst *Region) {
	texts, ok := sequence(node)
	sides := []*float64{&dst.Left, &dst.Top, &dst.Right, &dst.Bottom}
	if !ok || len(texts) != len(sides) {
		d.fault(node.GetToken(), path, "four fractions are wanted here: [left, top, right, bottom]")
		return
	}
	for i, text := range texts {
		if err := setText(reflect.ValueOf(sides[i]).Elem(), text); err != nil {
			d.fault(node.GetToken(), path, "%v", err)
		}
	}
}

func (d *document) threshold(path string, node ast.Node, dst *Threshold) {
	*dst = Threshold{}
	text, ok := scalar(node)
	if dst.Auto = text == "auto"; dst.Auto {
		return
	}
	var err error
	if dst.Score, err = strconv.ParseFloat(text, 64); !ok || err != nil {
		d.fault(node.GetToken(), path, "a number is wanted here, or auto")
	}
}

// scalar returns the text of a plain or quoted value as it stands in the file, so that a gate called 007 keeps its name.
func scalar(node ast.Node) (text string, ok bool) {
	switch n := node.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NanNode, *ast.InfinityNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func sequence(node ast.Node) (texts []string, ok bool) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		return nil, false
	}
	for _, item := range seq.Values {
		text, ok := scalar(item)
		if !ok {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

// setText stores the value that text spells in dst.
func setText(dst reflect.Value, text string) error {
	switch p := dst.Addr().Interface().(type) {
	case *time.Duration:
		v, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a time; write a number with its unit, such as 500ms, 3s or 2m", text)
		}
		*p = v
	case *int:
		v, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*p = v
	case *float64:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		*p = v
	case *bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*p = text == "true"
	case *slog.Level:
		if err := p.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%q is none of debug, info, warn, error", text)
		}
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	default:
		dst.SetString(text)
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keysOf returns the keys of a section in the order of its fields.
func keysOf(section reflect.Type) []string {
	var keys []string
	for field := range section.Fields() {
		keys = append(keys, field.Tag.Get("yaml"))
	}
	return keys
}

// suggest names the key that was probably meant, or all that there are.
func suggest(key string, keys []string) string {
	nearest := slices.MinFunc(keys, func(a, b string) int { return hint.Distance(key, a) - hint.Distance(key, b) })
	if hint.Distance(key, nearest) <= max(2, len(nearest)/3) {
		return fmt.Sprintf("did you mean %q?", nearest)
	}
	return "the keys here are " + strings.Join(keys, ", ")
}
