package house_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// An architecture is what docs/architecture.yaml says.
type architecture struct {
	Rows  [][]band        `yaml:"rows"`  // of the drawing, from above
	Words []string        `yaml:"words"` // rooms that everybody may import
	Rooms map[string]room `yaml:"rooms"`
	Ways  []way           `yaml:"ways"`
}

// A band is a place of the source, and a band of the drawing.
type band struct {
	Name  string   `yaml:"name"`
	Says  string   `yaml:"says"`
	Fill  string   `yaml:"fill"`
	Order []string `yaml:"order"` // of the rooms on a floor, from the left; others come after them
}

// A room is one package.
type room struct {
	Why     string   `yaml:"why"`     // it may import these, and nothing else of the module
	Imports []string `yaml:"imports"` // but for words
}

// A way is one of the ways through the rooms.
type way struct {
	Name   string   `yaml:"name"`
	Colour string   `yaml:"colour"`
	Steps  []string `yaml:"steps"`
}

func readArchitecture(t *testing.T) architecture {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs", "architecture.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var a architecture
	if err := yaml.UnmarshalWithOptions(data, &a, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRooms checks that docs/architecture.yaml knows every room, says why it may import what, and allows nothing that no room
// imports.
func TestRooms(t *testing.T) {
	a, imports := readArchitecture(t), importsOf(listPackages(t))
	for name, got := range imports {
		r, known := a.Rooms[name]
		if !known || r.Why == "" {
			t.Errorf("docs/architecture.yaml does not say what %s is for", name)
		}
		got = slices.DeleteFunc(slices.Sorted(slices.Values(got)), func(i string) bool { return slices.Contains(a.Words, i) })
		if want := slices.Sorted(slices.Values(r.Imports)); !slices.Equal(got, want) {
			t.Errorf("%s imports %s, and may import %s", name, got, want)
		}
		if a.bandOf(name) == "" {
			t.Errorf("%s is in no band of the drawing", name)
		}
	}
	for name, got := range imports {
		for _, i := range got {
			if a.row(name) > a.row(i) {
				t.Errorf("%s imports %s, which the drawing has above it", name, i)
			}
		}
	}
	for name := range a.Rooms {
		if imports[name] == nil {
			t.Errorf("there is no room %s", name)
		}
	}
}

// roomName returns the name of a package as docs/architecture.yaml has it.
func roomName(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, "facegate/"), "cmd/facegate/")
}

// forTests reports whether a package is for tests alone.
func forTests(importPath string) bool { return strings.HasSuffix(importPath, "test") }

// bandOf returns the name of the band that a room is in: the longest that its name begins with.
func (a architecture) bandOf(room string) string {
	best := ""
	for _, b := range slices.Concat(a.Rows...) {
		if within(room, b.Name) && len(b.Name) > len(best) {
			best = b.Name
		}
	}
	return best
}

// row returns how far down in the drawing the band of a room is.
func (a architecture) row(room string) int {
	return slices.IndexFunc(a.Rows, func(row []band) bool {
		return slices.ContainsFunc(row, func(b band) bool { return b.Name == a.bandOf(room) })
	})
}

// short returns the name of a room without that of its band.
func (a architecture) short(room string) string {
	if s := strings.TrimPrefix(room, a.bandOf(room)+"/"); s != "" {
		return s
	}
	return room
}

// place says where a room stands on its floor.
func (b band) place(room string) int {
	if i := slices.Index(b.Order, room); i >= 0 {
		return i
	}
	return len(b.Order)
}
