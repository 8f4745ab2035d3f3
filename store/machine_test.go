package store_test

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

// TestStoreAgainstMap drives a store and a plain map with the same calls, closing and opening in between.
func TestStoreAgainstMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		m := &machine{dir: dir, current: 1, want: make(map[string]member), ids: make(map[string]template.PersonID)}
		m.open(rt)
		defer func() { m.store.Close(); storetest.MustCheck(t, dir) }()
		rt.Repeat(map[string]func(*rapid.T){
			"enrol": m.enrol, "enrol somebody else": m.enrol, "join": m.join, "recapture": m.recapture, "erase": m.erase,
			"add a card": m.addCard, "revoke a card": m.revokeCard,
			"begin an epoch": m.begin, "renew": m.renew, "renew somebody else": m.renew, "end an epoch": m.end,
			"open": m.open, "": m.check,
		})
	})
}

// A machine is a store and what it is to hold.
type machine struct {
	dir            string
	store          *store.Store
	want           map[string]member // by label
	ids            map[string]template.PersonID
	codes          int    // how many were made
	current, ended uint32 // epochs
}

// A member is what is held of a person.
type member struct {
	Face  bool
	Epoch uint32 // of the record; 0 without one
	Code  template.Code
	Cards int
}

// earlier reports whether m has a record of an earlier epoch than the current one.
func (m *machine) earlier(p member) bool { return p.Epoch != 0 && p.Epoch < m.current }

// pick draws a person, who may be on the list or not, and what it takes to capture them.
func (m *machine) pick(t *rapid.T) (label string, old member, listed bool, e store.Enrolment) {
	n := rapid.IntRange(0, 5).Draw(t, "person")
	m.codes++
	e = current(m.store, enrolment(n))
	e.Code = codeOf(1000 + m.codes)
	old, listed = m.want[labelOf(n)]
	return labelOf(n), old, listed, e
}

// mustFail fails the test if a call has failed and should not have, or the other way round.
func mustFail(t *rapid.T, err error, fails bool) {
	t.Helper()
	if (err != nil) != fails {
		t.Fatalf("error %v, want one: %v", err, fails)
	}
}

func (m *machine) open(t *rapid.T) {
	if m.store != nil {
		mustFail(t, m.store.Close(), false)
	}
	var err error
	m.store, err = store.Open(storetest.Options(m.dir))
	mustFail(t, err, false)
}

func (m *machine) enrol(t *rapid.T) {
	label, _, listed, e := m.pick(t)
	p, err := m.store.Enrol(e)
	mustFail(t, err, listed)
	if !listed {
		m.want[label], m.ids[label] = member{Face: true, Epoch: m.current, Code: e.Code}, p.ID
	}
}

func (m *machine) join(t *rapid.T) {
	label, _, listed, e := m.pick(t)
	p, err := m.store.Join(store.Membership{Label: label, Reference: "contract 7", Expires: e.Expires, By: 1000})
	mustFail(t, err, listed)
	if !listed {
		m.want[label], m.ids[label] = member{}, p.ID
	}
}

func (m *machine) recapture(t *rapid.T) {
	label, old, listed, e := m.pick(t)
	_, _, err := m.store.Recapture(e)
	mustFail(t, err, !listed)
	if listed {
		m.want[label] = member{Face: true, Epoch: m.current, Code: e.Code, Cards: old.Cards}
	}
}

func (m *machine) erase(t *rapid.T) {
	label, _, listed, _ := m.pick(t)
	_, err := m.store.Erase(store.ByLabel(label), audit.Requested, 1000)
	mustFail(t, err, !listed)
	delete(m.want, label)
}

func (m *machine) addCard(t *rapid.T) {
	label, old, listed, _ := m.pick(t)
	_, err := m.store.Credentials().AddCard(label, []byte{byte(m.codes), byte(m.codes >> 8)}, store.Terms{}, 1000)
	mustFail(t, err, !listed)
	if listed {
		old.Cards++
		m.want[label] = old
	}
}

func (m *machine) revokeCard(t *rapid.T) {
	label, old, _, _ := m.pick(t)
	if old.Cards == 0 {
		t.Skip("nobody, or without a card")
	}
	list, err := m.store.Credentials().List(label)
	mustFail(t, err, false)
	mustFail(t, m.store.Credentials().Revoke(label, list[rapid.IntRange(0, len(list)-1).Draw(t, "card")].ID, 1000), false)
	old.Cards--
	m.want[label] = old
}

func (m *machine) begin(t *rapid.T) {
	fails := false
	for _, p := range m.want {
		fails = fails || m.earlier(p)
	}
	mustFail(t, m.store.Epochs().Begin(1000), fails)
	if !fails {
		m.current++
	}
}

func (m *machine) renew(t *rapid.T) {
	label, old, listed, e := m.pick(t)
	_, renewed, err := m.store.Epochs().Renew(m.ids[label], model, made(m.store, 1, e.Code))
	mustFail(t, err, false)
	if renewed != (listed && m.earlier(old)) {
		t.Fatalf("renewed %v: %+v", renewed, old)
	}
	if renewed {
		old.Epoch, old.Code = m.current, e.Code
		m.want[label] = old
	}
}

func (m *machine) end(t *rapid.T) {
	over := m.ended+1 == m.current
	_, err := m.store.Epochs().End(1000)
	if errors.Is(err, store.ErrNoEpoch) != over {
		t.Fatal(err)
	}
	mustFail(t, err, over)
	m.ended = m.current - 1
	for label, p := range m.want {
		if m.earlier(p) {
			p.Epoch, p.Code = 0, template.Code{}
			m.want[label] = p
		}
	}
}

func (m *machine) check(t *rapid.T) {
	c, err := read(m.store)
	mustFail(t, err, false)
	got := make(map[string]member)
	for _, p := range c.People {
		got[p.Label] = member{p.Consented(), p.Epoch, c.Records[p.ID].Code, len(p.Credentials)}
		if p.ID != m.ids[p.Label] {
			t.Fatalf("%s has another id than at first", p.Label)
		}
	}
	if d := cmp.Diff(m.want, got); d != "" {
		t.Fatalf("-want +got:\n%s", d)
	}
}
