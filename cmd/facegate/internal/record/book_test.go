package record_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/record"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

// A house is a store with an Admitter that counts on where the last one has stopped.
type house struct {
	t     *testing.T
	dir   string
	now   time.Time
	store *store.Store
	book  record.Ledger
	admit *admit.Admitter
}

var limits = admit.Limits{DelayAfter: 5, Delay: 30 * time.Second, DisableAfter: 50}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: storetest.Now()}
	h.open()
	t.Cleanup(func() { h.store.Close() })
	return h
}

func (h *house) open() {
	h.t.Helper()
	o := storetest.Options(h.dir)
	o.Clock = clocktest.Right(func() time.Time { return h.now })
	var err error
	if h.store, err = store.Open(o); err != nil {
		h.t.Fatal(err)
	}
	behind, err := h.store.Lockouts().Attend()
	if err != nil {
		h.t.Fatal(err)
	}
	rules := admit.Rules{Limits: map[attempt.Means]admit.Limits{}}
	for _, m := range attempt.All() {
		rules.Table, rules.Limits[m] = append(rules.Table, admit.Alone(m)...), limits
	}
	h.book = record.Ledger{Store: h.store, Now: func() time.Time { return h.now }}
	if h.admit, err = admit.New(rules, record.Counts(h.store.Lockouts().All(), h.now, limits.Delay), behind); err != nil {
		h.t.Fatal(err)
	}
}

// restart stops the gate and starts it again.
func (h *house) restart() {
	h.t.Helper()
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.open()
}

func (h *house) person(n int) template.PersonID {
	h.t.Helper()
	c := storetest.Consent()
	p, err := h.store.Enrol(store.Enrolment{
		Label: []string{"Anna", "Bert"}[n], Consent: c, Expires: c.Expires, ModelID: [32]byte{1},
		Made: template.Made{Scheme: template.SchemeS1, Epoch: 1},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return p.ID
}

// try makes an attempt, and writes down what came of it.
func (h *house) try(m attempt.Means, p template.PersonID, f attempt.Finding) admit.Verdict {
	h.t.Helper()
	a := attempt.Attempt{Means: m, Asked: h.now, Person: p, Finding: f}
	v := h.admit.Weigh(a, true)
	if len(v.Counts) > 0 {
		if err := h.book.Count(attempt.Fact{Attempt: a, Counts: v.Counts, Closed: v.Closed}); err != nil {
			h.t.Fatal(err)
		}
	}
	return v
}

func (h *house) opens(m attempt.Means, p template.PersonID) bool {
	return h.try(m, p, attempt.Matched).Answer == admit.Open
}

// TestLockoutsSurviveRestarts starts the gate anew after every failure against Anna: what her face opens is what it would without.
// Neither a success, nor what is tried by another means or against another, gets round it. A technician does.
func TestLockoutsSurviveRestarts(t *testing.T) {
	h := newHouse(t)
	anna, bert := h.person(0), h.person(1)
	fail := func(times int) {
		for range times {
			h.try(attempt.Face, anna, attempt.NearMiss)
			h.restart()
		}
	}
	for range 2 {
		if fail(4); !h.opens(attempt.Face, anna) {
			t.Fatal("after four failures Anna is not let in")
		}
	}
	fail(4)
	if !h.opens(attempt.Face, bert) || !h.opens(attempt.Card, anna) { // is no success of Anna's face
		t.Fatal("a failure against Anna's face is one of Bert's, or of her card's")
	}
	fail(1)
	for _, after := range []time.Duration{0, 10 * time.Second, 19 * time.Second} {
		h.now = h.now.Add(after)
		if h.restart(); h.opens(attempt.Face, anna) || !h.opens(attempt.Card, anna) {
			t.Errorf("%v later Anna's face opens, or her card does not", after)
		}
	}
	for range 44 {
		h.now = h.now.Add(time.Minute)
		fail(1)
	}
	if h.opens(attempt.Face, anna) {
		t.Error("after 49 failures Anna's face opens at once")
	}
	h.now = h.now.Add(time.Minute)
	fail(1)
	h.now = h.now.Add(1000 * time.Hour)
	h.restart()
	if h.opens(attempt.Face, anna) || !h.opens(attempt.Face, bert) {
		t.Error("after 50 failures Anna's face opens, or Bert's does not")
	}
	if err := h.store.Lockouts().Reset(1000); err != nil {
		t.Fatal(err)
	}
	h.admit.Reset()
	if h.restart(); !h.opens(attempt.Face, anna) {
		t.Error("after the reset Anna's face opens nothing")
	}
	var kinds []string
	log, err := h.store.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Records {
		kinds = append(kinds, r.Entry.Kind.String())
	}
	want := append([]string{"created", "enrolled", "enrolled"}, slices.Repeat([]string{"slowed-down"}, 45)...)
	if want = append(want, "switched-off", "reset"); !slices.Equal(kinds, want) {
		t.Errorf("the audit log: %v", kinds)
	}
}

// TestCountedFirstIsOnDisk checks that an attempt which is counted before anybody looks outlives a power cut as a failure, and that the
// failure of a face does not.
func TestCountedFirstIsOnDisk(t *testing.T) {
	for _, counted := range []bool{true, false} {
		h := newHouse(t)
		anna := h.person(0)
		a := attempt.Attempt{Means: attempt.PIN, Asked: h.now, Person: anna, Finding: attempt.NearMiss, Counted: counted}
		counts, _ := h.admit.Try(a)
		if !counted {
			h.admit.TakeBack(a.Means, a.Person)
			counts = h.admit.Weigh(a, true).Counts
		}
		if err := h.book.Count(attempt.Fact{Attempt: a, Counts: counts}); err != nil {
			t.Fatal(err)
		}
		cut := t.TempDir()
		if err := os.CopyFS(cut, os.DirFS(h.dir)); err != nil {
			t.Fatal(err)
		}
		o := storetest.Options(cut)
		o.Clock = clocktest.Right(func() time.Time { return h.now })
		s, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(s.Lockouts().All()); (n == 1) != counted {
			t.Errorf("counted first: %v, and after a power cut there are %d counts", counted, n)
		}
		s.Close()
	}
}

// TestUse takes the uses of a credential: each is taken once, over a restart too, and then there are none.
func TestUse(t *testing.T) {
	h := newHouse(t)
	h.person(0)
	c, err := h.store.Credentials().AddCard("Anna", store.ShownCard{Value: []byte{1, 2, 3, 4}}, store.Terms{Uses: 2}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []error{nil, nil, attempt.ErrEnded, attempt.ErrEnded} {
		if err := h.book.Use(attempt.Attempt{Means: attempt.Card, Credential: attempt.Credential(c.ID)}); !errors.Is(err, want) {
			t.Errorf("use %d: %v", n+1, err)
		}
		h.restart()
	}
	if err := h.book.Use(attempt.Attempt{Means: attempt.Card, Credential: attempt.Credential{9}}); !errors.Is(err, attempt.ErrEnded) {
		t.Errorf("the use of nothing: %v", err)
	}
}

// TestVisitorsUse takes the uses of an office's pass, and of one that somebody on the list answers for: both are a visitor's.
func TestVisitorsUse(t *testing.T) {
	h := newHouse(t)
	h.person(0)
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	if _, err := h.store.Credentials().Visits().AddOffice("desk", public, 1000); err != nil {
		t.Fatal(err)
	}
	now := h.store.Clock().Verdict().Wall.Truncate(time.Minute)
	signed := visitor.Pass{Key: visitor.KeyOf(public), From: now, Length: time.Hour, Uses: 2}
	token, guest, err := h.store.Credentials().Issue("Anna", store.Terms{Visitor: true, Uses: 2}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	token.Clear()
	other := signed
	other.Key = visitor.KeyID{1}
	for name, id := range map[string]attempt.Credential{"an office's": attempt.Credential(signed.ID()), "a guest's": attempt.Credential(guest.ID)} {
		for n, want := range []error{nil, nil, attempt.ErrEnded} {
			if err := h.book.Use(attempt.Attempt{Means: attempt.Visitor, Credential: id}); !errors.Is(err, want) {
				t.Errorf("%s, use %d: %v", name, n+1, err)
			}
			h.restart()
		}
	}
	if err := h.book.Use(attempt.Attempt{Means: attempt.Visitor, Credential: attempt.Credential(other.ID())}); !errors.Is(err, attempt.ErrEnded) {
		t.Errorf("of an office that is not registered: %v", err)
	}
}

// TestPassed checks that the audit log keeps that somebody was let in, also somebody whom the evidence does not name.
func TestPassed(t *testing.T) {
	h := newHouse(t)
	anna := h.person(0)
	for _, p := range []template.PersonID{anna, {}} {
		if err := h.book.Passed(attempt.Attempt{Means: attempt.Face, Person: p}, h.now); err != nil {
			t.Fatal(err)
		}
	}
	held, err := h.store.Members().Show("Anna")
	if err != nil || held.Person.LastSeen.IsZero() {
		t.Errorf("Anna was seen last at %v, %v", held.Person.LastSeen, err)
	}
	log, err := h.store.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(log.Records); log.Records[n-1].Entry.Kind != log.Records[n-2].Entry.Kind {
		t.Errorf("the last entries are %v and %v", log.Records[n-2].Entry.Kind, log.Records[n-1].Entry.Kind)
	}
}
