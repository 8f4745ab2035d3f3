package admit_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/configs/hint"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

var start = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

var (
	anna   = template.PersonID{'a'}
	bert   = template.PersonID{'b'}
	nobody = template.PersonID{}
)

var strict = admit.Limits{DelayAfter: 2, Delay: 30 * time.Second, DisableAfter: 4, Flood: 3, Forget: 30 * time.Second}

// limits are strict ones for every means.
func limits() map[attempt.Means]admit.Limits {
	all := map[attempt.Means]admit.Limits{}
	for _, m := range attempt.All() {
		all[m] = strict
	}
	return all
}

// alone are rules by which each means opens the door by itself. There is a key, too.
func alone(all ...attempt.Means) admit.Rules {
	return admit.Rules{Table: admit.Alone(all...), Limits: limits(), Beside: true}
}

func pairs(p ...admit.Rule) admit.Rules { return admit.Rules{Table: p, Limits: limits(), Beside: true} }

// and returns r with rules by which each means opens the door by itself.
func and(r admit.Rules, all ...attempt.Means) admit.Rules {
	r.Table = slices.Concat(r.Table, admit.Alone(all...))
	return r
}

// withAlike returns r by which a face that is alike counts for half.
func withAlike(r admit.Rules) admit.Rules {
	r.Alike = true
	return r
}

func door(t interface{ Fatal(...any) }, r admit.Rules) *admit.Admitter {
	a, err := admit.New(r, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A step is one attempt, and what it comes to.
type step struct {
	after   time.Duration // the one before
	means   attempt.Means
	person  template.PersonID
	finding attempt.Finding
	answer  admit.Answer
	what    any // the Reason of a refusal, or for what it waits
}

func run(t *testing.T, a *admit.Admitter, steps ...step) {
	t.Helper()
	now := start
	for i, s := range steps {
		now = now.Add(s.after)
		v := a.Weigh(attempt.Attempt{Means: s.means, Asked: now, Person: s.person, Finding: s.finding}, true)
		var what any
		switch v.Answer {
		case admit.Refuse:
			what = v.Reason
		case admit.Wait:
			what = v.For
		}
		if v.Answer != s.answer || what != s.what {
			t.Fatalf("step %d: %v (%v), want %v (%v)", i, v.Answer, what, s.answer, s.what)
		}
	}
}

const (
	face, pass, card, pin, order = attempt.Face, attempt.Pass, attempt.Card, attempt.PIN, attempt.Order

	matched, near, attack, alike = attempt.Matched, attempt.NearMiss, attempt.Attack, attempt.Alike

	open, wait, refuse = admit.Open, admit.Wait, admit.Refuse

	unproven, closed, noWay = attempt.Unproven, attempt.Closed, attempt.NoWay
)

func TestWeigh(t *testing.T) {
	cardAndPIN := admit.Together(card, pin, 20*time.Second)
	passAndFace := admit.Together(pass, face, 10*time.Second)
	faceAndCard := pairs(admit.Together(face, card, 20*time.Second), cardAndPIN)
	for _, tt := range []struct {
		name  string
		rules admit.Rules
		steps []step
	}{
		{"a face alone", alone(face), []step{{0, face, anna, matched, open, nil}}},
		{"nor does one that nobody has signed", alone(attempt.HomeAssistant), []step{{0, attempt.HomeAssistant, nobody, matched, open, nil}}},
		{"one that nobody has signed is another means", alone(order), []step{{0, attempt.HomeAssistant, nobody, matched, refuse, noWay}}},
		{"an order names nobody", alone(order), []step{{0, order, nobody, matched, open, nil}}},
		{"who is not enrolled", alone(face), []step{{0, face, nobody, attempt.Unknown, refuse, unproven}}},
		{"whose right has ended", alone(card), []step{{0, card, anna, attempt.Ended, refuse, attempt.Expired}}},
		{"no rule", alone(face), []step{{0, card, anna, matched, refuse, noWay}}},
		{"no rules", admit.Rules{}, []step{{0, face, anna, matched, refuse, noWay}, {0, face, anna, near, refuse, unproven}}},
		{"a delay", alone(card), []step{
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, matched, refuse, closed},
			{29 * time.Second, card, anna, matched, refuse, closed},
			{time.Second, card, anna, matched, open, nil},
		}},
		{"nobody else is shut out", alone(card), []step{
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, near, refuse, unproven},
			{0, card, bert, matched, open, nil},
			{0, card, anna, matched, refuse, closed},
		}},
		{"nor by another means", alone(card, pin, face), []step{
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, near, refuse, unproven},
			{0, pin, anna, matched, open, nil},
			{0, face, anna, matched, open, nil},
			{0, card, anna, matched, refuse, closed}, // which the success of others has not changed
		}},
		{"what is tried while it is closed does not count", alone(card), []step{
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, near, refuse, closed},
			{0, card, anna, near, refuse, closed},
			{30 * time.Second, card, anna, matched, open, nil},
		}},
		{"for good", alone(card), []step{
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, near, refuse, unproven},
			{30 * time.Second, card, anna, near, refuse, unproven},
			{30 * time.Second, card, anna, near, refuse, unproven},
			{1000 * time.Hour, card, anna, matched, refuse, closed},
		}},
		{"a success ends the row", alone(card), []step{
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, matched, open, nil},
			{0, card, anna, near, refuse, unproven},
			{0, card, anna, matched, open, nil},
		}},
		{"a flood, for as long as it lasts", alone(face, card), []step{
			{0, face, nobody, attack, refuse, unproven},
			{0, face, anna, attack, refuse, unproven}, // whoever it shows
			{0, face, anna, matched, open, nil},
			{0, face, nobody, near, refuse, unproven},
			{0, face, anna, matched, refuse, closed},
			{0, card, anna, matched, open, nil},
			{0, face, nobody, attack, refuse, closed},
			{30 * time.Second, face, anna, matched, open, nil},
		}},
		{"two together, in either order", pairs(cardAndPIN), []step{
			{0, card, anna, matched, wait, pin},
			{20 * time.Second, pin, anna, matched, open, nil},
			{time.Second, pin, anna, matched, wait, card},
			{0, card, anna, matched, open, nil},
			{0, card, anna, matched, wait, pin}, // each opens once
		}},
		{"too late", pairs(cardAndPIN), []step{
			{0, card, anna, matched, wait, pin},
			{20*time.Second + 1, pin, anna, matched, wait, card},
		}},
		{"of two people", pairs(cardAndPIN), []step{
			{0, card, anna, matched, wait, pin},
			{0, pin, bert, matched, wait, card},
			{0, pin, anna, matched, open, nil},
			{0, card, bert, matched, open, nil},
		}},
		{"of nobody", pairs(cardAndPIN), []step{
			{0, card, nobody, matched, refuse, noWay},
			{0, pin, nobody, matched, refuse, noWay},
		}},
		{"the first is shown twice", pairs(cardAndPIN), []step{
			{0, card, anna, matched, wait, pin},
			{15 * time.Second, card, anna, matched, wait, pin},
			{15 * time.Second, pin, anna, matched, open, nil},
			{0, pin, anna, matched, wait, card},
		}},
		{"a card does not take back what counts against its PIN", pairs(cardAndPIN), []step{
			{0, card, anna, matched, wait, pin},
			{0, pin, anna, near, refuse, unproven},
			{0, card, anna, matched, wait, pin},
			{0, pin, anna, near, refuse, unproven},
			{0, card, anna, matched, refuse, noWay}, // whose other half is closed
			{0, pin, anna, matched, refuse, closed},
			{30 * time.Second, card, anna, matched, wait, pin},
			{0, pin, anna, matched, open, nil},
		}},
		{"the half that waits is closed meanwhile", pairs(cardAndPIN), []step{
			{0, pin, anna, matched, wait, card},
			{0, pin, anna, near, refuse, unproven},
			{0, pin, anna, near, refuse, unproven},
			{0, card, anna, matched, refuse, noWay},
		}},
		{"a means that closes leaves another way", pairs(passAndFace, admit.Together(pass, pin, time.Minute)), []step{
			{0, pass, anna, matched, wait, face},
			{0, face, anna, near, refuse, unproven},
			{0, face, anna, near, refuse, unproven},
			{0, pass, anna, matched, wait, pin},
			{0, pin, anna, matched, open, nil},
		}},
		{"a face that is alike, where nothing else is known of", alone(face), []step{
			{0, face, anna, alike, refuse, unproven},
			{0, face, anna, matched, open, nil},
		}},
		{"a face that is alike never opens alone", withAlike(alone(face, card)), []step{
			{0, face, anna, alike, refuse, unproven},
			{0, face, anna, alike, refuse, unproven},
			{0, card, anna, matched, open, nil},
			{0, face, anna, alike, refuse, unproven}, // a card that has opened is no half
			{0, face, anna, matched, open, nil},
		}},
		{"a face that is alike and a card, in either order", withAlike(faceAndCard), []step{
			{0, face, anna, alike, refuse, unproven},
			{20 * time.Second, card, anna, matched, open, nil},
			{time.Second, card, anna, matched, wait, face},
			{20 * time.Second, face, anna, alike, open, nil},
			{0, face, anna, alike, refuse, unproven}, // each opens once
		}},
		{"a face that is alike and the card of another", withAlike(faceAndCard), []step{
			{0, face, anna, alike, refuse, unproven},
			{0, card, bert, matched, wait, face},
			{0, card, anna, matched, open, nil},
			{0, face, bert, alike, open, nil},
		}},
		{"a face that is alike, too early", withAlike(faceAndCard), []step{
			{0, face, anna, alike, refuse, unproven},
			{20*time.Second + 1, card, anna, matched, wait, face},
			{20*time.Second + 1, face, anna, alike, refuse, unproven},
		}},
		{"a face that is alike, of nobody", withAlike(faceAndCard), []step{{0, face, nobody, alike, refuse, unproven}}},
		{"a face that is alike counts for nothing where a site wants it so", faceAndCard, []step{
			{0, face, anna, alike, refuse, unproven},
			{0, card, anna, matched, wait, face},
			{0, face, anna, alike, refuse, unproven},
			{0, face, anna, matched, open, nil},
		}},
		{"a face that is alike neither begins nor ends a row", withAlike(faceAndCard), []step{
			{0, face, anna, near, refuse, unproven},
			{0, face, anna, alike, refuse, unproven},
			{0, face, anna, alike, refuse, unproven},
			{0, face, anna, near, refuse, unproven},
			{0, face, anna, matched, refuse, closed},
		}},
		{"a face that is alike, and is closed", withAlike(faceAndCard), []step{
			{0, card, anna, matched, wait, face},
			{0, face, anna, near, refuse, unproven},
			{0, face, anna, near, refuse, unproven},
			{0, face, anna, alike, refuse, unproven},
			{0, card, anna, matched, wait, pin},
		}},
		{"a face that is alike is forgotten as a half when it is closed", withAlike(faceAndCard), []step{
			{0, face, anna, alike, refuse, unproven},
			{0, face, anna, near, refuse, unproven},
			{0, face, anna, near, refuse, unproven},
			{0, card, anna, matched, wait, pin},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { run(t, door(t, tt.rules), tt.steps...) })
	}
}

func TestRulesAreRefused(t *testing.T) {
	second := time.Second
	for _, tt := range []struct {
		name  string
		rules admit.Rules
		err   error
	}{
		{"nothing", admit.Rules{}, nil},
		{"a face, and nothing else is known of", alone(face), nil},
		{"a face, and nothing else there is", admit.Rules{Table: admit.Alone(face), Limits: limits()}, admit.ErrFaceOnly},
		{"a face, or a visitor's pass", alone(face, attempt.Visitor), admit.ErrFaceOnly},
		{"a face, or an order from elsewhere, and a key beside", alone(face, order), nil},
		{"a face, or an order from elsewhere", admit.Rules{Table: admit.Alone(face, order), Limits: limits()}, admit.ErrFaceOnly},
		{"a face, or Home Assistant", admit.Rules{Table: admit.Alone(face, attempt.HomeAssistant), Limits: limits()}, admit.ErrFaceOnly},
		{"a face, or an order and a PIN", and(pairs(admit.Together(order, pin, second)), face), admit.ErrFaceOnly},
		{"three", pairs(admit.Rule{By: []attempt.Means{card, pin, pass}, Within: second}), admit.ErrRules},
		{"none", pairs(admit.Rule{}), admit.ErrRules},
		{"a visitor's pass and a PIN", pairs(admit.Together(attempt.Visitor, pin, second)), admit.ErrRules},
		{"a face of who gives none", pairs(admit.Rule{By: []attempt.Means{face}, Faceless: true}), admit.ErrRules},
		{"a plan that is not there", pairs(admit.Rule{By: []attempt.Means{card}, When: "office"}), admit.ErrRules},
		{"a face, or a card", alone(face, card), nil},
		{"a pass and a face, or a pass and a PIN", pairs(admit.Together(pass, face, second), admit.Together(pin, pass, second)), nil},
		{"a pass and a face", pairs(admit.Together(pass, face, second)), admit.ErrFaceOnly},
		{"a face, or a pass and a face", and(pairs(admit.Together(face, pass, second)), face), admit.ErrFaceOnly},
		{"no limits", admit.Rules{Table: admit.Alone(card)}, admit.ErrLimits},
		{"a flood that nothing ends", admit.Rules{Table: admit.Alone(card), Limits: map[attempt.Means]admit.Limits{
			card: {DelayAfter: 1, Delay: second, DisableAfter: 1, Flood: 1},
		}}, admit.ErrLimits},
		{"a face that may be alike, or a card", withAlike(alone(face, card)), nil},
		{"a face that may be alike, and nothing else", withAlike(alone(face)), admit.ErrAlike},
		{"a face that may be alike, or a pass and a face", withAlike(and(pairs(admit.Together(face, pass, second)), face)), admit.ErrFaceOnly},
		{"twice the same", pairs(admit.Together(card, card, second)), admit.ErrRules},
		{"within no time", pairs(admit.Together(card, pin, 0)), admit.ErrRules},
		{"no such means", alone(99), admit.ErrRules},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := admit.New(tt.rules, nil, false)
			if !errors.Is(err, tt.err) || (a == nil) != (tt.err != nil) {
				t.Errorf("New: %v", err)
			}
			if hinted := errors.Is(err, admit.ErrFaceOnly) || errors.Is(err, admit.ErrAlike); hinted && hint.Of(err) == "" {
				t.Error("there is no hint")
			}
		})
	}
}

// TestFaceIsNeverTheOnlyWay tries all rules of up to three ways: those that name more than the face, and are taken, open the
// door to somebody whose face opens nothing.
func TestFaceIsNeverTheOnlyWay(t *testing.T) {
	var ways []admit.Rules
	for _, m := range attempt.All() {
		ways = append(ways, alone(m))
		for _, other := range attempt.All() {
			if other > m && m != attempt.Visitor && other != attempt.Visitor {
				ways = append(ways, pairs(admit.Together(m, other, time.Minute)))
			}
		}
	}
	taken, refused := 0, 0
	for i, one := range ways {
		for j, two := range ways[i:] {
			for _, three := range ways[i+j:] {
				for _, alike := range []bool{false, true} {
					r := admit.Rules{Table: slices.Concat(one.Table, two.Table, three.Table), Limits: limits(), Alike: alike, Beside: true}
					a, err := admit.New(r, nil, false)
					if err != nil {
						refused++
						continue
					}
					taken++
					opensNeverAlike(t, r)
					if (names(r, true) && names(r, false)) && !opensWithoutFace(a) {
						t.Fatalf("%+v is taken", r)
					}
				}
			}
		}
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d rules are taken, %d refused", taken, refused)
	}
}

// names reports whether a rule names the face, or something else.
func names(r admit.Rules, isFace bool) bool {
	return slices.ContainsFunc(r.Table, func(rule admit.Rule) bool {
		elsewhere := len(rule.By) == 1 && rule.By[0].Afar() // which is given by somebody else
		return !elsewhere && slices.ContainsFunc(rule.By, func(m attempt.Means) bool { return (m == face) == isFace })
	})
}

// opensNeverAlike checks that a face which is alike opens nothing by these rules alone, and with one other means where they have
// the two as a pair and let it count, and only there.
func opensNeverAlike(t *testing.T, r admit.Rules) {
	t.Helper()
	for _, m := range attempt.All()[1:] {
		a := door(t, r)
		ask := func(m attempt.Means, f attempt.Finding) admit.Answer {
			return a.Weigh(attempt.Attempt{Means: m, Asked: start, Person: anna, Finding: f}, true).Answer
		}
		for range 2 {
			if ask(face, alike) == open {
				t.Fatalf("%+v open for a face that is alike", r)
			}
		}
		both := slices.ContainsFunc(r.Table, func(rule admit.Rule) bool { return slices.Equal(rule.By, []attempt.Means{face, m}) })
		single := slices.ContainsFunc(r.Table, func(rule admit.Rule) bool { return slices.Equal(rule.By, []attempt.Means{m}) })
		if got := ask(m, matched) == open; got != (single || both && r.Alike) {
			t.Fatalf("%+v open for a face that is alike and a %v: %v", r, m, got)
		}
		if ask(face, alike) == open {
			t.Fatalf("%+v open for a face that is alike, after a %v", r, m)
		}
		a = door(t, r)
		first := ask(m, matched) == open
		if got := ask(face, alike) == open; first != single || got != (both && r.Alike && !single) {
			t.Fatalf("%+v open for a %v: %v, and for a face that is alike after it: %v", r, m, first, got)
		}
	}
}

// opensWithoutFace closes the face for Anna and has her try all that a member of the house may have.
func opensWithoutFace(a *admit.Admitter) bool {
	for range strict.DisableAfter {
		a.Weigh(attempt.Attempt{Means: face, Asked: start.Add(-time.Hour), Person: anna, Finding: near}, true)
	}
	for range 2 {
		for _, m := range []attempt.Means{pass, card, pin, attempt.SecureCard} {
			if a.Weigh(attempt.Attempt{Means: m, Asked: start, Person: anna, Finding: matched}, true).Answer == open {
				return true
			}
		}
	}
	return false
}

// TestEverySequence holds each sequence of seven attempts by two means against a count of failures that is made by hand.
func TestEverySequence(t *testing.T) {
	type letter struct {
		means   attempt.Means
		finding attempt.Finding
		pause   time.Duration
	}
	alphabet := []letter{{face, near, 0}, {face, matched, 0}, {card, near, 0}, {card, matched, 0}, {card, near, strict.Delay}}
	const length = 7
	n := 1
	for range length {
		n *= len(alphabet)
	}
	for word := range n {
		a, now := door(t, alone(face, card)), start
		row, until := map[attempt.Means]uint32{}, map[attempt.Means]time.Time{}
		for i, rest := 0, word; i < length; i, rest = i+1, rest/len(alphabet) {
			l := alphabet[rest%len(alphabet)]
			now = now.Add(l.pause)
			v := a.Weigh(attempt.Attempt{Means: l.means, Asked: now, Person: anna, Finding: l.finding}, true)
			shut := row[l.means] >= strict.DisableAfter || now.Before(until[l.means])
			if want := !shut && l.finding == matched; (v.Answer == open) != want {
				t.Fatalf("word %d, attempt %d: %+v, shut %v", word, i, v, shut)
			}
			switch {
			case shut:
			case l.finding == matched:
				row[l.means] = 0
			default:
				if row[l.means]++; row[l.means] >= strict.DelayAfter {
					until[l.means] = now.Add(strict.Delay)
				}
			}
		}
	}
}

// draw draws a number of attempts, in the order of their times.
func draw(t *rapid.T) (all []attempt.Attempt) {
	now := start
	for range rapid.IntRange(1, 80).Draw(t, "attempts") {
		now = now.Add(time.Duration(rapid.IntRange(0, 12).Draw(t, "pause")) * time.Second)
		all = append(all, attempt.Attempt{
			Means: rapid.SampledFrom(attempt.All()).Draw(t, "means"), Asked: now,
			Person:  rapid.SampledFrom([]template.PersonID{nobody, anna, bert}).Draw(t, "person"),
			Finding: rapid.SampledFrom([]attempt.Finding{matched, matched, near, near, attack, attempt.Unknown}).Draw(t, "finding"),
		})
		if last := &all[len(all)-1]; last.Means == face && rapid.Bool().Draw(t, "alike") {
			last.Finding = alike
		}
	}
	return all
}

// TestMeansAreApart checks that nothing which is tried with one means changes what another comes to.
func TestMeansAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := draw(t)
		together := door(t, withAlike(alone(attempt.All()...)))
		apart := map[attempt.Means]*admit.Admitter{}
		for _, m := range attempt.All() {
			apart[m] = door(t, alone(m))
		}
		for i, x := range all {
			v, w := together.Weigh(x, true), apart[x.Means].Weigh(x, true)
			if v.Answer != w.Answer || v.Reason != w.Reason || !slices.Equal(v.Counts, w.Counts) {
				t.Fatalf("attempt %d, %+v, comes to %+v, and alone to %+v", i, x, v, w)
			}
		}
	})
}

// TestPeopleAreApart checks that nothing which is tried against one person changes what another comes to.
func TestPeopleAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := withAlike(pairs(admit.Together(card, pin, 20*time.Second), admit.Together(pass, face, 10*time.Second)))
		rules = and(rules, order, face)
		together, apart := door(t, rules), map[template.PersonID]*admit.Admitter{}
		for _, p := range []template.PersonID{anna, bert} {
			apart[p] = door(t, rules)
		}
		for i, x := range draw(t) {
			if x.Person == nobody || x.Finding == attack {
				continue // which may concern all
			}
			if v, w := together.Weigh(x, true), apart[x.Person].Weigh(x, true); v.Answer != w.Answer || v.Reason != w.Reason || v.For != w.For {
				t.Fatalf("attempt %d, %+v, comes to %+v, and alone to %+v", i, x, v, w)
			}
		}
	})
}

// TestOpens checks what the door opens for, whatever came before: for a match of a means that is not closed and opens alone, or for
// the second of a pair that has no other door opened. A face that is alike is such a second, or first, and nothing else.
func TestOpens(t *testing.T) {
	list := []admit.Rule{admit.Together(card, pin, 20*time.Second), admit.Together(pass, face, 20*time.Second)}
	others := map[attempt.Means]attempt.Means{card: pin, pin: card, pass: face, face: pass}
	rapid.Check(t, func(t *rapid.T) {
		rules := withAlike(pairs(list...))
		rules = and(rules, face)
		a := door(t, rules)
		good := map[attempt.Means]map[template.PersonID]time.Time{card: {}, pin: {}, pass: {}, face: {}}
		for i, x := range draw(t) {
			v := a.Weigh(x, true)
			if v.Answer != open {
				if x.Finding == matched && v.Answer == wait || x.Finding == alike {
					good[x.Means][x.Person] = x.Asked
				}
				continue
			}
			other := others[x.Means]
			switch {
			case x.Finding != matched && x.Finding != alike:
				t.Fatalf("attempt %d opens: %+v", i, x)
			case x.Means == face && x.Finding == matched:
			case other == 0:
				t.Fatalf("attempt %d opens alone: %+v", i, x)
			default:
				if at, ok := good[other][x.Person]; !ok || x.Person == nobody || x.Asked.Sub(at) > list[0].Within {
					t.Fatalf("attempt %d opens without the other: %+v", i, x)
				}
				delete(good[other], x.Person)
			}
		}
	})
}

// TestAlikeIsUnknown checks that a face which is alike, and does not open the door, is answered as a face that nobody knows, to
// the last field, and leaves no count. Where it counts for nothing, what comes after is the same as well.
func TestAlikeIsUnknown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := pairs(admit.Together(card, pin, 20*time.Second), admit.Together(face, card, 20*time.Second))
		rules = and(rules, order, face)
		half, nothing, unknown := door(t, withAlike(rules)), door(t, rules), door(t, rules)
		for i, x := range draw(t) {
			y := x
			if x.Finding == alike {
				y.Finding = attempt.Unknown
			}
			v, w, stranger := half.Weigh(x, true), nothing.Weigh(x, true), unknown.Weigh(y, true)
			if !reflect.DeepEqual(w, stranger) {
				t.Fatalf("attempt %d, %+v, comes to %+v, and without a face that is alike to %+v", i, x, w, stranger)
			}
			if x.Finding == alike && v.Answer != open && !reflect.DeepEqual(v, stranger) {
				t.Fatalf("attempt %d, %+v, comes to %+v, and an unknown face to %+v", i, x, v, stranger)
			}
			if !reflect.DeepEqual(half.Closures(x.Asked), unknown.Closures(x.Asked)) {
				t.Fatalf("attempt %d, %+v, has changed what is closed", i, x)
			}
		}
	})
}

// TestRestart checks that counts which were kept go on as they were, and that a power cut makes none smaller.
func TestRestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := draw(t)
		cut := rapid.IntRange(0, len(all)).Draw(t, "restart")
		rules := alone(attempt.All()...)
		for m, l := range rules.Limits {
			l.Flood = 0 // which ends with the process
			rules.Limits[m] = l
		}
		before := door(t, rules)
		for _, x := range all[:cut] {
			before.Weigh(x, true)
		}
		after, err := admit.New(rules, before.Counts(), false)
		if err != nil {
			t.Fatal(err)
		}
		behind, err := admit.New(rules, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range all[cut:] {
			v, w, lost := before.Weigh(x, true), after.Weigh(x, true), behind.Weigh(x, true)
			if v.Answer != w.Answer || v.Reason != w.Reason {
				t.Fatalf("attempt %d, %+v, comes to %+v, and after a restart to %+v", i, x, v, w)
			}
			if i == 0 && x.Finding == near && x.Person != nobody && !lost.Closed {
				t.Fatalf("after a power cut the first failure comes to %+v", lost)
			}
		}
	})
}

func TestBehind(t *testing.T) {
	a, err := admit.New(alone(card), []attempt.Count{{Means: card, Person: bert, Disabled: true}}, true)
	if err != nil {
		t.Fatal(err)
	}
	run(t, a,
		step{0, card, anna, near, refuse, unproven},
		step{0, card, anna, matched, refuse, closed},
		step{30 * time.Second, card, anna, matched, open, nil},
		step{0, card, anna, near, refuse, unproven},
		step{0, card, anna, matched, open, nil}, // the row has ended with the success before
		step{0, card, bert, matched, refuse, closed},
	)
	a.Reset()
	run(t, a, step{0, card, bert, near, refuse, unproven}, step{0, card, bert, matched, open, nil})
}

func TestCounts(t *testing.T) {
	a := door(t, alone(card, pin))
	fail := func(m attempt.Means, p template.PersonID) admit.Verdict {
		return a.Weigh(attempt.Attempt{Means: m, Asked: start, Person: p, Finding: near}, true)
	}
	if v := fail(card, anna); v.Closed || len(v.Counts) != 1 || v.Counts[0] != (attempt.Count{Means: card, Person: anna, Failures: 1}) {
		t.Errorf("one failure: %+v", v)
	}
	if v := fail(card, anna); !v.Closed || len(v.Counts) != 1 || !v.Counts[0].Until.Equal(start.Add(strict.Delay)) {
		t.Errorf("two failures: %+v", v)
	}
	for range 3 {
		fail(pin, nobody)
	}
	want := []admit.Closure{{Means: card, Slowed: 1}, {Means: pin, Until: start.Add(30 * time.Second)}}
	if got := a.Closures(start); !slices.Equal(got, want) {
		t.Errorf("closures are %+v", got)
	}
	if n := len(a.Counts()); n != 1 {
		t.Errorf("%d counts", n)
	}
	if a.Forget(anna); len(a.Counts()) != 0 || len(a.Closures(start)) != 1 {
		t.Errorf("of who is forgotten there is %+v", a.Counts())
	}
}

// TestForgetsHalves checks that nothing stays of who has shown half a key, and has gone.
func TestForgetsHalves(t *testing.T) {
	a := door(t, pairs(admit.Together(card, pin, 20*time.Second)))
	for i := range 1000 {
		a.Weigh(attempt.Attempt{Means: card, Asked: start.Add(time.Duration(i) * time.Second), Person: template.PersonID{byte(i), byte(i >> 8), 1}, Finding: matched}, true)
	}
	if n := a.Halves(); n > 21 {
		t.Errorf("%d halves wait", n)
	}
	a.Forget(template.PersonID{byte(999 & 0xff), 999 >> 8, 1})
	if n := a.Halves(); n > 20 {
		t.Errorf("after one was forgotten %d halves wait", n)
	}
}
