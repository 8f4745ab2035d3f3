package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/doc"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/invopop/jsonschema"

	"facegate/pipeline/publish"
)

// errOpen means that a payload could say anything, and so a name.
var errOpen = errors.New("anything could stand there")

// A payload is what is said on one topic, or on several.
type payload struct {
	name   string
	text   bool               // it is the text itself, and not JSON
	schema *jsonschema.Schema // nil where the rules are those of somebody else, as of Home Assistant
}

// file returns the schema as a file of its own.
func (p payload) file() ([]byte, error) {
	own := *p.schema
	own.Version, own.ID = jsonschema.Version, jsonschema.ID("urn:facegate:"+p.name)
	text, err := json.Marshal(&own)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// payloadsOf returns the payload of each topic by the topic's name. Topics of one Go type share one.
func payloadsOf(root string, topics []publish.Topic) (map[string]payload, error) {
	s := &source{root: root, packages: map[string]*doc.Package{}}
	of := map[string]payload{}
	words := map[string][]string{}
	for _, t := range topics {
		if t.Payload == nil {
			of[t.Name] = payload{name: id(t)}
			continue
		}
		p, err := s.payload(t)
		if err != nil {
			return nil, fmt.Errorf("topic %s: %w", t.Name, err)
		}
		if said, ok := words[p.name]; ok && !slices.Equal(said, t.Words) {
			return nil, fmt.Errorf("topic %s: another topic of its type has other words", t.Name)
		}
		of[t.Name], words[p.name] = p, t.Words
	}
	return of, nil
}

// payload makes the schema of what is said on a topic.
func (s *source) payload(t publish.Topic) (payload, error) {
	kind := reflect.TypeOf(t.Payload)
	r := jsonschema.Reflector{Anonymous: true, DoNotReference: true, LookupComment: s.comment}
	p := payload{name: kebab(kind.Name()), text: kind.Kind() == reflect.String, schema: r.ReflectFromType(kind)}
	p.schema.Version = ""
	if p.text {
		p.schema.Description = s.comment(kind, "")
		for _, w := range t.Words {
			p.schema.Enum = append(p.schema.Enum, w)
		}
		if own, ok := t.Payload.(interface{ Pattern() string }); ok {
			p.schema.Pattern = own.Pattern()
		}
	}
	return p, s.close(p.schema, kind)
}

// close gives the texts below a schema the words that are constants of their types, unless their tags say which. It refuses what says
// anything: a text without words, pattern or format, and a number that is not counted, as scores are.
func (s *source) close(schema *jsonschema.Schema, t reflect.Type) error {
	switch {
	case schema == nil:
		return nil
	case t.Kind() == reflect.Pointer:
		return s.close(optional(schema), t.Elem())
	case schema.Type == "string":
		return s.closeText(schema, t)
	case schema.Type == "array":
		return s.close(schema.Items, t.Elem())
	case schema.Type == "object":
		return s.closeObject(schema, t)
	case schema.Type == "integer" && schema.Minimum == "" && len(schema.Enum) == 0, schema.Type == "number", schema.Type == "":
		return fmt.Errorf("a %s: %w", t, errOpen)
	}
	return nil
}

// optional returns what stands there if it is not null.
func optional(schema *jsonschema.Schema) *jsonschema.Schema {
	if len(schema.OneOf) > 0 {
		return schema.OneOf[0]
	}
	return schema
}

func (s *source) closeText(schema *jsonschema.Schema, t reflect.Type) error {
	words, err := s.words(t.PkgPath(), t.Name())
	if err != nil {
		return err
	}
	listed := len(schema.Enum) > 0
	var said []string
	for _, w := range words {
		if !listed {
			schema.Enum = append(schema.Enum, w.value)
		}
		if w.comment != "" && slices.Contains(schema.Enum, any(w.value)) {
			said = append(said, w.value+": "+w.comment)
		}
	}
	if len(said) > 0 {
		schema.Description = strings.TrimSpace(schema.Description + " (" + strings.Join(said, "; ") + ")")
	}
	if len(schema.Enum) == 0 && schema.Pattern == "" && schema.Format == "" {
		return fmt.Errorf("a %s: %w", t, errOpen)
	}
	return nil
}

func (s *source) closeObject(schema *jsonschema.Schema, t reflect.Type) error {
	if t.Kind() != reflect.Struct || schema.Properties == nil {
		return fmt.Errorf("a %s: %w", t, errOpen)
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		property, ok := schema.Properties.Get(name)
		if !ok {
			continue
		}
		err := s.fill(t.Name()+"."+name, property)
		if err == nil {
			err = s.close(property, f.Type)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// fill gives a field the words of a set that its Go type does not have: the types are of rooms that stand higher, or make them at run time.
func (s *source) fill(field string, schema *jsonschema.Schema) error {
	of := map[string]string{ // constants of a type
		"Condition.name": "facegate/cmd/facegate/internal/health.Name",
		"Condition.part": "facegate/cmd/facegate/internal/health.Part",
		"Info.profile":   "facegate/configs/law.Jurisdiction",
	}
	switch field {
	case "Event.method":
		for _, m := range publish.Methods() {
			schema.Enum = append(schema.Enum, m)
		}
	case "Mode.ways":
		one := "(" + strings.Join(publish.Methods(), "|") + ")"
		schema.Items.Pattern = "^" + one + `(\+` + one + ")*$"
	}
	at := strings.LastIndex(of[field], ".")
	if at < 0 {
		return nil
	}
	words, err := s.words(of[field][:at], of[field][at+1:])
	for _, w := range words {
		schema.Enum = append(schema.Enum, w.value)
	}
	return err
}

// kebab returns the name of a Go type as that of a file: LockState is lock-state.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
