package desk_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/desk"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/device/reader"
	"facegate/device/reader/sim"
	"facegate/pipeline/attempt"
	"facegate/pipeline/match"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/clock/clocktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bench is a desk with the register of a gate, and readers to show things to. What is asked of the entry it answers as told.
type bench struct {
	t       *testing.T
	desk    *desk.Desk
	store   *store.Store
	people  *people.Register
	readers []*sim.Reader
	log     bytes.Buffer // to be read once the desk has stopped
	stop    func()

	said chan desk.Said // what came of each scan

	mu      sync.Mutex // guards what follows
	asked   []attempt.Attempt
	answer  attempt.Outcome
	claimed []*match.Claimed
	until   time.Time // of the last claim
	refuses error     // why no guess can be counted
}

// person is who is enrolled with a face; member gives none.
const (
	person = "one"
	member = "none"
)

// start serves two readers at a gate of a mode.
func start(t *testing.T, mode law.Mode) (b *bench, pass, facelessPass template.Token) {
	t.Helper()
	b = &bench{t: t, said: make(chan desk.Said, 10), readers: []*sim.Reader{sim.New("outside"), sim.New("pad")}}
	b.openPeople(mode)
	b.desk = desk.New(desk.Parts{
		Register: b.people, Ask: b.ask, Try: b.try, Claim: b.claim, Said: func(s desk.Said) { b.said <- s },
		Log: slog.New(slog.NewTextHandler(&b.log, nil)),
		Visitor: func(text string, at time.Time) attempt.Attempt {
			return attempt.Attempt{Means: attempt.Visitor, Asked: at, Finding: attempt.Matched}
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, r := range b.readers {
		l := b.desk.Listen(r)
		wg.Go(func() {
			if err := l.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	b.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(b.stop)
	r := people.EnrolRequest{Label: person, Consent: "form 1", Age: "adult", Witness: "Li Na", Pass: true}
	e, err := b.people.Enrol(r, matchertest.Face(1))
	if err != nil {
		t.Fatal(err)
	}
	j, err := b.people.As(1000).Join(t.Context(), people.JoinRequest{
		Label: member, Reference: "contract 2", Until: time.Now().Add(gatetest.Valid), Pass: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b, e.Pass, j.Pass
}

func (b *bench) openPeople(mode law.Mode) {
	b.t.Helper()
	site := gatetest.NewSite(b.t)
	o, err := opening.Options(gatetest.Lab(b.t), store.KeyFile(site.Path("device.key")), clocktest.Right(time.Now), slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	o.Dir, o.KeyDir, o.AnchorDir, o.Rand = site.State(), site.Keyrings(), site.Anchor(), rand.Reader
	if b.store, err = store.Open(o); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.store.Close() })
	terms := gatetest.Terms(b.t, gatetest.FPIR)
	terms.Profile.Mode = mode
	if b.people, err = people.Open(b.store, terms); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) ask(a attempt.Attempt) attempt.Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, a)
	return b.answer
}

// try is ask for what may be a guess, which is counted unless it is refused.
func (b *bench) try(a attempt.Attempt, look attempt.Look) attempt.Outcome {
	if a.Finding != attempt.Unknown || a.Duress || a.Counted {
		b.t.Errorf("it is looked at before it is counted: %+v", a)
	}
	b.mu.Lock()
	refuses := b.refuses
	b.mu.Unlock()
	a.Finding, a.Duress = look(func() error { return refuses })
	a.Counted = refuses == nil
	return b.ask(a)
}

func (b *bench) claim(m *match.Claimed, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.claimed, b.until = append(b.claimed, m), until
}

// answers has the entry answer so from now on.
func (b *bench) answers(o attempt.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer, b.asked, b.claimed = o, nil, nil
}

func (b *bench) id(label string) template.PersonID {
	b.t.Helper()
	p, err := b.store.Person(label)
	if err != nil {
		b.t.Fatal(err)
	}
	return p.ID
}

// show has a value read, and returns what was asked for, zero for nothing, and what was said.
func (b *bench) show(at int, k reader.Kind, value string) (a attempt.Attempt, said desk.Said) {
	b.t.Helper()
	read := []byte(value)
	b.readers[at].Show(k, read)
	select {
	case said = <-b.said:
	case <-time.After(20 * time.Second):
		b.t.Fatalf("nothing came of %v %q", k, value)
	}
	if !said.Taken && len(read) > 0 && !bytes.Equal(read, make([]byte, len(read))) {
		b.t.Errorf("of %v %q there is left %q", k, value, read)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.asked) == 0 {
		return attempt.Attempt{}, said
	}
	a = b.asked[len(b.asked)-1]
	b.asked = nil
	if a.Asked.IsZero() || time.Since(a.Asked) > time.Minute || a.Reader != said.Reader {
		b.t.Errorf("asked at %v at %q", a.Asked, a.Reader)
	}
	a.Asked, a.Reader = time.Time{}, ""
	return a, said
}

func (b *bench) addCard(label, value string, terms store.Terms) store.Credential {
	b.t.Helper()
	c, err := b.store.Credentials().AddCard(label, store.ShownCard{Value: []byte(value), Secure: true}, terms, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// asks checks what is asked of the entry for something that is shown.
func (b *bench) asks(what string, k reader.Kind, value string, want attempt.Attempt) {
	b.t.Helper()
	if a, said := b.show(0, k, value); !same(a, want) || said.Unread {
		b.t.Errorf("%s: %+v, said %+v, want %+v", what, a, said, want)
	}
}

func same(a, b attempt.Attempt) bool {
	return a.Means == b.Means && a.Person == b.Person && a.Finding == b.Finding && a.Credential == b.Credential &&
		a.Counted == b.Counted && a.Faceless == b.Faceless && a.Duress == b.Duress
}

// TestAsks shows and types what there is, and checks what is asked of the entry.
func TestAsks(t *testing.T) {
	b, pass, faceless := start(t, law.OneToMany)
	one, none := b.id(person), b.id(member)
	b.addCard(person, "1", store.Terms{})
	thrice := b.addCard(member, "2", store.Terms{Uses: 3})
	b.asks("a pass", reader.Code, pass.Text(), attempt.Attempt{Means: attempt.Pass, Person: one, Finding: attempt.Matched})
	b.asks("a pass of who gives no face", reader.Code, faceless.Text(), attempt.Attempt{Means: attempt.Pass, Person: none, Finding: attempt.Matched, Faceless: true})
	b.asks("a card", reader.Card, "1", attempt.Attempt{Means: attempt.Card, Person: one, Finding: attempt.Matched})
	b.asks("a card that proves its key", reader.SecureCard, "1", attempt.Attempt{Means: attempt.SecureCard, Person: one, Finding: attempt.Matched})
	b.asks("a card whose uses are counted", reader.Card, "2", attempt.Attempt{
		Means: attempt.Card, Person: none, Finding: attempt.Matched, Faceless: true, Credential: attempt.Credential(thrice.ID),
	})
	b.asks("a card of another house", reader.Card, "3", attempt.Attempt{Means: attempt.Card})
	b.asks("a visitor's pass", reader.Code, "Q"+strings.Repeat("A", visitor.TextSize-1), attempt.Attempt{Means: attempt.Visitor, Finding: attempt.Matched})
	for _, junk := range []string{"", "https://example.org", strings.Repeat("A", 32), strings.ToLower(pass.Text()), pass.Text() + " "} {
		if a, said := b.show(0, reader.Code, junk); a.Means != 0 || !said.Unread {
			t.Errorf("a code that says %q: %+v, %+v", junk, a, said)
		}
	}
	b.stop()
	for _, secret := range []string{pass.Text(), faceless.Text(), person, member, "example"} {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("the log says %q:\n%s", secret, &b.log)
		}
	}
}

// TestPINs types PINs with numbers, after cards, and after nothing.
func TestPINs(t *testing.T) {
	b, _, _ := start(t, law.OneToMany)
	one := b.id(person)
	b.addCard(person, "1", store.Terms{})
	if _, err := b.store.Credentials().SetPIN(person, []byte("271828"), store.Terms{}, 1000); err != nil {
		t.Fatal(err)
	}
	n, err := b.store.Credentials().Number(person)
	if err != nil {
		t.Fatal(err)
	}
	number := n.String()
	right := attempt.Attempt{Means: attempt.PIN, Person: one, Finding: attempt.Matched, Counted: true}
	wrong := right
	wrong.Finding = attempt.NearMiss
	nobody := attempt.Attempt{Means: attempt.PIN, Finding: attempt.NearMiss, Counted: true}
	b.asks("number and PIN", reader.Keys, number+"*271828", right)
	b.asks("number and another PIN", reader.Keys, number+"*271829", wrong)
	b.asks("a number of nobody", reader.Keys, "99999999*271828", nobody)
	b.asks("a PIN of nobody", reader.Keys, "271828", nobody)
	b.asks("a card that opens", reader.Card, "1", attempt.Attempt{Means: attempt.Card, Person: one, Finding: attempt.Matched})
	b.asks("a PIN after a card that has opened", reader.Keys, "271828", nobody)
	b.answers(attempt.Outcome{Wait: attempt.PIN, Until: time.Now().Add(time.Hour)})
	b.asks("a card that waits for it", reader.Card, "1", attempt.Attempt{Means: attempt.Card, Person: one, Finding: attempt.Matched})
	b.answers(attempt.Outcome{Reason: attempt.Unproven})
	if a, _ := b.show(1, reader.Keys, "271829"); !same(a, wrong) {
		t.Errorf("a wrong PIN after it, at the other reader: %+v", a)
	}
	b.answers(attempt.Outcome{Opened: time.Now()})
	b.asks("the right one", reader.Keys, "271828", right)
	b.asks("the right one again", reader.Keys, "271828", nobody)
	face := attempt.Attempt{Means: attempt.Face, Person: one, Asked: time.Now()}
	b.desk.Note(face, attempt.Outcome{Wait: attempt.PIN, Until: time.Now().Add(time.Hour)})
	b.asks("after a face", reader.Keys, "271828", right)
	b.desk.Note(face, attempt.Outcome{Wait: attempt.PIN, Until: time.Now().Add(-time.Millisecond)})
	b.asks("too long after it", reader.Keys, "271828", nobody)
	for _, junk := range []string{"", "*", "1234*", "*271828", "1*2*3", "27a828"} {
		if a, said := b.show(1, reader.Keys, junk); a.Means != 0 || !said.Unread {
			t.Errorf("the keys %q: %+v, %+v", junk, a, said)
		}
	}
}

// TestNothingIsLeft shows what there is, right and wrong, has the gate answer whatever it can, and looks for what was read afterwards.
func TestNothingIsLeft(t *testing.T) {
	b, pass, faceless := start(t, law.OneToOne)
	b.addCard(person, "1", store.Terms{})
	if _, err := b.store.Credentials().SetPIN(person, []byte("271828"), store.Terms{}, 1000); err != nil {
		t.Fatal(err)
	}
	n, err := b.store.Credentials().Number(person)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour)
	show := func(when string, kind reader.Kind, value string) {
		t.Helper()
		read := []byte(value)
		b.readers[0].Show(kind, read)
		if <-b.said; !bytes.Equal(read, make([]byte, len(read))) {
			t.Errorf("%s: of %v %q there is left %q", when, kind, value, read)
		}
	}
	right := n.String() + "*271828"
	for name, o := range map[string]attempt.Outcome{
		"opens": {Opened: time.Now()}, "refuses": {Reason: attempt.Unproven}, "waits for a face": {Wait: attempt.Face, Until: until},
		"waits for a PIN": {Wait: attempt.PIN, Until: until}, "fails": {Reason: attempt.Fault, Err: errors.New("the relay is on fire")},
	} {
		b.answers(o)
		show(name, reader.Keys, right)
		for _, value := range []string{pass.Text(), faceless.Text(), "Q" + strings.Repeat("A", visitor.TextSize-1), strings.Repeat("A", 32), "https://example.org"} {
			show(name, reader.Code, value)
		}
		for _, kind := range []reader.Kind{reader.Card, reader.SecureCard, 9} {
			show(name, kind, "1")
			show(name, kind, "3")
		}
	}
	for _, value := range []string{n.String() + "*271829", "271828", "9*271828", "1*2*3", "271828x", strings.Repeat("1", 22)} {
		show("typed", reader.Keys, value)
	}
	b.mu.Lock()
	b.refuses = errors.New("no room")
	b.mu.Unlock()
	show("while nothing can be written", reader.Keys, right)
	b.stop()
	for _, secret := range []string{"271828", "271829", pass.Text(), faceless.Text()} {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("the log says %q", secret)
		}
	}
}

// TestClaims checks whose face is looked for after what was shown, where a face has to follow.
func TestClaims(t *testing.T) {
	for _, mode := range []law.Mode{law.OneToMany, law.OneToOne} {
		b, pass, _ := start(t, mode)
		b.addCard(person, "1", store.Terms{})
		until := time.Now().Add(77 * time.Second)
		b.answers(attempt.Outcome{Wait: attempt.Face, Until: until})
		b.show(0, reader.Code, pass.Text())
		b.show(0, reader.Card, "1")
		b.mu.Lock()
		claims := b.claimed
		if !b.until.Equal(until) {
			t.Errorf("a face is waited for until %v, want %v", b.until, until)
		}
		b.mu.Unlock()
		want := map[law.Mode]int{law.OneToMany: 2, law.OneToOne: 1}[mode] // a card opens no template that is bound to the pass
		if len(claims) != want {
			t.Fatalf("%s: %d claims, want %d", mode, len(claims), want)
		}
		last := claims[want-1]
		if a := last.Match(matchertest.Face(1), time.Now()); last.Person() != b.id(person) || a.Score < a.Threshold {
			t.Errorf("%s: the person does not match: %+v", mode, a)
		}
		if a := last.Match(matchertest.Face(2), time.Now()); a.Score >= a.Threshold {
			t.Errorf("%s: somebody else matches", mode)
		}
		b.stop()
		if mode == law.OneToOne && !strings.Contains(b.log.String(), "hint=\"show the pass\"") {
			t.Errorf("the log says:\n%s", &b.log)
		}
	}
}

// TestCardWanted has a card registered: the next one is not weighed.
func TestCardWanted(t *testing.T) {
	b, _, _ := start(t, law.OneToMany)
	ctx, cancel := context.WithCancel(t.Context())
	got, failed := make(chan reader.Scan, 1), make(chan error, 1)
	wait := func(ctx context.Context) {
		s, err := b.desk.Card(ctx)
		for errors.Is(err, desk.ErrCardWanted) { // of whoever looks below whether a card is wanted
			s, err = b.desk.Card(ctx)
		}
		got <- s
		failed <- err
	}
	go wait(ctx)
	gatetest.Eventually(t, "a card is wanted", func() bool {
		now, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := b.desk.Card(now)
		return errors.Is(err, desk.ErrCardWanted) && hint.Of(err) != ""
	})
	if a, said := b.show(1, reader.Keys, "1234*567890"); a.Means != attempt.PIN || said.Taken {
		t.Errorf("a PIN meanwhile: %+v, %+v", a, said)
	}
	if a, said := b.show(0, reader.Card, "77"); a.Means != 0 || !said.Taken {
		t.Errorf("a card that is registered: %+v, %+v", a, said)
	}
	if s, err := <-got, <-failed; err != nil || string(s.Value) != "77" || s.Kind != reader.Card {
		t.Errorf("registered: %+v, %v", s, err)
	}
	b.asks("the next card", reader.Card, "78", attempt.Attempt{Means: attempt.Card})
	go wait(ctx)
	cancel()
	if _, err := <-got, <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	b.asks("a card after it was given up", reader.Card, "79", attempt.Attempt{Means: attempt.Card})
}

// TestReaderFails unplugs a reader. The other one is served, and it is itself when it is back.
func TestReaderFails(t *testing.T) {
	b, _, _ := start(t, law.OneToMany)
	b.readers[0].Fail(reader.ErrUnread)
	if said := <-b.said; !said.Unread {
		t.Errorf("of what could not be read it says %+v", said)
	}
	if n := len(b.desk.Faults()); n != 0 {
		t.Errorf("%d readers have faults", n)
	}
	gone := hint.Wrap(errors.New("it was unplugged"), "plug it in")
	b.readers[0].Fail(gone)
	gatetest.Eventually(t, "the fault is known", func() bool { return errors.Is(b.desk.Faults()["outside"], gone) })
	if a, _ := b.show(1, reader.Card, "1"); a.Means != attempt.Card {
		t.Errorf("at the other reader: %+v", a)
	}
	b.asks("once it is back", reader.Card, "1", attempt.Attempt{Means: attempt.Card})
	if n := len(b.desk.Faults()); n != 0 {
		t.Errorf("%d readers have faults once it is back", n)
	}
	b.stop()
	if n := strings.Count(b.log.String(), "it was unplugged"); n != 1 || !strings.Contains(b.log.String(), "plug it in") {
		t.Errorf("the log says %d times:\n%s", n, &b.log)
	}
}
