package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
)

// namesakes copies the people who do not exist into a folder of its own, three pictures each, and one of them under one more
// name.
func namesakes(t *testing.T) string {
	t.Helper()
	folder, from := t.TempDir(), gatetest.Testdata(t, "people")
	for _, name := range []string{"p01", "p02", "p04", "p09"} {
		pictures, err := filepath.Glob(filepath.Join(from, name, "*.jpg"))
		if err != nil || len(pictures) < 3 {
			t.Fatalf("%d pictures of %s: %v", len(pictures), name, err)
		}
		for i, p := range pictures[:3] {
			copyPicture(t, p, filepath.Join(folder, name, filepath.Base(p)))
			if name == "p01" && i > 0 {
				copyPicture(t, p, filepath.Join(folder, "P_01", filepath.Base(p)))
			}
		}
	}
	return folder
}

func copyPicture(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func listFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEvalPeople finds somebody under two names, leaves one of them out, and reports by people and by group.
func TestEvalPeople(t *testing.T) {
	folder, dir := namesakes(t), gatetest.Models(t)
	var before, after recognitionResult
	p := facegate(t.Context(), "eval", "recognition", folder, "--models", dir, "--json")
	if p.code != exitOK {
		t.Fatal(p.err)
	}
	unmarshal(t, p.out, &before)
	if len(before.Labels.Suspects) == 0 || before.Labels.Suspects[0].Names != [2]string{"P_01", "p01"} || before.Labels.Suspects[0].Score < 0.99 {
		t.Errorf("one person under two names is not found: %+v", before.Labels.Suspects)
	}
	exclude := listFile(t, "p01,P_01,one picture under both names\n")
	groups := listFile(t, "person,group\np01,one\np02,one\np04,two\np09,two\nP_01,two\n")
	p = facegate(t.Context(), "eval", "recognition", folder, "--models", dir, "--exclude", exclude, "--groups", groups, "--json")
	if p.code != exitOK {
		t.Fatal(p.err)
	}
	unmarshal(t, p.out, &after)
	if out := after.Labels.Excluded; len(out) != 1 || out[0].Left != "P_01" || out[0].Kept != "p01" || len(after.Labels.Suspects) != 0 {
		t.Errorf("left out %+v, suspects %+v", out, after.Labels.Suspects)
	}
	for i, r := range after.People.Verification {
		if r.People != 4 || r.Several != 4 || r.PairsOfPeople != 6 || r.Name != after.Verification[i].Name {
			t.Errorf("who stands behind the figures: %+v", r)
		}
		if before := before.People.Verification[i]; before.People != 5 || before.EER.Value <= r.EER.Value {
			t.Errorf("EER %v with the label error, %v without", before.EER.Value, r.EER.Value)
		}
	}
	for _, g := range after.People.Groups {
		if len(g.Groups) != 2 || g.Groups[0].People != 2 || g.Groups[1].People != 2 || g.Ungrouped != 0 {
			t.Errorf("groups: %+v", g.Groups)
		}
	}
	// The key of the hash is drawn, and with it whether one of 54 pairs of people who are alike passes.
	if gate := after.People.Verification[1].Gate; len(gate) == 0 || gate[0].FMR.Value > 0.05 || gate[0].FNMR.Value > 0.1 {
		t.Errorf("at the gate's thresholds: %+v", gate)
	}
}

// TestEvalListsRefused says what is wrong with a list before a picture is looked at.
func TestEvalListsRefused(t *testing.T) {
	folder := namesakes(t)
	for _, test := range []struct{ flag, text, want string }{
		{"--exclude", "p01,p77,why\n", "line 1: there is nobody of the name p77"},
		{"--exclude", "p01,p02\n", "line 1: 2 fields, want 3"},
		{"--groups", "p01,one\np01,two\n", "line 2: p01 is in the list already, in group one"},
		{"--groups", "p01,one\np77,two\n", "line 2: there is nobody of the name p77"},
	} {
		p := facegate(t.Context(), "eval", "recognition", folder, "--models", t.TempDir(), test.flag, listFile(t, test.text))
		if p.code != exitFailed || !strings.Contains(p.err, test.want) || !strings.Contains(p.err, "to do: a line is") {
			t.Errorf("%s %q: code %d, %s", test.flag, test.text, p.code, p.err)
		}
	}
	p := facegate(t.Context(), "eval", "recognition", folder, "--models", t.TempDir(), "--groups", t.TempDir())
	if p.code != exitFailed || !strings.Contains(p.err, "is not a regular file") {
		t.Errorf("a folder as a list: code %d, %s", p.code, p.err)
	}
}

// TestExclusionsOfLFW: the list that is kept here names pictures and people of the folder that it is for.
func TestExclusionsOfLFW(t *testing.T) {
	root := os.Getenv("FACEGATE_EVAL")
	folder := filepath.Join(root, "lfw-dev")
	if _, err := os.Stat(folder); root == "" || err != nil {
		t.Skip("FACEGATE_EVAL does not name a folder with lfw-dev")
	}
	list, err := listPictures(folder, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := evalRecognitionCommand{Exclude: "../../docs/lfw-exclusions.csv"}
	l, err := c.label(list)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.excluded) != 12 || len(list)-len(l.list) != 13 {
		t.Errorf("%d exclusions and %d pictures", len(l.excluded), len(list)-len(l.list))
	}
}
