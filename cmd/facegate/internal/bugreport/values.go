package bugreport

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// enumerations are the types of texts of which each value is a word of the program.
var enumerations = []string{
	"clock.Trust", "configs.Active", "configs.Bias", "configs.DoorKind", "configs.Driver", "configs.Fail", "configs.Forced", "configs.Judge",
	"configs.MeansTold", "configs.ModelBundle", "configs.PictureSource", "configs.PixelFormat", "configs.PowerLine", "configs.ReaderKind",
	"configs.Switch", "device.CaptureState", "doctor.State", "door.Cause", "gpio.State", "health.Name", "health.Part", "health.State",
	"law.Children", "law.Jurisdiction", "law.Mode", "law.Trigger", "law.WhenAlike", "passage.Direction", "passage.Means", "passage.Way",
	"week.State",
}

// sentences are the fields of which what the program itself says is kept.
var sentences = []string{"error", "hint", "reason", "todo", "advice", "refused_for"}

// A tree is written key by key.
type tree struct {
	page   *Page
	tag    string // of the structs that names a key
	public Public
}

// Public says which texts everybody may read: words of enumerations, and other texts.
type Public struct{ Word, Text func(s string) bool }

// Values writes v key by key, by the names that a tag of its structs gives them: numbers, switches, and words of enumerations that are
// public. Any other text has a placeholder.
func (p *Page) Values(v any, tag string, public Public) {
	tree{p, tag, public}.write("", reflect.ValueOf(v))
}

var textType = reflect.TypeFor[encoding.TextMarshaler]()

func (t tree) write(path string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
	case v.Kind() == reflect.Pointer:
		t.write(path, v.Elem())
	case v.Type() == reflect.TypeFor[time.Time]() && v.IsZero():
		t.page.row(path, ours("none"))
	case v.Type() == reflect.TypeFor[time.Time]():
		t.page.Figure(path, v.Interface().(time.Time).UTC().Format(time.RFC3339))
	case v.Kind() == reflect.Struct:
		t.fields(path, v)
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Array:
		for i := range v.Len() {
			t.write(fmt.Sprintf("%s[%d]", path, i+1), v.Index(i))
		}
	case v.Kind() == reflect.Map:
		for i, key := range v.MapKeys() { // which are names
			t.write(fmt.Sprintf("%s[%d]", path, i+1), v.MapIndex(key))
		}
	case v.Kind() == reflect.String:
		t.text(path, v)
	case v.CanInterface():
		t.page.row(path, t.page.in.figure(v))
	}
}

// fields writes those of a struct that have a name, and of one that is part of another as if they were its own.
func (t tree) fields(path string, v reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get(t.tag), ",")
		switch {
		case !field.IsExported(), name == "-":
		case field.Anonymous && name == "":
			t.write(path, v.Field(i))
		default:
			if name == "" {
				name = strings.ToLower(field.Name)
			}
			t.write(strings.TrimPrefix(path+"."+name, "."), v.Field(i))
		}
	}
}

// text writes a text by what it is: a word of an enumeration, a sentence, or neither.
func (t tree) text(path string, v reflect.Value) {
	key := path[strings.LastIndex(path, ".")+1:]
	switch {
	case slices.Contains(enumerations, v.Type().String()) && t.public.Word(v.String()):
		t.page.row(path, ours(v.String()))
	case v.String() != "" && t.public.Text(v.String()):
		t.page.row(path, ours(v.String()))
	case v.String() != "" && slices.Contains(sentences, key):
		t.page.Sentence(path, v.String())
	default:
		t.page.row(path, t.page.in.place(kindOf(path), v.String()))
	}
}

// figure returns what is neither text nor structure.
func (r *Report) figure(v reflect.Value) piece {
	switch x := v.Interface().(type) {
	case time.Duration:
		return r.foreign(x.String())
	case bool:
		return ours(fmt.Sprint(x))
	}
	if v.Type().Implements(textType) || v.CanInt() || v.CanUint() || v.CanFloat() {
		return r.foreign(fmt.Sprint(v.Interface()))
	}
	return r.takeOut()
}

// kinds are what placeholders are called by the key of what they stand for.
var kinds = []struct {
	pattern *regexp.Regexp
	kind    string
}{
	{regexp.MustCompile(`^site$`), "site"},
	{regexp.MustCompile(`^gate$`), "gate"},
	{regexp.MustCompile(`(^|[._])(file|dir|path|socket|device|source|models_dir|state_dir)(\[\d+\])?$|_(file|dir)(\[\d+\])?$`), "path"},
	{regexp.MustCompile(`broker|listen|host|address`), "address"},
	{regexp.MustCompile(`group|user|name`), "name"},
	{regexp.MustCompile(`line|chip`), "line"},
}

func kindOf(path string) string {
	for _, k := range kinds {
		if k.pattern.MatchString(path) {
			return k.kind
		}
	}
	return "text"
}

// Texts returns every text of v that is no word of an enumeration, also names of maps.
func Texts(v any) (texts []string) {
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch {
		case v.Kind() == reflect.Pointer && !v.IsNil():
			visit(v.Elem())
		case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					visit(v.Field(i))
				}
			}
		case v.Kind() == reflect.Slice, v.Kind() == reflect.Array:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		case v.Kind() == reflect.Map:
			for _, key := range v.MapKeys() {
				visit(key)
				visit(v.MapIndex(key))
			}
		case v.Kind() == reflect.String && v.String() != "" && !slices.Contains(enumerations, v.Type().String()):
			texts = append(texts, v.String())
		}
	}
	visit(reflect.ValueOf(v))
	return texts
}
