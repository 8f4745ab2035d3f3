package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"facegate/pipeline/template"
	"facegate/store/audit"
)

// TestTombstonesLeadNowhere opens the list of what was erased, as whoever has the device key can, and looks for all that the databases had
// of somebody who was: names, ids, the template, what was on pass and card. It has ids that the device key alone makes of those.
func TestTombstonesLeadNowhere(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	token, err := template.NewToken(s.rand)
	must(t, err)
	pass, err := s.Credentials().PassKeys(token)
	must(t, err)
	e := current(s, testEnrolment(7))
	e.Label, e.Consent.Reference, e.Pass = "Zdenka Poisonova", "paper form 4711", pass
	for i := range e.Code {
		e.Code[i] = 0x0123456789abcdef * uint64(i+1)
	}
	p, err := s.Enrol(e)
	must(t, err)
	card, err := s.Credentials().AddCard(p.Label, ShownCard{Value: []byte("8420471193650278")}, Terms{}, 1000)
	must(t, err)
	must(t, s.Credentials().Revoke(p.Label, card.ID, 1000))
	_, err = s.Erase(ByLabel(p.Label), audit.Requested, 1000)
	must(t, err)

	var code []byte
	for _, word := range e.Code[:2] {
		code = binary.BigEndian.AppendUint64(code, word)
	}
	needles := map[string][]byte{
		"the label": []byte(p.Label), "the number of the form": []byte(e.Consent.Reference), "the id of the person": p.ID[:],
		"the id of the consent": p.Consent.ID[:], "the id of the record": p.Record[:], "the subject in the audit log": p.subject[:],
		"the template": code, "the id of the pass": pass.ID[:], "the text of the pass": []byte(token.Text()),
		"the id of the card": card.ID[:], "the number of the card": []byte("8420471193650278"),
	}
	found := func(list tombstones) (what []string) {
		plain, err := list.encode()
		must(t, err)
		for name, needle := range needles {
			if bytes.Contains(plain, needle) {
				what = append(what, name)
			}
		}
		slices.Sort(what)
		return what
	}
	if len(s.gone.Gone) != 3 {
		t.Errorf("%d tombstones, want those of a card, a consent and a person", len(s.gone.Gone))
	}
	if what := found(s.gone); what != nil {
		t.Errorf("the list holds %q", what)
	}
	leak := s.gone
	leak.Gone = append(slices.Clone(leak.Gone), tombstone{Of: p.ID}, tombstone{Of: card.ID})
	if what := found(leak); !slices.Equal(what, []string{"the id of the card", "the id of the person"}) {
		t.Errorf("of a list that has both ids, it is found that it holds %q", what)
	}
}
