// Package recordstest is the contract of people.Records as a test suite, and records to try it on.
package recordstest

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/checkpoint"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
)

// A Subject are the Records of a House, as somebody has them.
type Subject struct {
	House
	people.Records
	By audit.Actor
}

// Run tests the Records that open returns, of a house that nobody is enrolled at. Each serves one subtest.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Subject)
	}{
		{"nobody", nobody},
		{"people", listed},
		{"members", members},
		{"forms", forms},
		{"groups", groups},
		{"whose face opens nothing alone", seconds},
		{"erase", erased},
		{"erase by pass", erasedByPass},
		{"PINs", pins},
		{"cards", cards},
		{"receipts", receipts},
		{"epochs", epochs},
		{"lockdown", lockdown},
		{"faces", faces},
		{"audit", audited},
		{"witnesses", witnesses},
		{"clock", clock},
		{"visitors", visitors},
		{"operators", operators},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// refused checks that err is of a kind, and says what to do.
func refused(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) || hint.Of(err) == "" {
		t.Errorf("%s: error %v, hint %q; want %v with a hint", what, err, hint.Of(err), kind)
	}
}

// done returns v, or ends the test if there is an error.
func done[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// enrol captures somebody who gets a pass.
func (s Subject) enrol(t *testing.T, label string) people.Enrolled {
	t.Helper()
	return done(s.Enrol(people.EnrolRequest{Label: label, Consent: "form " + label, Pass: true, By: s.By}))(t)
}

func nobody(t *testing.T, s Subject) {
	ctx := t.Context()
	if list, err := s.People(ctx); list == nil || len(list) != 0 || err != nil {
		t.Errorf("the people are %v, %v", list, err)
	}
	if list, err := s.Receipts(ctx); list == nil || len(list) != 0 || err != nil {
		t.Errorf("the receipts are %v, %v", list, err)
	}
	if e, err := s.Epoch(ctx); e != (people.Epoch{Number: 1}) || err != nil {
		t.Errorf("the epoch is %+v, %v", e, err)
	}
	_, err := s.Show(ctx, "Ada")
	refused(t, "show nobody", err, store.ErrUnknown)
	_, err = s.Erase(ctx, people.Who{Label: "Ada"}, audit.Requested)
	refused(t, "erase nobody", err, store.ErrUnknown)
	_, err = s.IssuePass(ctx, "Ada")
	refused(t, "a pass for nobody", err, store.ErrUnknown)
	_, err = s.Relabel(ctx, "Ada", "Eve")
	refused(t, "relabel nobody", err, store.ErrUnknown)
	_, err = s.SetGroups(ctx, people.GroupsRequest{Label: "Ada"})
	refused(t, "groups of nobody", err, store.ErrUnknown)
	_, err = s.SetPIN(ctx, people.PINRequest{Label: "Ada", PIN: []byte("271828")})
	refused(t, "a PIN for nobody", err, store.ErrUnknown)
	refused(t, "the PIN of nobody", s.RemovePIN(ctx, "Ada", false), store.ErrUnknown)
	_, err = s.Number(ctx, "Ada")
	refused(t, "the number of nobody", err, store.ErrUnknown)
}

func listed(t *testing.T, s Subject) {
	ctx := t.Context()
	ada := s.enrol(t, "Ada")
	s.enrol(t, "Eve")
	list, err := s.People(ctx)
	if err != nil || len(list) != 2 || list[0].Label != "Ada" || !list[0].Expires.Equal(ada.Expires) || list[1].Consent != "form Eve" {
		t.Errorf("the people are %+v, %v", list, err)
	}
	f, err := s.Show(ctx, "Ada")
	if err != nil || !f.Template || !f.Pass || f.Scheme != "S1" || f.Epoch != 1 || f.Agreed.Witness == "" || f.Agreed.Age != "adult" || len(f.Entries) == 0 {
		t.Errorf("shown: %+v, %v", f, err)
	}
	if p, err := s.Relabel(ctx, "Ada", "Ada L."); err != nil || p.Label != "Ada L." {
		t.Errorf("relabelled: %+v, %v", p, err)
	}
	s.noted(t, audit.Relabelled)
	_, err = s.Relabel(ctx, "Ada L.", "Eve")
	refused(t, "relabel as somebody else", err, store.ErrExists)
	_, err = s.Relabel(ctx, "Ada L.", "Еve") // with a Cyrillic letter
	refused(t, "relabel as one who looks like somebody else", err, store.ErrAlike)
	if b, err := s.Backup(ctx); err != nil || b.People != 2 || len(b.Data) == 0 {
		t.Errorf("backup: %d bytes of %d people, %v", len(b.Data), b.People, err)
	}
}

// noted checks that the newest entry of the audit log is of a kind, and who asked for it.
func (s Subject) noted(t *testing.T, kind audit.Kind) {
	t.Helper()
	log := done(s.Store.Log().Read())(t)
	last := log.Records[len(log.Records)-1].Entry
	if last == nil || last.Kind != kind || last.Actor != s.By {
		t.Errorf("the last entry is %+v, want %v by %d", last, kind, s.By)
	}
}

func erased(t *testing.T, s Subject) {
	ctx := t.Context()
	for label, why := range map[string]audit.Reason{"Ada": audit.Requested, "Eve": audit.Withdrawn} {
		s.enrol(t, label)
		e := done(s.Erase(ctx, people.Who{Label: label}, why))(t)
		if e.Erased != label {
			t.Errorf("erased %+v", e)
		}
		if r := s.verified(t, e.Receipt); r.Erased.People != 1 || r.Reason != why.String() {
			t.Errorf("%s: the receipt says %+v", label, r)
		}
		_, err := s.Erase(ctx, people.Who{Label: label}, why)
		refused(t, "erase again", err, store.ErrUnknown)
	}
	if list := done(s.People(ctx))(t); len(list) != 0 {
		t.Errorf("after the erasures the people are %v", list)
	}
}

// verified returns a receipt, which the device has to have signed.
func (s Subject) verified(t *testing.T, text string) receipt.Receipt {
	t.Helper()
	d := done(s.Device(t.Context()))(t)
	key := done(hex.DecodeString(d.PublicKey))(t)
	return done(receipt.Verify([]byte(text), key))(t)
}

// seconds are whose face opens the door together with something else alone: who is near to somebody, and who is under 14. Of the one
// whom somebody is near to nothing is told on that day.
func seconds(t *testing.T, s Subject) {
	ctx := t.Context()
	s.enrol(t, "Ada")
	ada := done(s.Store.Person("Ada"))(t)
	eve := s.enrolment(people.EnrolRequest{Label: "Eve", Consent: "form Eve", By: s.By})
	eve.Near, eve.NearTo = true, []template.PersonID{ada.ID}
	kid := s.enrolment(people.EnrolRequest{Label: "Kid", Consent: "form Kid", By: s.By})
	kid.Consent.AgeBand, kid.Consent.Guardian = store.Child, "Li Na"
	for _, e := range []store.Enrolment{eve, kid} {
		done(s.Store.Enrol(e))(t)
	}
	for label, want := range map[string]people.Second{"Ada": "", "Eve": people.SecondNear, "Kid": people.SecondAge} {
		f := done(s.Show(ctx, label))(t)
		list := done(s.People(ctx))(t)
		i := slices.IndexFunc(list, func(p people.Person) bool { return p.Label == label })
		if f.Second != want || i < 0 || list[i].Second != want {
			t.Errorf("%s is shown as %q, and listed as %+v", label, f.Second, list)
		}
		if n := len(f.Entries); label == "Ada" && n != 2 { // of her enrolment and her pass
			t.Errorf("%d entries of the audit log are of Ada", n)
		}
	}
	if f, err := s.Lockdown(ctx); err != nil || f.People != 3 || f.Near != 1 {
		t.Errorf("the facts are %+v, %v", f, err)
	}
	if f := done(s.Show(ctx, "Kid"))(t); f.Second != people.SecondAge {
		t.Errorf("after the templates were destroyed Kid is shown as %q", f.Second)
	}
}

// members are who give no face, and who take theirs back.
func members(t *testing.T, s Subject) {
	ctx := t.Context()
	s.enrol(t, "Ada")
	until := time.Now().AddDate(1, 0, 0).Truncate(time.Second)
	join := people.JoinRequest{Label: "Bob", Reference: "contract 7", Until: until, Pass: true}
	bob := done(s.Join(ctx, join))(t)
	if !bob.NoFace || bob.Consent != "contract 7" || !bob.Expires.Equal(until) || bob.Pass == (template.Token{}) {
		t.Errorf("joined: %+v", bob)
	}
	s.noted(t, audit.PassIssued)
	_, err := s.Join(ctx, join)
	refused(t, "join again", err, store.ErrExists)
	join.Label, join.Reference = "Eve", ""
	_, err = s.Join(ctx, join)
	refused(t, "join for nothing", err, store.ErrReference)
	join.Reference, join.Until = "contract 8", time.Time{}
	_, err = s.Join(ctx, join)
	refused(t, "join for ever", err, store.ErrExpiry)

	list := done(s.People(ctx))(t)
	if len(list) != 2 || list[0].NoFace || !list[1].NoFace || list[1].ConsentAgain {
		t.Errorf("the people are %+v", list)
	}
	f := done(s.Show(ctx, "Bob"))(t)
	if !f.NoFace || f.Template || !f.Pass || f.Agreed != (people.Consent{}) || len(f.Credentials) != 1 || f.Credentials[0].Kind != "pass" {
		t.Errorf("shown: %+v", f)
	}
	_, err = s.Erase(ctx, people.Who{Label: "Bob"}, audit.FaceWithdrawn)
	refused(t, "withdraw no face", err, store.ErrNoFace)
	e := done(s.Erase(ctx, people.Who{Label: "Ada"}, audit.FaceWithdrawn))(t)
	if r := s.verified(t, e.Receipt); r.Reason != "face-withdrawn" || r.Erased != (receipt.Counts{Templates: 1, Consents: 1}) {
		t.Errorf("the receipt says %+v", r)
	}
	if f := done(s.Show(ctx, "Ada"))(t); !f.NoFace || !f.Pass || f.Consent != "form Ada" {
		t.Errorf("afterwards: %+v", f)
	}
	e = done(s.Erase(ctx, people.Who{Pass: bob.Pass}, audit.Requested))(t)
	if r := s.verified(t, e.Receipt); r.Erased != (receipt.Counts{People: 1, Passes: 1}) {
		t.Errorf("the receipt says %+v", r)
	}
}

func erasedByPass(t *testing.T, s Subject) {
	ctx := t.Context()
	old := s.enrol(t, "Ada").Pass
	issued := done(s.IssuePass(ctx, "Ada"))(t)
	if issued == old || issued == (template.Token{}) {
		t.Error("the new pass is the old one, or none")
	}
	s.noted(t, audit.PassReplaced)
	_, err := s.Erase(ctx, people.Who{Pass: old}, audit.Withdrawn)
	refused(t, "erase by the old pass", err, store.ErrPass)
	e := done(s.Erase(ctx, people.Who{Pass: issued}, audit.Withdrawn))(t)
	if r := s.verified(t, e.Receipt); e.Erased != "" || r.Erased.People != 1 {
		t.Errorf("erased %+v", e)
	}
	_, err = s.Erase(ctx, people.Who{Pass: issued}, audit.Withdrawn)
	refused(t, "erase by pass again", err, store.ErrPass)
}

func pins(t *testing.T, s Subject) {
	ctx := t.Context()
	bob := done(s.Join(ctx, people.JoinRequest{Label: "Bob", Reference: "contract 7", Until: time.Now().AddDate(1, 0, 0)}))(t)
	set := func(pin string, duress bool) (people.PINGiven, error) {
		return s.SetPIN(ctx, people.PINRequest{Label: bob.Label, PIN: []byte(pin), Duress: duress})
	}
	_, err := s.Number(ctx, bob.Label)
	refused(t, "a number without a PIN", err, store.ErrNoPIN)
	_, err = s.Renumber(ctx, bob.Label)
	refused(t, "another number without a PIN", err, store.ErrNoPIN)
	_, err = set("314159", true)
	refused(t, "duress without a PIN", err, store.ErrNoPIN)
	refused(t, "remove no PIN", s.RemovePIN(ctx, bob.Label, false), store.ErrNoPIN)
	_, err = set("123456", false)
	refused(t, "a weak PIN", err, store.ErrWeakPIN)

	given := done(set("271828", false))(t)
	s.noted(t, audit.CredentialIssued)
	if n := done(s.Number(ctx, bob.Label))(t); len(n) != 4 || n != given.Number || given.PIN != nil {
		t.Errorf("given %+v, with the number %s", given, n)
	}
	s.opens(t, bob.Label, "271828", false)
	done(set("314159", true))(t)
	s.opens(t, bob.Label, "314159", true)
	f := done(s.Show(ctx, bob.Label))(t)
	if len(f.Credentials) != 1 || f.Credentials[0].Number != given.Number || !f.Credentials[0].Duress {
		t.Errorf("shown: %+v", f.Credentials)
	}
	if err := s.RemovePIN(ctx, bob.Label, true); err != nil {
		t.Error(err)
	}
	if f := done(s.Show(ctx, bob.Label))(t); f.Credentials[0].Duress {
		t.Errorf("shown after that for duress was removed: %+v", f.Credentials)
	}
	drawn := done(set("", true))(t)
	s.opens(t, bob.Label, string(drawn.PIN), true)
	drawn = done(set("", false))(t)
	s.opens(t, bob.Label, string(drawn.PIN), false)
	if n := done(s.Renumber(ctx, bob.Label))(t); n == given.Number || n != done(s.Number(ctx, bob.Label))(t) {
		t.Errorf("the new number is %s, the old one was %s", n, given.Number)
	}
	if err := s.RemovePIN(ctx, bob.Label, false); err != nil {
		t.Error(err)
	}
	s.noted(t, audit.CredentialRevoked)
	if f := done(s.Show(ctx, bob.Label))(t); len(f.Credentials) != 0 {
		t.Errorf("shown after the PIN was removed: %+v", f.Credentials)
	}
}

// opens checks that a PIN is that of a person.
func (s Subject) opens(t *testing.T, label, pin string, duress bool) {
	t.Helper()
	p := done(s.Store.Person(label))(t)
	if got, err := s.Store.Credentials().CheckPIN(p.ID, []byte(pin), func() error { return nil }); err != nil || got != duress {
		t.Errorf("%q: duress is %v, %v", pin, got, err)
	}
}

func cards(t *testing.T, s Subject) {
	ctx := t.Context()
	bob := done(s.Join(ctx, people.JoinRequest{Label: "Bob", Reference: "contract 7", Until: time.Now().AddDate(1, 0, 0)}))(t)
	give := func(value string, secure bool) people.Credential {
		return done(s.Register.AddCard(people.CardRequest{Label: bob.Label}, "desk", store.ShownCard{Value: []byte(value), Secure: secure}))(t).Card
	}
	one, two := give("one", false), give("two", true)
	if one.Class != "card-uid" || two.Class != "card-secure" || one.ID == two.ID {
		t.Errorf("given: %+v, %+v", one, two)
	}
	refused(t, "a card that is none", s.RemoveCard(ctx, bob.Label, "00000000"), people.ErrNoCard)
	refused(t, "a card of nobody", s.RemoveCard(ctx, "Eve", one.ID), store.ErrUnknown)
	if err := s.RemoveCard(ctx, bob.Label, one.ID); err != nil {
		t.Error(err)
	}
	s.noted(t, audit.CredentialRevoked)
	f := done(s.Show(ctx, bob.Label))(t)
	if len(f.Credentials) != 1 || f.Credentials[0] != two {
		t.Errorf("shown after one of them was removed: %+v, want %+v", f.Credentials, two)
	}
	refused(t, "a card that was removed", s.RemoveCard(ctx, bob.Label, one.ID), people.ErrNoCard)
}

func receipts(t *testing.T, s Subject) {
	ctx := t.Context()
	s.enrol(t, "Ada")
	e := done(s.Erase(ctx, people.Who{Label: "Ada"}, audit.Requested))(t)
	if kept := done(s.Receipts(ctx))(t); !slices.Equal(kept, []string{e.Receipt}) {
		t.Errorf("kept: %q", kept)
	}
	line, first := receipt.Split([]byte(e.Receipt))
	key, err := hex.DecodeString(done(s.Device(ctx))(t).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(first), done(s.Prove(ctx, e.Receipt))(t), done(s.Prove(ctx, string(line)))(t)} {
		if p, err := proof.Verify(line, []byte(text), key); err != nil || p.Entry.Kind != audit.ReceiptIssued || p.Entry.Seq != 0 {
			t.Errorf("proved by %+v, %v\n%s", p.Entry, err, text)
		}
	}
	for _, other := range []string{"", strings.Replace(e.Receipt, "requested", "withdrawn", 1)} {
		if text, err := s.Prove(ctx, other); err == nil || hint.Of(err) == "" {
			t.Errorf("the proof of what is no receipt of this gate: %q, %v", text, err)
		}
	}
	if err := s.Fetched(ctx, hex.EncodeToString(s.verified(t, e.Receipt).ID)); err != nil {
		t.Error(err)
	}
	if kept := done(s.Receipts(ctx))(t); len(kept) != 0 {
		t.Errorf("kept after it was fetched: %q", kept)
	}
	for _, id := range []string{"", "07", "x", hex.EncodeToString(make([]byte, 17))} {
		refused(t, "fetch "+id, s.Fetched(ctx, id), people.ErrReceiptID)
	}
}

func epochs(t *testing.T, s Subject) {
	ctx := t.Context()
	_, err := s.EndEpoch(ctx)
	refused(t, "end the first epoch", err, store.ErrNoEpoch)
	s.enrol(t, "Ada")
	if e, err := s.BeginEpoch(ctx); err != nil || e != (people.Epoch{Number: 2, Earlier: 1}) {
		t.Errorf("begun: %+v, %v", e, err)
	}
	s.noted(t, audit.EpochBegun)
	_, err = s.BeginEpoch(ctx)
	refused(t, "begin another", err, store.ErrEpoch)
	if e, err := s.EndEpoch(ctx); err != nil || e != (people.Epoch{Number: 2, None: 1, Ended: 1}) {
		t.Errorf("ended: %+v, %v", e, err)
	}
}

func lockdown(t *testing.T, s Subject) {
	ctx := t.Context()
	s.enrol(t, "Ada")
	f, err := s.Lockdown(ctx)
	if err != nil || f.People != 1 || f.Templates != 1 || f.Bound != 0 || f.AuditSize == 0 || time.Since(f.Time) > time.Minute {
		t.Errorf("the facts are %+v, %v", f, err)
	}
	s.noted(t, audit.LockedDown)
	refused(t, "capture somebody", s.Accepts(people.EnrolRequest{Label: "Eve", Consent: "form"}), store.ErrLockdown)
	if err := errors.Join(s.EndLockdown(ctx), s.ResetLockout(ctx)); err != nil {
		t.Error(err)
	}
	if err := s.Accepts(people.EnrolRequest{Label: "Eve", Consent: "form"}); err != nil {
		t.Error(err)
	}
}

func faces(t *testing.T, s Subject) {
	ctx := t.Context()
	refused(t, "a reason of two lines", s.TurnFacesOff(ctx, "a\nb"), text.ErrCharacter)
	if err := s.TurnFacesOff(ctx, "a film is made"); err != nil {
		t.Fatal(err)
	}
	s.noted(t, audit.FacesOff)
	if off := s.Store.Faces().Off(); off == nil || off.Reason != "a film is made" || off.By != s.By {
		t.Errorf("turned off: %+v", off)
	}
	if err := s.TurnFacesOn(ctx); err != nil || s.Store.Faces().Off() != nil {
		t.Errorf("turned on: %v", err)
	}
	s.noted(t, audit.FacesOn)
}

func audited(t *testing.T, s Subject) {
	ctx := t.Context()
	s.enrol(t, "Ada")
	r := done(s.Verify(ctx, nil))(t)
	end := tlog.Tree{N: r.Size, Hash: tlog.Hash(done(hex.DecodeString(r.Root))(t))}
	if r, err := s.Verify(ctx, []tlog.Tree{end, end}); err != nil || r.Held != 2 || r.Entries == 0 {
		t.Errorf("held against its own end: %+v, %v", r, err)
	}
	later := end
	later.N += 1000
	_, err := s.Verify(ctx, []tlog.Tree{end, later})
	refused(t, "hold it against a longer one", err, audit.ErrOlder)
	c := done(s.Checkpoint(ctx))(t)
	key := ed25519.PublicKey(done(hex.DecodeString(done(s.Device(ctx))(t).PublicKey))(t))
	if tree, _, err := checkpoint.Open([]byte(c.Signed), key); err != nil || tree != end {
		t.Errorf("the checkpoint is of %+v, want %+v: %v", tree, end, err)
	}
	end.Hash[0] ^= 1
	_, err = s.Verify(ctx, []tlog.Tree{end})
	refused(t, "hold it against another one", err, audit.ErrAnother)
}

func clock(t *testing.T, s Subject) {
	ctx := t.Context()
	c, err := s.Clock(ctx)
	if err != nil || time.Since(c.Wall).Abs() > time.Minute || !c.Right {
		t.Errorf("the clock is %+v, %v", c, err)
	}
	_, err = s.ConfirmClock(ctx, c.Wall.AddDate(0, 0, -1))
	refused(t, "confirm what it said yesterday", err, store.ErrClock)
	if c, err = s.ConfirmClock(ctx, c.Wall); err != nil || !c.Right {
		t.Errorf("confirmed: %+v, %v", c, err)
	}
}

// Refusals are questions that a house with nobody in it refuses, each for a reason of its own.
func Refusals() map[string]func(context.Context, people.Records) error {
	return map[string]func(context.Context, people.Records) error{
		"show nobody": func(ctx context.Context, r people.Records) error { return second(r.Show(ctx, "Ada")) },
		"erase nobody": func(ctx context.Context, r people.Records) error {
			return second(r.Erase(ctx, people.Who{Label: "Ada"}, 0))
		},
		"a weak PIN": func(ctx context.Context, r people.Records) error {
			return second(r.SetPIN(ctx, people.PINRequest{Label: "Ada", PIN: []byte("123456")}))
		},
		"no such group": func(ctx context.Context, r people.Records) error {
			join := people.JoinRequest{Label: "Ada", Reference: "contract 7", Until: time.Now().AddDate(1, 0, 0)}
			join.Groups = []string{"stafff"}
			return second(r.Join(ctx, join))
		},
		"no name of a group": func(ctx context.Context, r people.Records) error {
			return second(r.SetGroups(ctx, people.GroupsRequest{Label: "Ada", Grouping: people.Grouping{Groups: []string{"the staff"}}}))
		},
		"no such receipt": func(ctx context.Context, r people.Records) error { return r.Fetched(ctx, "x") },
		"an epoch":        func(ctx context.Context, r people.Records) error { return second(r.EndEpoch(ctx)) },
		"another log": func(ctx context.Context, r people.Records) error {
			return second(r.Verify(ctx, []tlog.Tree{{N: 1}}))
		},
		"no witness": func(ctx context.Context, r people.Records) error {
			return second(r.WitnessRequest(ctx, cosigner("eve.example").Verifier().String(), false))
		},
		"nobody's signature": func(ctx context.Context, r people.Records) error { return second(r.TakeCosigned(ctx, "hello")) },
		"a longer log": func(ctx context.Context, r people.Records) error {
			return second(r.Verify(ctx, []tlog.Tree{{N: 9999}}))
		},
		"a long reason": func(ctx context.Context, r people.Records) error {
			return r.TurnFacesOff(ctx, strings.Repeat("x", 300))
		},
		"an odd reason": func(ctx context.Context, r people.Records) error { return r.TurnFacesOff(ctx, "a\nb") },
		"a key that is none": func(ctx context.Context, r people.Records) error {
			return second(r.AddOffice(ctx, people.OfficeRequest{Name: "desk", Key: strings.Repeat("0", 64)}))
		},
		"no such office": func(ctx context.Context, r people.Records) error { return second(r.RemoveOffice(ctx, "desk")) },
		"an operator's key that is none": func(ctx context.Context, r people.Records) error {
			return second(r.AddOperator(ctx, people.OperatorRequest{Name: "desk", Key: strings.Repeat("0", 64)}))
		},
		"no such operator":  func(ctx context.Context, r people.Records) error { return second(r.RemoveOperator(ctx, "desk")) },
		"no visitor's pass": func(ctx context.Context, r people.Records) error { return second(r.ShowVisit(ctx, "A")) },
		"no such number": func(ctx context.Context, r people.Records) error {
			return second(r.RevokeVisit(ctx, people.Revocation{Number: "A"}))
		},
		"a pass of no office": func(ctx context.Context, r people.Records) error {
			return second(r.RevokeVisit(ctx, people.Revocation{Number: strings.Repeat("A", 20)}))
		},
		"a wrong date": func(ctx context.Context, r people.Records) error { return second(r.ConfirmClock(ctx, time.Time{})) },
	}
}

func second[T any](_ T, err error) error { return err }
