package people

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/receipt"
)

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
	for _, line := range kept {
		receipts = append(receipts, b.proved(line))
	}
	return receipts, err
}

// Prove implements Records.
func (b bound) Prove(_ context.Context, file string) (string, error) {
	line, _ := receipt.Split([]byte(file))
	proof, err := b.store.Log().Prove(line)
	return string(proof), err
}

// proved returns the file of a receipt: the receipt alone where the log does not prove it now. It is one without a proof too, and whoever
// asks for the proof is told what is wrong.
func (r *Register) proved(line []byte) string {
	proof, err := r.store.Log().Prove(line)
	if err != nil {
		return string(line)
	}
	return string(receipt.Join(line, proof))
}

// Relabel implements Records.
func (b bound) Relabel(_ context.Context, old, label string) (Person, error) {
	p, err := b.store.Members().Relabel(old, label, b.by)
	if err != nil {
		return Person{}, err
	}
	return b.listed(p), nil
}

// Show implements Records.
func (b bound) Show(_ context.Context, label string) (File, error) {
	held, err := b.store.Members().Show(label)
	if err != nil {
		return File{}, err
	}
	p := held.Person
	f := File{
		Person: b.listed(p), Template: held.Record, Scheme: fmt.Sprintf("S%d", p.Scheme), Epoch: int(p.Epoch), Lane: int(p.Lane),
		Pass: p.HasPass(), Credentials: credentials(p), LastSeen: p.LastSeen, Barred: barred(b.store.Lockouts().All(), p.ID), Agreed: agreed(p.Consent),
		Entries: []AuditEntry{},
	}
	for _, e := range held.Entries {
		f.Entries = append(f.Entries, AuditEntry{
			Time: time.Unix(e.Time, 0).UTC(), Kind: e.Kind.String(), Doubted: e.Marks&audit.Doubted != 0,
		})
	}
	return f, nil
}

func credentials(p store.Person) []Credential {
	list := make([]Credential, 0, len(p.Credentials))
	for _, c := range p.Credentials {
		list = append(list, Credential{
			Kind: c.Kind.String(), ID: shortID(c.ID), Class: classOf(c), Number: c.Number.String(), Duress: c.HasDuress(), Visitor: c.Visitor, Issued: c.Issued, From: c.From, Until: c.Until, Uses: c.Uses, Left: c.Left,
		})
	}
	return list
}

// barred lists by what means a person does not get in.
func barred(kept []store.Failures, p template.PersonID) (all []Barred) {
	for _, f := range kept {
		switch b := (Barred{Means: f.Means.String()}); {
		case f.Person != p || !f.Closed():
		case f.Disabled:
			b.For = BarredUntil
			all = append(all, b)
		default:
			b.For = BarredBriefly
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b Barred) int { return cmp.Compare(a.Means, b.Means) })
	return all
}

func agreed(c store.Consent) Consent {
	if c.ID == ([16]byte{}) { // of somebody who gives no face
		return Consent{}
	}
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

// listed is Listed of somebody who may have to consent again.
func (r *Register) listed(p store.Person) Person {
	line := Listed(p)
	if r.store.Compliance().NeedsConsent(p) {
		line.ConsentAgain, line.ConsentProfile = true, p.Consent.Profile
	}
	return line
}

// second returns why the face of a person does not open the door alone.
func second(t store.Template) Second {
	switch s := t.Standing(); {
	case !t.Consented():
	case s.Second:
		return SecondAge
	case !s.Near.IsZero():
		return SecondNear
	}
	return ""
}

// Listed returns the line of a person in the people list.
func Listed(p store.Person) Person {
	return Person{
		Label: p.Label, Groups: p.Groups, Consent: p.Reference, NoFace: !p.Consented(), Enrolled: p.Enrolled, Expires: p.Expires, Provisional: p.Provisional,
		Owed: p.Owed, Second: second(p.Template),
	}
}
