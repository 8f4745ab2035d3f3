package recordstest

import (
	"encoding/hex"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/text"
	"facegate/store/audit"
)

// forms looks people up by the numbers of their forms, before they leave and after.
func forms(t *testing.T, s Subject) {
	ctx := t.Context()
	held := func(number string, listed, ended, receipts int) people.Form {
		t.Helper()
		f := done(s.Form(ctx, people.FormRequest{Number: number}))(t)
		if f.People == nil || f.Ended == nil || f.Receipts == nil {
			t.Errorf("form %s: a list is missing in %+v", number, f)
		}
		if len(f.People) != listed || len(f.Ended) != ended || len(f.Receipts) != receipts {
			t.Errorf("form %s: %d on the list, %d consents that are over, %d receipts; want %d, %d, %d", number, len(f.People), len(f.Ended), len(f.Receipts), listed, ended, receipts)
		}
		return f
	}
	held("form Ada", 0, 0, 0)
	s.enrol(t, "Ada")
	s.enrol(t, "Eve")
	if f := held(" form Ada", 1, 0, 0); f.Number != "form Ada" || len(f.People) == 1 && f.People[0].Label != "Ada" {
		t.Errorf("form Ada: %+v", f)
	}
	done(s.Join(ctx, people.JoinRequest{Label: "Bob", Reference: "contract 7", Until: time.Now().AddDate(1, 0, 0)}))(t)
	held("contract 7", 1, 0, 0)
	held("form", 0, 0, 0) // and no part of a number

	again := people.EnrolRequest{Label: "Ada", Consent: "form Ada 2", Again: true, By: s.By}
	done(s.Enrol(again))(t)
	if f := held("form Ada", 0, 1, 1); len(f.Ended) == 1 && f.Ended[0].Why != audit.Recaptured.String() {
		t.Errorf("after she was captured again: %+v", f.Ended)
	}
	held("form Ada 2", 1, 0, 0)

	e := done(s.Erase(ctx, people.Who{Label: "Ada"}, audit.Withdrawn))(t)
	f := held("form Ada 2", 0, 1, 1)
	if len(f.Ended) == 1 && (f.Ended[0].Why != "withdrawn" || f.Ended[0].Witness == "" || f.Ended[0].Guardian != "" || f.Ended[0].Given.After(f.Ended[0].Ended)) {
		t.Errorf("the consent that is over: %+v", f.Ended[0])
	}
	if len(f.Receipts) == 1 && f.Receipts[0] != e.Receipt {
		t.Errorf("the receipt is\n%s, want\n%s", f.Receipts[0], e.Receipt)
	}
	if err := s.Fetched(ctx, hex.EncodeToString(s.verified(t, e.Receipt).ID)); err != nil {
		t.Fatal(err)
	}
	held("form Ada 2", 0, 1, 0)
	held("form Eve", 1, 0, 0)
	done(s.Erase(ctx, people.Who{Label: "Bob"}, audit.Requested))(t)
	held("contract 7", 0, 0, 1) // who gave no face has consented to nothing

	_, err := s.Form(ctx, people.FormRequest{Number: "form\n7"})
	refused(t, "two lines", err, text.ErrCharacter)
}
