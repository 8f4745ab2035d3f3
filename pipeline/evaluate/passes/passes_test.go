package passes_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"rsc.io/qr"

	"facegate/pipeline/evaluate/passes"
)

// condition returns one by its name.
func condition(t *testing.T, name string) passes.Condition {
	t.Helper()
	for _, c := range passes.Conditions() {
		if c.Name == name {
			return c
		}
	}
	t.Fatal(name)
	return passes.Condition{}
}

func drawn(t *testing.T, s passes.Scene, seed uint64) *passes.Showing {
	t.Helper()
	code, err := qr.Encode("AFAKETOKENOFTHIRTYTWOLETTERS2345", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	return passes.NewShowing(s, code, rand.New(rand.NewPCG(seed, 0)))
}

// TestDrawings checks that the same seed draws the same pictures, that each condition and medium looks different, and that a hand
// moves.
func TestDrawings(t *testing.T) {
	if c, d := len(passes.Conditions()), len(passes.Distances()); c != 12 || d != 8 {
		t.Errorf("%d conditions at %d distances", c, d)
	}
	seen := map[string]string{}
	for i, c := range passes.Conditions() {
		s := passes.Scene{Condition: c, Medium: []passes.Medium{passes.Paper, passes.Phone}[i%2], Side: 8, Distance: 20}
		first := drawn(t, s, 1).Next()
		if same := seen[string(first.Pix)]; same != "" {
			t.Errorf("%s looks as %s", c.Name, same)
		}
		seen[string(first.Pix)] = c.Name
	}
	s := passes.Scene{Condition: condition(t, "noise 25"), Medium: passes.Phone, Side: 8, Distance: 20}
	w, again := drawn(t, s, 1), drawn(t, s, 1)
	first, second := w.Next(), w.Next()
	if bytes.Equal(first.Pix, second.Pix) {
		t.Error("the hand does not move")
	}
	if !bytes.Equal(first.Pix, again.Next().Pix) || !bytes.Equal(second.Pix, again.Next().Pix) {
		t.Error("the same seed draws other pictures")
	}
}

// TestInView holds codes where they fit into the picture, and where they do not.
func TestInView(t *testing.T) {
	for side, want := range map[float64]bool{5: true, 20: false} {
		s := passes.Scene{Condition: condition(t, "clean"), Medium: passes.Paper, Side: side, Distance: 20}
		if got := drawn(t, s, 1).InView(); got != want {
			t.Errorf("%v cm at 20 cm: in view %v", side, got)
		}
	}
}

// TestShow shows passes that everybody could read, and such as nobody can.
func TestShow(t *testing.T) {
	for _, tt := range []struct {
		kind passes.Kind
		s    passes.Scene
		read bool
	}{
		{passes.Token, passes.Scene{Condition: condition(t, "clean"), Medium: passes.Paper, Side: 8, Distance: 25}, true},
		{passes.Visitor, passes.Scene{Condition: condition(t, "tilt 30"), Medium: passes.Phone, Side: 8, Distance: 20}, true},
		{passes.Visitor, passes.Scene{Condition: condition(t, "clean"), Medium: passes.Paper, Side: 5, Distance: 60}, false},
	} {
		r, err := passes.Show(tt.kind, tt.s, 1, 1)
		if err != nil || r.Read != tt.read || r.Wrong || !r.Seen {
			t.Errorf("%s, %s on %s: %+v, %v", tt.kind, tt.s.Condition.Name, tt.s.Medium, r, err)
		}
	}
}

// TestTable measures all that is promised of a code of 8 cm on paper: in a second nearly every pass is read that is in the picture
// at 10 to 30 cm, and none as another. FACEGATE_SLOW makes it ten showings of each kind; otherwise one, of one kind, at one
// distance.
func TestTable(t *testing.T) {
	showings, kinds, only := 1, []passes.Kind{passes.Token}, 20.0
	if os.Getenv("FACEGATE_SLOW") != "" {
		showings, kinds, only = 10, []passes.Kind{passes.Token, passes.Visitor}, 0
	}
	for _, kind := range kinds {
		table := passes.NewTable(kind, passes.Paper, 8)
		for i, c := range table.Cells {
			if only == 0 && c.Distance <= 30 || c.Distance == only {
				if err := table.Fill(i, showings, 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		table.Sum()
		if n := table.InView; n.Of < 10 || n.Rate < 0.98 || table.Wrong > 0 {
			t.Errorf("%s: %+v of those in view, %d wrong", kind, n, table.Wrong)
		}
		var text strings.Builder
		table.Write(&text)
		for _, want := range []string{"on paper, 8 cm", "10 cm", "60 cm", "worn, busy", "at 10-30 cm"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("the table lacks %q:\n%s", want, &text)
			}
		}
	}
}

// TestSlanted shows codes that are turned away so far that no single look finds all three of their corners.
func TestSlanted(t *testing.T) {
	s := passes.Scene{Condition: condition(t, "tilt 45"), Medium: passes.Paper, Side: 8, Distance: 15}
	for _, tt := range []struct {
		kind   passes.Kind
		number uint64
	}{{passes.Token, 3}, {passes.Token, 6}, {passes.Visitor, 3}, {passes.Visitor, 5}} {
		if r, err := passes.Show(tt.kind, s, 7, tt.number); err != nil || !r.Read {
			t.Errorf("%s %d: %+v, %v", tt.kind, tt.number, r, err)
		}
	}
}
