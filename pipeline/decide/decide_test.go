package decide_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/pipeline/decide"
	"facegate/pipeline/track"
)

var start = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

// rules are the defaults of the configuration, but for a margin that floating point holds exactly.
var rules = decide.Rules{Agree: 3, Window: 2 * time.Second, Rearm: 5 * time.Second, Margin: 0.0625}

// judged returns rules by which frames are weighed in another way.
func judged(by decide.Judge) decide.Rules {
	r := rules
	r.Judge = by
	return r
}

const threshold = 0.5

// person names somebody by one letter.
func person(name string) decide.Person { return decide.Person{name[0]} }

// A step is one frame of one track and what the Decider makes of it.
type step struct {
	ms    int // since the start
	track track.ID
	who   string // the best match; "" where the track was before the door, but not matched in this frame
	score float64
	next  float64 // the score of the best other person
	want  decide.Verdict
}

// take leads d through one step.
func take(d *decide.Decider, s step) decide.Verdict {
	now := start.Add(time.Duration(s.ms) * time.Millisecond)
	d.See(now, []*track.Track{{ID: s.track}})
	if s.who == "" {
		return decide.Undecided
	}
	return d.Observe(decide.Match{
		Track: s.track, Time: now, Person: person(s.who), Score: s.score, Second: s.next, Threshold: threshold,
	})
}

// TestAdmit lets nobody in who was just enrolled, whatever track their face is on, until they have been gone.
func TestAdmit(t *testing.T) {
	for name, enter := range map[string]func(*decide.Decider){
		"by name":  func(d *decide.Decider) { d.Admit(person("a"), 1, start) },
		"by track": func(d *decide.Decider) { d.Presume(1) },
	} {
		d := decide.New(rules)
		enter(d)
		see := func(ms int, on track.ID, who string) decide.Verdict {
			return take(d, step{ms: ms, track: on, who: who, score: 0.9, next: -1})
		}
		for i := range 20 {
			if v := see(100*i, 1, "a"); v == decide.Grant {
				t.Fatalf("%s: let in with frame %d", name, i)
			}
		}
		if !d.Inside(person("a"), start.Add(6*time.Second)) || d.Inside(person("a"), start.Add(8*time.Second)) || d.Inside(person("b"), start) {
			t.Errorf("%s: who has left is wrong", name)
		}
		d.Forget(1)
		granted := map[string]decide.Verdict{}
		for i := range 3 {
			granted["a"] = see(3000+100*i, 2, "a")
			granted["b"] = see(3050+100*i, 3, "b")
		}
		if granted["a"] != decide.Lingering || granted["b"] != decide.Grant {
			t.Errorf("%s: on other tracks it is %v", name, granted)
		}
		d.Forget(2)
		for i := range 3 {
			granted["a"] = see(9000+100*i, 4, "a")
		}
		if granted["a"] != decide.Grant {
			t.Errorf("%s: back again it is %v", name, granted["a"])
		}
	}
}

// times makes a list of steps of a track, every so many milliseconds. The last of each run of steps gets the verdict;
// those before it are undecided.
func times(n, from, every int, s step) (all []step) {
	for i := range n {
		next := s
		next.ms = from + i*every
		if i < n-1 {
			next.want = decide.Undecided
		}
		all = append(all, next)
	}
	return all
}

// byTurns repeats steps for ten seconds, ten a second.
func byTurns(steps ...step) (all []step) {
	for i := range 100 {
		next := steps[i%len(steps)]
		next.ms = 100 * i
		all = append(all, next)
	}
	return all
}

// all gives every step of a run the verdict of the last.
func all(steps []step) []step {
	for i := range steps {
		steps[i].want = steps[len(steps)-1].want
	}
	return steps
}

// TestRevoke takes back a grant, which is then given again, once.
func TestRevoke(t *testing.T) {
	d := decide.New(rules)
	var granted []int
	for i := range 20 {
		if take(d, step{ms: 100 * i, track: 1, who: "anna", score: 0.8, next: -1}) != decide.Grant {
			continue
		}
		if granted = append(granted, i); len(granted) == 1 {
			d.Revoke(person("anna"))
		}
	}
	if want := []int{2, 5}; !slices.Equal(granted, want) {
		t.Errorf("granted in frames %v, want %v", granted, want)
	}
}

func TestScenarios(t *testing.T) {
	const (
		undecided, grant     = decide.Undecided, decide.Grant
		lingering, unknown   = decide.Lingering, decide.Unknown
		good, bad, nobody    = 0.8, 0.2, -1
		anna, bert, stranger = "a", "b", "a" // a stranger is like somebody, too, but not enough
	)
	vote := func(ms int, id track.ID, who string, want decide.Verdict) step {
		return step{ms, id, who, good, nobody, want}
	}
	annaIn := times(3, 0, 100, vote(0, 1, anna, grant)) // let in at 200 ms on track 1

	for name, steps := range map[string][]step{
		"three frames agree": annaIn,
		"frames of two tracks do not add up": {
			vote(0, 1, anna, undecided), vote(100, 2, anna, undecided), vote(200, 1, anna, undecided),
			vote(300, 2, anna, undecided), vote(400, 2, anna, grant),
		},
		"a score at the threshold": times(3, 0, 100, step{0, 1, anna, threshold, nobody, grant}),
		"a score below it":         times(9, 0, 100, step{0, 1, anna, threshold - 1e-9, nobody, undecided}),
		"a margin just kept":       times(3, 0, 100, step{0, 1, anna, 0.75, 0.6875, grant}),
		"somebody much alike":      times(9, 0, 100, step{0, 1, anna, 0.75, 0.69, undecided}),
		"votes at the edge of the window": {
			vote(0, 1, anna, undecided), vote(1000, 1, anna, undecided), vote(2000, 1, anna, grant),
		},
		"votes outside it": {
			vote(0, 1, anna, undecided), vote(1000, 1, anna, undecided), vote(2001, 1, anna, undecided),
			vote(3001, 1, anna, undecided), vote(3002, 1, anna, grant),
		},
		"a vote for somebody else blocks until it lapses": {
			vote(0, 1, anna, undecided), vote(100, 1, bert, undecided), vote(200, 1, anna, undecided),
			vote(300, 1, anna, undecided), vote(2100, 1, anna, undecided), vote(2101, 1, anna, grant),
		},
		"taken for one of two by turns": byTurns(
			vote(0, 1, anna, undecided), vote(0, 1, anna, undecided), vote(0, 1, bert, undecided),
		),
		"two people on two tracks": {
			vote(0, 1, anna, undecided), vote(50, 2, bert, undecided), vote(100, 1, anna, undecided),
			vote(150, 2, bert, undecided), vote(200, 1, anna, grant), vote(250, 2, bert, grant),
		},
		"lingering":                          slices.Concat(annaIn, all(times(300, 300, 200, vote(0, 1, anna, lingering)))),
		"lingering, looked at once a second": slices.Concat(annaIn, all(times(60, 1250, 1050, vote(0, 1, anna, lingering)))),
		"lingering, lost and found as another track": slices.Concat(
			annaIn, times(3, 1000, 100, vote(0, 2, anna, lingering)),
			times(3, 6000, 100, vote(0, 3, anna, lingering)), times(3, 11000, 100, vote(0, 4, anna, lingering)),
		),
		"lingering, taken for somebody alike now and then": slices.Concat(
			annaIn,
			[]step{vote(1300, 1, bert, undecided), vote(1400, 1, anna, lingering), vote(2500, 1, bert, undecided)},
			[]step{vote(2600, 1, bert, undecided), vote(2700, 1, bert, undecided), vote(2800, 1, anna, lingering)},
		),
		"turned away for long, then back": slices.Concat(
			annaIn, times(100, 300, 200, step{track: 1}), []step{vote(20300, 1, anna, lingering)},
		),
		"gone for as long as it takes": slices.Concat(annaIn, times(3, 5201, 100, vote(0, 2, anna, grant))),
		"gone for not quite as long":   slices.Concat(annaIn, times(3, 5000, 100, vote(0, 2, anna, lingering))),
		// Followed all the time, but not before the door: one frame must not be enough for another grant.
		"stepped back for long, then up again": slices.Concat(annaIn, times(3, 6000, 100, vote(0, 1, anna, grant))),
		"somebody else steps into the track": slices.Concat(
			annaIn, times(10, 1300, 100, vote(0, 1, bert, undecided)),
			[]step{vote(2300, 1, bert, grant), vote(2400, 1, bert, lingering)},
		),
		"and the first comes back on another": slices.Concat(
			annaIn, times(10, 1300, 100, vote(0, 1, bert, undecided)), []step{vote(2300, 1, bert, grant)},
			times(3, 2400, 100, vote(0, 2, anna, lingering)),
		),
		"a stranger steps into the track": slices.Concat(
			annaIn, times(10, 1300, 100, step{0, 1, stranger, bad, nobody, unknown}),
			all(times(50, 2300, 100, step{track: 1})), // who keeps nobody in sight
			times(3, 7300, 100, vote(0, 2, anna, grant)),
		),
		"a stranger": slices.Concat(
			times(10, 0, 100, step{0, 1, stranger, bad, nobody, unknown}),
			times(10, 1000, 100, step{0, 1, stranger, bad, nobody, unknown}),
		),
		"patience begins anew": slices.Concat(
			times(9, 0, 100, step{0, 1, anna, bad, nobody, undecided}), []step{vote(900, 1, anna, undecided)},
			times(10, 1000, 100, step{0, 1, anna, bad, nobody, unknown}),
		),
		"a vote outlives patience": slices.Concat(
			[]step{vote(0, 1, bert, undecided)}, times(10, 100, 100, step{0, 1, anna, bad, nobody, unknown}),
			all(times(8, 1200, 100, vote(0, 1, anna, undecided))), []step{vote(2001, 1, anna, grant)},
		),
	} {
		for _, by := range []decide.Judge{decide.Mean, decide.Every} {
			t.Run(name, func(t *testing.T) {
				d := decide.New(judged(by))
				for i, s := range steps {
					if got := take(d, s); got != s.want {
						t.Fatalf("judged by %v, step %d, %+v: %v", by, i, s, got)
					}
				}
			})
		}
	}
}

func TestDecided(t *testing.T) {
	d := decide.New(rules)
	decided := func(ms int, id track.ID) bool { return d.Decided(id, start.Add(time.Duration(ms)*time.Millisecond)) }
	for i, s := range times(3, 0, 100, step{0, 1, "a", 0.8, -1, decide.Grant}) {
		if decided(s.ms, 1) {
			t.Errorf("decided after %d frames", i)
		}
		take(d, s)
	}
	if !decided(1200, 1) || decided(1201, 1) || decided(300, 2) {
		t.Errorf("the grant of 200 ms counts at 1200: %v, at 1201: %v, for another track: %v",
			decided(1200, 1), decided(1201, 1), decided(300, 2))
	}
	if v := take(d, step{1201, 1, "a", 0.8, -1, 0}); v != decide.Lingering || !decided(2201, 1) || decided(2202, 1) {
		t.Errorf("another frame at 1201 ms: %v", v)
	}
	d.Forget(1)
	if decided(1300, 1) {
		t.Error("a track that has ended is decided")
	}
}

// enough reports whether the last frames suffice on the mean.
func enough(frames []decide.Match, r decide.Rules) bool {
	if len(frames) < r.Agree {
		return false
	}
	over, lead := 0.0, 0.0
	for _, m := range frames[len(frames)-r.Agree:] {
		if m.Person != frames[len(frames)-1].Person || m.Score < m.Threshold-0.2 {
			return false
		}
		over += (m.Score - m.Threshold) / float64(r.Agree)
		lead += (m.Score - m.Second) / float64(r.Agree)
	}
	return over >= -1e-9 && lead >= r.Margin-1e-9
}

// Whatever is seen, the door opens only for somebody whom enough frames of one track named within the window and none
// contradicted, and not again before that person has been gone for long enough.
func TestGrantProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := decide.Rules{
			Judge:  rapid.SampledFrom([]decide.Judge{decide.Mean, decide.Every}).Draw(t, "judge"),
			Agree:  rapid.IntRange(1, 5).Draw(t, "agree"),
			Window: time.Duration(rapid.IntRange(200, 3000).Draw(t, "window")) * time.Millisecond,
			Rearm:  time.Duration(rapid.IntRange(1000, 4000).Draw(t, "rearm")) * time.Millisecond,
			Margin: 0.0625,
		}
		d := decide.New(rules)
		var past []decide.Match
		granted := map[decide.Person]time.Time{} // the last frame after a grant that was enough to keep the door shut
		now := start
		for range rapid.IntRange(1, 120).Draw(t, "frames") {
			now = now.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "ms")) * time.Millisecond)
			m := decide.Match{
				Track:  track.ID(rapid.IntRange(1, 2).Draw(t, "track")),
				Time:   now,
				Person: person(rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "person")),
				Score:  rapid.SampledFrom([]float64{0.8, 0.8, 0.8, 0.4}).Draw(t, "score"),
				Second: rapid.SampledFrom([]float64{-1, 0.7, 0.7, 0.78}).Draw(t, "second"),
				Raise:  rapid.SampledFrom([]float64{0, 0, 0.25}).Draw(t, "raise"),
			}
			m.Threshold = threshold + m.Raise
			d.See(now, []*track.Track{{ID: m.Track}})
			verdict := d.Observe(m)
			past = append(past, m)
			if verdict == decide.Lingering {
				if _, ok := granted[m.Person]; !ok {
					t.Fatalf("%v lingers without having been let in", m.Person)
				}
				granted[m.Person] = now
			}
			if verdict != decide.Grant {
				continue
			}
			if last, ok := granted[m.Person]; ok && now.Sub(last) <= rules.Rearm {
				t.Fatalf("granted again %v after being seen", now.Sub(last))
			}
			granted[m.Person] = now
			agree := 0
			var newest []decide.Match
			for _, p := range past {
				if p.Track != m.Track || now.Sub(p.Time) > rules.Window {
					continue
				}
				newest = append(newest, p)
				if p.Score < p.Threshold || p.Score-p.Second < rules.Margin {
					continue
				}
				if p.Person != m.Person {
					t.Fatalf("granted %v after the window, while a frame named somebody else", now.Sub(p.Time))
				}
				agree++
			}
			if rules.Judge == decide.Every && agree < rules.Agree {
				t.Fatalf("granted on %d frames instead of %d", agree, rules.Agree)
			}
			if rules.Judge == decide.Mean && !enough(newest, rules) {
				t.Fatalf("granted %v on the mean of the last %d of %+v", m.Person, rules.Agree, newest)
			}
		}
	})
}
