package again_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"facegate/pipeline/again"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

var (
	start = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	anna  = template.PersonID{'a', 'n', 'n', 'a', 1, 2, 3, 4}
	bert  = template.PersonID{'b'}
)

func by(m attempt.Means, p template.PersonID, c byte) attempt.Attempt {
	a := attempt.Attempt{Means: m, Person: p, Finding: attempt.Matched}
	if c > 0 {
		a.Credential = attempt.Credential{c}
	}
	return a
}

// TestAgain checks who is remembered, by what, and for how long.
func TestAgain(t *testing.T) {
	const person, shown = time.Minute, 10 * time.Second
	for _, tt := range []struct {
		name          string
		person, shown time.Duration
		first, then   attempt.Attempt
		after         time.Duration
		was           bool
	}{
		{"nothing is asked for", 0, 0, by(attempt.Card, anna, 1), by(attempt.Card, anna, 1), 0, false},
		{"the person", person, 0, by(attempt.Card, anna, 1), by(attempt.Card, anna, 1), person - 1, true},
		{"the person, later", person, 0, by(attempt.Card, anna, 1), by(attempt.Card, anna, 1), person, false},
		{"the person, by something else", person, 0, by(attempt.Card, anna, 1), by(attempt.PIN, anna, 0), person - 1, true},
		{"another person", person, 0, by(attempt.Card, anna, 1), by(attempt.Card, bert, 2), 0, false},
		{"what was shown", 0, shown, by(attempt.Card, anna, 1), by(attempt.Card, anna, 1), shown - 1, true},
		{"what was shown, later", 0, shown, by(attempt.Card, anna, 1), by(attempt.Card, anna, 1), shown, false},
		{"something else of the person", 0, shown, by(attempt.Card, anna, 1), by(attempt.PIN, anna, 0), 0, false},
		{"a visitor's pass", person, 0, by(attempt.Visitor, template.PersonID{}, 1), by(attempt.Visitor, template.PersonID{}, 1), 0, true},
		{"a visitor's pass, shown on", 0, shown, by(attempt.Visitor, template.PersonID{}, 1), by(attempt.Visitor, template.PersonID{}, 1), 0, true},
		{"another visitor's pass", person, shown, by(attempt.Visitor, template.PersonID{}, 1), by(attempt.Visitor, template.PersonID{}, 2), 0, false},
		{"an order, which names nobody", person, shown, by(attempt.Order, template.PersonID{}, 0), by(attempt.Order, template.PersonID{}, 0), 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := again.New([32]byte{9}, tt.person, tt.shown)
			if m.Was(tt.first, start) {
				t.Error("who was never let in is remembered")
			}
			m.Let(tt.first, start)
			if got := m.Was(tt.then, start.Add(tt.after)); got != tt.was {
				t.Errorf("was let in: %v, want %v", got, tt.was)
			}
		})
	}
}

// TestNobodyIsNamed looks for whoever was let in in all that is remembered, and checks that what has lapsed is gone.
func TestNobodyIsNamed(t *testing.T) {
	m := again.New([32]byte{9}, time.Minute, time.Second)
	m.Let(by(attempt.Card, anna, 77), start)
	memory := fmt.Sprintf("%#v", m)
	for _, tt := range []struct {
		raw   []byte
		found bool
	}{{anna[:8], false}, {[]byte{77, 0, 0, 0}, false}, {[]byte{9, 0, 0, 0}, true}} { // the key shows that it would be found
		text := strings.Trim(fmt.Sprintf("%#v", tt.raw), "[]byte{}")
		if strings.Contains(memory, text) != tt.found {
			t.Errorf("%s: %v in %s", text, !tt.found, memory)
		}
	}
	if other := again.New([32]byte{8}, time.Minute, time.Second); fmt.Sprintf("%#v", other) == memory {
		t.Error("the marks do not depend on the key")
	}
	for i := range 1000 {
		m.Let(by(attempt.Card, template.PersonID{byte(i), byte(i >> 8), 1}, 1), start.Add(time.Duration(i)*time.Second))
	}
	if n := m.Len(); n > 62 { // a minute of people, and what the last two have shown
		t.Errorf("%d marks are kept", n)
	}
}
