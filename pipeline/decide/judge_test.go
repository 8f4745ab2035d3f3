package decide_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/pipeline/decide"
)

// A look is one frame of track 1, a tenth of a second after the one before.
type look struct {
	who    string
	score  float64
	second float64
	raise  float64 // of the threshold
	want   decide.Verdict
}

// play leads a Decider through frames, and returns it.
func play(t *testing.T, r decide.Rules, looks []look) *decide.Decider {
	t.Helper()
	d := decide.New(r)
	for i, l := range looks {
		m := decide.Match{
			Track: 1, Time: start.Add(time.Duration(i) * 100 * time.Millisecond), Person: person(l.who),
			Score: l.score, Second: l.second, Threshold: threshold + l.raise, Raise: l.raise,
		}
		if got := d.Observe(m); got != l.want {
			t.Fatalf("frame %d, %+v: %v", i, l, got)
		}
	}
	return d
}

const (
	undecided, grant = decide.Undecided, decide.Grant
	unknown, alike   = decide.Unknown, decide.Alike
)

// then returns frames of which the last has another verdict.
func then(n int, l look, last decide.Verdict) []look {
	all := slices.Repeat([]look{l}, n)
	all[n-1].want = last
	return all
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name  string
		by    decide.Judge
		looks []look
	}{
		{"every: frames without a match in between", decide.Every, []look{
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.2, -1, 0, undecided},
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.2, -1, 0, undecided},
			{"a", 0.8, -1, 0, grant},
		}},
		{"every: what one frame lacks no other gives", decide.Every, []look{
			{"a", 0.9, -1, 0, undecided}, {"a", 0.9, -1, 0, undecided}, {"a", 0.49, -1, 0, undecided}, {"a", 0.5, -1, 0, grant},
		}},
		{"mean: frames without a match in between", decide.Mean, []look{
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.2, -1, 0, undecided},
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.2, -1, 0, undecided},
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.8, -1, 0, grant},
		}},
		{"mean: what one frame lacks another gives", decide.Mean, []look{
			{"a", 0.625, -1, 0, undecided}, {"a", 0.5, -1, 0, undecided}, {"a", 0.375, -1, 0, grant},
		}},
		{"mean: and no more", decide.Mean, []look{
			{"a", 0.625, -1, 0, undecided}, {"a", 0.49, -1, 0, undecided}, {"a", 0.375, -1, 0, undecided},
		}},
		{"mean: not from a frame that is of anybody", decide.Mean, []look{
			{"a", 0.9, -1, 0, undecided},
			{"a", 0.9, -1, 0, undecided},
			{"a", 0.29, -1, 0, undecided},
			{"a", 0.9, -1, 0, undecided},
			{"a", 0.9, -1, 0, undecided},
			{"a", 0.31, -1, 0, grant},
		}},
		{"mean: a frame that names somebody else without sufficing", decide.Mean, []look{
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.8, -1, 0, undecided},
			{"b", 0.45, 0.4, 0, undecided},
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.8, -1, 0, undecided},
			{"a", 0.8, -1, 0, grant},
		}},
		{"mean: and one that suffices", decide.Mean, append([]look{{"b", 0.8, -1, 0, undecided}}, then(21, look{"a", 0.8, -1, 0, undecided}, grant)...)},
		{"mean: a lead over the second that one frame has not", decide.Mean, []look{
			{"a", 0.75, 0.625, 0, undecided}, {"a", 0.75, 0.6875, 0, undecided}, {"a", 0.75, 0.75, 0, grant},
		}},
		{"mean: and that they have not together", decide.Mean, []look{
			{"a", 0.75, 0.625, 0, undecided}, {"a", 0.75, 0.6875, 0, undecided}, {"a", 0.75, 0.76, 0, undecided},
		}},
		{"mean: each with its own raise", decide.Mean, []look{
			{"a", 0.625, -1, 0.125, undecided}, {"a", 0.5, -1, 0, undecided}, {"a", 0.75, -1, 0.25, grant},
		}},
		{"mean: and not enough for it", decide.Mean, []look{
			{"a", 0.625, -1, 0.125, undecided}, {"a", 0.5, -1, 0, undecided}, {"a", 0.74, -1, 0.25, undecided},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { play(t, judged(tt.by), tt.looks) })
	}
}

// TestAlike shows faces that are near to a person and to others. Such a one is told from a stranger, and is no failure.
func TestAlike(t *testing.T) {
	crowded := look{"a", 0.6, -1, 0.125, undecided}
	twin := look{"a", 0.8, 0.79, 0, undecided}
	stranger := look{"a", 0.3, -1, 0.125, undecided}
	for _, tt := range []struct {
		name  string
		looks []look
		who   string // alike to, "" for nobody
		near  string // taken for a try to be somebody, "" for nobody
	}{
		{"in a crowd", then(10, crowded, alike), "a", ""},
		{"beside a twin", then(10, twin, alike), "a", ""},
		{"a stranger in a crowd", then(10, stranger, unknown), "", ""},
		{"a face near the threshold of a place without a crowd", then(10, look{"a", 0.47, -1, 0, undecided}, unknown), "", "a"},
		{"two frames are not enough", append(slices.Repeat([]look{crowded}, 2), then(8, stranger, unknown)...), "", "a"},
		{"three are", append(slices.Repeat([]look{crowded}, 3), then(7, stranger, alike)...), "a", ""},
		{"to one and then to another", append(slices.Repeat([]look{crowded}, 4), then(6, look{"b", 0.6, -1, 0.125, undecided}, alike)...), "a", ""},
	} {
		for _, by := range []decide.Judge{decide.Mean, decide.Every} {
			d := play(t, judged(by), tt.looks)
			wasNear, near := d.TakeNear(1)
			likened, is := d.TakeAlike(1)
			if is != (tt.who != "") || is && likened != person(tt.who) || near != (tt.near != "") || near && wasNear != person(tt.near) {
				t.Errorf("%s, judged by %v: alike to %q: %v; near to %q: %v", tt.name, by, likened[:1], is, wasNear[:1], near)
			}
			if _, again := d.TakeAlike(1); again {
				t.Errorf("%s: it is said twice", tt.name)
			}
			last := undecided
			for i := range 10 {
				last = d.Observe(decide.Match{Track: 1, Time: start.Add(time.Duration(11+i) * 100 * time.Millisecond), Score: 0.3, Threshold: 0.5})
			}
			if last != unknown {
				t.Errorf("%s: a stranger who follows is %v", tt.name, last)
			}
		}
	}
}

// TestAlikeAndLetIn shows a face in a crowd that scores more in the end. From then on it is alike to nobody.
func TestAlikeAndLetIn(t *testing.T) {
	crowded, well := look{"a", 0.5, -1, 0.125, undecided}, look{"a", 0.75, 0.1, 0.125, undecided}
	for by, frames := range map[decide.Judge]int{decide.Mean: 2, decide.Every: 3} {
		d := play(t, judged(by), append(slices.Repeat([]look{crowded}, 5), then(frames, well, grant)...))
		if p, is := d.TakeAlike(1); is {
			t.Errorf("judged by %v, who was let in is alike to %q", by, p[:1])
		}
	}
}

// TestRaiseNeverHelps shows the same frames with a raise and without. Whoever is let in with it is let in without, no later.
func TestRaiseNeverHelps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := judged(rapid.SampledFrom([]decide.Judge{decide.Mean, decide.Every}).Draw(t, "judge"))
		with, without := decide.New(r), decide.New(r)
		let := false // in, without the raise
		for i := range rapid.IntRange(1, 40).Draw(t, "frames") {
			m := decide.Match{
				Track: 1, Time: start.Add(time.Duration(i) * 150 * time.Millisecond),
				Person: person(rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "person")),
				Score:  rapid.SampledFrom([]float64{0.4, 0.55, 0.65, 0.8}).Draw(t, "score"),
				Second: rapid.SampledFrom([]float64{-1, 0.3, 0.5}).Draw(t, "second"),
				Raise:  rapid.SampledFrom([]float64{0, 0.125, 0.25}).Draw(t, "raise"),
			}
			m.Threshold = threshold
			plain := m
			plain.Raise = 0
			let = without.Observe(plain) == grant || let
			m.Threshold += m.Raise
			if with.Observe(m) == grant {
				if !let {
					t.Fatalf("frame %d lets in with a raise of %v, and not without", i, m.Raise)
				}
				return
			}
		}
	})
}
