package entry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/entry"
	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	anna = template.PersonID{'a'}
	bert = template.PersonID{'b'}
	once = attempt.Credential{1}
)

// A lock opens, or does not for err.
type lock struct {
	mu     sync.Mutex // guards what follows
	opened int
	err    error
}

func (d *lock) Open(door.Cause) (gpio.Edge, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return gpio.Edge{}, d.err
	}
	d.opened++
	return gpio.Edge{At: time.Now()}, nil
}

func (d *lock) Refusal(door.Cause) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *lock) times() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opened
}

// A disk is a Record. What is to be confirmed waits until answer is called, or as takes says.
type disk struct {
	mu      sync.Mutex // guards what follows
	full    bool
	does    func(done func(error)) // nil where answer is called
	facts   []attempt.Fact
	waiting []func(error)
}

func (d *disk) Full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

func (d *disk) Put(f attempt.Fact) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.facts = append(d.facts, f)
}

func (d *disk) Confirm(f attempt.Fact, done func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.facts = append(d.facts, f)
	if d.does != nil {
		d.does(done)
		return
	}
	d.waiting = append(d.waiting, done)
}

// takes has the disk answer by itself from now on, after a time.
func (d *disk) takes(t time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.does = func(done func(error)) { time.AfterFunc(t, func() { done(err) }) }
}

// answer says of the oldest fact that waits what came of it.
func (d *disk) answer(err error) {
	d.mu.Lock()
	done := d.waiting[0]
	d.waiting = d.waiting[1:]
	d.mu.Unlock()
	done(err)
}

func (d *disk) set(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// A bench is an entry under way, in a bubble of time.
type bench struct {
	*entry.Entry
	door     *lock
	disk     *disk
	compared atomic.Int32 // guesses that somebody has looked at
}

const maxAge = 500 * time.Millisecond

func start(t *testing.T) *bench {
	t.Helper()
	return startWith(t, func(*admit.Rules, *entry.Parts) {})
}

// startWith is start with other rules or parts.
func startWith(t *testing.T, change func(*admit.Rules, *entry.Parts)) *bench {
	t.Helper()
	limits := map[attempt.Means]admit.Limits{}
	for _, m := range attempt.All() {
		limits[m] = admit.Limits{DelayAfter: 2, Delay: 30 * time.Second, DisableAfter: 4}
	}
	rules := admit.Rules{
		Table: append(admit.Alone(attempt.Face, attempt.Card, attempt.Pass),
			admit.Together(attempt.Order, attempt.PIN, 20*time.Second), admit.Together(attempt.Face, attempt.PIN, 20*time.Second)),
		Limits: limits, Alike: true,
	}
	b := &bench{door: new(lock), disk: new(disk)}
	parts := entry.Parts{Door: b.door, Record: b.disk, MaxAge: maxAge, Now: time.Now}
	change(&rules, &parts)
	var err error
	if parts.Admit, err = admit.New(rules, nil, false); err != nil {
		t.Fatal(err)
	}
	b.Entry = entry.New(parts)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	<-b.Ready()
	return b
}

func try(m attempt.Means, p template.PersonID, f attempt.Finding) attempt.Attempt {
	return attempt.Attempt{Means: m, Asked: time.Now(), Person: p, Finding: f, Reader: "test"}
}

// later asks, and returns where the answer comes.
func (b *bench) later(t attempt.Attempt) <-chan attempt.Outcome {
	c := make(chan attempt.Outcome, 1)
	go func() { c <- b.Ask(t) }()
	synctest.Wait()
	return c
}

func TestEveryMeans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		for _, m := range []attempt.Means{attempt.Face, attempt.Card, attempt.Pass} {
			if o := b.Ask(try(m, anna, attempt.Matched)); o.Opened.IsZero() || o.Err != nil {
				t.Errorf("%v: %+v", m, o)
			}
		}
		if o := b.Ask(try(attempt.Order, anna, attempt.Matched)); !o.Opened.IsZero() || o.Wait != attempt.PIN {
			t.Errorf("an order: %+v", o)
		}
		if o := b.Ask(try(attempt.PIN, bert, attempt.Matched)); !o.Opened.IsZero() || o.Wait != attempt.Order {
			t.Errorf("the PIN of another: %+v", o)
		}
		if o := b.Ask(try(attempt.PIN, anna, attempt.Matched)); o.Opened.IsZero() {
			t.Errorf("an order and a PIN: %+v", o)
		}
		if o := b.Ask(try(attempt.Face, template.PersonID{}, attempt.Unknown)); !o.Opened.IsZero() || o.Reason != attempt.Unproven {
			t.Errorf("a stranger: %+v", o)
		}
		if b.door.times() != 4 || len(b.disk.facts) != 4 {
			t.Errorf("the door was opened %d times, and %d facts are remembered", b.door.times(), len(b.disk.facts))
		}
	})
}

// TestClosedMeans checks that too many failures of one means close that one, for that person.
func TestClosedMeans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		for range 2 {
			b.Ask(try(attempt.Face, anna, attempt.NearMiss))
		}
		if o := b.Ask(try(attempt.Face, anna, attempt.Matched)); o.Reason != attempt.Closed || o.Err != nil || b.door.times() != 0 {
			t.Errorf("a face that is closed: %+v", o)
		}
		for _, a := range []attempt.Attempt{try(attempt.Card, anna, attempt.Matched), try(attempt.Face, bert, attempt.Matched)} {
			if o := b.Ask(a); o.Opened.IsZero() {
				t.Errorf("%v of %v: %+v", a.Means, a.Person[0], o)
			}
		}
		want := admit.Closure{Means: attempt.Face, Slowed: 1}
		if c := b.Closures(time.Now()); !slices.Equal(c, []admit.Closure{want}) {
			t.Errorf("closures are %+v", c)
		}
		if n := len(b.disk.facts); n != 4 || !b.disk.facts[1].Closed || b.disk.facts[0].Closed {
			t.Errorf("facts are %+v", b.disk.facts)
		}
		b.ResetLockout()
		if o := b.Ask(try(attempt.Face, anna, attempt.Matched)); o.Opened.IsZero() {
			t.Errorf("after the reset: %+v", o)
		}
	})
}

func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		for range 2 {
			b.Ask(try(attempt.Face, anna, attempt.NearMiss))
		}
		if b.Forget(anna); len(b.Closures(time.Now())) != 0 {
			t.Error("somebody who was erased is remembered")
		}
	})
}

func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		a := try(attempt.Face, anna, attempt.Matched)
		time.Sleep(maxAge)
		if o := b.Ask(a); o.Opened.IsZero() {
			t.Errorf("in time: %+v", o)
		}
		time.Sleep(time.Millisecond)
		if o := b.Ask(a); o.Reason != attempt.Late || !errors.Is(o.Err, entry.ErrLate) || hint.Of(o.Err) == "" {
			t.Errorf("late: %+v", o)
		}
	})
}

// TestAlike checks that a face which is alike opens with a pass of the same person, and is answered as an unknown face in any
// other case: also when it is late, when nothing can be remembered, and of somebody else.
func TestAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		unknown := b.Ask(try(attempt.Face, template.PersonID{}, attempt.Unknown))
		alike := func(what string, a attempt.Attempt) {
			t.Helper()
			if o := b.Ask(a); o != unknown {
				t.Errorf("%s: %+v, and an unknown face %+v", what, o, unknown)
			}
		}
		alike("a face that is alike", try(attempt.Face, anna, attempt.Alike))
		if o := b.Ask(try(attempt.PIN, bert, attempt.Matched)); o.Wait == 0 || b.door.times() != 0 {
			t.Errorf("the PIN of another: %+v", o)
		}
		if o := b.Ask(try(attempt.PIN, anna, attempt.Matched)); o.Opened.IsZero() || o.Err != nil {
			t.Errorf("with the PIN: %+v", o)
		}
		alike("once more", try(attempt.Face, anna, attempt.Alike))
		time.Sleep(time.Hour)

		late := try(attempt.Face, anna, attempt.Alike)
		time.Sleep(maxAge + 1)
		alike("late", late)
		b.disk.set(true)
		alike("while nothing can be remembered", try(attempt.Face, anna, attempt.Alike))
		b.disk.set(false)
		if o := b.Ask(try(attempt.PIN, anna, attempt.Matched)); !o.Opened.IsZero() || o.Wait == 0 {
			t.Errorf("a PIN after what counts for nothing: %+v", o)
		}
		if o := b.Ask(try(attempt.Face, anna, attempt.Alike)); o.Opened.IsZero() {
			t.Errorf("a face after the PIN: %+v", o)
		}
		if n := len(b.disk.facts); n != 2 || b.disk.facts[0].Attempt.Means != attempt.PIN || b.disk.facts[1].Attempt.Means != attempt.Face {
			t.Errorf("facts are %+v", b.disk.facts)
		}
	})
}

// TestBusy checks that somebody who asks while the door is open counts as let in.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.door.err = gpio.ErrBusy
		if o := b.Ask(try(attempt.Face, anna, attempt.Matched)); o.Opened.IsZero() || len(b.disk.facts) != 1 {
			t.Errorf("%+v, %d facts", o, len(b.disk.facts))
		}
	})
}

// visitor is somebody who shows a credential for one time.
func visitor() attempt.Attempt {
	a := try(attempt.Pass, bert, attempt.Matched)
	a.Credential = once
	return a
}

// TestUnlimited checks that a credential which opens any number of times waits for no disk.
func TestUnlimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		a := visitor()
		a.Unlimited = true
		for range 3 {
			if o := b.Ask(a); o.Opened.IsZero() || len(b.disk.waiting) > 0 {
				t.Errorf("%+v, and %d facts wait for the disk", o, len(b.disk.waiting))
			}
		}
	})
}

// TestNotNow checks that whoever comes while somebody else is passing, or while the door is shut to all, is refused with a word of
// its own, that it is nobody's fault and uses nothing up, and that the next attempt opens as soon as the door does.
func TestNotNow(t *testing.T) {
	for err, reason := range map[error]attempt.Reason{
		door.ErrPassing: attempt.Passing, fmt.Errorf("until 06:00: %w", door.ErrShut): attempt.Shut,
		door.ErrOther: attempt.Interlock,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			b.door.err = err
			for range 10 {
				if o := b.Ask(try(attempt.Face, anna, attempt.Matched)); !o.Opened.IsZero() || o.Reason != reason || o.Err != nil {
					t.Fatalf("%v: %+v", err, o)
				}
			}
			if o := b.Ask(visitor()); o.Reason != reason || len(b.disk.waiting) > 0 {
				t.Errorf("%v: of a credential for one time %d uses are gone: %+v", err, len(b.disk.waiting), o)
			}
			b.door.err = nil
			if o := b.Ask(try(attempt.Face, anna, attempt.Matched)); o.Opened.IsZero() {
				t.Errorf("after %v: %+v", err, o)
			}
			if closed := b.Closures(time.Now()); len(closed) > 0 {
				t.Errorf("%v counts: %+v", err, closed)
			}
		})
	}
}

// TestDoorFails checks that nothing is told of a door that did not open, and that what counts against a means does.
func TestDoorFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.door.err = errors.New("the relay is on fire")
		if o := b.Ask(try(attempt.Face, anna, attempt.Matched)); !o.Opened.IsZero() || o.Reason != attempt.Fault || o.Err == nil {
			t.Errorf("%+v", o)
		}
		if b.Ask(try(attempt.Face, anna, attempt.NearMiss)); len(b.disk.facts) != 1 || !b.disk.facts[0].Opened.IsZero() {
			t.Errorf("facts are %+v", b.disk.facts)
		}
	})
}

// TestNothingCanBeRemembered fills the record: nobody is let in, and no PIN is looked at. Once there is room all is as before.
func TestNothingCanBeRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.disk.set(true)
		outcomes := []attempt.Outcome{b.Ask(try(attempt.Face, anna, attempt.Matched)), b.Ask(try(attempt.Card, anna, attempt.Matched))}
		for _, f := range []attempt.Finding{attempt.Matched, attempt.NearMiss, attempt.NearMiss} {
			o, _ := b.types(guess{person: anna, finding: f})
			outcomes = append(outcomes, o)
		}
		for i, o := range outcomes {
			if !o.Opened.IsZero() || o.Reason != attempt.Record || !errors.Is(o.Err, entry.ErrRecord) || hint.Of(o.Err) == "" {
				t.Errorf("attempt %d: %+v", i, o)
			}
		}
		b.looks(t, "while nothing can be remembered", 0)
		if b.door.times() != 0 || len(b.disk.waiting) != 0 {
			t.Errorf("the door was opened %d times, %d facts wait for the disk", b.door.times(), len(b.disk.waiting))
		}
		b.disk.set(false)
		if o := b.Ask(try(attempt.Face, anna, attempt.Matched)); o.Opened.IsZero() {
			t.Errorf("with room again: %+v", o)
		}
		b.disk.takes(0, nil)
		if o, _ := b.types(guess{person: anna, finding: attempt.Matched}); o.Wait != attempt.Order {
			t.Errorf("a PIN with room again: %+v", o)
		}
	})
}

// TestUsedUpFirst checks that a credential which opens once does so after its use is on disk, and that a card opens meanwhile.
func TestUsedUpFirst(t *testing.T) {
	for _, tt := range []struct {
		name   string
		after  time.Duration // that the disk answers
		disk   error
		opened bool
		reason attempt.Reason
	}{
		{"at once", 0, nil, true, attempt.None},
		{"in time", 900 * time.Millisecond, nil, true, attempt.None},
		{"too late", 1100 * time.Millisecond, nil, false, attempt.Record},
		{"with an error", 10 * time.Millisecond, errors.New("no room"), false, attempt.Record},
		{"it was used before", 10 * time.Millisecond, attempt.ErrEnded, false, attempt.Expired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t)
				begun := time.Now()
				answer := b.later(visitor())
				if b.door.times() != 0 {
					t.Fatal("the door is open before its use is on disk")
				}
				if o := b.Ask(try(attempt.Card, anna, attempt.Matched)); o.Opened.IsZero() {
					t.Errorf("a card meanwhile: %+v", o)
				}
				time.AfterFunc(tt.after, func() { b.disk.answer(tt.disk) })
				o := <-answer
				if waited := time.Since(begun); waited > time.Second || tt.opened && waited != tt.after {
					t.Errorf("the answer has taken %v", waited)
				}
				time.Sleep(2 * time.Second)
				if o.Opened.IsZero() == tt.opened || o.Reason != tt.reason || (b.door.times() == 2) != tt.opened {
					t.Errorf("%+v, the door was opened %d times", o, b.door.times())
				}
			})
		})
	}
}

// TestEndsMeanwhile checks that what has ended by the time that its use is on disk opens nothing.
func TestEndsMeanwhile(t *testing.T) {
	for after, opened := range map[time.Duration]bool{400 * time.Millisecond: true, 500 * time.Millisecond: false, 600 * time.Millisecond: false} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			v := visitor()
			v.Ends = time.Now().Add(500 * time.Millisecond)
			answer := b.later(v)
			time.AfterFunc(after, func() { b.disk.answer(nil) })
			o := <-answer
			if (b.door.times() == 1) != opened || o.Opened.IsZero() == opened || !opened && o.Reason != attempt.Expired {
				t.Errorf("on disk after %v: %+v, the door was opened %d times", after, o, b.door.times())
			}
		})
	}
}

// TestStop checks that whoever asks is answered when the entry ends, and after.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{door: new(lock), disk: new(disk)}
		a, _ := admit.New(admit.Rules{}, nil, false)
		b.Entry = entry.New(entry.Parts{Door: b.door, Admit: a, Record: b.disk, MaxAge: maxAge, Now: time.Now})
		answer := b.later(try(attempt.Face, anna, attempt.Matched)) // before it has begun
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
		for _, o := range []attempt.Outcome{<-answer, b.Ask(try(attempt.Face, anna, attempt.Matched))} {
			if !o.Opened.IsZero() || o.Reason == attempt.None {
				t.Errorf("after the end: %+v", o)
			}
		}
	})
}
