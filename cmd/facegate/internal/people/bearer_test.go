package people_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/pipeline/attempt"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/durable"
	"facegate/store/durable/durabletest"
)

func mustAddCard(t testing.TB, s *store.Store, label, value string, terms store.Terms) store.Credential {
	t.Helper()
	c, err := s.Credentials().AddCard(label, store.ShownCard{Value: []byte(value)}, terms, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// join puts somebody on the list who gives no face, and has a pass.
func join(t testing.TB, g *people.Register, label string) people.Joined {
	t.Helper()
	j, err := g.As(1000).Join(t.Context(), people.JoinRequest{
		Label: label, Reference: "contract " + label, Until: time.Now().Add(gatetest.Valid), Pass: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func card(value string) people.Shown { return people.Shown{Means: attempt.Card, Card: []byte(value)} }

func pass(t template.Token) people.Shown { return people.Shown{Means: attempt.Pass, Pass: t} }

// bears checks what is said of whoever shows something.
func bears(t *testing.T, what string, g *people.Register, s people.Shown, want people.Bearer) {
	t.Helper()
	b, err := g.Bearer(s)
	if !reflect.DeepEqual(b, want) {
		t.Errorf("%s: %+v, want %+v", what, b, want)
	}
	if good := want.Finding == attempt.Matched; good != (err == nil) || !good && hint.Of(err) == "" {
		t.Errorf("%s: %v, hint %q", what, err, hint.Of(err))
	}
}

// TestBearer asks whose passes and cards are, of people with and without a face, in both modes.
func TestBearer(t *testing.T) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			now := time.Now()
			s := openStoreAt(t, gatetest.NewSite(t), rand.Reader, func() time.Time { return now })
			g := openRegister(t, s, inMode(t, mode))
			r := request("one")
			r.Pass = true
			e, err := g.Enrol(r, face(1))
			if err != nil {
				t.Fatal(err)
			}
			j := join(t, g, "none")
			one, none := mustPerson(t, s, "one"), mustPerson(t, s, "none")
			mustAddCard(t, s, "one", "1", store.Terms{})
			mustAddCard(t, s, "none", "2", store.Terms{From: now.Add(time.Hour)})
			twice := mustAddCard(t, s, "one", "3", store.Terms{Uses: 1})
			good := people.Bearer{Person: one, Finding: attempt.Matched, Means: attempt.Card}
			counted := good
			counted.Credential = attempt.Credential(twice.ID)
			bears(t, "a pass", g, pass(e.Pass), with(good, attempt.Pass))
			if _, err := s.Credentials().AddCard("one", store.ShownCard{Value: []byte("5"), Secure: true}, store.Terms{}, 1000); err != nil {
				t.Fatal(err)
			}
			proved := func(value string) people.Shown { return people.Shown{Means: attempt.SecureCard, Card: []byte(value)} }
			bears(t, "a card that has proved its key", g, proved("5"), with(good, attempt.SecureCard))
			bears(t, "the same at a reader that asks for no key", g, card("5"), good)
			bears(t, "a card that had proved none when it was registered", g, proved("1"), good)
			guest, _, err := s.Credentials().Issue("one", store.Terms{Visitor: true}, 1000)
			if err != nil {
				t.Fatal(err)
			}
			bears(t, "a guest of somebody with a face", g, pass(guest), people.Bearer{Finding: attempt.Matched, Means: attempt.Visitor, Faceless: true, Groups: []string{attempt.Visitors}})
			bears(t, "a card", g, card("1"), good)
			bears(t, "a card that is counted", g, card("3"), counted)
			bears(t, "a pass of who gives no face", g, pass(j.Pass), people.Bearer{Person: none, Finding: attempt.Matched, Means: attempt.Pass, Faceless: true})
			bears(t, "a card that is not valid yet", g, card("2"), people.Bearer{Finding: attempt.Ended, Means: attempt.Card})
			bears(t, "a card of another house", g, card("4"), people.Bearer{Means: attempt.Card})
			bears(t, "a pass that was cleared", g, pass(template.Token{}), people.Bearer{Means: attempt.Pass})
			if _, err := s.Credentials().Use(twice.ID); err != nil {
				t.Fatal(err)
			}
			bears(t, "a card that is used up", g, card("3"), people.Bearer{Finding: attempt.Ended, Means: attempt.Card})

			faceless := good
			faceless.Faceless = true
			if err := g.As(1000).TurnFacesOff(t.Context(), "a test"); err != nil {
				t.Fatal(err)
			}
			bears(t, "a card while faces are off", g, card("1"), faceless)
			if err := g.As(1000).TurnFacesOn(t.Context()); err != nil {
				t.Fatal(err)
			}
			bears(t, "a card once faces are on", g, card("1"), good)
			if _, err := g.As(1000).Lockdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			bears(t, "a pass in lockdown", g, pass(e.Pass), with(faceless, attempt.Pass))
			if _, err := g.As(1000).Erase(t.Context(), people.Who{Label: "one"}, audit.Requested); err != nil {
				t.Fatal(err)
			}
			bears(t, "a card of who was erased", g, card("1"), people.Bearer{Means: attempt.Card})
			now = now.Add(gatetest.Valid + time.Hour)
			bears(t, "a pass that has expired", g, pass(j.Pass), people.Bearer{Finding: attempt.Ended, Means: attempt.Pass})
		})
	}
}

func with(b people.Bearer, m attempt.Means) people.Bearer {
	b.Means = m
	return b
}

func mustPerson(t *testing.T, s *store.Store, label string) template.PersonID {
	t.Helper()
	p, err := s.Person(label)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// TestClaimByCard checks that a card leads to the template of its owner where that does not open with the pass alone.
func TestClaimByCard(t *testing.T) {
	for _, mode := range modes {
		s := openStore(t, gatetest.NewSite(t), rand.Reader)
		g := openRegister(t, s, inMode(t, mode))
		if _, err := g.Enrol(request("one"), face(1)); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Enrol(request("two"), face(2)); err != nil {
			t.Fatal(err)
		}
		join(t, g, "none")
		for i, label := range []string{"one", "none"} {
			mustAddCard(t, s, label, fmt.Sprint(i), store.Terms{})
		}
		b, err := g.Bearer(card("0"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := g.ClaimFor(b, card("0"))
		if mode == law.OneToOne {
			if !errors.Is(err, store.ErrBound) || hint.Of(err) == "" {
				t.Errorf("a card opens a template that is bound to a pass: %v", err)
			}
			continue
		}
		if err != nil || accepted(t, c, []embed.Vector{face(1), face(2)}) != 1 || c.Person() != b.Person {
			t.Errorf("by their card %v: %v", c, err)
		}
		if b, err = g.Bearer(card("1")); err != nil {
			t.Fatal(err)
		}
		if _, err := g.ClaimFor(b, card("1")); !errors.Is(err, store.ErrPass) || hint.Of(err) == "" {
			t.Errorf("of who gives no face: %v", err)
		}
		if _, err := g.As(audit.Daemon).Lockdown(t.Context()); err != nil || accepted(t, c, []embed.Vector{face(1)}) != 0 {
			t.Errorf("a claim outlives the lockdown: %v", err)
		}
	}
}

// TestBearerWaitsForNoDisk asks for a card while the disk does not answer.
func TestBearerWaitsForNoDisk(t *testing.T) {
	disk := new(durabletest.Watched)
	s := openStoreOn(t, gatetest.NewSite(t), disk)
	g := openRegister(t, s, inMode(t, law.OneToMany))
	join(t, g, "none")
	mustAddCard(t, s, "none", "1", store.Terms{})
	reached, goOn, joined := make(chan bool), make(chan bool), make(chan bool)
	disk.Before = func(string) error {
		select {
		case reached <- true:
			<-goOn
		case <-goOn:
		}
		return nil
	}
	go func() {
		join(t, g, "other")
		close(joined)
	}()
	<-reached
	b, err := g.Bearer(card("1"))
	close(goOn)
	<-joined
	if err != nil || b.Finding != attempt.Matched {
		t.Errorf("while the disk hangs: %+v, %v", b, err)
	}
}

func openStoreOn(t testing.TB, site gatetest.Site, disk durable.Disk) *store.Store {
	t.Helper()
	o, err := opening.Options(gatetest.Lab(t), store.KeyFile(site.Path("device.key")), clocktest.Right(time.Now), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.KeyDir, o.AnchorDir, o.Rand, o.Disk = site.State(), site.Keyrings(), site.Anchor(), rand.Reader, disk
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkClaim measures how long it takes to know whose a pass or a card is, and to be ready to compare their face. How long it is
// to find one of 10,000 credentials is in BenchmarkFind of package store.
func BenchmarkClaim(b *testing.B) {
	s := openStoreOn(b, gatetest.NewSite(b), durable.OS{})
	g, err := people.Open(s, gatetest.Terms(b, gatetest.FPIR))
	if err != nil {
		b.Fatal(err)
	}
	r := request("one")
	r.Pass = true
	e, err := g.Enrol(r, face(1))
	if err != nil {
		b.Fatal(err)
	}
	mustAddCard(b, s, "one", "1", store.Terms{})
	for name, s := range map[string]people.Shown{"pass": pass(e.Pass), "card": card("1")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				who, err := g.Bearer(s)
				if err == nil {
					_, err = g.ClaimFor(who, s)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
