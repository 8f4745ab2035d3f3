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

// scored are scores between people of whom each pair has one.
type scored struct{ *evaluate.Histogram }

func (s scored) Threshold(rate float64) (threshold float64, pairs int) {
	threshold, ok := s.Histogram.Threshold(rate)
	if !ok {
		return 0, 0
	}
	return threshold, int(s.AtLeast(threshold))
}

const modelID = "87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581"

// about is what is known of a calibration before its scores.
func about() calibrate.File {
	return calibrate.File{
		ModelID: modelID, Embedder: "fr_feature", Dim: 3, Created: "2026-07-01", Source: "a folder of pictures",
		People: 2862, Pictures: 6674, TemplatePictures: 4, Mean: calibrate.Mean{0.25, -0.5, 1e-7},
		Crowd: []calibrate.Crowd{{3, -0.01}, {10, 0.06}, {100, 0.2}}, Beta: 0.75,
		Excluded: []calibrate.Exclusion{{Kept: "A_Name", Left: "A_B_Name", Reason: "one person under two spellings"}},
	}
}

// impostors counts n scores spread like a normal distribution, without chance.
func impostors(n int) scored {
	h := scored{new(evaluate.Histogram)}
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
	if f.Schema != calibrate.Schema || f.Scheme != calibrate.Scheme {
		t.Errorf("head: %+v", f)
	}
	one, mean := f.Decisions[0], f.Decisions[1]
	if len(f.Decisions) != 2 || one.Frames != 1 || mean.Frames != 3 || one.ScoreFrames != 1 || mean.ScoreFrames != 1 ||
		one.Comparisons != 1_000_000 || !slices.Equal(one.Points, mean.Points) {
		t.Errorf("decisions: %+v", f.Decisions)
	}
	if len(one.Points) != 13 {
		t.Errorf("%d points, want 13, from 1e-1 to 1e-5", len(one.Points))
	}
	for _, p := range one.Points {
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
		points := build(t, n).Decisions[0].Points
		if got := points[len(points)-1].FMR; got != strictest {
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
	h := scored{new(evaluate.Histogram)}
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
	if points := f.Decisions[0].Points; len(points) != 1 || points[0].FMR != 5e-3 {
		t.Errorf("points %v, want only FMR 0.005", points)
	}
}

func TestThreshold(t *testing.T) {
	f := &calibrate.File{Decisions: []calibrate.Decision{
		{Frames: 1, Points: []calibrate.Point{{1e-2, 0.2}, {1e-3, 0.3}, {1e-4, 0.4}, {1e-5, 0.5}, {1e-6, 0.6}}},
	}}
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
		if got, err := f.Threshold(1, test.n, test.fpir); err != nil || got != test.want {
			t.Errorf("Threshold(%d, %v) = %v, %v; want %v", test.n, test.fpir, got, err, test.want)
		}
	}
	if got := f.MaxEnrolled(1, 0.01); got != 10_050 {
		t.Errorf("MaxEnrolled(1, 0.01) = %d, want 10050", got)
	}
	_, err := f.Threshold(1, 10_051, 0.01)
	if !errors.Is(err, calibrate.ErrBeyond) || !strings.Contains(hint.Of(err), "10050 enrolled") {
		t.Errorf("beyond: error %v, hint %q", err, hint.Of(err))
	}
	for _, fpir := range []float64{0, 1, -0.1, math.NaN(), math.Inf(1)} {
		if _, err := f.Threshold(1, 1, fpir); err == nil || f.MaxEnrolled(1, fpir) != 0 {
			t.Errorf("FPIR %v accepted", fpir)
		}
	}
}

// TestWaysOfDeciding checks that the points are of as many frames as are judged, and never of more.
func TestWaysOfDeciding(t *testing.T) {
	f := &calibrate.File{Decisions: []calibrate.Decision{
		{Frames: 1, Points: []calibrate.Point{{1e-3, 0.3}, {1e-4, 0.4}}},
		{Frames: 3, Points: []calibrate.Point{{1e-3, 0.2}, {1e-4, 0.25}, {1e-5, 0.35}}},
	}}
	for frames, want := range map[int]struct {
		threshold float64
		most      int
	}{1: {0.4, 10}, 2: {0.4, 10}, 3: {0.25, 100}, 5: {0.25, 100}} {
		got, err := f.Threshold(frames, 10, 0.001)
		if most := f.MaxEnrolled(frames, 0.001); err != nil || got != want.threshold || most != want.most {
			t.Errorf("%d frames: %v for at most %d, %v; want %+v", frames, got, most, err, want)
		}
	}
	f.Decisions = f.Decisions[1:]
	if _, err := f.Threshold(1, 1, 0.5); !errors.Is(err, calibrate.ErrBeyond) || f.MaxEnrolled(1, 0.5) != 0 {
		t.Errorf("one frame by the points of three: %v", err)
	}
}

// TestSuits refuses what would be too lenient for a gate, or was made for another.
func TestSuits(t *testing.T) {
	points := []calibrate.Point{{1e-3, 0.3}}
	of := func(pictures int, frames ...int) *calibrate.File {
		f := &calibrate.File{TemplatePictures: pictures}
		for _, n := range frames {
			f.Decisions = append(f.Decisions, calibrate.Decision{Frames: n, ScoreFrames: 1, Points: points})
		}
		return f
	}
	for _, test := range []struct {
		name             string
		file             *calibrate.File
		pictures, frames int
		want             string
	}{
		{"as the gate does", of(4, 1, 3), 5, 3, ""},
		{"one frame", of(4, 1, 3), 5, 1, ""},
		{"more frames than measured", of(4, 1, 3), 30, 10, ""},
		{"of more pictures", of(8, 1, 3), 3, 2, ""},
		{"of three for templates of three", of(3, 1, 3), 3, 3, ""},
		{"of single pictures", of(1, 1, 3), 5, 3, "templates of up to 1 pictures, and this gate makes them of 5"},
		{"of too few pictures", of(2, 1, 3), 3, 3, "templates of up to 2 pictures"},
		{"no points for one frame", of(4, 3), 5, 1, "no points for decisions of 1 frames"},
		{"no points for the mean", of(4, 1), 5, 3, "no points for the mean of 3 frames"},
		{"no points at all", of(4), 5, 3, "no points for decisions of 3 frames"},
	} {
		err := test.file.Suits(test.pictures, test.frames)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (!errors.Is(err, calibrate.ErrKind) || !strings.Contains(err.Error(), test.want) || hint.Of(err) == ""):
			t.Errorf("%s: error %v, hint %q, want %q", test.name, err, hint.Of(err), test.want)
		}
	}
}

func TestCrowding(t *testing.T) {
	f := &calibrate.File{Crowd: []calibrate.Crowd{{4, 0.01}, {10, 0.06}, {1000, 0.26}}}
	for n, want := range map[int]float64{
		0: 0, 1: 0, 2: 0, 3: 0.01, 4: 0.01, 10: 0.06, 100: 0.16, 1000: 0.26, 1001: 0.26, 1 << 30: 0.26,
	} {
		if got := f.Crowding(n); math.Abs(got-want) > 1e-12 {
			t.Errorf("Crowding(%d) = %v, want %v", n, got, want)
		}
	}
	if got := new(calibrate.File).Crowding(100); got != 0 {
		t.Errorf("Crowding without a measurement = %v", got)
	}
}

func TestThresholdIsMonotone(t *testing.T) {
	f := build(t, 200_000)
	strict := func(n int, fpir float64) float64 {
		tau, err := f.Threshold(1, n, fpir)
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
		limit := f.MaxEnrolled(1, fpir)
		if limit < math.MaxInt32 {
			if _, err := f.Threshold(1, limit+1, fpir); !errors.Is(err, calibrate.ErrBeyond) {
				t.Fatalf("%d enrolled, one more than the largest number: %v", limit+1, err)
			}
		}
		if limit == 0 {
			return
		}
		n := rapid.IntRange(1, limit).Draw(t, "n")
		tau, err := f.Threshold(1, n, fpir)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(f.Decisions[0].Points, func(p calibrate.Point) bool { return p.Threshold == tau })
		if i < 0 {
			t.Fatalf("%v is not a measured threshold", tau)
		}
		if got := 1 - math.Pow(1-f.Decisions[0].Points[i].FMR, float64(n)); got > fpir*(1+1e-6) {
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
		`"schema": "facegate-calibration/2"`, `"template_pictures": 4`, `"score_frames": 1`, `"beta": 0.75`, `"scheme": "s1-1024"`, `"mean": "AACAPgAAAL+V`, `"comparisons": 100000`,
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
		{"schema", "calibration/2", "calibration/3", `schema is "facegate-calibration/3"`},
		{"of pictures", "calibration/2", "calibration/1", "it is of single pictures"},
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
		{"fmr", `"fmr": 0.1,`, `"fmr": 1,`, "decisions[0]: points[0]: fmr 1 is not between"},
		{"fmr order", `"fmr": 0.1,`, `"fmr": 0.02,`, "decisions[0]: points[1]: fmr must fall"},
		{"fmr not shown", `"comparisons": 1000`, `"comparisons": 999`, "999 comparisons cannot show fmr 0.01"},
		{"template", `"template_pictures": 4`, `"template_pictures": 0`, "template_pictures 0"},
		{"no decisions", `"decisions": [`, `"decisions": [], "x": [`, `unknown field "x"`},
		{"frames", `"frames": 1`, `"frames": 3`, "decisions[1]: frames 3: they must be at least 1 and rise"},
		{"no frames", `"frames": 1`, `"frames": 0`, "decisions[0]: frames 0"},
		{"scores of more frames", `"score_frames": 1`, `"score_frames": 2`, "score_frames 2 is not in 1..1"},
		{"beta", `"beta": 0.75`, `"beta": -0.75`, "beta -0.75 is not in"},
		{"crowd of two", `"n": 3`, `"n": 2`, "crowd[0]: n 2"},
		{"crowd order", `"n": 10,`, `"n": 3,`, "crowd[1]: n 3"},
		{"crowding", `"h": 0.06`, `"h": 1.06`, "crowd[1]: h 1.06 is not in"},
		{"exclusion", `"left": "A_B_Name"`, `"left": ""`, "excluded[0]: two names and a reason"},
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
		"no points":              func(f *calibrate.File) { f.Decisions[1].Points = nil },
		"no decisions":           func(f *calibrate.File) { f.Decisions = nil },
		"no crowd":               func(f *calibrate.File) { f.Crowd = nil },
		"beta not a number":      func(f *calibrate.File) { f.Beta = math.NaN() },
		"threshold out of range": func(f *calibrate.File) { f.Decisions[0].Points[len(f.Decisions[0].Points)-1].Threshold = 1.01 },
		"threshold not a number": func(f *calibrate.File) { f.Decisions[0].Points[0].Threshold = math.NaN() },
		"thresholds equal":       func(f *calibrate.File) { f.Decisions[0].Points[1].Threshold = f.Decisions[0].Points[0].Threshold },
		"fmr not a number":       func(f *calibrate.File) { f.Decisions[0].Points[0].FMR = math.NaN() },
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
	f.Add([]byte(`{"schema":"facegate-calibration/2","decisions":[{"points":[{"fmr":1e-400}]}]}`))
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
		if n := got.MaxEnrolled(1, 0.01); n > 0 {
			if _, err := got.Threshold(1, n, 0.01); err != nil {
				t.Fatalf("the largest number enrolled: %v", err)
			}
		}
	})
}
