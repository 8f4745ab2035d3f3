package store

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// Why a credential is not made, or does not open.
var (
	ErrCredential = errors.New("nobody has this pass, card or PIN")
	ErrNotYet     = errors.New("it is not valid yet")
	ErrOver       = errors.New("it is not valid any more")
	ErrUsedUp     = errors.New("it was used as often as it may be")
	ErrPIN        = errors.New("the PIN is not right")
	ErrWeakPIN    = errors.New("the PIN cannot be used")
	ErrCard       = errors.New("the card cannot be registered")
	ErrTerms      = errors.New("a credential cannot have these terms")
)

// MaxCard is the greatest length of what a card is known by, in bytes.
const MaxCard = 64

// Terms are what a credential is given on. The zero Terms are those of what a person has for as long as they are on the list.
type Terms struct {
	Visitor bool      // it is for a guest of the person, who answers for it: it neither opens a template nor erases anybody
	From    time.Time // zero for at once; kept to the second
	Until   time.Time // zero for as long as the person is on the list; kept to the second
	Uses    uint32    // 0 for any number of times
}

// Credentials are the ways in besides the face that the people of a store have. A person has one pass of their own and one
// PIN at the most, and cards, and passes for visitors, as many as it takes. Whatever a person has ends with them.
//
// A credential that is revoked or replaced leaves like somebody who is erased: no copy of the databases that was made before
// opens with a key that still exists. One that was used up, or whose time is certainly over, leaves with the next Prune.
type Credentials struct{ s *Store }

// Credentials returns the ways in besides the face.
func (s *Store) Credentials() Credentials { return Credentials{s} }

// A Holder is who has a credential.
type Holder struct {
	Person     template.PersonID
	Credential Credential
}

// Issue gives the person enrolled under label a new pass. Their own pass takes the place of the one before, which is dead from
// then on, in every file; one for a visitor is added. It refuses with ErrUnknown, ErrOwed or ErrTerms, and with ErrBound
// where the template opens with the person's own pass alone. The Token is to be cleared after use.
func (w Credentials) Issue(label string, t Terms, by audit.Actor) (template.Token, Credential, error) {
	token, k, err := w.s.Credentials().DrawPass()
	if err != nil {
		return template.Token{}, Credential{}, err
	}
	defer k.Clear()
	c, err := w.give(label, t, by, func(Person) (Credential, error) { return w.s.newPass(k) })
	if err != nil {
		token.Clear()
		return template.Token{}, Credential{}, err
	}
	return token, c, nil
}

// A ShownCard is what a reader tells of a card.
type ShownCard struct {
	Value  []byte
	Secure bool // the card has proved a key for it; otherwise another card can be made to tell the same
}

// AddCard registers a card as one of the person enrolled under label. It refuses with ErrUnknown, ErrOwed or ErrTerms, and with
// ErrCard where somebody has it already.
func (w Credentials) AddCard(label string, card ShownCard, t Terms, by audit.Actor) (Credential, error) {
	return w.give(label, t, by, func(Person) (Credential, error) { return w.s.newCard(card) })
}

// give gives a person the credential that made returns.
func (w Credentials) give(label string, t Terms, by audit.Actor, made func(Person) (Credential, error)) (Credential, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if err := w.s.ready(); err != nil {
		return Credential{}, err
	}
	p, err := w.s.known(label)
	if err != nil {
		return Credential{}, err
	}
	c, err := made(p)
	if err != nil {
		return Credential{}, err
	}
	if c, err = w.s.onTerms(c, t); err != nil {
		return Credential{}, err
	}
	return c, w.s.change(p, p.given(c), issuing(p, c), by)
}

// newCredential returns a credential of a kind, with an id of its own, that is yet to be issued.
func (s *Store) newCredential(kind Kind) (c Credential, err error) {
	c.Kind = kind
	if _, err := io.ReadFull(s.rand, c.ID[:]); err != nil {
		return Credential{}, fmt.Errorf("store: no randomness: %w", err)
	}
	return c, nil
}

// newPass returns the credential of the pass that k comes from.
func (s *Store) newPass(k *template.TokenKeys) (Credential, error) {
	c, err := s.newCredential(Pass)
	c.keyed = k.ID
	return c, err
}

// newCard returns the credential of a card.
func (s *Store) newCard(card ShownCard) (Credential, error) {
	if n := len(card.Value); n == 0 || n > MaxCard {
		return Credential{}, hint.Wrap(fmt.Errorf("store: %w: its number has %d bytes", ErrCard, n),
			"take a card of which the reader tells 1 to %d bytes", MaxCard)
	}
	c, err := s.newCredential(Card)
	if err != nil {
		return Credential{}, err
	}
	c.keyed, c.Secure = template.Index(s.device, uint8(Card), card.Value), card.Secure
	if s.register.holds(c.keyed) {
		return Credential{}, hint.Wrap(fmt.Errorf("store: %w: somebody has it already", ErrCard), "revoke it there first, or take another one")
	}
	return c, nil
}

// onTerms returns c as it is on these terms.
func (s *Store) onTerms(c Credential, t Terms) (Credential, error) {
	c.Issued, c.Visitor, c.Uses, c.Left = day(s.now()), t.Visitor, t.Uses, t.Uses
	if !t.From.IsZero() {
		c.From = t.From.UTC().Truncate(time.Second)
	}
	if !t.Until.IsZero() {
		c.Until = t.Until.UTC().Truncate(time.Second)
	}
	why := ""
	switch {
	case c.Kind == PIN && (t.Visitor || t.Uses != 0):
		why = "a PIN is the person's own, for any number of times: give a visitor a pass"
	case !c.Until.IsZero() && !c.Until.After(s.now()):
		why = "give a day in the future on which it ends"
	case !c.Until.IsZero() && !c.From.Before(c.Until):
		why = "let it begin before it ends"
	}
	if why != "" {
		return Credential{}, hint.Wrap(fmt.Errorf("store: %w", ErrTerms), "%s", why)
	}
	return c, nil
}

// given returns p with c, in the place of what there can be one of.
func (p Person) given(c Credential) Person {
	if old, ok := p.replaced(c); ok {
		p = p.without(old.ID)
	}
	return p.with(c)
}

// replaced returns the credential of p that c takes the place of.
func (p Person) replaced(c Credential) (Credential, bool) {
	if c.Visitor || c.Kind == Card {
		return Credential{}, false
	}
	return p.firstCredential(func(old Credential) bool { return old.Kind == c.Kind && !old.Visitor })
}

// issuing returns what the audit log says of c being given to p.
func issuing(p Person, c Credential) audit.Entry {
	if c.Kind != Pass || c.Visitor {
		return audit.Entry{Kind: audit.CredentialIssued, Count: uint32(c.Kind)}
	}
	if p.HasPass() {
		return audit.Entry{Kind: audit.PassReplaced}
	}
	return audit.Entry{Kind: audit.PassIssued}
}

// change writes old as p, who has other credentials, with an entry that says so.
func (s *Store) change(old, p Person, e audit.Entry, by audit.Actor) error {
	if err := s.stays(old); err != nil {
		return err
	}
	if before, _ := old.ownPass(); old.Scheme == template.SchemeS2 && !p.Holds(before.keyed) {
		return hint.Wrap(fmt.Errorf("store: %w", ErrBound), "a new pass needs a new capture: %s", adviceAgain)
	}
	puts, drop, err := s.putCredentials(old, p)
	if err != nil {
		return err
	}
	e.Actor, e.Subject = by, p.subject
	entries, err := s.number(s.now(), e)
	if err != nil {
		return err
	}
	next := s.state
	if next.Burial, err = s.disownKeys(old, p); err != nil {
		return err
	}
	if err := s.apply(s.people.Rewrite, next, entries, vault.Change{Puts: puts, Drop: among(drop)}); err != nil {
		return err
	}
	s.register.put(p)
	s.follow()
	return nil
}

// among returns what reports whether a row is one of rows.
func among(rows []vault.Row) func(vault.Row) bool {
	return func(row vault.Row) bool { return slices.Contains(rows, row) }
}

// Revoke takes a credential from the person enrolled under label. It is dead from then on, in every file. It refuses with
// ErrUnknown, ErrOwed or ErrCredential, and with ErrBound where the template opens with it alone.
func (w Credentials) Revoke(label string, id CredentialID, by audit.Actor) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if err := w.s.ready(); err != nil {
		return err
	}
	p, err := w.s.known(label)
	if err != nil {
		return err
	}
	c, ok := p.credential(id)
	if !ok {
		return hint.Wrap(fmt.Errorf("store: %w", ErrCredential), "see what the person has with: facegate person show LABEL")
	}
	return w.s.change(p, p.without(id), audit.Entry{Kind: audit.CredentialRevoked, Count: uint32(c.Kind)}, by)
}

// List returns what the person enrolled under label has, by kind and age. It refuses with ErrUnknown.
func (w Credentials) List(label string) ([]Credential, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	p, err := w.s.known(label)
	return slices.Clone(p.Credentials), err
}

// FindPass returns who has the pass that k comes from, if it is valid. It refuses with ErrCredential, ErrNotYet, ErrOver or
// ErrUsedUp. The pass is not used by that; see Use.
func (w Credentials) FindPass(k *template.TokenKeys) (Holder, error) { return w.find(k.ID) }

// FindCard is FindPass for a card, by what its reader tells of it.
func (w Credentials) FindCard(value []byte) (Holder, error) {
	return w.find(template.Index(w.s.device, uint8(Card), value))
}

func (w Credentials) find(keyed [16]byte) (Holder, error) {
	p, c, leaving, ok := w.s.register.shown(keyed)
	if !ok {
		return Holder{}, noCredential("take another way in")
	}
	if err := w.s.opens(p, c, leaving); err != nil {
		return Holder{}, err
	}
	return Holder{p.ID, c}, nil
}

func noCredential(advice string) error {
	return hint.Wrap(fmt.Errorf("store: %w", ErrCredential), "%s", advice)
}

// valid returns whose credential this is, if it and the person's right to the door are valid now.
func (s *Store) valid(id CredentialID) (Person, Credential, error) {
	p, ok := s.register.byID[s.register.byCredential[id]]
	c, has := p.credential(id)
	if !ok || !has {
		return Person{}, Credential{}, noCredential("take another way in")
	}
	if err := s.opens(p, c, !s.leavingSince(p).IsZero()); err != nil {
		return Person{}, Credential{}, err
	}
	return p, c, nil
}

// opens says why c, of p, opens nothing now. It does not need s.mu.
func (s *Store) opens(p Person, c Credential, leaving bool) error {
	v := s.look()
	err := c.validAt(v)
	switch {
	case p.lapsed(v):
		err = ErrOver
	case leaving:
		err = ErrCredential
	}
	if err == nil {
		return nil
	}
	return hint.Wrap(fmt.Errorf("store: %w", err), "take another way in, or ask who is in charge of the door")
}

// Use takes one use of a credential that Find has returned, and returns how it is then. Where the uses are counted this is on
// disk, twice, when Use returns: whoever opens a door after that opens it once for it, whenever the power goes. It refuses
// like Find. If it fails otherwise, the use may be gone.
//
// The row before lies in free pages of people.db until the next rewrite, and tells whoever has all the keys that a use was
// taken since. When, and by whom, it does not tell.
func (w Credentials) Use(id CredentialID) (Credential, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	_, c, err := w.s.valid(id)
	if err != nil || c.Uses == 0 {
		return c, err
	}
	if err := w.s.ready(); err != nil {
		return Credential{}, err
	}
	p, c, err := w.s.valid(id)
	if err != nil { // what was left half done may have taken it along
		return Credential{}, err
	}
	c.Left--
	return c, w.s.take(p, c)
}

// take writes c, of p, of which a use was taken.
func (s *Store) take(p Person, c Credential) error {
	row, err := s.putCredential(p.ID, c)
	if err != nil {
		return err
	}
	if !c.UsedUp() {
		if err := s.people.Commit(vault.Change{Puts: []vault.Put{row}}); err != nil {
			return errors.Join(err, s.load())
		}
		s.register.put(p.with(c))
		return nil
	}
	entries, err := s.number(s.now(), audit.Entry{Kind: audit.CredentialUsedUp, Actor: audit.Daemon, Count: uint32(c.Kind)})
	if err != nil {
		return err
	}
	if err := s.apply(s.people.Commit, s.state, entries, vault.Change{Puts: []vault.Put{row}}); err != nil {
		return err
	}
	s.register.put(p.with(c))
	s.follow()
	return nil
}
