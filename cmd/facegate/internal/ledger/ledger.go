// Package ledger answers what a technician or a person asks of the records of a gate. The daemon uses it while the gate runs, the command line while it does not.
package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/text"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/receipt"
)

// A Ledger answers from one open store.
type Ledger struct{ Store *store.Store }

// Device returns the identity of the device.
func (l Ledger) Device() people.Device {
	public := l.Store.Device().PublicKey
	return people.Device{PublicKey: hex.EncodeToString(public), Fingerprint: hex.EncodeToString(receipt.Fingerprint(public))}
}

// People lists everybody enrolled, by label.
func (l Ledger) People() ([]people.Person, error) {
	all, err := l.Store.People()
	list := make([]people.Person, 0, len(all))
	for _, p := range all {
		list = append(list, l.listed(p))
	}
	return list, err
}

// Erase removes a person for good. If withdrawn, their consent is kept as one that was withdrawn.
func (l Ledger) Erase(label string, withdrawn bool, by audit.Actor) (people.Erasure, error) {
	e, err := l.Store.Erase(store.ByLabel(label), reason(withdrawn), by)
	if err != nil {
		return people.Erasure{}, owed(err)
	}
	return people.Erasure{Erased: label, Receipt: string(e.Receipt)}, nil
}

// reason returns why somebody is erased who asked for it.
func reason(withdrawn bool) audit.Reason {
	if withdrawn {
		return audit.Withdrawn
	}
	return audit.Requested
}

// owed returns err as the command line knows it, if it is of something that could not be destroyed yet.
func owed(err error) error {
	var o *store.OwedError
	if !errors.As(err, &o) {
		return err
	}
	return hint.Wrap(fmt.Errorf("%w: %w", people.ErrOwed, o.Err), "%s", hint.Of(err))
}

// EraseByPass is Erase, by the pass of the person. The label is nobody's concern then.
func (l Ledger) EraseByPass(t template.Token, withdrawn bool, by audit.Actor) (people.Erasure, error) {
	e, err := l.Store.Erase(store.ByPass(t), reason(withdrawn), by)
	if err != nil {
		return people.Erasure{}, owed(err)
	}
	return people.Erasure{Receipt: string(e.Receipt)}, nil
}

// IssuePass gives a person a new pass, and makes the old one worthless.
func (l Ledger) IssuePass(label string, by audit.Actor) (template.Token, error) {
	return l.Store.Passes().Issue(label, by)
}

// Fetched forgets the receipt with this id, in hexadecimal.
func (l Ledger) Fetched(id string) error {
	var b [16]byte
	if n, err := hex.Decode(b[:], []byte(id)); err != nil || n != len(b) || len(id) != 2*len(b) {
		return hint.Wrap(fmt.Errorf("%q is no id of a receipt", id), "list them with: facegate receipt fetch DIR")
	}
	return l.Store.Receipts().Fetched(b)
}

// Receipts returns the receipts that nobody has fetched.
func (l Ledger) Receipts() ([]string, error) {
	kept, err := l.Store.Receipts().All()
	receipts := make([]string, 0, len(kept))
	for _, r := range kept {
		receipts = append(receipts, string(r))
	}
	return receipts, err
}

// Relabel corrects a label.
func (l Ledger) Relabel(old, label string, by audit.Actor) (people.Person, error) {
	p, err := l.Store.Relabel(old, label, by)
	if err != nil {
		return people.Person{}, err
	}
	return l.listed(p), nil
}

// Show returns all that is held of a person, but for the template.
func (l Ledger) Show(label string) (people.File, error) {
	held, err := l.Store.Show(label)
	if err != nil {
		return people.File{}, err
	}
	p, c := held.Person, held.Person.Consent
	f := people.File{
		Person: l.listed(p), Template: held.Record, Scheme: fmt.Sprintf("S%d", p.Scheme), Epoch: int(p.Epoch), Lane: int(p.Lane),
		Pass: p.HasPass(), LastSeen: p.LastSeen,
		Agreed: people.Consent{
			Profile: c.Profile, NoticeVersion: c.Notice.Version, NoticeSHA256: hex.EncodeToString(c.Notice.Hash[:]), Purpose: c.Purpose,
			Method: c.Method, Witness: c.Witness, Age: AgeName(c.AgeBand, int(c.ChildAge)), ChildAge: int(c.ChildAge), Guardian: c.Guardian, Given: c.Given,
			Expires: c.Expires,
		},
		Entries: []people.AuditEntry{},
	}
	switch l := l.Store.Lockouts().All()[p.ID]; {
	case l.Disabled:
		f.Barred = people.BarredUntil
	case l.Wait > 0:
		f.Barred = people.BarredBriefly
	}
	for _, e := range held.Entries {
		f.Entries = append(f.Entries, people.AuditEntry{Seq: e.Seq, Time: time.Unix(e.Time, 0).UTC(), Kind: e.Kind.String(), Doubted: e.Marks&audit.Doubted != 0})
	}
	return f, nil
}

// Verify checks the audit log against the key of the device.
func (l Ledger) Verify(seen []audit.Head) (people.AuditReport, error) {
	log, err := l.Store.Log().Read()
	if err != nil {
		return people.AuditReport{}, err
	}
	if err := log.Verify(l.Store.Device().PublicKey); err != nil {
		return people.AuditReport{}, hint.Wrap(fmt.Errorf("audit log: %w", err),
			"keep a copy of the state folder as evidence, and find out who could write there")
	}
	r := people.AuditReport{
		Entries: len(log.Records), Dropped: log.Start.Seq, End: log.End.Seq, Link: hex.EncodeToString(log.End.Link[:]),
		Signature: hex.EncodeToString(log.End.Signature),
	}
	for _, e := range log.Records {
		switch {
		case e.Entry == nil:
			r.Pruned++
		case e.Entry.Marks&audit.Doubted != 0:
			r.Doubted++
		case e.Entry.Marks&audit.SetBack != 0:
			r.SetBack++
		}
	}
	for _, place := range seen {
		held, err := log.Holds(place)
		switch {
		case err != nil:
			return people.AuditReport{}, hint.Wrap(fmt.Errorf("audit log: %w", err), "find out who has put older files back, or begun anew: "+
				"whoever was erased since may be back; after facegate backup restore the log begins anew")
		case held:
			r.Held++
		default:
			r.Early++
		}
	}
	return r, nil
}

// Backup makes a sealed copy of people, consents and templates.
func (l Ledger) Backup(by audit.Actor) (people.Backup, error) {
	b, err := l.Store.Backup(by)
	return people.Backup{Data: b.Data, People: b.People, Number: b.Number}, err
}

// Lockdown makes every template unusable, and gathers the facts.
func (l Ledger) Lockdown(by audit.Actor) (people.Facts, error) {
	all, err := l.Store.People()
	if err != nil {
		return people.Facts{}, err
	}
	err = l.Store.Lockdown().Begin(by)
	unwritten := new(store.LockdownError)
	if err != nil && !errors.As(err, &unwritten) {
		return people.Facts{}, err
	}
	f := people.Facts{
		Time: l.Store.Clock().Verdict().Wall.UTC(), Device: l.Device().Fingerprint, KeyStore: l.Store.Device().KeyStore, People: len(all),
		Former: l.Store.Retention().Former(),
	}
	for _, p := range all {
		if p.Record != (template.RecordID{}) {
			f.Templates++
		}
		if p.Record != (template.RecordID{}) && p.Scheme == template.SchemeS2 {
			f.Bound++
		}
		if p.Consent.Guardian != "" {
			f.Guardians++
		}
	}
	log, unread := l.Store.Log().Read()
	f.AuditSeq, f.AuditLink = log.End.Seq, hex.EncodeToString(log.End.Link[:])
	if undone := errors.Join(unwritten.Err, unread); undone != nil {
		f.Undone = "the records do not say that the templates are destroyed: " + undone.Error()
	}
	return f, nil
}

// Reopen ends a lockdown.
func (l Ledger) Reopen(by audit.Actor) error { return l.Store.Lockdown().End(by) }

// maxReason is how long the reason for which faces are off may be, in bytes.
const maxReason = 200

// Reason returns the reason for which faces are turned off as it is kept. It may be empty.
func Reason(typed string) (string, error) {
	if len(typed) > maxReason {
		return "", hint.Wrap(fmt.Errorf("the reason is longer than %d bytes", maxReason), "say it shorter")
	}
	reason, err := text.Clean(typed)
	if err != nil {
		return "", hint.Wrap(fmt.Errorf("the reason: %w", err), "type it again, or leave it out")
	}
	return reason, nil
}

// TurnFacesOff has no face looked at until TurnFacesOn.
func (l Ledger) TurnFacesOff(reason string, by audit.Actor) error {
	reason, err := Reason(reason)
	if err != nil {
		return err
	}
	return l.Store.Faces().TurnOff(reason, by)
}

// TurnFacesOn has faces looked at again.
func (l Ledger) TurnFacesOn(by audit.Actor) error { return l.Store.Faces().TurnOn(by) }

// Unlock lets faces open the door again after too many failures.
func (l Ledger) Unlock(by audit.Actor) error { return l.Store.Lockouts().Reset(by) }

// Epoch says how far a change of epoch has come.
func (l Ledger) Epoch() people.Epoch {
	e := l.Store.Epochs().State()
	return people.Epoch{
		Number: int(e.Current), Renewed: e.Renewed, Earlier: e.Earlier, Foreign: e.Foreign, None: e.Recordless,
	}
}

// ErrOneToOne means that a new epoch would renew nothing, because templates are made and sealed with passes.
var ErrOneToOne = errors.New("where faces are compared 1:1 templates are in no epoch")

// BeginEpoch begins a new epoch on a gate that compares faces in this mode.
func (l Ledger) BeginEpoch(mode law.Mode, by audit.Actor) (people.Epoch, error) {
	if mode == law.OneToOne {
		return people.Epoch{}, hint.Wrap(ErrOneToOne, "a new pass has new keys: facegate enroll LABEL --again, for each person")
	}
	if err := l.Store.Epochs().Begin(by); err != nil {
		return people.Epoch{}, err
	}
	return l.Epoch(), nil
}

// EndEpoch destroys the templates of earlier epochs.
func (l Ledger) EndEpoch(by audit.Actor) (people.Epoch, error) {
	n, err := l.Store.Epochs().End(by)
	if err != nil {
		return people.Epoch{}, owed(err)
	}
	e := l.Epoch()
	e.Ended = n
	return e, nil
}

// listed is Listed of somebody who may have to consent again.
func (l Ledger) listed(p store.Person) people.Person {
	line := Listed(p)
	if l.Store.Compliance().NeedsConsent(p) {
		line.ConsentAgain, line.ConsentProfile = true, p.Consent.Profile
	}
	return line
}

// Listed returns the line of a person in the people list.
func Listed(p store.Person) people.Person {
	return people.Person{
		Label: p.Label, Consent: p.Consent.Reference, Enrolled: p.Enrolled, Expires: p.Expires, Provisional: p.Provisional,
		Owed: p.Owed,
	}
}
