package store

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// MaxLabel is the greatest length of a person's label in bytes.
const MaxLabel = 64

// A Person is what is held of somebody on the list of a door, apart from the Code. Who has credentials and gives no face is
// on the list like anybody else: Template is zero, and there is no consent to biometrics, because nothing is processed that
// would need one.
type Person struct {
	ID        template.PersonID
	Label     string    // by which the site knows the person
	Groups    []string  // of the site that the person is in, in order, for the rules of the door; not to be changed
	Reference string    // where the site keeps what was agreed with the person: the signed form, the contract
	Enrolled  time.Time // the day, at midnight UTC; the hour is nobody's concern
	Expires   time.Time // when the person's right to the door ends, and all that is held is due for erasure
	LastSeen  time.Time // the day on which the person was last let in, at midnight UTC; zero for never

	// Provisional says that the clock was not known to be right at the enrolment. The dates are those of that clock, and are
	// set when there is a right one.
	Provisional bool

	Owed time.Time // when the person's erasure was asked for, which is owed; see OwedError. Zero if it was not

	Template                 // zero for somebody who gives no face
	Credentials []Credential // by kind and age; not to be changed

	looks   looks         // of Label
	term    time.Duration // of a provisional enrolment, from then on; 0 if until alone ends it
	until   time.Time     // the date on which a provisional enrolment ends at the latest; zero for none
	began   time.Duration // the count at a provisional enrolment; 0 otherwise
	seen    time.Duration // the count at the end of the day on which p was last let in; 0 if LastSeen has that day
	subject audit.Subject // in the audit log
}

// The tables of people.db.
const (
	peopleTable      = "people"      // person id → personRow
	templatesTable   = "templates"   // person id → templateRow
	credentialsTable = "credentials" // credential id → credentialRow
	consentsTable    = "consents"    // consent id → consentRow, of consents that have ended
	stateTable       = "state"       // see state; journal.db has one too
)

// A personRow is the terms of a Person in people.db. Its length is fixed, so that sealed rows do not tell long names from
// short, nor who is in a group.
type personRow struct {
	Subject   audit.Subject
	Enrolled  int64 // Unix time in seconds
	Expires   int64
	LastSeen  int64
	Until     int64
	Term      time.Duration
	Began     time.Duration
	Seen      time.Duration
	Label     text64
	Reference text128
	Groups    struct {
		Len  uint8
		Text [groupsSize]byte // with separator between two
	}
}

// personSize is the length of an encoded personRow in bytes.
const personSize = 16 + 7*8 + 1 + 64 + 1 + 128 + 1 + groupsSize

func (p Person) encode() ([]byte, error) {
	row := personRow{
		Subject: p.subject, Enrolled: p.Enrolled.Unix(), Expires: p.Expires.Unix(), LastSeen: p.LastSeen.Unix(),
		Until: p.until.Unix(), Term: p.term, Began: p.began, Seen: p.seen,
		Label: newText64(p.Label), Reference: newText128(p.Reference),
	}
	row.Groups.Len = uint8(copy(row.Groups.Text[:], strings.Join(p.Groups, separator)))
	return binary.Append(nil, binary.BigEndian, row)
}

// decodePerson reads the terms of a person.
func decodePerson(id template.PersonID, plain []byte) (Person, error) {
	if len(plain) != personSize {
		return Person{}, errors.New("a person is not in the form of this version")
	}
	f := fields(plain)
	p := Person{ID: id, subject: audit.Subject(f.next(16))}
	p.Enrolled, p.Expires, p.LastSeen, p.until = f.time(), f.time(), f.time(), f.time()
	p.term, p.began, p.seen = f.duration(), f.duration(), f.duration()
	p.Label, p.Reference = f.text(64), f.text(128)
	if groups := f.text(groupsSize); groups != "" {
		p.Groups = strings.Split(groups, separator)
	}
	p.looks, p.Provisional = looksOf(p.Label), p.began != 0
	return p, nil
}

// putPerson returns the put of the row of p's terms.
func (s *Store) putPerson(p Person) (vault.Put, error) {
	plain, err := p.encode()
	return s.people.Value(vault.At(peopleTable, p.ID), plain), err
}

// putTerms returns the puts of p's terms and, if p has consented to one, of the template.
func (s *Store) putTerms(p Person) (puts []vault.Put, err error) {
	person, err := s.putPerson(p)
	if err != nil || !p.Consented() {
		return []vault.Put{person}, err
	}
	t, err := s.putTemplate(p)
	return []vault.Put{person, t}, err
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
