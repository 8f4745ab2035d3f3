package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/publish"
)

const root = "../.."

func generated(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := generate(root, topics())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestContractIsFresh compares the files of the contract with the Go types.
func TestContractIsFresh(t *testing.T) {
	files := generated(t)
	there, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range there {
		names = append(names, f.Name())
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(files)), names); diff != "" {
		t.Errorf("files of the contract (-want +got), run make generate:\n%s", diff)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, folder, name))
		if diff := cmp.Diff(string(want), string(got)); err != nil || diff != "" {
			t.Errorf("%s is stale, run make generate (-want +got):\n%s%v", name, diff, err)
		}
	}
}

// TestStale checks that what has changed is written, and what is gone is removed.
func TestStale(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "contract")
	must(t, os.Mkdir(dir, 0o755))
	for _, name := range []string{"former.schema.json", "asyncapi.yaml"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("former"), 0o600))
	}
	must(t, write(root, dir))
	for name, want := range generated(t) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		if string(got) != string(want) {
			t.Errorf("%s is not what was generated", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "former.schema.json")); err == nil {
		t.Error("a former file is still there")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What a payload may not be.
type (
	named struct {
		Name string `json:"name"`
	}
	scored struct {
		Score float64 `json:"score"`
	}
	counted struct {
		N int `json:"n"`
	}
	mapped struct {
		M map[string]int `json:"m"`
	}
	anyOf struct {
		Any any `json:"any"`
	}
	nested struct {
		List []named `json:"list"`
	}
	bound struct {
		N int `json:"n" jsonschema:"minimum=0"`
	}
)

// TestOpenPayloads checks that nothing can be told that could be anything.
func TestOpenPayloads(t *testing.T) {
	for name, p := range map[string]any{
		"a text": named{}, "a score": scored{}, "a number without bounds": counted{}, "keys": mapped{}, "anything": anyOf{},
		"a text in a list": nested{},
	} {
		topics := []publish.Topic{{Name: "x", From: publish.Gate, Payload: p}}
		if _, err := generate(root, topics); !errors.Is(err, errOpen) {
			t.Errorf("%s: %v, want %v", name, err, errOpen)
		}
	}
	if _, err := generate(root, []publish.Topic{{Name: "x", Payload: bound{}}}); err != nil {
		t.Errorf("a number that is counted: %v", err)
	}
	both := []publish.Topic{
		{Name: "x", Payload: publish.Availability(""), Words: []string{"online"}},
		{Name: "y", Payload: publish.Availability(""), Words: []string{"offline"}},
	}
	if _, err := generate(root, both); err == nil {
		t.Error("one type has two lists of words")
	}
}

// judge has the parser of AsyncAPI read documents, and returns its complaints about each.
func judge(t *testing.T, documents []string) (complaints [][]string) {
	t.Helper()
	parser := os.Getenv("FACEGATE_ASYNCAPI")
	if parser == "" {
		t.Skip("FACEGATE_ASYNCAPI does not name the parser of AsyncAPI; make test sets it")
	}
	if _, err := os.Stat(parser); err != nil {
		t.Skipf("the parser of AsyncAPI is not there: %v", err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed (apt-get install nodejs)")
	}
	list, err := json.Marshal(documents)
	must(t, err)
	cmd := exec.Command(node, "judge.js", parser)
	cmd.Stdin = bytes.NewReader(list)
	var noise bytes.Buffer
	cmd.Stderr = &noise
	said, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(said, &complaints)
	}
	if err != nil || len(complaints) != len(documents) {
		t.Fatalf("%v\n%.2000s", err, &noise)
	}
	return complaints
}

// TestAsyncAPI has the document read by the parser that others read it with, and that parser refuse documents that are broken.
func TestAsyncAPI(t *testing.T) {
	document := string(generated(t)["asyncapi.yaml"])
	names, all := []string{"the document"}, []string{document}
	for what, change := range map[string][2]string{
		"a QoS that MQTT has not":       {"qos: 1", "qos: 7"},
		"a reference to nothing":        {"#/channels/pass/", "#/channels/nowhere/"},
		"a version that is none":        {"asyncapi: 3.0.0", "asyncapi: 9.0.0"},
		"an action that is none":        {"action: send", "action: shout"},
		"a field that AsyncAPI has not": {"defaultContentType:", "contentOfDefault:"},
	} {
		broken := strings.Replace(document, change[0], change[1], 1)
		if broken == document {
			t.Fatalf("%q is not in the document", change[0])
		}
		names, all = append(names, what), append(all, broken)
	}
	for i, said := range judge(t, all) {
		if i == 0 && len(said) > 0 {
			t.Errorf("the document is refused: %q", said)
		} else if i > 0 && len(said) == 0 {
			t.Errorf("%s is taken", names[i])
		}
	}
}
