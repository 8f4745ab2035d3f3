package daemon_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/reader"
	"facegate/pipeline/attempt"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
)

// byGroups are the rules of a door that opens to staff by everything, to cleaners by their PIN, and at night by both of two.
const byGroups = "[{by: [face], groups: [staff]}, {by: [pass], groups: [staff]}, {by: [card-uid], groups: [staff]}, " +
	"{by: [pin], groups: [staff, cleaners]}, {by: [card-uid, pin], groups: [night]}]"

// face asks for the door by somebody's face.
func (h *hall) face(id template.PersonID) attempt.Outcome {
	return h.Entry().Ask(attempt.Attempt{Means: attempt.Face, Asked: time.Now(), Person: id, Finding: attempt.Matched, Reader: "camera"})
}

// put puts somebody into groups.
func (h *hall) put(t *testing.T, label string, groups ...string) {
	t.Helper()
	p, err := h.client.SetGroups(t.Context(), people.GroupsRequest{Label: label, Grouping: people.Grouping{Groups: groups}})
	must(t, err)
	if !slices.Equal(p.Groups, groups) {
		t.Errorf("%s is in %q, want %q", label, p.Groups, groups)
	}
}

// comes has somebody come by each means but the PIN, and wants the door to open by all or by none.
func (h *hall) comes(t *testing.T, when string, id template.PersonID, k kit, opens bool) {
	t.Helper()
	for means, o := range map[attempt.Means]attempt.Outcome{
		attempt.Face: h.face(id), attempt.Pass: h.show(t, reader.Code, k.pass), attempt.Card: h.show(t, reader.Card, k.card),
	} {
		if o.Opened.IsZero() == opens || !opens && o.Reason != attempt.NoWay {
			t.Errorf("%s, by %v: %+v", when, means, o)
		}
	}
}

// TestGroups has people come to a whole gate whose rules are for groups. Being put into a group and taken out of it counts at once,
// by every means, and over a restart.
func TestGroups(t *testing.T) {
	site := gatetest.NewSite(t)
	settings := with(otherWays, "rules", byGroups)
	h := open(t, site, settings, daemon.Outside{})
	e, err := h.Register().Enrol(people.EnrolRequest{
		Label: "p01", Consent: "form 1", Age: "adult", Witness: "Li Na", Pass: true, Grouping: people.Grouping{Groups: []string{"staff"}},
	}, matchertest.Face(1))
	must(t, err)
	one := kit{card: "card of p01", pass: e.Pass.Text()}
	_, err = h.Store().Credentials().AddCard("p01", store.ShownCard{Value: []byte(one.card)}, store.Terms{}, 1000)
	must(t, err)
	text := h.joins(t, "none")
	none := h.equip(t, "none")
	none.pass = text
	id := func(label string) template.PersonID {
		p, err := h.Store().Person(label)
		must(t, err)
		return p.ID
	}
	p01, nobody := id("p01"), id("none")

	h.comes(t, "who is in the group from the first", p01, one, true)
	h.comes(t, "who is in none", nobody, none, false)
	h.put(t, "none", "cleaners")
	h.comes(t, "who is in another group", nobody, none, false)
	if o := h.show(t, reader.Keys, none.typed); o.Opened.IsZero() {
		t.Errorf("a PIN of that group: %+v", o)
	}
	_, pin, _ := strings.Cut(none.typed, "*")
	for _, stays := range []bool{true, false} {
		h.put(t, "none", "night")
		if o := h.show(t, reader.Card, none.card); o.Wait != attempt.PIN {
			t.Errorf("a card to which a PIN belongs: %+v", o)
		}
		if !stays {
			h.put(t, "none")
		}
		if o := h.show(t, reader.Keys, pin); o.Opened.IsZero() == stays {
			t.Errorf("the PIN after the card, still in the group %v: %+v", stays, o)
		}
	}
	h.put(t, "none", "cleaners", "staff")
	h.comes(t, "who is in both", nobody, none, true)
	h.put(t, "p01")
	h.comes(t, "who was taken out", p01, one, false)
	h.stop()

	h = open(t, site, settings, daemon.Outside{Source: unplugged{t}, Begin: lesser(crashes.CardsOnly, new(atomic.Bool))}) // starts sooner
	h.comes(t, "who was taken out, after a restart", p01, one, false)
	h.comes(t, "who is in both, after a restart", nobody, none, true)

	empty := func() []string {
		s, err := h.client.Status(t.Context())
		must(t, err)
		i := slices.IndexFunc(s.Health.Conditions, func(c health.Condition) bool {
			return c.Part == health.People && strings.Contains(c.Reason, "groups that nobody is in")
		})
		if i < 0 {
			return s.Rules[0].Nobody
		}
		return append(slices.Clone(s.Rules[0].Nobody), s.Health.Conditions[i].Reason)
	}
	h.put(t, "p01", "night")
	if got := empty(); len(got) != 0 {
		t.Errorf("while somebody is in each group: %q", got)
	}
	h.put(t, "p01")
	_, err = h.client.Erase(t.Context(), people.Who{Label: "none"}, audit.Requested)
	must(t, err)
	if got := empty(); len(got) != 2 || got[0] != "staff" || !strings.HasSuffix(got[1], ": cleaners, night, staff") {
		t.Errorf("once nobody is in any group: %q", got)
	}
}
