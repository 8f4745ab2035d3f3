package admit_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/configs/week"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/schedule"
)

// plan is open on some days from an hour to another.
func plan(t interface{ Fatal(...any) }, days string, from, to int) *schedule.Schedule {
	var d week.Days
	if err := d.UnmarshalText([]byte(days)); err != nil {
		t.Fatal(err)
	}
	hours := week.Window{Days: d, From: week.Clock(from * 60), To: week.Clock(to * 60), Door: week.Open}
	return schedule.New([]week.Window{hours}, holidays, time.UTC)
}

var holidays = []week.Date{{Month: time.July, Day: 3}, {Month: time.July, Day: 4}}

// TestForWhomAndWhen checks which rules an attempt is weighed by: those of its groups, of its moment, and for who gives a face or none.
func TestForWhomAndWhen(t *testing.T) {
	staff, office := []string{"staff"}, "office"
	plans := map[string]*schedule.Schedule{office: plan(t, "mon-fri", 8, 18)}
	noon, night := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 22, 0, 0, 0, time.UTC) // a Wednesday
	holiday := time.Date(2026, 7, 3, 12, 0, 0, 0, time.UTC)
	one := func(m attempt.Means) []attempt.Means { return []attempt.Means{m} }
	for _, tt := range []struct {
		name   string
		rule   admit.Rule
		by     attempt.Attempt
		at     time.Time
		dated  bool
		answer admit.Answer
	}{
		{"for everybody", admit.Rule{By: one(card)}, attempt.Attempt{Means: card}, noon, false, open},
		{"for a group", admit.Rule{By: one(card), Groups: staff}, attempt.Attempt{Means: card, Groups: []string{"other", "staff"}}, noon, true, open},
		{"for another group", admit.Rule{By: one(card), Groups: staff}, attempt.Attempt{Means: card, Groups: []string{"other"}}, noon, true, refuse},
		{"for a group, of none", admit.Rule{By: one(card), Groups: staff}, attempt.Attempt{Means: card}, noon, true, refuse},
		{"by its plan", admit.Rule{By: one(card), When: office}, attempt.Attempt{Means: card}, noon, true, open},
		{"after hours", admit.Rule{By: one(card), When: office}, attempt.Attempt{Means: card}, night, true, refuse},
		{"on a holiday", admit.Rule{By: one(card), When: office}, attempt.Attempt{Means: card}, holiday, true, refuse},
		{"at what may be noon", admit.Rule{By: one(card), When: office}, attempt.Attempt{Means: card}, noon, false, refuse},
		{"a pass alone", admit.Rule{By: one(pass), Faceless: true}, attempt.Attempt{Means: pass, Faceless: true}, noon, true, open},
		{"a pass alone of who gives a face", admit.Rule{By: one(pass), Faceless: true}, attempt.Attempt{Means: pass}, noon, true, refuse},
		{"a pass before a face", admit.Together(pass, face, time.Minute), attempt.Attempt{Means: pass}, noon, true, wait},
		{"a pass before a face that nobody gives", admit.Together(pass, face, time.Minute), attempt.Attempt{Means: pass, Faceless: true}, noon, true, refuse},
		{"a card before a PIN", admit.Together(card, pin, time.Minute), attempt.Attempt{Means: card, Faceless: true}, noon, true, wait},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := pairs(tt.rule)
			if rules.Plans = plans; tt.rule.By[len(tt.rule.By)-1] == face {
				rules = and(rules, pin)
			}
			tt.by.Asked, tt.by.Person, tt.by.Finding = tt.at, anna, matched
			v := door(t, rules).Weigh(tt.by, tt.dated)
			if v.Answer != tt.answer || v.Answer == refuse && v.Reason != noWay {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestPassWithFaceOrWithout checks the two that a pass opens the door to: who gives a face shows it as well, who gives none does not,
// and neither can stand in for the other.
func TestPassWithFaceOrWithout(t *testing.T) {
	rules := pairs(admit.Together(pass, face, 20*time.Second), admit.Rule{By: []attempt.Means{pass}, Faceless: true})
	a := door(t, rules)
	ask := func(m attempt.Means, faceless bool) admit.Verdict {
		who := anna
		if faceless {
			who = bert
		}
		return a.Weigh(attempt.Attempt{Means: m, Asked: start, Person: who, Finding: matched, Faceless: faceless}, false)
	}
	if v := ask(pass, true); v.Answer != open {
		t.Errorf("a pass without a face: %+v", v)
	}
	if v := ask(face, false); v.Answer != wait || v.For != pass {
		t.Errorf("a face before its pass: %+v", v)
	}
	if v := ask(pass, false); v.Answer != open {
		t.Errorf("a pass after the face: %+v", v)
	}
	if v := ask(pass, false); v.Answer != wait || v.For != face {
		t.Errorf("the pass again: %+v", v)
	}
}

// TestFaceIsEqualled checks rules by which a face opens to some, or at some times, that another means does not open to.
func TestFaceIsEqualled(t *testing.T) {
	rule := func(m attempt.Means, when string, groups ...string) admit.Rule {
		return admit.Rule{By: []attempt.Means{m}, When: when, Groups: groups}
	}
	for _, tt := range []struct {
		name  string
		table []admit.Rule
		taken bool
	}{
		{"to the same group", []admit.Rule{rule(face, "", "a"), rule(pin, "", "a")}, true},
		{"to everybody", []admit.Rule{rule(face, "", "a"), rule(pin, "")}, true},
		{"to another group", []admit.Rule{rule(face, "", "a"), rule(pin, "", "b")}, false},
		{"to one of two groups", []admit.Rule{rule(face, "", "a", "b"), rule(pin, "", "a")}, false},
		{"to each of two groups", []admit.Rule{rule(face, "", "a", "b"), rule(pin, "", "a"), rule(card, "", "b")}, true},
		{"to a group, and a face to everybody", []admit.Rule{rule(face, ""), rule(pin, "", "a")}, false},
		{"at the same time", []admit.Rule{rule(face, "day"), rule(pin, "day")}, true},
		{"always", []admit.Rule{rule(face, "day"), rule(pin, "")}, true},
		{"at a time, and a face always", []admit.Rule{rule(face, ""), rule(pin, "day")}, false},
		{"at every time there is, and a face always", []admit.Rule{rule(face, ""), rule(pin, "day"), rule(card, "night"), rule(pass, "feast")}, false},
		{"at every time of the face", []admit.Rule{rule(face, "long"), rule(pin, "day"), rule(card, "night")}, true},
		{"at most times of the face", []admit.Rule{rule(face, "long"), rule(pin, "day"), rule(card, "late")}, false},
		{"at another time", []admit.Rule{rule(face, "night"), rule(pin, "day")}, false},
		{"on days of work alone", []admit.Rule{rule(face, "feast"), rule(pin, "day")}, false},
		{"for visitors alone", []admit.Rule{rule(face, ""), rule(attempt.Visitor, "", attempt.Visitors)}, false},
		{"for who gives no face", []admit.Rule{rule(face, ""), {By: []attempt.Means{pass}, Faceless: true}}, true},
		{"by two of which one is the face", []admit.Rule{admit.Together(pass, face, time.Second), admit.Together(pin, face, time.Second)}, false},
		{"by two without the face", []admit.Rule{admit.Together(pass, face, time.Second), admit.Together(pin, card, time.Second)}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := admit.Rules{Table: tt.table, Limits: limits(), Beside: true, Plans: map[string]*schedule.Schedule{
				"day": plan(t, "sun-sat", 8, 18), "night": plan(t, "sun-sat, holiday", 18, 8), "long": plan(t, "mon-sat", 6, 20),
				"late": plan(t, "sun-sat", 19, 8), "feast": plan(t, "sun-sat, holiday", 0, 24),
			}}
			if err := r.Check(); (err == nil) != tt.taken || err != nil && !errors.Is(err, admit.ErrFaceOnly) {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

// drawRules draws the rules of a door, in order or not.
func drawRules(t *rapid.T) admit.Rules {
	r := admit.Rules{
		Limits: limits(), Alike: rapid.Bool().Draw(t, "alike"), Beside: rapid.Bool().Draw(t, "beside"), Plans: map[string]*schedule.Schedule{},
	}
	for _, name := range []string{"one", "two", "three"} {
		var windows []week.Window
		for range rapid.IntRange(1, 2).Draw(t, "windows") {
			windows = append(windows, week.Window{
				Days: week.Days(rapid.SampledFrom([]int{0x7f, 0xff, 0x3e, 0x41, 0x80, 0xbe}).Draw(t, "days")), Door: week.Open,
				From: week.Clock(rapid.IntRange(0, 3).Draw(t, "from") * 6 * 60), To: week.Clock(rapid.IntRange(1, 4).Draw(t, "to") * 6 * 60),
			})
		}
		r.Plans[name] = schedule.New(windows, holidays, time.UTC)
	}
	for range rapid.IntRange(1, 6).Draw(t, "rules") {
		rule := admit.Rule{
			By:     []attempt.Means{rapid.SampledFrom(attempt.All()).Draw(t, "by")},
			When:   rapid.SampledFrom([]string{"", "", "", "one", "two", "three"}).Draw(t, "when"),
			Groups: rapid.SampledFrom([][]string{nil, nil, nil, {"a"}, {"b"}, {"a", "b"}, {attempt.Visitors}}).Draw(t, "groups"),
		}
		if rapid.IntRange(0, 2).Draw(t, "two") == 0 {
			rule.By, rule.Within = append(rule.By, rapid.SampledFrom(attempt.All()).Draw(t, "and")), time.Minute
		} else {
			rule.Faceless = rapid.IntRange(0, 3).Draw(t, "faceless") == 0
		}
		r.Table = append(r.Table, rule)
	}
	return r
}

// TestNobodyNeedsAFace draws rules. Whatever is taken lets in a member of the house who gives no face, in every group and at every
// moment, with the clock known to be right or not, where it lets in one who gives a face and shows it.
func TestNobodyNeedsAFace(t *testing.T) {
	taken, refused, needed := 0, 0, 0
	groups := [][]string{nil, {"a"}, {"b"}, {"a", "b"}, {"c"}}
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		if r.Check() != nil {
			refused++
			return
		}
		taken++
		if !names(r, false) && r.Beside {
			return // there is a key
		}
		for h := range 9 * 8 { // every third hour of nine days, two of which are holidays
			at := time.Date(2026, 7, 1, 3*h, 0, 0, 0, time.UTC)
			for _, g := range groups {
				for _, dated := range []bool{false, true} {
					who := attempt.Attempt{Asked: at, Groups: g}
					if !byFace(t, r, who, dated) {
						continue
					}
					if needed++; !without(t, r, who, dated) {
						t.Fatalf("at %v, dated %v, in %v: a face is the only way by\n%s", at, dated, g, table(r))
					}
				}
			}
		}
	})
	t.Logf("%d rules are taken, %d refused; a face opened %d times", taken, refused, needed)
	if taken == 0 || refused == 0 || needed == 0 {
		t.Error("nothing was tried")
	}
}

func table(r admit.Rules) (text string) {
	for _, rule := range r.Table {
		text += fmt.Sprintf("%+v\n", rule)
	}
	return text
}

// byFace reports whether somebody gets in by showing a face, after nothing or after something else.
func byFace(t *rapid.T, r admit.Rules, who attempt.Attempt, dated bool) bool {
	return slices.ContainsFunc(attempt.All(), func(first attempt.Means) bool {
		a := door(t, r)
		who.Person, who.Finding, who.Means = anna, matched, first
		if first != face && a.Weigh(who, dated).Answer == open {
			return false // which is no doing of the face
		}
		who.Means = face
		return a.Weigh(who, dated).Answer == open
	})
}

// without reports whether somebody gets in who gives no face, and shows all else that a member of the house may have.
func without(t *rapid.T, r admit.Rules, who attempt.Attempt, dated bool) bool {
	a := door(t, r)
	who.Person, who.Finding, who.Faceless = anna, matched, true
	return slices.ContainsFunc([]attempt.Means{pass, card, pin, attempt.SecureCard}, func(m attempt.Means) bool {
		who.Means = m
		return a.Weigh(who, dated).Answer == open
	})
}
