package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"facegate/pipeline/template"
	"facegate/store/clock"
	"facegate/store/vault"
)

// A Kind is what a credential is.
type Kind uint8

// The kinds of credentials. The numbers are written to disk, and are part of what a credential is found by.
const (
	Pass Kind = 1 // a printed or displayed code with a token; see template.Token
	Card Kind = 2 // a card or tag with a number
	PIN  Kind = 3 // digits that are typed by somebody who was named by other means
)

// String returns the kind in a word.
func (k Kind) String() string {
	switch k {
	case Pass:
		return "pass"
	case Card:
		return "card"
	case PIN:
		return "PIN"
	}
	return "unknown"
}

// A CredentialID is the random 128-bit name of a credential in people.db.
type CredentialID [16]byte

// A Credential is a way in besides the face, which belongs to one person on the list: a pass, a card or a PIN. What is shown
// or typed is not kept. Of a pass or a card there is a number that comes from it and from the device key, and leads back to
// neither; see template.Index. Of a PIN there is a slow hash; see keptPIN.
type Credential struct {
	ID      CredentialID
	Kind    Kind
	Visitor bool      // it is in the hands of a guest, for whom its owner answers
	Secure  bool      // it is a card of which a reader has told only what the card had proved a key for
	Issued  time.Time // the day, at midnight UTC
	From    time.Time // before which it is not valid; zero for at once
	Until   time.Time // from which on it is not valid; zero for as long as its owner is on the list
	Uses    uint32    // how often it may be used; 0 for any number of times
	Left    uint32    // how many of Uses are left
	Number  Number    // of a PIN: what names its owner

	keyed  [16]byte // template.Index of what is shown; zeros of a PIN
	hash   [32]byte // of a PIN; see keptPIN
	duress [32]byte // of the PIN for duress; zeros for none
}

// HasDuress reports whether there is a PIN for duress beside the PIN that c is.
func (c Credential) HasDuress() bool { return c.duress != [32]byte{} }

// UsedUp reports whether c has been used as often as it may be.
func (c Credential) UsedUp() bool { return c.Uses != 0 && c.Left == 0 }

// validAt says why c opens nothing at any of the times of v. Of a time that is in doubt the worst is taken: c must certainly
// be valid already, and certainly still.
func (c Credential) validAt(v clock.Verdict) error {
	switch {
	case !c.From.IsZero() && v.Certain.Before(c.From):
		return ErrNotYet
	case !c.Until.IsZero() && !v.Latest.Before(c.Until):
		return ErrOver
	case c.UsedUp():
		return ErrUsedUp
	}
	return nil
}

// ended reports whether c will certainly never be valid again.
func (c Credential) ended(v clock.Verdict) bool {
	return c.UsedUp() || !c.Until.IsZero() && !v.Certain.Before(c.Until)
}

// A credentialRow is a Credential in people.db. Its length is fixed, and the same for every kind.
type credentialRow struct {
	Owner               template.PersonID
	Kind                Kind
	Visitor, Secure     bool
	Keyed               [16]byte
	Number              Number
	Hash, Duress        [32]byte
	Issued, From, Until int64 // Unix time in seconds; 0 for none
	Uses, Left          uint32
}

func (c Credential) encode(owner template.PersonID) ([]byte, error) {
	return binary.Append(nil, binary.BigEndian, credentialRow{
		Owner: owner, Kind: c.Kind, Visitor: c.Visitor, Secure: c.Secure, Keyed: c.keyed, Number: c.Number, Hash: c.hash, Duress: c.duress,
		Issued: unixOrZero(c.Issued), From: unixOrZero(c.From), Until: unixOrZero(c.Until), Uses: c.Uses, Left: c.Left,
	})
}

var errCredentialForm = errors.New("a credential is not in the form of this version")

// decodeCredential reads what encode has written.
func decodeCredential(id CredentialID, plain []byte) (c Credential, owner template.PersonID, err error) {
	var row credentialRow
	if n, err := binary.Decode(plain, binary.BigEndian, &row); err != nil || n != len(plain) {
		return Credential{}, owner, errCredentialForm
	}
	c = Credential{
		ID: id, Kind: row.Kind, Visitor: row.Visitor, Secure: row.Secure, Issued: timeOrZero(row.Issued), From: timeOrZero(row.From),
		Until: timeOrZero(row.Until), Uses: row.Uses, Left: row.Left, Number: row.Number, keyed: row.Keyed, hash: row.Hash, duress: row.Duress,
	}
	unkeyed, numbered := c.keyed == [16]byte{}, c.Number != 0
	if c.Kind < Pass || c.Kind > PIN || unkeyed != (c.Kind == PIN) || numbered != (c.Kind == PIN) || c.Left > c.Uses ||
		c.Kind == PIN && (c.Visitor || c.Uses != 0) || c.Secure && c.Kind != Card {
		return Credential{}, owner, errCredentialForm
	}
	return c, row.Owner, nil
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func timeOrZero(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}

func credentialRowID(id CredentialID) vault.Row { return vault.At(credentialsTable, id) }

// putCredential returns the put of the row of c, which is owner's.
func (s *Store) putCredential(owner template.PersonID, c Credential) (vault.Put, error) {
	plain, err := c.encode(owner)
	return s.people.Value(credentialRowID(c.ID), plain), err
}

// putCredentials returns the puts of the credentials that p has and old has not, or has otherwise, and the rows of those that old
// has and p has not.
func (s *Store) putCredentials(old, p Person) (puts []vault.Put, drop []vault.Row, err error) {
	for _, c := range p.Credentials {
		if before, ok := old.credential(c.ID); !ok || before != c {
			row, err := s.putCredential(p.ID, c)
			if err != nil {
				return nil, nil, err
			}
			puts = append(puts, row)
		}
	}
	for _, c := range old.Credentials {
		if _, ok := p.credential(c.ID); !ok {
			drop = append(drop, credentialRowID(c.ID))
		}
	}
	return puts, drop, nil
}

// credential returns p's credential with this id.
func (p Person) credential(id CredentialID) (Credential, bool) {
	return p.firstCredential(func(c Credential) bool { return c.ID == id })
}

func (p Person) firstCredential(is func(Credential) bool) (Credential, bool) {
	if i := slices.IndexFunc(p.Credentials, is); i >= 0 {
		return p.Credentials[i], true
	}
	return Credential{}, false
}

// ownPass returns the pass that is in p's own hands. There is one at the most, and a Code of scheme S2 is made with it.
func (p Person) ownPass() (Credential, bool) {
	return p.firstCredential(func(c Credential) bool { return c.Kind == Pass && !c.Visitor })
}

// HasPass reports whether p has a pass of their own.
func (p Person) HasPass() bool {
	_, ok := p.ownPass()
	return ok
}

// Holds reports whether the pass that is in p's own hands is the one with this id.
func (p Person) Holds(id template.TokenID) bool {
	c, ok := p.ownPass()
	return ok && c.keyed == id
}

// with returns p with c, in the place of p's credential of the same id if there is one.
func (p Person) with(c Credential) Person {
	list := append(p.without(c.ID).Credentials, c)
	slices.SortFunc(list, func(a, b Credential) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), a.Issued.Compare(b.Issued), bytes.Compare(a.ID[:], b.ID[:]))
	})
	p.Credentials = list
	return p
}

// without returns p without the credential with this id.
func (p Person) without(id CredentialID) Person {
	var list []Credential
	for _, c := range p.Credentials {
		if c.ID != id {
			list = append(list, c)
		}
	}
	p.Credentials = list
	return p
}

// Counts says how many credentials of each kind there are.
type Counts struct{ Passes, Cards, PINs int }

// Count returns how many credentials of each kind p has.
func (p Person) Count() (n Counts) {
	for _, c := range p.Credentials {
		switch c.Kind {
		case Pass:
			n.Passes++
		case Card:
			n.Cards++
		case PIN:
			n.PINs++
		}
	}
	return n
}
