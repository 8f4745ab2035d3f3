package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"facegate/pipeline/template"
	"facegate/store/vault"
)

// A Template is what people.db holds of somebody who gives their face: the consent to it, and the way to the Code in faces.db.
type Template struct {
	Record  template.RecordID // the one record of the person in faces.db; zeros if a lockdown or the end of its epoch destroyed it
	Scheme  uint8             // of the record: template.SchemeS1 or SchemeS2
	Epoch   uint32            // that the record is in; 0 in scheme S2, which has none
	Lane    uint8             // of the epoch; 0 in scheme S2
	Consent Consent

	// Near is the day from which the face of the person does not open the door alone, at midnight UTC, because it is too near to
	// that of somebody else. It may be to come, and is zero for never. Whose that is, is kept nowhere: nobody can say when the
	// reason is gone, and the next capture judges anew.
	Near time.Time

	link   [16]byte // that Record comes from
	sealed int64    // Person.Expires as the record was sealed with it
	model  [32]byte // SHA-256 of the embedder that the record was made with, as the record says
}

// Consented reports whether there is a consent to a template. It outlives the record: after a lockdown the person is captured
// again.
func (t Template) Consented() bool { return t.Consent.ID != [16]byte{} }

// unlinked returns t without a record.
func (t Template) unlinked() Template {
	t.Record, t.link, t.Epoch, t.model, t.Near = template.RecordID{}, [16]byte{}, 0, [32]byte{}, time.Time{}
	return t
}

// A templateRow is a Template in people.db. A consentRow follows it, but for the Reference, which is that of the person.
type templateRow struct {
	Link      [16]byte
	ConsentID [16]byte
	Scheme    uint8
	Lane      uint8
	Epoch     uint32
	Sealed    int64 // Unix time in seconds
	Near      int64 // likewise; 0 for never
}

// templateSize is the length of an encoded templateRow with what follows it in bytes.
const templateSize = 16 + 16 + 1 + 1 + 4 + 8 + 8 + agreedSize

func (t Template) encode() ([]byte, error) {
	plain, err := binary.Append(nil, binary.BigEndian, templateRow{
		Link: t.link, ConsentID: t.Consent.ID, Scheme: t.Scheme, Lane: t.Lane, Epoch: t.Epoch, Sealed: t.sealed,
		Near: unixOrZero(t.Near),
	})
	if err != nil {
		return nil, err
	}
	consent, err := t.Consent.encode()
	if err != nil {
		return nil, err
	}
	return append(plain, consent[:agreedSize]...), nil
}

// decodeTemplate reads what encode has written of somebody with this reference.
func (s *Store) decodeTemplate(plain []byte, reference string) (t Template, err error) {
	if len(plain) != templateSize {
		return Template{}, errors.New("a template is not in the form of this version")
	}
	f := fields(plain)
	copy(t.link[:], f.next(16))
	consent := [16]byte(f.next(16))
	t.Scheme, t.Lane, t.Epoch = f.next(1)[0], f.next(1)[0], binary.BigEndian.Uint32(f.next(4))
	t.sealed, t.Record = f.time().Unix(), s.recordID(t.link)
	t.Near = timeOrZero(f.time().Unix())
	t.Consent = decodeAgreed(consent, &f)
	t.Consent.Reference = reference
	if !t.Consented() {
		return Template{}, errors.New("a template without a consent")
	}
	return t, nil
}

// putTemplate returns the put of the row of p's template.
func (s *Store) putTemplate(p Person) (vault.Put, error) {
	plain, err := p.Template.encode()
	return s.people.Value(vault.At(templatesTable, p.ID), plain), err
}

// putConsent returns the put of the row of c, which has ended.
func (s *Store) putConsent(c Consent) (vault.Put, error) {
	plain, err := c.encode()
	return s.people.Value(vault.At(consentsTable, c.ID), plain), err
}

// recordID returns the record that people.db links to. The ids of records can be read in faces.db without a key, and the
// link is another number, so that people.db does not lead there without the device key. Zeros link to nothing.
func (s *Store) recordID(link [16]byte) template.RecordID {
	if link == ([16]byte{}) {
		return template.RecordID{}
	}
	return s.across("record", link)
}

// across returns what stands in faces.db for an id of people.db.
func (s *Store) across(what string, id [16]byte) [16]byte {
	mac := hmac.New(sha256.New, s.join[:])
	mac.Write([]byte(what))
	mac.Write(id[:])
	return [16]byte(mac.Sum(nil))
}
