package office

import (
	"errors"
	"net/http"

	"facegate/cmd/facegate/internal/people"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
)

// newPass gives a person another pass.
func (t turn) newPass() {
	p, err := t.whom()
	if err != nil {
		t.trouble(err)
		return
	}
	issued, err := t.parts.Gate.IssuePass(t.ctx(), p.Label)
	if err == nil {
		err = t.s.give(handover{say: "has-pass", label: p.Label, person: p, next: "/", lang: t.s.speak()}, issued)
	}
	if err != nil {
		t.trouble(err)
		return
	}
	t.to("/handover")
}

// leaver returns who is to leave, and how, as the address of the page says. If it says neither, that is answered.
func (t turn) leaver() (p people.Person, why audit.Reason, ok bool) {
	switch t.r.PathValue("how") {
	case "erase":
		why = audit.Requested
	case "withdraw":
		why = audit.FaceWithdrawn
	default:
		http.NotFound(t.w, t.r)
		return people.Person{}, 0, false
	}
	p, err := t.whom()
	if err != nil {
		t.trouble(err)
	}
	return p, why, err == nil
}

// leaving asks whether the right person is named who withdraws their face, or is erased.
func (t turn) leaving() {
	p, why, ok := t.leaver()
	if !ok {
		return
	}
	t.show(http.StatusOK, "leave", struct {
		line
		Whole bool // and not the face alone
	}{line{p, t.s.address(p.Label)}, why == audit.Requested})
}

// leave erases a person, or the face of one. The receipt is theirs.
func (t turn) leave() {
	p, why, ok := t.leaver()
	if !ok {
		return
	}
	h := handover{say: "is-erased", label: p.Label, next: "/", lang: t.s.speak()}
	if why == audit.FaceWithdrawn {
		h.say, h.person = "face-erased", p
	}
	erased, err := t.parts.Gate.Erase(t.ctx(), people.Who{Label: p.Label}, why)
	if errors.Is(err, store.ErrKeyless) { // nothing but the face lets them in, and they leave the list with it
		h.say, h.person = "is-erased", people.Person{}
		erased, err = t.parts.Gate.Erase(t.ctx(), people.Who{Label: p.Label}, audit.Withdrawn)
	}
	if erased.Receipt != "" { // even if the gate has not begun anew
		h.receipts = []string{erased.Receipt}
		if kept := t.s.give(h, template.Token{}); kept != nil && err == nil {
			err = kept
		}
	}
	if err != nil {
		t.trouble(err)
		return
	}
	t.to("/handover")
}
