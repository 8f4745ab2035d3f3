package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

func (s *Store) openAll() error {
	if err := s.finishWipe(); err != nil {
		return err
	}
	if err := s.setAside(); err != nil {
		return err
	}
	if err := checkOrigin(s.people, s.journal); err != nil {
		return err
	}
	people, err := s.people.LoadRings()
	if err != nil {
		return err
	}
	journal, err := s.journal.LoadRings()
	if err != nil {
		return err
	}
	if !people.InUse() && !journal.InUse() {
		faces, err := s.faces.LoadRings()
		if err != nil {
			return err
		}
		if !faces.InUse() {
			return s.create(people, faces, journal)
		}
	}
	if err := s.journal.Open(journal); err != nil {
		return err
	}
	if err := s.people.Open(people); err != nil {
		return err
	}
	if err := s.loadJournal(); err != nil {
		return err
	}
	if err := s.getJournal(clockRow, &s.remembered); err != nil {
		return err
	}
	s.judgeFrom(s.remembered)
	s.written = s.remembered.Count
	// A lockdown that was cut off has left of faces.db what it has left.
	if mark, ok := markIn(s.faces); ok && !s.pending.isLockdown() {
		s.takeLockdown(mark)
	} else if !s.pending.isLockdown() {
		faces, err := s.faces.LoadRings()
		if err != nil {
			return err
		}
		if err := s.faces.Open(faces); err != nil {
			return err
		}
	}
	return s.reconcile()
}

// create makes the databases. No keyring gets a current key before all are complete, and the anchor is made: as long as none has one,
// nobody was ever enrolled, and a creation that was interrupted can begin again.
func (s *Store) create(rings ...vault.Rings) error {
	for i, ring := range rings {
		v := s.vaults()[i]
		for _, path := range v.Databases() {
			if _, err := os.Lstat(path); ring.Empty() && !errors.Is(err, os.ErrNotExist) {
				return v.Damaged(errors.New("the keyring is missing"))
			}
		}
	}
	entries, err := s.number(s.now(), audit.Entry{Kind: audit.Created, Actor: audit.Daemon})
	if err != nil {
		return err
	}
	made := state{Epoch: 1, Entries: entries}
	save, err := s.adopt(&made, rings)
	if err != nil {
		return err
	}
	first, err := s.putState(made)
	if err != nil {
		return err
	}
	head, err := s.putJournal(headRow, logEnd{Tree: audit.EmptyTree()})
	if err != nil {
		return err
	}
	for i, c := range []vault.Change{{Puts: []vault.Put{first}, Stamp: 1}, {}, {Puts: []vault.Put{head}}} {
		if err := s.vaults()[i].Make(1, c); err != nil {
			return err
		}
	}
	if save {
		if err := s.saveTombstones(s.gone); err != nil {
			return err
		}
	}
	for _, v := range s.vaults() {
		if err := v.Settle(); err != nil {
			return err
		}
	}
	if err := s.loadJournal(); err != nil {
		return err
	}
	return s.reconcile()
}

// reconcile reads the databases, holds them against each other and tidies up.
func (s *Store) reconcile() error {
	if err := s.load(); err != nil {
		return err
	}
	if err := s.openTombstones(); err != nil {
		return err
	}
	// Once only: what could not be written of them must not be forgotten by reading again.
	if err := s.getJournal(failuresRow, &s.failed); err != nil {
		return err
	}
	if err := errors.Join(s.loadVisits(), s.loadOrders()); err != nil {
		return err
	}
	s.loadOwed()
	if s.pending != nil {
		s.log.Warn("finishing what was interrupted", "what", s.pending.Kind, "people", len(s.pending.People))
	}
	if s.older != nil {
		if err := s.takeBack(); err != nil {
			return err
		}
	}
	if err := s.tidy(); err != nil {
		if errors.Is(err, ErrDamaged) {
			return err
		}
		// Such as for want of room. The door can do without, nobody matches who was to leave, and the next change begins with it.
		s.log.Error("the store cannot be written to", "err", err, "damaged", s.faulty())
	}
	s.settleOwed()
	return nil
}

// tidy finishes what was cut off.
func (s *Store) tidy() error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	s.countForFiling(s.now())
	return nil
}

// sweep removes records that no person is linked to.
func (s *Store) sweep() error {
	linked := s.linked()
	orphans := 0
	if err := s.faces.Each(recordsTable, func(id [16]byte, _ []byte) error {
		if !linked[id] {
			orphans++
		}
		return nil
	}); err != nil || orphans == 0 {
		return err
	}
	s.log.Warn("removing records of an enrolment or a renewal that was interrupted", "records", orphans)
	return s.faces.Rewrite(vault.Change{Drop: func(row vault.Row) bool { return !linked[row.ID] }})
}

// linked returns the records that belong to somebody.
func (s *Store) linked() map[[16]byte]bool {
	linked := make(map[[16]byte]bool, len(s.register.byID))
	for _, p := range s.register.byID {
		if p.Record != (template.RecordID{}) {
			linked[p.Record] = true
		}
	}
	return linked
}

// load reads the databases and holds them against each other. Until that has succeeded, nothing can be changed.
func (s *Store) load() error {
	s.unread.Store(false) // before it is read: a vault may be opened anew meanwhile
	err := s.loadAll()
	if err != nil {
		s.unread.Store(true)
	}
	return err
}

func (s *Store) loadAll() error {
	if err := s.loadJournal(); err != nil {
		return err
	}
	if err := s.loadPeople(); err != nil {
		return err
	}
	if err := s.sameAge(); err != nil || s.pending.isLockdown() || s.faces.Destroyed() {
		return err
	}
	linked := s.linked()
	want := len(linked)
	found := 0
	if err := s.faces.Each(recordsTable, func(id [16]byte, _ []byte) error {
		if linked[id] {
			found++
		}
		return nil
	}); err != nil {
		return err
	}
	if found != want {
		return s.faces.Damaged(fmt.Errorf("%d of %d people have a record", found, want))
	}
	return s.learnModels()
}

func (s *Store) loadJournal() error {
	var end *logEnd
	var pending *intent
	if err := errors.Join(s.getJournal(headRow, &end), s.getJournal(intentRow, &pending)); err != nil {
		return err
	}
	if end == nil {
		return s.journal.Damaged(errors.New("the end of the audit log is missing"))
	}
	if s.head, s.tree, s.pending = end.Head, end.Tree, pending; pending == nil {
		s.leaving = nil
	}
	return nil
}

func (s *Store) loadPeople() error {
	plain, err := s.people.GetValue(stateRow(peopleRow))
	if err != nil {
		return err
	}
	var st state
	if err := json.Unmarshal(plain, &st); err != nil {
		return s.people.Damaged(err)
	}
	people := newRegister()
	if err := s.people.EachValue(peopleTable, func(id [16]byte, plain []byte) error {
		p, err := decodePerson(id, plain)
		if err != nil {
			return s.people.Damaged(err)
		}
		if _, ok := people.labelled(p.Label); ok {
			return s.people.Damaged(errors.New("two people share a label"))
		}
		people.put(p)
		return nil
	}); err != nil {
		return err
	}
	if err := s.loadTemplates(people); err != nil {
		return err
	}
	if err := s.loadCredentials(people); err != nil {
		return err
	}
	ended, err := s.loadConsents()
	if err != nil {
		return err
	}
	s.recall(people)
	if s.stale {
		st.Older, st.Burial = s.older, nil
	}
	s.state, s.ended = st, ended
	s.register.become(people)
	s.noteLeaving()
	s.visits.register(st)
	s.orders.register(st)
	return nil
}

// loadTemplates gives people their templates.
func (s *Store) loadTemplates(people register) error {
	records, consents := make(map[template.RecordID]bool), make(map[[16]byte]bool)
	return s.people.EachValue(templatesTable, func(id [16]byte, plain []byte) error {
		p, ok := people.byID[id]
		t, err := s.decodeTemplate(plain, p.Reference)
		if err != nil {
			return s.people.Damaged(err)
		}
		if !ok || consents[t.Consent.ID] || records[t.Record] && t.Record != (template.RecordID{}) {
			return s.people.Damaged(errors.New("a template of nobody, or two people share a record or a consent"))
		}
		p.Template = t
		people.byID[id] = p
		records[t.Record], consents[t.Consent.ID] = true, true
		return nil
	})
}

// loadCredentials gives people their credentials.
func (s *Store) loadCredentials(people register) error {
	return s.people.EachValue(credentialsTable, func(id [16]byte, plain []byte) error {
		c, owner, err := decodeCredential(id, plain)
		if err != nil {
			return s.people.Damaged(err)
		}
		p, ok := people.byID[owner]
		_, twice := p.replaced(c)
		if !ok || twice || people.holds(c.keyed) || c.Kind == PIN && people.numbered(c.Number) {
			return s.people.Damaged(errors.New("a credential of nobody, or of two"))
		}
		people.put(p.with(c))
		return nil
	})
}

// loadConsents returns when the consents ended that are kept. Nothing else of them stays in memory: they are of people who
// were erased.
func (s *Store) loadConsents() (ended map[[16]byte]moment, err error) {
	ended = make(map[[16]byte]moment)
	err = s.people.EachValue(consentsTable, func(id [16]byte, plain []byte) error {
		if ended[id], err = decodeEnded(plain); err != nil {
			return s.people.Damaged(err)
		}
		return nil
	})
	return ended, err
}

// sameAge reports whether one of the databases is an older copy.
func (s *Store) sameAge() error {
	end := s.state.end()
	switch {
	case s.head == end:
	case s.head == s.state.Head && s.pending == nil && intended(s.state.Entries):
		return s.journal.Damaged(errors.New("it is an older copy, without the intent of the last change"))
	case s.head == s.state.Head:
	case s.head.Seq < s.state.Head.Seq:
		return s.journal.Damaged(errors.New("it is an older copy, or people.db is from another store"))
	case s.head.Seq > end.Seq:
		return s.people.Damaged(errors.New("it is an older copy, or journal.db is from another store"))
	default:
		return s.journal.Damaged(errors.New("it and people.db are from two stores"))
	}
	if s.faces.Destroyed() || s.pending != nil || s.state.Debt != nil && s.head != end {
		return nil // which may have been cut off between two databases
	}
	faces, err := s.faces.Head()
	switch {
	case err != nil:
		return err
	case faces.Stamp < s.state.Faces:
		return s.faces.Damaged(errors.New("it is an older copy"))
	case faces.Stamp > end.Seq+1:
		return s.people.Damaged(errors.New("it and journal.db are older copies"))
	}
	return nil
}
