package entry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/entry"
	"facegate/configs/week"
	"facegate/pipeline/admit"
	"facegate/pipeline/again"
	"facegate/pipeline/attempt"
	"facegate/pipeline/schedule"
	"facegate/pipeline/template"
)

// TestGroupsAndPlans checks that a rule of a group is for a face of that group, and that a rule with a plan waits for a clock that is
// known to be right.
func TestGroupsAndPlans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dated := false
		b := startWith(t, func(r *admit.Rules, p *entry.Parts) {
			always := []week.Window{{Days: 0xff, From: 0, To: week.Day, Door: week.Open}}
			r.Plans = map[string]*schedule.Schedule{"always": schedule.New(always, nil, time.UTC)}
			r.Table = []admit.Rule{
				{By: []attempt.Means{attempt.Face}, Groups: []string{"staff"}},
				{By: []attempt.Means{attempt.PIN}, Groups: []string{"staff"}},
				{By: []attempt.Means{attempt.Card}, When: "always"},
			}
			p.Dated = func() bool { return dated }
			p.Groups = func(who template.PersonID) []string {
				if who == anna {
					return []string{"staff"}
				}
				return nil
			}
		})
		if o := b.Ask(try(attempt.Face, anna, attempt.Matched)); o.Opened.IsZero() {
			t.Errorf("a face of the group: %+v", o)
		}
		if o := b.Ask(try(attempt.Face, bert, attempt.Matched)); o.Reason != attempt.NoWay {
			t.Errorf("a face of nobody in it: %+v", o)
		}
		if o := b.Ask(try(attempt.Card, bert, attempt.Matched)); o.Reason != attempt.NoWay {
			t.Errorf("a card while nobody knows what time it is: %+v", o)
		}
		dated = true
		if o := b.Ask(try(attempt.Card, bert, attempt.Matched)); o.Opened.IsZero() {
			t.Errorf("a card at its time: %+v", o)
		}
	})
}

// TestAgain checks that whoever was let in is refused for a while, that nothing is used up by that, that it counts as no failure, and that
// it concerns nobody else.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startWith(t, func(_ *admit.Rules, p *entry.Parts) { p.Again = again.New([32]byte{1}, time.Minute, 0) })
		if o := b.Ask(try(attempt.Card, anna, attempt.Matched)); o.Opened.IsZero() {
			t.Fatalf("%+v", o)
		}
		for _, m := range []attempt.Means{attempt.Card, attempt.Face, attempt.Pass} {
			once := try(m, anna, attempt.Matched)
			once.Credential = attempt.Credential{1}
			if o := b.Ask(once); o.Reason != attempt.Again || !o.Opened.IsZero() || o.Err != nil {
				t.Errorf("%v again: %+v", m, o)
			}
		}
		if b.door.times() != 1 || len(b.disk.facts) != 1 || len(b.disk.waiting) != 0 || len(b.Closures(time.Now())) != 0 {
			t.Errorf("the door was opened %d times, %d facts are remembered, %d wait", b.door.times(), len(b.disk.facts), len(b.disk.waiting))
		}
		if o := b.Ask(try(attempt.Card, bert, attempt.Matched)); o.Opened.IsZero() {
			t.Errorf("somebody else: %+v", o)
		}
		time.Sleep(time.Minute)
		if o := b.Ask(try(attempt.Card, anna, attempt.Matched)); o.Opened.IsZero() {
			t.Errorf("later: %+v", o)
		}
	})
}

// TestForced checks that whoever is forced to ask is answered like anybody else, and that it is handed over even if the door stays
// locked.
func TestForced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		forced := func(m attempt.Means) attempt.Attempt {
			a := try(m, anna, attempt.Matched)
			a.Duress = true
			return a
		}
		free, o := b.Ask(try(attempt.Order, bert, attempt.Matched)), b.Ask(forced(attempt.Order))
		if o != free || o.Wait != attempt.PIN {
			t.Errorf("forced: %+v, otherwise %+v", o, free)
		}
		if n := len(b.disk.facts); n != 1 || !b.disk.facts[0].Attempt.Duress || !b.disk.facts[0].Opened.IsZero() {
			t.Errorf("%d facts: %+v", n, b.disk.facts)
		}
		if o := b.Ask(forced(attempt.Card)); o.Opened.IsZero() || len(b.disk.facts) != 2 {
			t.Errorf("%+v, %d facts", o, len(b.disk.facts))
		}
	})
}
