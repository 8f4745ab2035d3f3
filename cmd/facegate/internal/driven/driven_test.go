package driven_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/driven"
)

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	north, south := filepath.Join(dir, "north.sock"), filepath.Join(dir, "south.sock")
	if _, err := driven.Of(north); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before anything is kept: %v", err)
	}
	if _, err := driven.In(dir, "/etc/north.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before anything is kept: %v", err)
	}
	want := driven.Lines{
		Version: 1, Socket: north, Config: "/etc/north.yaml", Safe: true,
		Relay:  driven.Line{Driver: "cdev", Chip: "pinctrl-rp1", Line: "GPIO17", ActiveLow: true},
		Others: []driven.Line{{Driver: "cdev", Line: "GPIO22"}},
	}
	other := driven.Lines{Version: 1, Socket: south, Config: "/etc/south.yaml", Relay: driven.Line{Driver: "cdev", Line: "GPIO5"}}
	for _, l := range []driven.Lines{want, other} {
		for range 2 {
			if err := driven.Keep(l); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, read := range map[string]func() (driven.Lines, error){
		"by its socket":        func() (driven.Lines, error) { return driven.Of(north) },
		"by its configuration": func() (driven.Lines, error) { return driven.In(dir, "/etc/north.yaml") },
	} {
		got, err := read()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if rest := want.Beside(driven.Lines{Relay: want.Relay}); len(rest) != 1 || rest[0] != want.Others[0] {
		t.Errorf("beside the relay there is %v", rest)
	}
	if _, err := driven.In(dir, "/etc/west.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a gate that never ran: %v", err)
	}
}

// TestForeign refuses what this version has not kept, and finds what it has beside it.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "north.sock")
	for name, text := range map[string]string{"another version": `{"version": 9, "config": "/a"}`, "no JSON": "GPIO17"} {
		if err := os.WriteFile(filepath.Join(dir, "north.lines"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := driven.Of(socket); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if err := driven.Keep(driven.Lines{Socket: filepath.Join(dir, "south.sock"), Config: "/b"}); err != nil {
			t.Fatal(err)
		}
		if _, err := driven.In(dir, "/b"); err != nil {
			t.Errorf("beside %s: %v", name, err)
		}
		if _, err := driven.In(dir, "/a"); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := driven.Keep(driven.Lines{Socket: "/nonexistent/a.sock"}); err == nil {
		t.Error("it was kept in no folder")
	}
}
