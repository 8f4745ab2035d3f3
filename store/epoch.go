package store

import (
	"errors"
	"fmt"
	"io"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// Why an epoch cannot begin or end.
var (
	ErrEpoch   = errors.New("somebody has a record of an earlier epoch still")
	ErrNoEpoch = errors.New("there is no earlier epoch to end")
)

// Epochs says how far a change of epoch has come. An epoch is a set of rotations, and the number that says which: the Codes
// of one face in two epochs are unrelated. Each person has one record or none.
type Epochs struct {
	Current    uint32 // from 1
	Renewed    int    // people whose record is in it, or is of scheme S2, which has no epochs
	Earlier    int    // people whose record is in an earlier one, and was made with the embedder in use
	Foreign    int    // people whose record was made with another embedder, so that they cannot match
	Recordless int    // people without a record, since a lockdown or the end of its epoch
}

// Epochs returns how far the current epoch has come.
func (s *Store) Epochs() Epochs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epochs()
}

func (s *Store) epochs() Epochs {
	e := Epochs{Current: s.state.Epoch}
	for _, p := range s.register.byID {
		switch {
		case p.Record == (template.RecordID{}):
			e.Recordless++
		case p.model != s.state.Model:
			e.Foreign++
		case s.isEarlier(p):
			e.Earlier++
		default:
			e.Renewed++
		}
	}
	return e
}

// isEarlier reports whether the record of p is in an earlier epoch.
func (s *Store) isEarlier(p Person) bool { return p.Epoch != 0 && p.Epoch < s.state.Epoch }

// unlinked returns p without a record.
func (p Person) unlinked() Person {
	p.Record, p.link, p.Epoch, p.model = template.RecordID{}, [16]byte{}, 0, [32]byte{}
	return p
}

// relink gives p a record of its own, which is yet to be written.
func (s *Store) relink(p *Person) error {
	if _, err := io.ReadFull(s.rand, p.link[:]); err != nil {
		return fmt.Errorf("store: no randomness: %w", err)
	}
	p.Record = s.recordID(p.link)
	return nil
}

// UseModel says which embedder is in use from now on, by the SHA-256 of its file. If it is not that of the current epoch
// another epoch begins, in which there is nobody: an embedding cannot be converted. The records made with other embedders
// stay, sealed, until their people are captured again, expire, or the epoch is ended; those of scheme S2 stay beyond that.
func (s *Store) UseModel(id [32]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == s.state.Model {
		return nil
	}
	if err := s.ready(); err != nil {
		return err
	}
	next := s.state
	next.Model = id
	if s.state.Model == ([32]byte{}) { // the first one
		return s.beginEpoch(next, audit.Daemon)
	}
	next.Epoch++
	if err := s.beginEpoch(next, audit.Daemon); err != nil {
		return err
	}
	s.log.Warn("there is another embedder: a new epoch has begun", "epoch", next.Epoch,
		"people_to_capture_again", s.epochs().Foreign,
		"hint", "facegate enroll LABEL --again captures them; those enrolled with the former embedder match again when it is back")
	return nil
}

// BeginEpoch begins a new epoch. Who is enrolled or captured from now on is in it; everybody else is moved there by Renew,
// or loses their record when EndEpoch ends what went before. It refuses with ErrEpoch while somebody has a record of an
// earlier one: there are never more rotations to make than those of two epochs, unless the embedder has changed.
func (s *Store) BeginEpoch(by audit.Actor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return err
	}
	for _, p := range s.register.byID {
		if s.isEarlier(p) {
			return hint.Wrap(fmt.Errorf("store: %w", ErrEpoch), "end it first with: facegate epoch end; "+
				"who is in it then has to be captured again, and facegate epoch status says how many they are")
		}
	}
	next := s.state
	next.Epoch++
	return s.beginEpoch(next, by)
}

// beginEpoch makes next the state, in which the epoch or its embedder is a new one.
func (s *Store) beginEpoch(next state, by audit.Actor) error {
	if next.Epoch != s.state.Epoch {
		next.Lanes = [template.Lanes]uint64{} // nobody was ever in one of the new ones
	}
	return s.note(next, audit.Entry{Kind: audit.EpochBegun, Actor: by, Count: next.Epoch, Digest: next.Model})
}

// Renew gives a person a record in the current epoch in the place of theirs in an earlier one. The Code was made of the
// face that has just matched that record with room to spare, so that nobody has to be captured. It is one step away from
// the record before and there is one step an epoch, so that a Code cannot drift from face to face by being renewed
// again and again. Expiry and consent stay, and with them the day by which the person has to be captured anew.
//
// The record before goes in place: its bytes are sealed under the store key until EndEpoch, or an erasure, destroys that.
// For somebody who has no record of this model in an earlier epoch Renew does nothing, and reports false.
func (s *Store) Renew(id template.PersonID, modelID [32]byte, lane uint8, code template.Code) (Person, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return Person{}, false, err
	}
	v := s.look()
	old, ok := s.register.byID[id]
	if !ok || s.barred(old) || !s.isEarlier(old) || old.model != modelID || old.lapsed(v) || s.NeedsConsent(old) {
		return old, false, nil
	}
	p := old
	p.Epoch, p.Lane = s.state.Epoch, lane
	if err := s.relink(&p); err != nil {
		return Person{}, false, err
	}
	entries, err := s.number(v.Wall, audit.Entry{Kind: audit.Renewed, Actor: audit.Daemon})
	if err != nil {
		return Person{}, false, err
	}
	if err := s.enrol(p, Enrolment{ModelID: modelID, Code: code}, entries); err != nil {
		return Person{}, false, err
	}
	s.register.put(p)
	if err := s.faces.Commit(vault.Change{Dels: []vault.Row{vault.At(recordsTable, old.Record)}}); err != nil {
		s.log.Error("a record that was renewed is removed at the next start", "err", err) // it belongs to nobody
	}
	s.follow()
	return p, true, nil
}

// EndEpoch destroys the records of all earlier epochs, none of scheme S2, and returns how many. Their people stay on the
// list and have to be captured again (Recapture). It is done like an erasure: what was renewed or destroyed is in no copy
// that opens with a key that still exists, and cut off at any point it is finished. It refuses with ErrNoEpoch.
//
// Where it cannot be written it is owed, as an erasure is: an OwedError, and nobody whose record is earlier matches.
func (s *Store) EndEpoch(by audit.Actor) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.state.Epoch
	n, err := s.endEpoch(by)
	if err != nil {
		return 0, s.owe(mark{Epoch: of, By: by, Asked: s.now().Unix()}, err)
	}
	s.settleOwed()
	return n, nil
}

func (s *Store) endEpoch(by audit.Actor) (int, error) {
	before := s.pending
	if err := s.ready(); err != nil {
		return 0, err
	}
	if s.state.Ended+1 >= s.state.Epoch {
		if before != nil && before.Kind == epochIntent { // it was this that was left half done
			return int(before.Entries[0].Count), nil
		}
		return 0, hint.Wrap(fmt.Errorf("store: %w", ErrNoEpoch), "begin a new one first with: facegate epoch begin")
	}
	n := 0
	for _, p := range s.register.byID {
		if s.isEarlier(p) {
			n++
		}
	}
	i := &intent{Kind: epochIntent, Number: s.state.Number + 1}
	if err := s.generations(i); err != nil {
		return 0, err
	}
	var err error
	if i.Entries, err = s.number(s.now(), audit.Entry{Kind: audit.EpochEnded, Actor: by, Count: uint32(n)}); err != nil {
		return 0, err
	}
	return n, s.carryOut(i)
}

// learnEpochs notes in which epoch each person's record is, as the record itself says. Whether that is true, Records finds.
func (s *Store) learnEpochs() error {
	owner := make(map[template.RecordID]template.PersonID, len(s.register.byID))
	for id, p := range s.register.byID {
		owner[p.Record] = id
	}
	return s.faces.EachValue(recordsTable, func(id [16]byte, sealed []byte) error {
		person, ok := owner[id]
		if !ok {
			return nil
		}
		h, err := template.ReadHeader(sealed)
		if err != nil {
			return s.faces.Damaged(err)
		}
		if h.Scheme == template.SchemeS1 && (h.Epoch <= s.state.Ended || h.Epoch > s.state.Epoch) {
			return s.faces.Damaged(fmt.Errorf("a record of epoch %d, not of %d to %d", h.Epoch, s.state.Ended+1, s.state.Epoch))
		}
		p := s.register.byID[person]
		p.Epoch, p.model = h.Epoch, h.ModelID
		s.register.put(p)
		return nil
	})
}
