package calibrate_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/configs/hint"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/evaluate"
)

var _ calibrate.Impostors = (*evaluate.Histogram)(nil)

const modelID = "87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581"

// about is what is known of a calibration before its scores.
func about() calibrate.File {
	return calibrate.File{
		ModelID: modelID, Embedder: "fr_feature", Dim: 3, Created: "2026-07-01", Source: "a folder of pictures",
		People: 2862, Pictures: 6674, Mean: calibrate.Mean{0.25, -0.5, 1e-7},
	}
}

// impostors counts n scores spread like a normal distribution, without chance.
func impostors(n int) *evaluate.Histogram {
	h := new(evaluate.Histogram)
	for i := range n {
		h.Add(0.02 + 0.1*math.Sqrt2*math.Erfinv((2*float64(i)+1)/float64(n)-1))
	}
	return h
}

func build(t interface {
	Helper()
	Fatal(...any)
}, n int,
) *calibrate.File {
	t.Helper()
	f, err := calibrate.Build(about(), impostors(n))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestBuild(t *testing.T) {
	h := impostors(1_000_000)
	f, err := calibrate.Build(about(), h)
	if err != nil {
		t.Fatal(err)
	}
	if f.Comparisons != 1_000_000 || f.Schema != calibrate.Schema || f.Scheme != calibrate.Scheme {
		t.Errorf("head: %+v", f)
	}
	if len(f.Points) != 13 {
		t.Errorf("%d points, want 13, from 1e-1 to 1e-5", len(f.Points))
	}
	for _, p := range f.Points {
		n := h.AtLeast(p.Threshold)
		if n < calibrate.MinErrors || float64(n) > p.FMR*1e6 {
			t.Errorf("FMR %v at %v: %d errors", p.FMR, p.Threshold, n)
		}
		if want := 0.02 + 0.1*math.Sqrt2*math.Erfinv(1-2*p.FMR); math.Abs(p.Threshold-want) > 0.004 {
			t.Errorf("FMR %v: threshold %v, want %v", p.FMR, p.Threshold, want)
		}
	}
}

func TestBuildClaimsNoMoreThanTheData(t *testing.T) {
	for n, strictest := range map[int]float64{100: 0.1, 999: 0.02, 1000: 0.01, 20_000: 5e-4, 199_999: 1e-4} {
		f := build(t, n)
		if got := f.Points[len(f.Points)-1].FMR; got != strictest {
			t.Errorf("%d comparisons claim FMR %v, want %v", n, got, strictest)
		}
	}
	_, err := calibrate.Build(about(), impostors(99))
	if !errors.Is(err, calibrate.ErrTooFew) || hint.Of(err) == "" {
		t.Errorf("99 comparisons: error %v, hint %q", err, hint.Of(err))
	}
	broken := about()
	broken.ModelID = ""
	if _, err := calibrate.Build(broken, impostors(100)); !errors.Is(err, calibrate.ErrInvalid) {
		t.Errorf("no model id: %v", err)
	}
}

func TestBuildKeepsTheStrictestOfEqualThresholds(t *testing.T) {
	h := new(evaluate.Histogram)
	for i := range 10_000 {
		if i < 40 {
			h.Add(0.5)
		} else {
			h.Add(-0.5)
		}
	}
	f, err := calibrate.Build(about(), h)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Points) != 1 || f.Points[0].FMR != 5e-3 {
		t.Errorf("points %v, want only FMR 0.005", f.Points)
	}
}

func TestThreshold(t *testing.T) {
	f := &calibrate.File{Points: []calibrate.Point{{1e-2, 0.2}, {1e-3, 0.3}, {1e-4, 0.4}, {1e-5, 0.5}, {1e-6, 0.6}}}
	for _, test := range []struct {
		n    int
		fpir float64
		want float64
	}{
		{0, 0.01, 0.2},
		{1, 0.01, 0.2},
		{2, 0.01, 0.3},
		{10, 0.01, 0.3},
		{11, 0.01, 0.4},
		{1000, 0.01, 0.5}, // FMR 1.005e-5
		{1005, 0.01, 0.5},
		{1006, 0.01, 0.6},
		{10_000, 0.01, 0.6}, // FMR 1.005e-6
		{1000, 0.001, 0.6},
		{1, 0.5, 0.2},
	} {
		if got, err := f.Threshold(test.n, test.fpir); err != nil || got != test.want {
			t.Errorf("Threshold(%d, %v) = %v, %v; want %v", test.n, test.fpir, got, err, test.want)
		}
	}
	if got := f.MaxEnrolled(0.01); got != 10_050 {
		t.Errorf("MaxEnrolled(0.01) = %d, want 10050", got)
	}
	_, err := f.Threshold(10_051, 0.01)
	if !errors.Is(err, calibrate.ErrBeyond) || !strings.Contains(hint.Of(err), "10050 enrolled") {
		t.Errorf("beyond: error %v, hint %q", err, hint.Of(err))
	}
	for _, fpir := range []float64{0, 1, -0.1, math.NaN(), math.Inf(1)} {
		if _, err := f.Threshold(1, fpir); err == nil || f.MaxEnrolled(fpir) != 0 {
			t.Errorf("FPIR %v accepted", fpir)
		}
	}
}

func TestThresholdIsMonotone(t *testing.T) {
	f := build(t, 200_000)
	strict := func(n int, fpir float64) float64 {
		tau, err := f.Threshold(n, fpir)
		if errors.Is(err, calibrate.ErrBeyond) {
			return math.Inf(1)
		}
		if err != nil {
			t.Fatal(err)
		}
		return tau
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1e6).Draw(t, "n")
		more := rapid.IntRange(n, 1e6).Draw(t, "more")
		fpir := rapid.Float64Range(1e-6, 0.999).Draw(t, "fpir")
		less := rapid.Float64Range(1e-6, fpir).Draw(t, "less")
		if strict(more, less) < strict(n, fpir) {
			t.Fatalf("%d at %v is stricter than %d at %v", n, fpir, more, less)
		}
	})
}

func TestThresholdHoldsItsPromise(t *testing.T) {
	f := build(t, 200_000)
	rapid.Check(t, func(t *rapid.T) {
		fpir := rapid.Float64Range(1e-6, 0.999).Draw(t, "fpir")
		limit := f.MaxEnrolled(fpir)
		if limit < math.MaxInt32 {
			if _, err := f.Threshold(limit+1, fpir); !errors.Is(err, calibrate.ErrBeyond) {
				t.Fatalf("%d enrolled, one more than the largest number: %v", limit+1, err)
			}
		}
		if limit == 0 {
			return
		}
		n := rapid.IntRange(1, limit).Draw(t, "n")
		tau, err := f.Threshold(n, fpir)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(f.Points, func(p calibrate.Point) bool { return p.Threshold == tau })
		if i < 0 {
			t.Fatalf("%v is not a measured threshold", tau)
		}
		if got := 1 - math.Pow(1-f.Points[i].FMR, float64(n)); got > fpir*(1+1e-6) {
			t.Fatalf("FPIR %v for %d enrolled, want at most %v", got, n, fpir)
		}
	})
}

func written(t *testing.T, f *calibrate.File) string {
	t.Helper()
	var out bytes.Buffer
	if err := calibrate.Write(&out, f); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReadWrite(t *testing.T) {
	want := build(t, 100_000)
	text := written(t, want)
	for _, line := range []string{
		`"schema": "facegate-calibration/1"`, `"scheme": "s1-1024"`, `"mean": "AACAPgAAAL+V`, `"comparisons": 100000`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	got, err := calibrate.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	valid := written(t, build(t, 1000))
	for _, test := range []struct{ name, old, new, want string }{
		{"schema", "calibration/1", "calibration/2", `schema is "facegate-calibration/2"`},
		{"scheme", "s1-1024", "s1-512", `scheme is "s1-512"`},
		{"unknown key", `"people"`, `"peoples"`, `unknown field "peoples"`},
		{"key in capitals", `"people"`, `"People"`, `line 9: key "People" is repeated or not in lower case`},
		{"key in another alphabet", `"schema"`, "\"\u017fchema\"", "is repeated or not in lower case"},
		{"repeated key", `"people": 2862`, `"people": 2862, "people": 3`, `line 9: key "people" is repeated`},
		{"repeated key inside", `"fmr": 0.1,`, `"fmr": 0.1, "fmr": 0.2,`, `key "fmr" is repeated`},
		{"wrong type", `"people": 2862`, `"people": "many"`, "line 9: json: cannot unmarshal string"},
		{"syntax", `"people": 2862`, `"people" 2862`, "line 9: invalid character"},
		{"trailing", "\"\n}\n", "\"\n}\n{}", "more content after the end"},
		{"model id too short", modelID, modelID[:62], "is not a SHA-256"},
		{"model id in capitals", modelID, strings.ToUpper(modelID), "is not a SHA-256"},
		{"embedder", `"fr_feature"`, `""`, "embedder is missing"},
		{"day", "2026-07-01", "2026-07-01T10:00:00Z", "is not a day"},
		{"people", `"people": 2862`, `"people": 1`, "at least one each of two people"},
		{"pictures", `"pictures": 6674`, `"pictures": 7`, "at least one each of two people"},
		{"dim", `"dim": 3`, `"dim": 0`, "dim 0 is not in 1..4096"},
		{"mean length", `"dim": 3`, `"dim": 4`, "mean has 3 values, want dim = 4"},
		{"mean base64", `"mean": "AACAPgAA`, `"mean": "AACAPgA`, "illegal base64"},
		{"mean cut", `"mean": "AACA`, `"mean": "`, "whole number of float32"},
		{"mean too long", `"mean": "AACAP`, `"mean": "AACAQ`, "mean has length"},
		{"mean not a number", `"mean": "AACAPg`, `"mean": "AADAfw`, "mean has length NaN"},
		{"fmr", `"fmr": 0.1,`, `"fmr": 1,`, "points[0]: fmr 1 is not between"},
		{"fmr order", `"fmr": 0.1,`, `"fmr": 0.02,`, "points[1]: fmr must fall"},
		{"fmr not shown", `"comparisons": 1000`, `"comparisons": 999`, "999 comparisons cannot show fmr 0.01"},
		{"no points", `"points": [`, `"points": [], "x": [`, `unknown field "x"`},
	} {
		text := strings.Replace(valid, test.old, test.new, 1)
		if text == valid {
			t.Errorf("%s: nothing to change", test.name)
		}
		f, err := calibrate.Read(strings.NewReader(text))
		if f != nil || !errors.Is(err, calibrate.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
		if hint.Of(err) == "" {
			t.Errorf("%s: no hint", test.name)
		}
	}
	for _, text := range []string{"", "null", "[]", "7", strings.Repeat("[", 1<<15), strings.Repeat(" ", 1<<20+1)} {
		if _, err := calibrate.Read(strings.NewReader(text)); !errors.Is(err, calibrate.ErrInvalid) {
			t.Errorf("%.10q: %v", text, err)
		}
	}
	_, err := calibrate.Read(iotest.ErrReader(io.ErrClosedPipe))
	if !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, calibrate.ErrInvalid) {
		t.Errorf("reader's own error: %v", err)
	}
}

func TestValidatePoints(t *testing.T) {
	for name, change := range map[string]func(*calibrate.File){
		"no points":              func(f *calibrate.File) { f.Points = nil },
		"threshold out of range": func(f *calibrate.File) { f.Points[len(f.Points)-1].Threshold = 1.01 },
		"threshold not a number": func(f *calibrate.File) { f.Points[0].Threshold = math.NaN() },
		"thresholds equal":       func(f *calibrate.File) { f.Points[1].Threshold = f.Points[0].Threshold },
		"fmr not a number":       func(f *calibrate.File) { f.Points[0].FMR = math.NaN() },
	} {
		f := build(t, 1000)
		change(f)
		if err := calibrate.Write(io.Discard, f); !errors.Is(err, calibrate.ErrInvalid) {
			t.Errorf("%s: written with error %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	file, err := calibrate.Build(about(), impostors(1000))
	if err != nil {
		f.Fatal(err)
	}
	var valid bytes.Buffer
	if err := calibrate.Write(&valid, file); err != nil {
		f.Fatal(err)
	}
	f.Add(valid.Bytes())
	f.Add([]byte(`{"schema":"facegate-calibration/1","points":[{"fmr":1e-400}]}`))
	f.Add([]byte(`[{"a":[{"a":1}],"a":{}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := calibrate.Read(bytes.NewReader(data))
		if err != nil {
			if got != nil || !errors.Is(err, calibrate.ErrInvalid) {
				t.Fatalf("file %v with error %v", got, err)
			}
			return
		}
		var out bytes.Buffer
		if err := calibrate.Write(&out, got); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := calibrate.Read(&out)
		if err != nil || !cmp.Equal(got, again) {
			t.Fatalf("reading it back: %v\n%s", err, cmp.Diff(got, again))
		}
		if n := got.MaxEnrolled(0.01); n > 0 {
			if _, err := got.Threshold(n, 0.01); err != nil {
				t.Fatalf("the largest number enrolled: %v", err)
			}
		}
	})
}
