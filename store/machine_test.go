package store_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// A plainPerson is what a person is, as plain data.
type plainPerson struct {
	Face    bool   // a consent to a template
	Epoch   uint32 // of the record; 0 for none
	Code    template.Code
	Pass    bool
	PIN     string
	Groups  string
	id      template.PersonID
	expires time.Time
}

// A plainCard is what a card is, as plain data.
type plainCard struct {
	owner string
	id    store.CredentialID
	terms store.Terms
	left  uint32
	gone  bool // it was revoked or dropped, or its owner erased
}

// A house is a store, and plain data that it is to agree with. Each step does the same to both.
type house struct {
	*rapid.T
	dir    string
	now    time.Time
	s      *store.Store
	people map[string]plainPerson
	cards  map[string]plainCard
	locked bool
	epoch  uint32
	ended  uint32
	codes  int // how many were made
}

func (h *house) open() {
	o := storetest.Options(h.dir)
	o.Clock = clocktest.Right(func() time.Time { return h.now })
	o.Retention.Idle = 3000 * oneDay
	s, err := store.Open(o)
	h.want("open", err, nil)
	h.s = s
}

// want ends the test if err is not the one that there has to be.
func (h *house) want(step string, err, want error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Fatalf("%s: got %v, want %v", step, err, want)
	}
}

// unknown is the error of something about somebody who may not be on the list.
func (h *house) unknown(label string) error {
	if _, ok := h.people[label]; ok {
		return nil
	}
	return store.ErrUnknown
}

// leaves takes everything of a person, and returns how much that was.
func (h *house) leaves(label string) receipt.Counts {
	p := h.people[label]
	n := receipt.Counts{People: 1, Consents: one(p.Face), Templates: one(p.Epoch != 0), Passes: one(p.Pass), PINs: one(p.PIN != "")}
	for value, c := range h.cards {
		if c.owner == label && !c.gone {
			n.Cards++
			c.gone = true
			h.cards[value] = c
		}
	}
	delete(h.people, label)
	return n
}

func one(is bool) uint32 {
	if is {
		return 1
	}
	return 0
}

// receipt checks what a receipt counts.
func (h *house) receipt(signed []byte, want receipt.Counts) {
	h.Helper()
	r, err := receipt.Verify(signed, h.s.Device().PublicKey)
	if err != nil || r.Erased != want {
		h.Fatalf("the receipt counts %+v, want %+v: %v", r.Erased, want, err)
	}
}

// steps are what a house can do, about person n.
func (h *house) steps(n int) map[string]func() {
	label := labelOf(n)
	p, on := h.people[label]
	expires := h.now.Add(time.Duration(40+20*n) * oneDay) // so that some expire on the way
	return map[string]func(){
		"join": func() {
			m := membership(n)
			m.Expires = expires
			who, err := h.s.Join(m)
			if on {
				h.want("join again", err, store.ErrExists)
				return
			}
			h.want("join", err, nil)
			h.people[label] = plainPerson{id: who.ID, expires: expires}
		},
		"capture": func() {
			e := enrolment(n)
			e.Expires, e.Consent.Given, e.Made = expires, h.now, h.code()
			who, err := h.s.Enrol(e)
			if on && !h.locked {
				h.want("enrol again", err, store.ErrExists)
			}
			if on {
				who, _, err = h.s.Recapture(e)
			}
			if h.locked {
				h.want("capture", err, store.ErrLockdown)
				return
			}
			h.want("capture", err, nil)
			p.Face, p.Epoch, p.Code, p.id, p.expires = true, h.epoch, e.Code, who.ID, expires
			h.people[label] = p
		},
		"pass": func() {
			_, _, err := h.s.Credentials().Issue(label, store.Terms{}, 1000)
			if h.want("pass", err, h.unknown(label)); on {
				p.Pass = true
				h.people[label] = p
			}
		},
		"card": func() { h.give(label) },
		"use":  func() { h.use() },
		"revoke": func() {
			for value, c := range h.cards {
				if c.owner == label && !c.gone {
					h.want("revoke", h.s.Credentials().Revoke(label, c.id, 1000), nil)
					c.gone = true
					h.cards[value] = c
					return
				}
			}
			nothing := store.ErrUnknown
			if on {
				nothing = store.ErrCredential
			}
			h.want("revoke nothing", h.s.Credentials().Revoke(label, store.CredentialID{}, 1000), nothing)
		},
		"PIN": func() {
			if !on || p.PIN != "" {
				return // it takes its time on purpose
			}
			pin := fmt.Sprint(271828 + n)
			_, err := h.s.Credentials().SetPIN(label, []byte(pin), store.Terms{}, 1000)
			if h.want("PIN", err, h.unknown(label)); on {
				p.PIN = pin
				h.people[label] = p
			}
		},
		"groups": func() {
			groups := slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "保洁员"}), 0, 3).Draw(h.T, "groups"))))
			_, err := h.s.Members().Regroup(label, groups, 1000)
			if h.want("groups", err, h.unknown(label)); on {
				p.Groups = strings.Join(groups, " ")
				h.people[label] = p
			}
		},
		"erase": func() {
			e, err := h.s.Erase(store.ByLabel(label), audit.Requested, 1000)
			if h.want("erase", err, h.unknown(label)); on {
				h.receipt(e.Receipt, h.leaves(label))
			}
		},
		"withdraw the face": func() { h.withdrawFace(label) },
		"lockdown": func() {
			h.want("lockdown", h.s.Lockdown().Begin(1000), nil)
			h.locked = true
			h.lose(func(plainPerson) bool { return true })
		},
		"end the lockdown": func() {
			h.want("end", h.s.Lockdown().End(1000), nil)
			h.locked = false
		},
		"begin an epoch": func() { h.begin() },
		"end an epoch":   func() { h.end() },
		"renew": func() {
			code := h.code()
			_, renewed, err := h.s.Epochs().Renew(p.id, model, code)
			h.want("renew", err, nil)
			if renewed != (on && h.earlier(p)) {
				h.Fatalf("renewed %v: %+v", renewed, p)
			}
			if renewed {
				p.Epoch, p.Code = h.epoch, code.Code
				h.people[label] = p
			}
		},
		"wait": func() {
			h.now = h.now.Add(25 * oneDay)
			_, err := h.s.Retention().EraseDue()
			h.want("expire", err, nil)
			for label, p := range maps.Clone(h.people) {
				if !h.now.Before(p.expires) {
					h.leaves(label)
				}
			}
		},
		"prune": func() {
			_, err := h.s.Retention().Prune()
			h.want("prune", err, nil)
			for value, c := range h.cards {
				c.gone = c.gone || h.judge(c) == store.ErrUsedUp || h.judge(c) == store.ErrOver
				h.cards[value] = c
			}
		},
		"open again": func() {
			h.want("close", h.s.Close(), nil)
			h.open()
		},
	}
}

// lose takes the records of those who are meant.
func (h *house) lose(who func(plainPerson) bool) {
	for label, p := range h.people {
		if who(p) {
			p.Epoch, p.Code = 0, template.Code{}
			h.people[label] = p
		}
	}
}

// code returns one that was not used before, made in the current epoch.
func (h *house) code() template.Made {
	h.codes++
	return made(h.s, uint8(h.codes%template.Lanes), codeOf(1000+h.codes))
}

// earlier reports whether somebody's record is of an earlier epoch than the current one.
func (h *house) earlier(p plainPerson) bool { return p.Epoch != 0 && p.Epoch < h.epoch }

// begin begins an epoch, unless somebody is left in an earlier one.
func (h *house) begin() {
	err := h.s.Epochs().Begin(1000)
	for _, p := range h.people {
		if h.earlier(p) {
			h.want("begin a third epoch", err, store.ErrEpoch)
			return
		}
	}
	h.want("begin an epoch", err, nil)
	h.epoch++
}

// end ends the epoch before the current one, if it has not ended.
func (h *house) end() {
	_, err := h.s.Epochs().End(1000)
	if h.ended+1 == h.epoch {
		h.want("end no epoch", err, store.ErrNoEpoch)
		return
	}
	h.want("end an epoch", err, nil)
	h.lose(h.earlier)
	h.ended = h.epoch - 1
}

// give registers a card on terms that are drawn.
func (h *house) give(label string) {
	value := fmt.Sprint("card ", len(h.cards))
	day := rapid.IntRange(0, 3).Draw(h.T, "day")
	terms := store.Terms{Visitor: rapid.Bool().Draw(h.T, "visitor"), Uses: rapid.Uint32Range(0, 2).Draw(h.T, "uses")}
	if day&1 != 0 {
		terms.From = h.now.Add(20 * oneDay)
	}
	if day&2 != 0 {
		terms.Until = h.now.Add(30 * oneDay)
	}
	c, err := h.s.Credentials().AddCard(label, store.ShownCard{Value: []byte(value)}, terms, 1000)
	if h.want("card", err, h.unknown(label)); err == nil {
		h.cards[value] = plainCard{owner: label, id: c.ID, terms: terms, left: terms.Uses}
	}
}

// use takes a use of any card that was ever given.
func (h *house) use() {
	if len(h.cards) == 0 {
		return
	}
	value := rapid.SampledFrom(slices.Sorted(maps.Keys(h.cards))).Draw(h.T, "card")
	c := h.cards[value]
	_, err := h.s.Credentials().Use(c.id)
	if h.want("use "+value, err, h.judge(c)); err == nil && c.terms.Uses > 0 {
		c.left--
		h.cards[value] = c
	}
}

// judge returns why a card opens nothing.
func (h *house) judge(c plainCard) error {
	switch {
	case c.gone:
		return store.ErrCredential
	case !h.now.Before(h.people[c.owner].expires):
		return store.ErrOver
	case !c.terms.From.IsZero() && h.now.Before(c.terms.From):
		return store.ErrNotYet
	case !c.terms.Until.IsZero() && !h.now.Before(c.terms.Until):
		return store.ErrOver
	case c.terms.Uses > 0 && c.left == 0:
		return store.ErrUsedUp
	}
	return nil
}

func (h *house) withdrawFace(label string) {
	p, on := h.people[label]
	keyed := p.Pass || p.PIN != ""
	for _, c := range h.cards {
		keyed = keyed || c.owner == label && !c.terms.Visitor && h.judge(c) == nil
	}
	e, err := h.s.Erase(store.ByLabel(label), audit.FaceWithdrawn, 1000)
	switch {
	case !on:
		h.want("withdraw", err, store.ErrUnknown)
	case !p.Face:
		h.want("withdraw", err, store.ErrNoFace)
	case !keyed:
		h.want("withdraw", err, store.ErrKeyless)
	default:
		h.want("withdraw", err, nil)
		h.receipt(e.Receipt, receipt.Counts{Consents: 1, Templates: one(p.Epoch != 0)})
		p.Face, p.Epoch, p.Code = false, 0, template.Code{}
		h.people[label] = p
	}
}

// agrees holds the store against the plain data.
func (h *house) agrees() {
	all, err := read(h.s)
	h.want("people", err, nil)
	got := make(map[string]plainPerson)
	for _, p := range all.People {
		n := p.Count()
		got[p.Label] = plainPerson{
			p.Consented(), p.Epoch, all.Records[p.ID].Code, p.HasPass(), h.people[p.Label].PIN,
			strings.Join(h.s.Members().Groups(p.ID), " "), p.ID, p.Expires,
		}
		if (n.PINs == 1) != (h.people[p.Label].PIN != "") {
			h.Fatalf("%s has %d PINs", p.Label, n.PINs)
		}
	}
	if d := cmp.Diff(h.people, got, cmp.AllowUnexported(plainPerson{})); d != "" {
		h.Fatalf("people (-want +got):\n%s", d)
	}
	for value, c := range h.cards {
		found, err := h.s.Credentials().FindCard([]byte(value))
		if h.want(value, err, h.judge(c)); err == nil && found.Credential.Left != c.left {
			h.Fatalf("%s has %d uses left, want %d", value, found.Credential.Left, c.left)
		}
	}
}

// TestStoreAgainstMap drives a store of people with faces and without, and of what they come in by, and plain data with the
// same calls, over lockdowns, epochs and starts.
func TestStoreAgainstMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		h := &house{
			T: rt, dir: dir, now: storetest.Now(), people: make(map[string]plainPerson), cards: make(map[string]plainCard), epoch: 1,
		}
		h.open()
		defer func() { h.s.Close(); storetest.MustCheck(t, dir) }()
		often := []string{"join", "join", "capture", "capture", "renew", "begin an epoch", "card", "card", "card", "use", "use", "use"}
		steps := append(slices.Sorted(maps.Keys(h.steps(0))), often...)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			n := rapid.IntRange(0, 3).Draw(rt, "person")
			h.steps(n)[rapid.SampledFrom(steps).Draw(rt, "step")]()
			h.agrees()
		}
		for label, p := range h.people {
			if p.PIN != "" {
				who, err := h.s.Person(label)
				h.want("person", err, nil)
				_, err = h.s.Credentials().CheckPIN(who.ID, []byte(p.PIN), counted)
				h.want("the PIN", err, nil)
				break // one will do: it takes its time on purpose
			}
		}
	})
}
