package main

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"facegate/cmd/facegate/internal/doctor"
	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/mqttwatch"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/update"
	"facegate/cmd/facegate/internal/wipe"
	"facegate/device/probe"
	"facegate/pipeline/evaluate/passes"
	"facegate/pipeline/survey"
	"facegate/store"
)

var anew = flag.Bool("update", false, "write the fields of docs/json.md anew")

// An answer is what a command prints with --json. Of a map, and of a type that is known where it is printed alone, an example stands
// here: its keys count.
type answer struct {
	when   string // it prints this and no other; "" for always
	values []any  // of which it prints all fields, as one value or a list
	stream bool   // one value a line, until it ends
	beside []any  // what it prints on standard error meanwhile, one value a line
}

// keys is an example of a map with text.
func keys(names ...string) map[string]any {
	m := map[string]any{}
	for _, name := range names {
		m[name] = ""
	}
	return m
}

func one(values ...any) []answer { return []answer{{values: values}} }

// printedByCommands has what each command prints.
func printedByCommands() map[string][]answer {
	pass := one(keys("label", "pass"))
	pin := keys("label", "number", "pin")
	network := []any{keys("name", "file", "state")}
	erasure := one(erased{})
	facts := people.Facts{}
	return map[string][]answer{
		"audit checkpoint": {{values: []any{people.Checkpoint{}}}, {when: "--for", values: []any{keys("request")}}},
		"audit cosigned":   one(people.Cosigned{}),
		"audit verify":     one(people.AuditReport{}),
		"backup create":    one(map[string]any{"file": "", "people": 0, "last_receipt": 0}),
		"backup restore":   one(restored(store.Restored{})),
		"bugreport":        one(reported{}),
		"camera aim":       {{values: []any{status.View{}}, stream: true}},
		"camera calibrate": {{values: []any{survey.Report{}}, beside: []any{status.SurveyStep{}}}},
		"camera list":      one(cameraList{}),
		"camera prompt":    {{values: []any{status.Prompt{}}, stream: true}},
		"camera test":      one(probe.Verdict{}),
		"card add":         one(people.CardAdded{}),
		"card list":        one([]people.Credential{}),
		"card remove":      one(keys("label", "removed")),
		"clock confirm":    one(people.ClockStatus{}),
		"clock show":       one(people.ClockStatus{}),
		"config check":     one(map[string]any{"ok": true, "site": "", "gate": ""}),
		"demo":             one([]result{}),
		"destroy-templates": {
			{values: []any{map[string]any{"templates_destroyed": true}, facts}},
			{when: "--end", values: []any{map[string]any{"templates_destroyed": false}}},
		},
		"device pubkey":    one(people.Device{}),
		"doctor":           one(doctor.Report{}),
		"door hold":        one(map[string]any{"held_until": time.Time{}}),
		"door lines":       one(lineList{}),
		"door release":     one(map[string]any{"held": false}),
		"door safe":        one(released{}),
		"door status":      one(status.Door{}),
		"door test":        one(doortrial.Report{}),
		"door watch":       {{values: []any{status.DoorMoment{}}, stream: true}},
		"enroll":           {{values: []any{enrolment{}}, beside: []any{people.Progress{}}}},
		"epoch begin":      one(people.Epoch{}),
		"epoch end":        one(people.Epoch{}),
		"epoch status":     one(people.Epoch{}),
		"erase":            erasure,
		"eval liveness":    one(livenessResult{}),
		"eval passes":      one([]passes.Table{}),
		"eval quality":     one(qualityResult{}),
		"eval recognition": one(recognitionResult{}),
		"faces off":        one(map[string]any{"faces": false}),
		"faces on":         one(map[string]any{"faces": true}),
		"init":             one(initDone{}),
		"key add":          one(people.Operator{}),
		"key create":       {{values: []any{keys("created")}}, {when: "--tpm", values: []any{keys("created", "tpm")}}},
		"key list":         one(people.Operators{}),
		"key new":          one(keys("key", "public", "id")),
		"key remove":       one(people.Operator{}),
		"lockout reset":    one(map[string]any{"reset": true}),
		"models adopt":     one(map[string]any{"name": "", "model_id": "", "bundles": []string{}, "measured": ""}),
		"models fetch":     one(network),
		"models import":    one(map[string]any{"imported": []string{}}),
		"models list":      one(map[string]any{"bundles": []listedBundle{}, "networks": []listedModel{}}),
		"models verify":    one(network),
		"mqtt forget":      one(status.Forgotten{}),
		"mqtt status":      one(status.Status{}.MQTT),
		"mqtt test": {
			{when: "the gate runs", values: []any{status.Status{}.MQTT}},
			{when: "it does not", values: []any{map[string]any{"ok": true, "broker": ""}}},
		},
		"mqtt watch": {{values: []any{mqttwatch.Line{}}, stream: true}},
		"notice": {
			{values: []any{keys("language", "version", "sha256", "text", "html")}},
			{when: "--source or --words", values: []any{keys("source")}},
		},
		"open":            one(map[string]any{"gate": "", "nonce": "", "opened": true}),
		"pass issue":      one(issued{}),
		"pass key add":    one(people.Office{}),
		"pass key list":   one([]people.Office{}),
		"pass key new":    one(keys("key", "public", "id")),
		"pass key remove": one(people.Office{}),
		"pass list":       {{values: []any{people.Visits{}}}, {when: "--key", values: []any{ledger{}}}},
		"pass revoke":     one(people.Visit{}),
		"pass show":       one(people.ShownVisit{}),
		"people":          {{values: []any{[]people.Person{}}}, {when: "--form", values: []any{people.Form{}}}},
		"person add":      one(enrolment{}),
		"person group":    one(people.Person{}),
		"person pass":     pass,
		"person relabel":  one(people.Person{}),
		"person show":     {{values: []any{people.File{}}}, {when: "--letter", values: []any{keys("letter")}}},
		"person withdraw": erasure,
		"pin duress":      {{values: []any{pin}}},
		"pin number":      one(keys("label", "number")),
		"pin remove":      one(keys("label")),
		"pin set":         one(pin),
		"policy":          one(keys("policy")),
		"receipt fetch":   one([]string{}),
		"receipt prove":   one(proven{}),
		"receipt show":    {{values: []any{keys("receipt")}}, {when: "--pdf", values: []any{keys("pdf")}}},
		"receipt verify":  one(checkedReceipt{}),
		"rules":           one(ruling{}),
		"status":          {{values: []any{status.Status{}}}, {when: "--check", values: []any{health.Report{}}}},
		"update":          one(update.Release{}),
		"version":         one(built{}),
		"wipe":            one(wipe.Done{}),
		"witness add":     one(map[string]any{"logs": 0}),
		"witness create":  one(witnessKey{}),
		"witness forget":  one(followed{}),
		"witness key":     one(witnessKey{}),
		"witness list":    one(witnessList{}),
		"witness sign":    one(witnessAnswer{}),
	}
}

// A field is what stands in docs/json.md in one row.
type field struct{ path, kind, meaning string }

// A reading finds the fields of values, and in the sources what they mean.
type reading struct {
	root    string
	read    map[string]map[string]string // by package, what its fields mean
	fields  []field
	passing []reflect.Type          // structs that the reading is in
	first   map[reflect.Type]string // where a struct stood first, for readers who need its fields once; nil for those who need all
}

// value adds the fields of v, which stands at path.
func (r *reading) value(path, meaning string, v reflect.Value) {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		r.value(path, meaning, reflect.New(t.Elem()).Elem())
		return
	}
	if kind := plainKind(t); kind != "" {
		if path != "" {
			r.add(field{path, kind, meaning})
		}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if slices.Contains(r.passing, t) {
			return
		}
		if as, ok := r.first[t]; ok && path != "" {
			r.add(field{path, "as `" + as + "`", meaning})
			return
		}
		r.passing = append(r.passing, t)
		if path != "" {
			r.add(field{path, "object", meaning})
			if r.first != nil {
				r.first[t] = path
			}
		}
		r.structure(path, v)
		r.passing = r.passing[:len(r.passing)-1]
	case reflect.Map:
		if path != "" {
			r.add(field{path, "object", meaning})
		}
		if v.Len() == 0 {
			r.value(below(path, "NAME"), "", reflect.New(t.Elem()).Elem())
		}
		for _, key := range slices.SortedFunc(maps.Keys(mapOf(v)), strings.Compare) {
			r.value(below(path, key), "", mapOf(v)[key])
		}
	case reflect.Slice, reflect.Array:
		element := reflect.New(t.Elem()).Elem()
		if v.Len() > 0 {
			element = v.Index(0)
		}
		r.value(path+"[]", meaning, element)
	}
}

func mapOf(v reflect.Value) map[string]reflect.Value {
	m := map[string]reflect.Value{}
	for _, key := range v.MapKeys() {
		m[key.String()] = v.MapIndex(key)
	}
	return m
}

// structure adds the fields of a struct as package json finds them.
func (r *reading) structure(path string, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			r.structure(path, v.Field(i))
		default:
			if name == "" {
				name = f.Name
			}
			r.value(below(path, name), r.meaning(t, f.Name), v.Field(i))
		}
	}
}

// add adds a field, unless it is there.
func (r *reading) add(f field) {
	if !slices.ContainsFunc(r.fields, func(o field) bool { return o.path == f.path }) {
		r.fields = append(r.fields, f)
	}
}

func below(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

// plainKind names the JSON of a type that has no fields.
func plainKind(t reflect.Type) string {
	is := func(i reflect.Type) bool { return t.Implements(i) || reflect.PointerTo(t).Implements(i) }
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case is(reflect.TypeFor[encoding.TextMarshaler]()), t == reflect.TypeFor[[]byte]():
		return "text"
	case is(reflect.TypeFor[json.Marshaler]()), t.Kind() == reflect.Interface:
		return "any"
	case t == reflect.TypeFor[time.Duration]():
		return "nanoseconds"
	}
	switch k := t.Kind(); {
	case k == reflect.String:
		return "text"
	case k == reflect.Bool:
		return "true, false"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "integer"
	case k == reflect.Float32 || k == reflect.Float64:
		return "number"
	}
	return ""
}

// meaning returns what the comment at a field says.
func (r *reading) meaning(t reflect.Type, name string) string {
	known, ok := r.read[t.PkgPath()]
	if !ok {
		known = meanings(filepath.Join(r.root, strings.TrimPrefix(t.PkgPath(), "facegate/")))
		r.read[t.PkgPath()] = known
	}
	return known[t.Name()+"."+name]
}

// meanings returns the comments beside the fields of the structs of a folder, by type and field.
func meanings(dir string) map[string]string {
	found := map[string]string{}
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, _ := n.(*ast.TypeSpec)
			if spec == nil {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						says := cmp.Or(f.Comment.Text(), f.Doc.Text())
						found[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(says), " ")
					}
				}
			}
			return true
		})
	}
	return found
}

// fieldsOf returns the fields of all that a command prints.
func (r *reading) fieldsOf(values []any) []field {
	r.fields = nil
	clear(r.first)
	for _, v := range values {
		r.value("", "", reflect.ValueOf(v))
	}
	return r.fields
}

// page returns the part of docs/json.md that has the fields.
func page(r *reading) string {
	var b strings.Builder
	table := func(says string, values []any) {
		fields := r.fieldsOf(values)
		fmt.Fprintf(&b, "\n%s\n", says)
		if len(fields) == 0 {
			return
		}
		fmt.Fprint(&b, "\n| field | is | meaning |\n|---|---|---|\n")
		for _, f := range fields {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.path, f.kind, strings.ReplaceAll(f.meaning, "|", "\\|"))
		}
	}
	all := printedByCommands()
	for _, words := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "\n## %s\n", words)
		for _, a := range all[words] {
			says := "One value"
			if a.stream {
				says = "One value a line, until the command ends"
			} else if k := reflect.TypeOf(a.values[0]).Kind(); k == reflect.Slice {
				says = "A list"
			}
			if a.when != "" {
				says += " (" + a.when + ")"
			}
			table(says+".", a.values)
			if a.beside != nil {
				table("Meanwhile, on standard error, one value a line.", a.beside)
			}
		}
	}
	return b.String()
}

// TestJSONIsInTheDocuments compares docs/json.md with what the commands print by their types, and with the grammar.
func TestJSONIsInTheDocuments(t *testing.T) {
	all := printedByCommands()
	for words, n := range byWords(t) {
		takes := slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == "json" })
		if _, ok := all[words]; ok != takes {
			t.Errorf("%s: takes --json: %t; is in docs/json.md: %t", words, takes, ok)
		}
		delete(all, words)
	}
	for words := range all {
		t.Errorf("there is no command %s", words)
	}
	path := filepath.Join(gatetest.Root(t), "docs", "json.md")
	text, err := os.ReadFile(path)
	must(t, err)
	head, fields, _ := strings.Cut(string(text), mark)
	want := page(&reading{root: gatetest.Root(t), read: map[string]map[string]string{}, first: map[reflect.Type]string{}})
	if fields == want {
		return
	}
	if !*anew {
		t.Fatal("docs/json.md has other fields than the commands: go test ./cmd/facegate -run TestJSONIsInTheDocuments -update")
	}
	must(t, os.WriteFile(path, []byte(head+mark+want), 0o600))
}

// mark ends what is written by hand in docs/json.md.
const mark = "<!-- what follows is written by go test ./cmd/facegate -run TestJSONIsInTheDocuments -update -->\n"

// TestJSON types a session with --json, and checks that nothing is printed that docs/json.md has not.
func TestJSON(t *testing.T) {
	r := &reading{read: map[string]map[string]string{}}
	known, printed := map[string]map[string]bool{}, map[string]int{}
	for words, all := range printedByCommands() {
		known[words] = map[string]bool{}
		for _, a := range all {
			for _, f := range r.fieldsOf(a.values) {
				known[words][f.path] = true
			}
		}
	}
	newDesk(t).play(t, true, func(s step, words, out string) {
		for d := json.NewDecoder(strings.NewReader(out)); ; printed[words]++ {
			var v any
			if err := d.Decode(&v); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s prints no JSON: %v\n%s", s.args, err, out)
				break
			}
			for _, path := range unknown(known[words], "", v) {
				t.Errorf("%s prints %s, which docs/json.md has not", words, path)
			}
		}
		if printed[words] == 0 {
			t.Errorf("%s prints nothing", s.args)
		}
	})
	if len(printed) < 40 {
		t.Errorf("only %d commands have printed JSON", len(printed))
	}
}

// unknown returns the paths of what is in v and not known.
func unknown(known map[string]bool, path string, v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			at := below(path, key)
			if named := below(path, "NAME"); !known[at] && !isPrefix(known, at) && (known[named] || isPrefix(known, named)) {
				at = named
			}
			all = append(all, unknown(known, at, inner)...)
		}
		if len(v) == 0 && path != "" && !known[path] {
			all = append(all, path)
		}
	case []any:
		for _, inner := range v {
			all = append(all, unknown(known, path+"[]", inner)...)
		}
		if len(v) == 0 && path != "" && !isPrefix(known, path) {
			all = append(all, path)
		}
	case nil:
		if !known[path] && !isPrefix(known, path) {
			all = append(all, path)
		}
	default:
		if !known[path] {
			all = append(all, path)
		}
	}
	return all
}

// isPrefix reports whether something known begins with path.
func isPrefix(known map[string]bool, path string) bool {
	for k := range known {
		if strings.HasPrefix(k, path+".") || strings.HasPrefix(k, path+"[]") {
			return true
		}
	}
	return false
}

// TestJSONErrors has every command that takes --json fail before it does anything, and reads what it says of that: one object, alone.
func TestJSONErrors(t *testing.T) {
	for words, n := range byWords(t) {
		if slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == "json" }) {
			checkComplaint(t, complaint{Kind: "usage", Code: exitUsage}, append(strings.Fields(words), "--no-such-flag", "--json")...)
		}
	}
	for _, flags := range []string{"--json=true", "--json=yes", "--json=false --json", "--json -- x", "--json=x"} {
		checkComplaint(t, complaint{Kind: "usage", Code: exitUsage}, append([]string{"status", "--jsno"}, strings.Fields(flags)...)...)
	}
	for _, flags := range []string{"", "--json=false", "--json --json=No", "-- --json"} {
		p := facegate(t.Context(), append([]string{"status", "--jsno"}, strings.Fields(flags)...)...)
		if p.want(t, exitUsage, "", "facegate: "); strings.HasPrefix(p.err, "{") {
			t.Errorf("status %s: nobody has asked for JSON: %s", flags, p.err)
		}
	}
	site := gatetest.NewSite(t)
	gate, file := " --json --socket "+site.Socket(), " --json --config "+site.Path("none.yaml")
	for line, want := range map[string]complaint{
		"erase --json":       {Kind: "usage", Code: exitUsage, ToDo: "facegate --help"},
		"opne --json":        {Kind: "usage", Code: exitUsage, ToDo: "facegate --help"},
		"status" + gate:      {Kind: "not-running", Code: exitNotRunning, ToDo: "start it"},
		"people" + gate:      {Kind: "not-running", Code: exitNotRunning, ToDo: "start it"},
		"door watch" + gate:  {Kind: "not-running", Code: exitNotRunning, ToDo: "start it"},
		"camera aim" + gate:  {Kind: "not-running", Code: exitNotRunning, ToDo: "start it"},
		"erase Ada" + gate:   {Kind: "not-running", Code: exitNotRunning, ToDo: "start it"},
		"policy" + file:      {Kind: "failed", Code: exitFailed, ToDo: "facegate init"},
		"rules" + file:       {Kind: "failed", Code: exitFailed, ToDo: "facegate init"},
		"camera list" + file: {Kind: "failed", Code: exitFailed, ToDo: "facegate init"},
		"status --check --json --config " + site.Path("none.yaml"): {Kind: "failed", Code: checkUnknown, ToDo: "facegate init"},
		"models verify --bundle none --json":                       {Kind: "failed", Code: exitFailed, ToDo: "the bundles are"},
	} {
		checkComplaint(t, want, strings.Fields(line)...)
	}
}

// checkComplaint types a command line, which is to fail with one line of JSON on standard error and nothing else.
func checkComplaint(t *testing.T, want complaint, args ...string) {
	t.Helper()
	p := facegate(t.Context(), args...)
	var c complaint
	if err := json.Unmarshal([]byte(p.err), &c); err != nil || strings.Count(p.err, "\n") != 1 || p.out != "" {
		t.Errorf("%s: %v: %q %q", args, err, p.out, p.err)
	} else if p.code != want.Code || c.Code != want.Code || c.Kind != want.Kind || c.Error == "" || !strings.Contains(c.ToDo, want.ToDo) {
		t.Errorf("%s ends with %d and says %+v, want %+v", args, p.code, c, want)
	}
}
