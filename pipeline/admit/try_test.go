package admit_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

// tryThenWeigh weighs an attempt that is tried first. Of what is closed nothing is weighed.
func tryThenWeigh(a *admit.Admitter, x attempt.Attempt) admit.Verdict {
	y := x
	y.Finding = attempt.Unknown
	if _, ok := a.Try(y); !ok {
		return admit.Verdict{Reason: attempt.Closed}
	}
	x.Counted = true
	return a.Weigh(x, true)
}

// sorted are all counts, in an order.
func sorted(a *admit.Admitter) []attempt.Count {
	counts := slices.DeleteFunc(a.Counts(), func(c attempt.Count) bool { return c.Failures == 0 })
	slices.SortFunc(counts, func(a, b attempt.Count) int {
		return slices.Compare([]byte{byte(a.Means), a.Person[0]}, []byte{byte(b.Means), b.Person[0]})
	})
	return counts
}

// TestTriedComesToTheSame checks that what is counted before anybody looks comes to what it would come to otherwise, and leaves the
// same counts; also where counts are behind.
func TestTriedComesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := and(pairs(admit.Together(card, pin, 20*time.Second)), face, pin, pass)
		if rapid.Bool().Draw(t, "a PIN wants a card") {
			rules = and(pairs(admit.Together(card, pin, 20*time.Second)), face, pass)
		}
		behind := rapid.Bool().Draw(t, "behind")
		first, second := mustNew(t, rules, behind), mustNew(t, rules, behind)
		for i, x := range draw(t) {
			if x.Means != pin || x.Finding == attempt.Unknown || x.Finding == attack {
				first.Weigh(x, true)
				second.Weigh(x, true)
				continue
			}
			v, w := first.Weigh(x, true), tryThenWeigh(second, x)
			if v.Answer != w.Answer || v.Reason != w.Reason || v.For != w.For || v.Within != w.Within || v.Closed != w.Closed {
				t.Fatalf("attempt %d, %+v, comes to %+v, and tried to %+v", i, x, v, w)
			}
			if a, b := sorted(first), sorted(second); !slices.Equal(a, b) {
				t.Fatalf("attempt %d, %+v, leaves %+v, and tried %+v", i, x, a, b)
			}
		}
	})
}

func mustNew(t *rapid.T, r admit.Rules, behind bool) *admit.Admitter {
	t.Helper()
	a, err := admit.New(r, nil, behind)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestTry checks what is to be on disk before somebody looks, what is taken back, and what nobody looks at.
func TestTry(t *testing.T) {
	a := door(t, alone(pin, card))
	typed := attempt.Attempt{Means: pin, Asked: start, Person: anna}
	tries := func(failures uint32, closes bool) {
		t.Helper()
		c, ok := a.Try(typed)
		if !ok || len(c) != 1 || c[0].Failures != failures || c[0].Until.IsZero() == closes {
			t.Errorf("tried: %+v, %v, want %d failures", c, ok, failures)
		}
	}
	ends := func(f attempt.Finding, failures ...uint32) admit.Verdict {
		t.Helper()
		x := typed
		x.Finding, x.Counted = f, true
		v := a.Weigh(x, true)
		var got []uint32
		for _, c := range v.Counts {
			got = append(got, c.Failures)
		}
		if !slices.Equal(got, failures) {
			t.Errorf("%v leaves %+v, want %v", f, v.Counts, failures)
		}
		return v
	}
	tries(1, false)
	if v := ends(matched, 0); v.Answer != open {
		t.Errorf("a right one comes to %+v", v)
	}
	tries(1, false)
	ends(near) // which is on disk
	tries(2, true)
	if v := ends(matched, 0); v.Answer != open || a.Closed(pin, anna, start) {
		t.Errorf("a right one that would have closed comes to %+v", v)
	}
	tries(1, false)
	if v := ends(attempt.Ended, 0); v.Reason != attempt.Expired {
		t.Errorf("one that is over comes to %+v", v)
	}
	tries(1, false)
	if c := a.TakeBack(pin, anna); len(c) != 1 || c[0].Failures != 0 || len(a.TakeBack(pin, anna)) != 0 {
		t.Errorf("one that nobody has looked at leaves %+v", c)
	}
	tries(1, false)
	ends(near)
	tries(2, true)
	if v := ends(near, 2); !v.Closed || v.Reason != attempt.Unproven {
		t.Errorf("one that closes comes to %+v", v)
	}
	if c, ok := a.Try(typed); ok || len(c) != 0 {
		t.Errorf("when it is closed: %+v", c)
	}
	if c, ok := a.Try(attempt.Attempt{Means: pin, Asked: start}); !ok || len(c) != 0 {
		t.Errorf("of nobody: %+v, %v", c, ok)
	}
}

// TestTryIsForgotten erases somebody, or resets all, while a PIN of theirs is being looked at: nothing of it is left.
func TestTryIsForgotten(t *testing.T) {
	for name, forget := range map[string]func(*admit.Admitter){
		"erased": func(a *admit.Admitter) { a.Forget(anna) },
		"reset":  (*admit.Admitter).Reset,
	} {
		for _, f := range []attempt.Finding{near, matched} {
			a := door(t, alone(pin, card))
			typed := attempt.Attempt{Means: pin, Asked: start, Person: anna}
			a.Try(typed)
			forget(a)
			typed.Counted, typed.Finding = true, f
			if v := a.Weigh(typed, true); len(v.Counts) != 0 || v.Closed || len(a.Counts()) != 0 || len(a.TakeBack(pin, anna)) != 0 {
				t.Errorf("%s, %v: %+v, and %+v are left", name, f, v, a.Counts())
			}
		}
	}
}

// TestWithin checks that whoever is asked for something else is told for how long, by the rule that waits: the longest where two rules
// wait for the same.
func TestWithin(t *testing.T) {
	short, long := 5*time.Second, 2*time.Minute
	for _, tt := range []struct {
		name   string
		rules  admit.Rules
		shown  attempt.Means
		want   attempt.Means
		within time.Duration
	}{
		{"a short time", pairs(admit.Together(pass, face, short), admit.Together(pass, pin, long)), pass, face, short},
		{"a long time", pairs(admit.Together(pass, face, long), admit.Together(pass, pin, short)), pass, face, long},
		{"the other one first", pairs(admit.Together(pass, face, short), admit.Together(card, pin, long)), pin, card, long},
		{"two rules for the same", pairs(admit.Together(card, pin, short), admit.Together(pin, card, long), admit.Together(pass, card, time.Hour)), card, pin, long},
	} {
		for _, late := range []time.Duration{0, 1} {
			a := door(t, tt.rules)
			v := a.Weigh(attempt.Attempt{Means: tt.shown, Asked: start, Person: anna, Finding: matched}, true)
			if v.Answer != wait || v.For != tt.want || v.Within != tt.within {
				t.Errorf("%s: %+v", tt.name, v)
			}
			other := attempt.Attempt{Means: tt.want, Asked: start.Add(v.Within + late), Person: anna, Finding: matched}
			if v := a.Weigh(other, true); (v.Answer == open) != (late == 0) {
				t.Errorf("%s: %v too late the other comes to %+v", tt.name, late, v)
			}
		}
	}
	var nobody template.PersonID
	a := door(t, pairs(admit.Together(card, pin, short)))
	if v := a.Weigh(attempt.Attempt{Means: card, Asked: start, Person: nobody, Finding: matched}, true); v.Within != 0 || v.Answer == wait {
		t.Errorf("nobody is waited for: %+v", v)
	}
}
