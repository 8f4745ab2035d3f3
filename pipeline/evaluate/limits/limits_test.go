package limits_test

import (
	"math"
	"strings"
	"testing"

	"facegate/pipeline/evaluate/limits"
	"facegate/pipeline/quality"
)

func bounds() quality.Limits {
	return quality.Limits{MinSharpness: 25, MinBrightness: 40, MaxBrightness: 220, MaxYaw: 35, MaxPitch: 35, MaxRoll: 25, MaxSideLight: 45}
}

// look is a picture within all limits that was recognised.
func look(person int) limits.Look {
	return limits.Look{
		Person: person, Found: true, Face: 100, Measure: quality.Measure{Sharpness: 100, Brightness: 128}, Live: true, Matched: true,
		Compared: 10,
	}
}

func always(limits.Look) bool { return true }

// TestRateCountsPeople checks that whoever has many pictures counts once.
func TestRateCountsPeople(t *testing.T) {
	looks := []limits.Look{look(1)}
	for range 99 { // of one person, of whom none is recognised
		l := look(2)
		l.Matched = false
		looks = append(looks, l)
	}
	r := limits.RateOf(looks, always, func(l limits.Look) bool { return !l.Matched })
	if r.Rate != 0.5 || r.People != 2 || r.Pictures != 100 || r.Low > 0.1 || r.High < 0.9 {
		t.Errorf("%+v", r)
	}
	if r := limits.RateOf(nil, always, always); r != (limits.Rate{}) {
		t.Errorf("of nothing: %+v", r)
	}
}

// TestRateIsBounded checks that an interval stays within 0 and 1 and narrows with the number of people.
func TestRateIsBounded(t *testing.T) {
	width := 1.
	for _, people := range []int{5, 50, 500} {
		var looks []limits.Look
		for p := range people {
			looks = append(looks, look(p))
		}
		r := limits.RateOf(looks, always, func(l limits.Look) bool { return !l.Matched })
		if r.Rate != 0 || r.Low != 0 || !(r.High > 0) || !(r.High < width) {
			t.Errorf("%d people, none missed: %+v", people, r)
		}
		width = r.High
	}
}

func limit(t *testing.T, key string) limits.Limit {
	t.Helper()
	for _, l := range limits.Limits(bounds(), 50) {
		if l.Key == key {
			return l
		}
	}
	t.Fatalf("there is no limit %s", key)
	return limits.Limit{}
}

// TestCurve lets a limit refuse who would have been recognised, and who would not.
func TestCurve(t *testing.T) {
	var looks []limits.Look
	for p := range 10 { // each once as taken, sharp and recognised, and twice made blurred: recognised at 20, not at 8
		soft, softer := look(p), look(p)
		soft.Change, soft.Measure.Sharpness = "blur", 20
		softer.Change, softer.Measure.Sharpness, softer.Matched, softer.Confused = "blur", 8, false, 1
		dark := look(p) // is about another limit
		dark.Change, dark.Measure.Sharpness, dark.Matched = "darkness", 1, false
		looks = append(looks, look(p), soft, softer, dark, limits.Look{Person: p})
	}
	want := map[float64]struct{ beyond, within float64 }{5: {0, 1. / 3}, 10: {1, 0}, 15: {1, 0}, 25: {0.5, 0}, 40: {0.5, 0}}
	c := limits.CurveOf(limit(t, "quality.min_sharpness"), looks)
	seen := 0
	for _, k := range c.Costs {
		if k.Default != (k.Value == 25) {
			t.Errorf("%g is the default: %v", k.Value, k.Default)
		}
		w, ok := want[k.Value]
		if !ok {
			continue
		}
		seen++
		if math.Abs(k.Beyond.Rate-w.beyond) > 1e-9 || math.Abs(k.Within.Rate-w.within) > 1e-9 || k.Refused.Rate != 0 {
			t.Errorf("at %g: beyond %v, within %v, refused %v; want %+v", k.Value, k.Beyond, k.Within, k.Refused, w)
		}
		if k.BeyondConfused.Confused+k.WithinConfused.Confused != 10 || k.BeyondConfused.Compared+k.WithinConfused.Compared != 300 {
			t.Errorf("at %g: false matches %v and %v", k.Value, k.BeyondConfused, k.WithinConfused)
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d values", seen, len(want))
	}
}

// TestEveryLimitRefuses gives each limit a picture that is beyond its default and one that is not. A value that is no number is
// beyond.
func TestEveryLimitRefuses(t *testing.T) {
	beyond := map[string]func(*limits.Look){
		"zone.min_face":          func(l *limits.Look) { l.Face = 49 },
		"quality.min_sharpness":  func(l *limits.Look) { l.Measure.Sharpness = math.NaN() },
		"quality.min_brightness": func(l *limits.Look) { l.Measure.Brightness = 39 },
		"quality.max_brightness": func(l *limits.Look) { l.Measure.Brightness = 221 },
		"quality.max_side_light": func(l *limits.Look) { l.Measure.SideLight = -46 },
		"quality.max_yaw":        func(l *limits.Look) { l.Measure.Yaw = -36 },
		"quality.max_pitch":      func(l *limits.Look) { l.Measure.Pitch = 36 },
		"quality.max_roll":       func(l *limits.Look) { l.Measure.Roll = math.NaN() },
	}
	for _, l := range limits.Limits(bounds(), 50) {
		spoil := beyond[l.Key]
		if spoil == nil {
			t.Errorf("nothing is beyond %s", l.Key)
			continue
		}
		bad := look(2)
		spoil(&bad)
		for _, k := range limits.CurveOf(l, []limits.Look{look(1), bad}).Costs {
			if k.Default && k.Refused.Rate != 0.5 {
				t.Errorf("%s refuses %v", l.Key, k.Refused)
			}
		}
	}
}

// TestStep checks what becomes of pictures that were made worse: who is refused, warned, missed without a word.
func TestStep(t *testing.T) {
	made := func(person int, change func(*limits.Look)) limits.Look {
		l := look(person)
		l.Change, l.Level = "lamp alone", 45
		change(&l)
		return l
	}
	looks := []limits.Look{
		look(1),
		made(1, func(*limits.Look) {}),
		made(2, func(l *limits.Look) { l.Found, l.Matched = false, false }),
		made(3, func(l *limits.Look) { l.Measure.Brightness = 10 }),                       // refused for nothing
		made(4, func(l *limits.Look) { l.Measure.Brightness, l.Matched = 10, false }),     // refused with reason
		made(5, func(l *limits.Look) { l.Measure.SideLight, l.Matched = 60, false }),      // missed, and warned
		made(6, func(l *limits.Look) { l.Matched, l.Live, l.Confused = false, false, 2 }), // missed without a word
		made(7, func(l *limits.Look) { l.Face, l.Matched = 20, false }),
		made(8, func(l *limits.Look) { l.Measure.SideLight = 60 }), // recognised all the same
	}
	s := limits.StepOf("lamp alone", 45, looks, bounds(), 50)
	for _, test := range []struct {
		name string
		got  limits.Rate
		want float64
		of   int
	}{
		{"lost", s.Lost, 1. / 8, 8},
		{"missed", s.Missed, 4. / 7, 7},
		{"not live", s.NotLive, 1. / 7, 7},
		{"refused", s.Refused, 3. / 7, 7},
		{"silent", s.Silent, 2. / 8, 8},
		{"wasted", s.Wasted, 1. / 8, 8},
		{"failed", s.Failed, 6. / 8, 8},
	} {
		if math.Abs(test.got.Rate-test.want) > 1e-9 || test.got.People != test.of {
			t.Errorf("%s: %+v, want %g of %d", test.name, test.got, test.want, test.of)
		}
	}
	if s.Confused != (limits.Confusion{Compared: 70, Confused: 2}) {
		t.Errorf("false matches: %v", s.Confused)
	}
	var text strings.Builder
	limits.Write(&text, []limits.Step{s, limits.StepOf("blur", 1, looks, bounds(), 50)}, nil)
	if !strings.Contains(text.String(), "lamp alone\t45\t12.5 %\t57.1 %") || !strings.Contains(text.String(), "blur\t1\t-") {
		t.Errorf("it reads:\n%s", &text)
	}
}
