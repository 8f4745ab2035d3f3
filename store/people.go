package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// MaxLabel is the greatest length of a person's label in bytes.
const MaxLabel = 64

// A Person is what is held of somebody enrolled, apart from the Code.
type Person struct {
	ID       template.PersonID
	Record   template.RecordID // the one record of the person in faces.db; zeros if a lockdown or the end of its epoch destroyed it
	Scheme   uint8             // of the record: template.SchemeS1 or SchemeS2
	Epoch    uint32            // that the record is in; 0 in scheme S2, which has none
	Lane     uint8             // of the epoch; 0 in scheme S2
	Label    string            // by which the site knows the person
	Consent  Consent
	Enrolled time.Time // the day, at midnight UTC; the hour is nobody's concern
	Expires  time.Time // when the record stops to match and is due for erasure
	LastSeen time.Time // the day on which the person was last let in, at midnight UTC; zero for never

	// Provisional says that the clock was not known to be right at the enrolment. The dates are those of that clock, and are
	// set when there is a right one.
	Provisional bool

	Owed time.Time // when the person's erasure was asked for, which is owed; see OwedError. Zero if it was not

	looks   looks            // of Label
	term    time.Duration    // of a provisional enrolment, from then on; 0 if until alone ends it
	until   time.Time        // the date on which a provisional enrolment ends at the latest; zero for none
	seen    time.Duration    // the count at the end of the day on which p was last let in; 0 if LastSeen has that day
	sealed  int64            // Expires as the record was sealed with it
	link    [16]byte         // that Record comes from
	model   [32]byte         // SHA-256 of the embedder that the record was made with
	subject audit.Subject    // in the audit log
	pass    template.TokenID // zeros for none
}

// The tables of people.db.
const (
	peopleTable   = "people"   // person id → personRow
	consentsTable = "consents" // consent id → consentRow
	stateTable    = "state"    // see state; journal.db has one too
)

// A personRow is a Person in people.db. Its length is fixed, so that sealed rows do not tell long names from short.
type personRow struct {
	Link      [16]byte
	ConsentID [16]byte
	Subject   audit.Subject
	Pass      template.TokenID
	Scheme    uint8
	Lane      uint8
	Enrolled  int64 // Unix time in seconds
	Expires   int64
	LastSeen  int64
	Sealed    int64
	Until     int64
	Term      time.Duration
	Seen      time.Duration
	Label     text64
}

func (p Person) encode() ([]byte, error) {
	return binary.Append(nil, binary.BigEndian, personRow{
		Link: p.link, ConsentID: p.Consent.ID, Subject: p.subject, Pass: p.pass, Scheme: p.Scheme, Lane: p.Lane,
		Enrolled: p.Enrolled.Unix(), Expires: p.Expires.Unix(), LastSeen: p.LastSeen.Unix(), Label: newText64(p.Label),
		Sealed: p.sealed, Until: p.until.Unix(), Term: p.term, Seen: p.seen,
	})
}

// decodePerson reads a person, of whose consent it fills in the ID.
func (s *Store) decodePerson(id template.PersonID, plain []byte) (Person, error) {
	var row personRow
	if n, err := binary.Decode(plain, binary.BigEndian, &row); err != nil || n != len(plain) {
		return Person{}, errors.New("a person is not in the form of this version")
	}
	label := row.Label.String()
	return Person{
		ID: id, Record: s.recordID(row.Link), Scheme: row.Scheme, Lane: row.Lane, Label: label, looks: looksOf(label),
		Consent: Consent{ID: row.ConsentID}, pass: row.Pass,
		Enrolled: time.Unix(row.Enrolled, 0).UTC(), Expires: time.Unix(row.Expires, 0).UTC(),
		LastSeen: time.Unix(row.LastSeen, 0).UTC(), link: row.Link, subject: row.Subject,
		sealed: row.Sealed, until: time.Unix(row.Until, 0).UTC(), term: row.Term, seen: row.Seen,
	}, nil
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

// putPerson returns the put of p's row.
func (s *Store) putPerson(p Person) (vault.Put, error) {
	plain, err := p.encode()
	return s.people.Value(vault.At(peopleTable, p.ID), plain), err
}

// putConsent returns the put of c's row.
func (s *Store) putConsent(c Consent) (vault.Put, error) {
	plain, err := c.encode()
	return s.people.Value(vault.At(consentsTable, c.ID), plain), err
}

// active returns the day on which p was last let in or, if they never were, enrolled.
func (p Person) active() time.Time {
	if p.LastSeen.After(p.Enrolled) {
		return p.LastSeen
	}
	return p.Enrolled
}

// day returns the day of t, at midnight UTC.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
