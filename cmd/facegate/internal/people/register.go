package people

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/receipt"
)

// A Register answers from an open store.
type Register struct {
	store    *store.Store
	oneToOne bool
}

// NewRegister returns the Register of a gate that has s, and compares people with their own template alone if oneToOne.
func NewRegister(s *store.Store, oneToOne bool) *Register { return &Register{s, oneToOne} }

// As returns the records for somebody, under whose name changes are noted.
func (r *Register) As(by audit.Actor) Records { return bound{r, by} }

// A bound Register knows who asks.
type bound struct {
	*Register
	by audit.Actor
}

// Device implements Records.
func (b bound) Device(context.Context) (Device, error) { return b.device(), nil }

func (r *Register) device() Device {
	public := r.store.Device().PublicKey
	return Device{PublicKey: hex.EncodeToString(public), Fingerprint: hex.EncodeToString(receipt.Fingerprint(public))}
}

// People implements Records.
func (b bound) People(context.Context) ([]Person, error) {
	all, err := b.store.People()
	list := make([]Person, 0, len(all))
	for _, p := range all {
		list = append(list, b.listed(p))
	}
	return list, err
}

// Erase implements Records. The label of who is named by a pass is nobody's concern.
func (b bound) Erase(_ context.Context, who Who, why audit.Reason) (Erasure, error) {
	e, err := b.store.Erase(who.stored(), why, b.by)
	if err != nil {
		return Erasure{}, owed(err)
	}
	return Erasure{Erased: who.Label, Receipt: string(e.Receipt)}, nil
}

// IssuePass implements Records.
func (b bound) IssuePass(_ context.Context, label string) (template.Token, error) {
	t, _, err := b.store.Credentials().Issue(label, store.Terms{}, b.by)
	return t, err
}

// ErrReceiptID refuses what is no id of a receipt.
var ErrReceiptID = errors.New("this is no id of a receipt")

// Fetched implements Records.
func (b bound) Fetched(_ context.Context, id string) error {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != 16 {
		return hint.Wrap(fmt.Errorf("%w: %q", ErrReceiptID, id), "list them with: facegate receipt fetch DIR")
	}
	return b.store.Receipts().Fetched([16]byte(raw))
}

// Receipts implements Records.
func (b bound) Receipts(context.Context) ([]string, error) {
	kept, err := b.store.Receipts().All()
	receipts := make([]string, 0, len(kept))
	for _, r := range kept {
		receipts = append(receipts, string(r))
	}
	return receipts, err
}

// Relabel implements Records.
func (b bound) Relabel(_ context.Context, old, label string) (Person, error) {
	p, err := b.store.Relabel(old, label, b.by)
	if err != nil {
		return Person{}, err
	}
	return b.listed(p), nil
}

// Show implements Records.
func (b bound) Show(_ context.Context, label string) (File, error) {
	held, err := b.store.Show(label)
	if err != nil {
		return File{}, err
	}
	p := held.Person
	f := File{
		Person: b.listed(p), Template: held.Record, Scheme: fmt.Sprintf("S%d", p.Scheme), Epoch: int(p.Epoch), Lane: int(p.Lane),
		Pass: p.HasPass(), LastSeen: p.LastSeen, Barred: barred(b.store.Lockouts().All()[p.ID]), Agreed: agreed(p.Consent),
		Entries: []AuditEntry{},
	}
	for _, e := range held.Entries {
		f.Entries = append(f.Entries, AuditEntry{
			Seq: e.Seq, Time: time.Unix(e.Time, 0).UTC(), Kind: e.Kind.String(), Doubted: e.Marks&audit.Doubted != 0,
		})
	}
	return f, nil
}

func barred(l store.Lockout) Barred {
	switch {
	case l.Disabled:
		return BarredUntil
	case l.Wait > 0:
		return BarredBriefly
	}
	return ""
}

func agreed(c store.Consent) Consent {
	return Consent{
		Profile: c.Profile, NoticeVersion: c.Notice.Version, NoticeSHA256: hex.EncodeToString(c.Notice.Hash[:]),
		Purpose: c.Purpose, Method: c.Method, Witness: c.Witness, Age: AgeName(c.AgeBand, int(c.ChildAge)),
		ChildAge: int(c.ChildAge), Guardian: c.Guardian, Given: c.Given, Expires: c.Expires,
	}
}

// Backup implements Records.
func (b bound) Backup(context.Context) (Backup, error) {
	made, err := b.store.Backup(b.by)
	return Backup{Data: made.Data, People: made.People, Number: made.Number}, err
}

// Reopen implements Records.
func (b bound) Reopen(context.Context) error { return b.store.Lockdown().End(b.by) }

// TurnFacesOff implements Records.
func (b bound) TurnFacesOff(_ context.Context, reason string) error {
	if err := store.ReasonLine.CleanIn(&reason); err != nil {
		return err
	}
	return b.store.Faces().TurnOff(reason, b.by)
}

// TurnFacesOn implements Records.
func (b bound) TurnFacesOn(context.Context) error { return b.store.Faces().TurnOn(b.by) }

// ResetLockout implements Records.
func (b bound) ResetLockout(context.Context) error { return b.store.Lockouts().Reset(b.by) }

// Epoch implements Records.
func (b bound) Epoch(context.Context) (Epoch, error) { return b.Register.Epoch(), nil }

// Epoch says how far a change of epoch has come.
func (r *Register) Epoch() Epoch {
	e := r.store.Epochs().State()
	return Epoch{Number: int(e.Current), Renewed: e.Renewed, Earlier: e.Earlier, Foreign: e.Foreign, None: e.Recordless}
}

// ErrOneToOne means that a new epoch would renew nothing, because templates are made and sealed with passes.
var ErrOneToOne = errors.New("where faces are compared 1:1 templates are in no epoch")

// BeginEpoch implements Records.
func (b bound) BeginEpoch(context.Context) (Epoch, error) {
	if b.oneToOne {
		return Epoch{}, hint.Wrap(ErrOneToOne, "a new pass has new keys: facegate enroll LABEL --again, for each person")
	}
	if err := b.store.Epochs().Begin(b.by); err != nil {
		return Epoch{}, err
	}
	return b.Register.Epoch(), nil
}

// EndEpoch implements Records.
func (b bound) EndEpoch(context.Context) (Epoch, error) {
	n, err := b.store.Epochs().End(b.by)
	if err != nil {
		return Epoch{}, owed(err)
	}
	e := b.Register.Epoch()
	e.Ended = n
	return e, nil
}

// listed is Listed of somebody who may have to consent again.
func (r *Register) listed(p store.Person) Person {
	line := Listed(p)
	if r.store.Compliance().NeedsConsent(p) {
		line.ConsentAgain, line.ConsentProfile = true, p.Consent.Profile
	}
	return line
}

// Listed returns the line of a person in the people list.
func Listed(p store.Person) Person {
	return Person{
		Label: p.Label, Consent: p.Consent.Reference, Enrolled: p.Enrolled, Expires: p.Expires, Provisional: p.Provisional,
		Owed: p.Owed,
	}
}
