package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/receipt"
	"facegate/store/vault"
)

// An Erasure is what was erased.
type Erasure struct {
	Receipt []byte // see package receipt; kept until Receipts.Fetched
}

// Who names a person: by the label, or by the pass that somebody shows.
type Who struct {
	label string
	pass  *template.Token // nil if label says it
}

// ByLabel names whoever is enrolled under label.
func ByLabel(label string) Who { return Who{label: label} }

// ByPass names whoever has a pass.
func ByPass(t template.Token) Who { return Who{pass: &t} }

// Erase removes a person, and the person's record and credentials, from the disk. No copy of the databases made before opens
// with a key that still exists. What is left is the consent, as Consent says, and entries of the audit log that lead to
// nobody. The reason is audit.Requested, or audit.Withdrawn for whoever takes back their consent: the consent is kept with
// it. If Erase fails with an OwedError, such as on a full disk, the person is listed still and does not match any more,
// after a restart neither; it is carried out by Retention.EraseOwed, and can be repeated. It refuses with ErrUnknown or, by
// a pass, with ErrPass. An expired pass erases still.
//
// With the reason audit.FaceWithdrawn the person stays on the list: the record and the consent to it go, with a receipt, and
// terms and credentials stay. That is refused with ErrNoFace where there is no such consent, and with ErrKeyless where nothing
// would be left to come in by.
func (s *Store) Erase(who Who, why audit.Reason, by audit.Actor) (Erasure, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.leaver(who)
	if err == nil && why == audit.FaceWithdrawn {
		err = s.checkFace(p)
	}
	if err != nil {
		return Erasure{}, err
	}
	e, err := s.eraseAll([]Person{p}, why, by)
	if err != nil {
		return Erasure{}, s.owe(s.markOf(p, why, by), err)
	}
	s.settleOwed()
	return e, nil
}

// Why nobody's face alone can be withdrawn.
var (
	ErrNoFace  = errors.New("this person gives no face")
	ErrKeyless = errors.New("without a face this person has no way in")
)

// checkFace says why p cannot stay on the list without a face.
func (s *Store) checkFace(p Person) error {
	v := s.look()
	_, keyed := p.firstCredential(func(c Credential) bool { return !c.Visitor && c.validAt(v) == nil })
	switch {
	case !p.Consented():
		return hint.Wrap(fmt.Errorf("store: %w", ErrNoFace), "there is nothing to withdraw: the person comes in by what facegate person show lists")
	case !keyed:
		return hint.Wrap(fmt.Errorf("store: %w", ErrKeyless), "give them a pass first, or leave them off the list: facegate withdraw without --keep-member")
	}
	return nil
}

// leaver returns whom who names, among those as well whom an erasure is about that failed half-way.
func (s *Store) leaver(who Who) (Person, error) {
	is := func(p Person) bool { return p.Label == who.label }
	find := func() (Person, error) { return s.known(who.label) }
	if who.pass != nil {
		k, err := template.NewTokenKeys(s.device, *who.pass)
		if err != nil {
			return Person{}, err
		}
		defer k.Clear()
		is = func(p Person) bool { return p.Holds(k.ID) }
		find = func() (Person, error) { return s.holder(k.ID) }
	}
	if i := slices.IndexFunc(s.leaving, is); i >= 0 {
		return s.leaving[i], nil
	}
	return find()
}

// eraseAll erases people. If they are who an erasure was about that failed half-way, it is finished and counts.
func (s *Store) eraseAll(people []Person, why audit.Reason, by audit.Actor) (Erasure, error) {
	ids := make([]template.PersonID, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	before := s.pending
	if err := s.ready(); err != nil {
		return Erasure{}, err
	}
	// What was pending has taken those with it whom it was about.
	people = nil
	for _, id := range ids {
		if p, ok := s.register.byID[id]; ok && (why != audit.FaceWithdrawn || p.Consented()) {
			people = append(people, p)
		}
	}
	switch {
	case len(people) > 0:
	case before.about(ids[0]):
		return Erasure{before.Receipt}, nil
	default:
		return Erasure{}, fmt.Errorf("store: %w any more", ErrUnknown)
	}
	i, err := s.intend(people, why, by)
	if err != nil {
		return Erasure{}, err
	}
	if err := s.carryOut(i); err != nil {
		return Erasure{}, err // the receipt is not true yet
	}
	return Erasure{i.Receipt}, nil
}

// intend decides everything about the erasure of people.
func (s *Store) intend(people []Person, why audit.Reason, by audit.Actor) (*intent, error) {
	i := &intent{Kind: eraseIntent, Reason: why, Count: s.moment().Count, Number: s.state.Number + 1}
	if _, err := io.ReadFull(s.rand, i.ID[:]); err != nil {
		return nil, fmt.Errorf("store: no randomness: %w", err)
	}
	r := receipt.Receipt{ID: i.ID[:], Number: i.Number, Kind: receipt.Erasure, Reason: why.String(), KeyStore: s.class}
	if err := s.describe(&r, people, why); err != nil {
		return nil, err
	}
	if err := s.generations(i); err != nil {
		return nil, err
	}
	r.Generations = receipt.Generations{People: i.PeopleGeneration, Faces: i.FacesGeneration}
	erased := audit.Entry{Kind: audit.Erased, Reason: why, Actor: by, Count: uint32(len(people))}
	if len(people) == 1 {
		erased.Subject = people[0].subject
	}
	entries, err := s.number(s.now(), erased, audit.Entry{Kind: audit.ReceiptIssued, Actor: audit.Daemon})
	if err != nil {
		return nil, err
	}
	if i.Receipt, err = s.issue(r, entries); err != nil {
		return nil, err
	}
	i.Entries = entries
	for _, p := range people {
		if why == audit.FaceWithdrawn {
			i.Faces = append(i.Faces, p.ID)
		} else {
			i.People = append(i.People, p.ID)
		}
	}
	return i, nil
}

// issue signs r, the receipt for what the first of entries is about. The last says that it was issued.
func (s *Store) issue(r receipt.Receipt, entries []audit.Entry) ([]byte, error) {
	_, tree, err := audit.Grow(s.tree, s.leaf, entries[:1])
	if err != nil {
		return nil, err
	}
	r.Audit = inLog(tree)
	r.Time = time.Unix(entries[0].Time, 0).UTC().Format(time.RFC3339)
	r.Clock = entries[0].Marks.String()
	signed, err := receipt.Sign(r, s.signer)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	entries[len(entries)-1].Digest = sha256.Sum256(signed)
	return signed, nil
}

// describe writes to r what there is of people, which is going to be erased for the reason why.
func (s *Store) describe(r *receipt.Receipt, people []Person, why audit.Reason) error {
	r.Forms, r.Records, r.Language = []receipt.Salted{}, []receipt.Salted{}, s.language(people)
	for _, p := range people {
		tally(&r.Erased, p, why)
		salt, err := s.salt()
		if err != nil {
			return err
		}
		r.Forms = append(r.Forms, receipt.CommitForm(salt, p.Reference))
		sealed, err := s.faces.Get(vault.At(recordsTable, p.Record))
		if err != nil {
			return err
		}
		if sealed == nil {
			continue // since a lockdown, or the end of its epoch, or the person gives no face
		}
		if salt, err = s.salt(); err != nil {
			return err
		}
		r.Erased.Templates++
		r.Records = append(r.Records, receipt.Commit(salt, sealed))
	}
	receipt.Sort(r.Forms)
	receipt.Sort(r.Records)
	return nil
}

// tally adds to n what is gone of p once it was erased for the reason why. Records are not among it.
func tally(n *receipt.Counts, p Person, why audit.Reason) {
	if p.Consented() {
		n.Consents++
	}
	if p.Consent.Guardian != "" {
		n.Guardians++
	}
	if why == audit.FaceWithdrawn || why == audit.Recaptured {
		return
	}
	has := p.Count()
	n.People++
	n.Passes += uint32(has.Passes)
	n.Cards += uint32(has.Cards)
	n.PINs += uint32(has.PINs)
}

func (s *Store) salt() (salt [16]byte, err error) {
	if _, err := io.ReadFull(s.rand, salt[:]); err != nil {
		return salt, fmt.Errorf("store: no randomness: %w", err)
	}
	return salt, nil
}

// minReaders is how many people on the list have to have read the notice in one language, for the language not to tell who
// among them is meant.
const minReaders = 5

// language returns the one to print the receipt of people in: that of the notice they have read or, where few others have
// read it in that, the first of the gate.
func (s *Store) language(people []Person) string {
	if len(s.languages) == 0 {
		return ""
	}
	read := func(p Person) string {
		if i := slices.Index(s.notices, p.Consent.Notice.Hash); i >= 0 && i < len(s.languages) {
			return s.languages[i]
		}
		return ""
	}
	wanted := read(people[0])
	readers := 0
	for _, p := range s.register.byID {
		if read(p) == wanted {
			readers++
		}
	}
	same := !slices.ContainsFunc(people, func(p Person) bool { return read(p) != wanted })
	if wanted == "" || !same || readers < minReaders {
		return s.languages[0]
	}
	return wanted
}

// leave is the step of an intent in people.db.
func (s *Store) leave(i *intent) error {
	if left, err := s.hasLeft(i); left || err != nil {
		return err
	}
	next := s.state
	next.Debt, next.Burial = nil, nil // both were done before there was an intent
	next.Number = i.Number
	next.Faces = i.Entries[len(i.Entries)-1].Seq
	people, ended := s.register.clone(), maps.Clone(s.ended)
	var c vault.Change
	add := func(p vault.Put, err error) error { c.Puts = append(c.Puts, p); return err }
	gone := make(map[vault.Row]bool)
	for _, id := range slices.Concat(i.People, i.Faces) {
		p, ok := people.byID[id]
		if !ok {
			return s.journal.Damaged(errors.New("an erasure of somebody unknown was under way"))
		}
		if p.Epoch == next.Epoch {
			next.Lanes[p.Lane] = next.Faces
		}
		if p.Consented() {
			consent := p.Consent.end(i.at(), i.Reason)
			ended[consent.ID] = moment{consent.Ended, consent.EndedCount}
			if err := add(s.putConsent(consent)); err != nil {
				return err
			}
		}
		i.takeFrom(people, p, gone)
	}
	switch i.Kind {
	case lockdownIntent:
		next.Locked = true
		next.Covered = [32]byte{} // after a serious incident no assessment stands (Measures 9, GDPR 35(11))
	case epochIntent:
		next.Ended = next.Epoch - 1
	}
	for _, p := range people.byID {
		if i.isLockdown() && p.Consented() || i.Kind == epochIntent && s.isEarlier(p) {
			p.Template = p.unlinked()
			people.put(p)
			if err := add(s.putTemplate(p)); err != nil {
				return err
			}
		}
	}
	c.Drop = func(row vault.Row) bool { return gone[row] }
	if err := s.apply(s.people.Rewrite, next, i.Entries, c); err != nil {
		return err
	}
	s.ended = ended
	s.register.become(people)
	return nil
}

// takeFrom takes p, or what i is about of p, from people, and adds the rows that are to go to gone.
func (i *intent) takeFrom(people register, p Person, gone map[vault.Row]bool) {
	gone[vault.At(templatesTable, p.ID)] = true
	if slices.Contains(i.Faces, p.ID) {
		p.Template = Template{}
		people.put(p)
		return
	}
	gone[vault.At(peopleTable, p.ID)] = true
	for _, c := range p.Credentials {
		gone[credentialRowID(c.ID)] = true
	}
	people.remove(p.ID)
}

// Receipts are kept until somebody has them.
type Receipts struct{ s *Store }

// Receipts returns the receipts that have not been fetched.
func (s *Store) Receipts() Receipts { return Receipts{s} }

// All returns the receipts that have not been fetched.
func (r Receipts) All() (receipts [][]byte, err error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	err = r.s.journal.EachValue(receiptsTable, func(_ [16]byte, plain []byte) error {
		receipts = append(receipts, slices.Clone(plain))
		return nil
	})
	return receipts, err
}

// Fetched says that somebody has the receipt with this id and it need not be kept. Its hash stays in the audit log.
func (r Receipts) Fetched(id [16]byte) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.journal.Commit(vault.Change{Dels: []vault.Row{vault.At(receiptsTable, id)}})
}
