package entry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/entry"
	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

// withPIN has a PIN alone open the door.
func withPIN(r *admit.Rules, _ *entry.Parts) { r.Table = admit.Alone(attempt.Face, attempt.PIN) }

// A guess is a PIN that is typed, and what it comes to once somebody looks. Its slow hash takes a time.
type guess struct {
	person  template.PersonID
	finding attempt.Finding
	hash    time.Duration
	duress  bool
}

// types has a PIN typed just now, and returns what it came to, and after how long.
func (b *bench) types(g guess) (o attempt.Outcome, took time.Duration) {
	a := try(attempt.PIN, g.person, attempt.Unknown)
	o = b.Try(a, func(counted func() error) (attempt.Finding, bool) {
		time.Sleep(g.hash)
		if counted() != nil {
			return attempt.Matched, g.duress // which counts for nothing
		}
		b.compared.Add(1)
		return g.finding, g.duress
	})
	return o, time.Since(a.Asked)
}

// looks checks how often a PIN was compared.
func (b *bench) looks(t *testing.T, when string, want int32) {
	t.Helper()
	if n := b.compared.Load(); n != want {
		t.Errorf("%s: %d were compared, want %d", when, n, want)
	}
}

// TestRefusalsTakeTheSameTime checks that nobody learns from how long it takes whether a number is somebody's, whether its PIN opens
// nothing any more, nor whether the disk was slow; and that a PIN that is right is told at once.
func TestRefusalsTakeTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startWith(t, withPIN)
		b.disk.takes(300*time.Millisecond, nil)
		asks := func(what string, g guess, want time.Duration) attempt.Outcome {
			t.Helper()
			o, took := b.types(g)
			if took != want {
				t.Errorf("%s is told after %v, want %v", what, took, want)
			}
			return o
		}
		const told = 2 * time.Second
		asks("a number of nobody", guess{finding: attempt.NearMiss}, told)
		asks("a wrong PIN", guess{person: anna, finding: attempt.NearMiss}, told)
		asks("a wrong PIN on a slow board", guess{person: anna, finding: attempt.NearMiss, hash: time.Second}, told)
		if o := asks("a PIN that is closed", guess{person: anna, finding: attempt.Matched}, told); o.Reason != attempt.Closed {
			t.Errorf("a PIN that is closed: %+v", o)
		}
		asks("a PIN that is over", guess{person: bert, finding: attempt.Ended}, told)
		for hash, want := range map[time.Duration]time.Duration{0: 300 * time.Millisecond, time.Second: time.Second} {
			if o := asks("a right PIN", guess{person: bert, finding: attempt.Matched, hash: hash}, want); o.Opened.IsZero() {
				t.Errorf("a right PIN: %+v", o)
			}
		}
		b.disk.takes(5*time.Second, nil)
		asks("a wrong PIN while the disk does not answer", guess{person: bert, finding: attempt.NearMiss}, told)
		before := time.Now()
		if o := b.Ask(try(attempt.Card, template.PersonID{}, attempt.Unknown)); o.Reason != attempt.Unproven || time.Since(before) != 0 {
			t.Errorf("a card of another house: %+v after %v", o, time.Since(before))
		}
	})
}

// TestNothingIsComparedBeforeItCounts checks that a PIN is on disk as a failure before anybody looks whether it is one, and that
// nobody looks where that cannot be written down, which then is no failure.
func TestNothingIsComparedBeforeItCounts(t *testing.T) {
	for _, tt := range []struct {
		name     string
		after    time.Duration // that the disk answers
		disk     error
		hash     time.Duration
		compared int32
		reason   attempt.Reason
	}{
		{"at once", 0, nil, 0, 1, attempt.None},
		{"in time", 900 * time.Millisecond, nil, 0, 1, attempt.None},
		{"in time for a slow hash", 0, nil, 3 * time.Second, 1, attempt.None},
		{"too late", 1100 * time.Millisecond, nil, 0, 0, attempt.Record},
		{"with an error", 10 * time.Millisecond, errors.New("no room"), 0, 0, attempt.Record},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startWith(t, withPIN)
				b.disk.takes(tt.after, tt.disk)
				for range 5 { // more than close the means
					o, _ := b.types(guess{person: anna, finding: attempt.Matched, hash: tt.hash})
					if o.Reason != tt.reason || o.Opened.IsZero() == (tt.compared > 0) {
						t.Fatalf("%+v", o)
					}
					if tt.compared == 0 && (!errors.Is(o.Err, entry.ErrRecord) || hint.Of(o.Err) == "") {
						t.Errorf("the error is %v, with the hint %q", o.Err, hint.Of(o.Err))
					}
					time.Sleep(5 * time.Second)
				}
				b.looks(t, "in all", 5*tt.compared)
				b.disk.takes(0, nil)
				if o, _ := b.types(guess{person: anna, finding: attempt.NearMiss}); o.Reason != attempt.Unproven {
					t.Errorf("a wrong one after it: %+v", o)
				}
				if n := len(b.disk.facts); b.disk.facts[n-1].Counts[0].Failures != 1 {
					t.Errorf("it was counted as %+v", b.disk.facts[n-1].Counts)
				}
			})
		})
	}
}

// TestRightPINTakesBack checks that a right PIN opens the door with the try that would have closed it, and that what it takes back is
// handed over.
func TestRightPINTakesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startWith(t, withPIN)
		b.disk.takes(time.Millisecond, nil)
		for range 3 {
			b.types(guess{person: anna, finding: attempt.NearMiss})
			if o, _ := b.types(guess{person: anna, finding: attempt.Matched}); o.Opened.IsZero() || b.Closed(attempt.PIN, anna, time.Now()) {
				t.Fatalf("a right PIN after a wrong one: %+v", o)
			}
			last := b.disk.facts[len(b.disk.facts)-2:]
			first, then := last[0].Counts, last[1].Counts
			if len(first) != 1 || first[0].Failures != 2 || first[0].Until.IsZero() || !last[0].Attempt.Counted || last[0].Closed {
				t.Errorf("before anybody looked it counted as %+v", last[0])
			}
			if len(then) != 1 || then[0].Failures != 0 || !then[0].Until.IsZero() || !last[1].Attempt.Counted || last[1].Opened.IsZero() {
				t.Errorf("afterwards it counts as %+v", last[1])
			}
		}
		if o, _ := b.types(guess{person: anna, finding: attempt.Ended}); o.Reason != attempt.Expired {
			t.Errorf("a PIN that is over: %+v", o)
		}
		if f := b.disk.facts[len(b.disk.facts)-1]; len(f.Counts) != 1 || f.Counts[0].Failures != 0 {
			t.Errorf("a PIN that is over counts as %+v", f)
		}
	})
}

// TestClosingIsOnDiskBeforeItIsTold checks that a wrong PIN which closes the means waits a second time: the audit log is to have that.
func TestClosingIsOnDiskBeforeItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startWith(t, withPIN)
		b.disk.takes(time.Millisecond, nil)
		var closed []bool
		for range 4 {
			b.types(guess{person: anna, finding: attempt.NearMiss})
			time.Sleep(time.Minute)
		}
		for _, f := range b.disk.facts {
			closed = append(closed, f.Closed)
		}
		if want := []bool{false, false, true, false, true, false, true}; len(closed) != len(want) || closed[2] != want[2] || closed[6] != want[6] {
			t.Errorf("what was written down had closed the means: %v, want %v", closed, want)
		}
		if o, _ := b.types(guess{person: anna, finding: attempt.Matched}); o.Reason != attempt.Closed {
			t.Errorf("after four: %+v", o)
		}
		b.looks(t, "in all", 4)
	})
}

// TestOneIsTriedAfterTheOther has several people type at several keypads at once: no try is refused for the count of another that is
// about to be taken back.
func TestOneIsTriedAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startWith(t, withPIN)
		b.disk.takes(100*time.Millisecond, nil)
		answers := make(chan attempt.Outcome)
		for _, p := range []template.PersonID{anna, anna, bert, anna, bert} {
			go func() {
				o, _ := b.types(guess{person: p, finding: attempt.Matched, hash: 200 * time.Millisecond})
				answers <- o
			}()
		}
		for range 5 {
			if o := <-answers; o.Opened.IsZero() {
				t.Errorf("%+v", o)
			}
		}
	})
}

// TestLatePINIsNoFailure has the hash take so long that the door stays locked to a PIN that is right.
func TestLatePINIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startWith(t, withPIN)
		b.disk.takes(0, nil)
		for range 5 {
			if o, _ := b.types(guess{person: anna, finding: attempt.Matched, hash: 6 * time.Second}); o.Reason != attempt.Late {
				t.Errorf("%+v", o)
			}
		}
		if b.Closed(attempt.PIN, anna, time.Now()) {
			t.Error("the PIN is closed")
		}
	})
}

// TestForcedIsNeverForgotten checks that the alarm of whoever is forced is handed over where their PIN opens nothing: it is closed, is
// over, or nothing can be written down.
func TestForcedIsNeverForgotten(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(b *bench)
		finding attempt.Finding
		reason  attempt.Reason
	}{
		"closed": {func(b *bench) {
			for range 2 {
				b.types(guess{person: anna, finding: attempt.NearMiss})
			}
		}, attempt.Matched, attempt.Closed},
		"over":                      {func(*bench) {}, attempt.Ended, attempt.Expired},
		"the disk does not answer":  {func(b *bench) { b.disk.takes(time.Hour, nil) }, attempt.Matched, attempt.Record},
		"no more can be remembered": {func(b *bench) { b.disk.set(true) }, attempt.Matched, attempt.Record},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startWith(t, withPIN)
				b.disk.takes(0, nil)
				tt.prepare(b)
				var outcomes []attempt.Outcome
				for _, duress := range []bool{false, true} {
					o, took := b.types(guess{person: anna, finding: tt.finding, duress: duress})
					if o.Err = nil; took != 2*time.Second {
						t.Errorf("told after %v", took)
					}
					outcomes = append(outcomes, o)
				}
				if outcomes[0] != outcomes[1] || outcomes[0].Reason != tt.reason || b.door.times() != 0 {
					t.Errorf("told %+v", outcomes)
				}
				alarms := 0
				for _, f := range b.disk.facts {
					if f.Attempt.Duress && f.Opened.IsZero() {
						alarms++
					}
				}
				if alarms != 1 {
					t.Errorf("%d alarms are handed over", alarms)
				}
			})
		})
	}
}

// TestStopWhileTrying checks that whoever types is answered when the entry ends, whatever is waited for.
func TestStopWhileTrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{door: new(lock), disk: new(disk)}
		rules := admit.Rules{Table: admit.Alone(attempt.PIN), Limits: map[attempt.Means]admit.Limits{attempt.PIN: {DelayAfter: 1, DisableAfter: 2}}}
		a, err := admit.New(rules, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		b.Entry = entry.New(entry.Parts{Door: b.door, Admit: a, Record: b.disk, MaxAge: maxAge, Now: time.Now})
		answers := make(chan attempt.Outcome, 2)
		for range 2 { // one is tried, and one waits
			go func() {
				o, _ := b.types(guess{person: anna, finding: attempt.Matched})
				answers <- o
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
		for range 2 {
			if o := <-answers; o.Reason != attempt.Fault || !errors.Is(o.Err, gpio.ErrStopped) {
				t.Errorf("%+v", o)
			}
		}
		b.looks(t, "in all", 0)
	})
}
