package evaluate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
)

const smallPairs = "2\t1\nAbel_Pacheco\t1\t4\nAbdel_Madi_Shabneh\t1\tDean_Barker\t12\nZico\t1\t2\nA\t1\tB\t10000\n"

func TestParsePairs(t *testing.T) {
	got, err := ParsePairs(strings.NewReader(smallPairs))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]Pair{
		{
			{"Abel_Pacheco/Abel_Pacheco_0001", "Abel_Pacheco/Abel_Pacheco_0004", true},
			{"Abdel_Madi_Shabneh/Abdel_Madi_Shabneh_0001", "Dean_Barker/Dean_Barker_0012", false},
		},
		{{"Zico/Zico_0001", "Zico/Zico_0002", true}, {"A/A_0001", "B/B_10000", false}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParsePairsRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "line 1: the file ends too early"},
		{"one fold", "1 300\n", "line 1: want at least two folds"},
		{"development set", "1100\n", "line 1: want two numbers"},
		{"not a number", "ten 300\n", `line 1: "ten" is not a positive number`},
		{"no pairs", "2 0\n", `line 1: "0" is not a positive number`},
		{"cut short", "2 1\nA 1 2\nA 1 B 2\n", "line 4: the file ends too early"},
		{"mixed up", "2 1\nA 1 B 2\nA 1 2\n", "line 2: want a name and two numbers"},
		{"not a pair", "2 1\nA 1 2\nA 1 B\n", "line 3: want a name and a number, twice"},
		{"bad picture", "2 1\nA 1 -2\n", `line 2: "-2" is not a positive number`},
		{"too long", smallPairs + "A 1 2\n", "line 6: more lines than the first line says"},
		{"endless line", strings.Repeat("x", 1<<17), "line 1: the file ends too early"},
	} {
		_, err := ParsePairs(strings.NewReader(test.text))
		if !errors.Is(err, ErrPairs) || !strings.Contains(fmt.Sprint(err), test.want) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
	_, err := ParsePairs(iotest.ErrReader(io.ErrClosedPipe))
	if !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrPairs) {
		t.Errorf("reader's own error: %v", err)
	}
}

func FuzzParsePairs(f *testing.F) {
	f.Add([]byte(smallPairs))
	f.Add([]byte("10\t300\n"))
	f.Add([]byte("2147483647 2147483647\nA 1 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		folds, err := ParsePairs(bytes.NewReader(data))
		if err != nil {
			if folds != nil || !errors.Is(err, ErrPairs) {
				t.Fatalf("folds %v with error %v", folds, err)
			}
			return
		}
		for _, fold := range folds {
			same := 0
			for _, pair := range fold {
				if pair.Same {
					same++
				}
			}
			if len(folds) < 2 || len(fold) != len(folds[0]) || 2*same != len(fold) {
				t.Fatalf("unbalanced folds from %q", data)
			}
		}
	})
}

func TestVerify(t *testing.T) {
	var samples []Sample
	for i := range 6 {
		samples = append(samples, Sample{Subject: i / 2, Picture: fmt.Sprintf("%c/%c_000%d.jpg", 'A'+i/2, 'A'+i/2, 1+i%2)})
	}
	scores := make(matrixScorer, len(samples))
	for i := range scores {
		scores[i] = make([]float32, len(samples))
	}
	pair := func(a, b int, score float32) Pair {
		scores[b][a] = score // a is enrolled, b the probe
		name := func(i int) string { return strings.TrimSuffix(samples[i].Picture, ".jpg") }
		return Pair{name(a), name(b), samples[a].Subject == samples[b].Subject}
	}
	folds := [][]Pair{
		{pair(0, 1, 0.8), pair(0, 2, 0.1)},
		{pair(2, 3, 0.6), pair(2, 4, 0.2)},
		{pair(4, 5, 0.35), pair(1, 5, 0.3)},
		{{"A/A_0001", "A/A_0009", true}, {"X/X_0001", "A/A_0001", false}},
	}
	// On the others the best threshold is 0.325 for the first two folds and the last, and 0.4 for the third.
	got, err := Verify(folds, samples, scores)
	if err != nil {
		t.Fatal(err)
	}
	want := &Verification{
		Name: "matrix", Accuracy: 0.75, StdErr: math.Sqrt(0.25 / 3 / 4), Folds: []float64{1, 1, 0.5, 0.5},
		Pairs: 8, Rejected: 2,
	}
	near(t, "standard error", got.StdErr, want.StdErr, 1e-12)
	got.StdErr = want.StdErr
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := Verify(folds[:1], samples, scores); !errors.Is(err, ErrTooFew) {
		t.Errorf("one fold: %v", err)
	}
	if _, err := Verify(folds, samples[:2], scores); err == nil {
		t.Error("accepted a scorer of other samples")
	}
}

func TestBestThreshold(t *testing.T) {
	none := math.Inf(-1)
	for _, test := range []struct {
		name      string
		decisions []decision
		want      float64
	}{
		{"apart", []decision{{0.2, false}, {0.8, true}, {0.4, false}}, 0.6000000000000001},
		{"only impostors", []decision{{0.2, false}, {0.4, false}}, math.Inf(1)},
		{"only genuine", []decision{{0.2, true}, {0.4, true}}, 0.2},
		{"never between equals", []decision{{0.5, true}, {0.5, false}, {0.5, true}, {0.1, false}}, 0.3},
		{"nothing to compare", []decision{{none, true}, {none, false}}, math.Inf(1)},
		{"some not compared", []decision{{none, true}, {0.7, true}}, 0.7},
	} {
		if got := bestThreshold(test.decisions); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
