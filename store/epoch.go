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

// An EpochState says how far a change of epoch has come. An epoch is a set of rotations, and the number that says which: the Codes
// of one face in two epochs are unrelated. Each person has one record or none; who gives no face is not counted.
type EpochState struct {
	Current    uint32 // from 1
	Renewed    int    // people whose record is in it, or is of scheme S2, which has no epochs
	Earlier    int    // people whose record is in an earlier one, and was made with the embedder in use
	Foreign    int    // people whose record was made with another embedder, so that they cannot match
	Recordless int    // people who have consented to a record and have none, since a lockdown or the end of its epoch
}

// Epochs replace the rotations that Codes are made with, and so every Code, while people come and go.
type Epochs struct{ s *Store }

// Epochs returns the epochs of the store.
func (s *Store) Epochs() Epochs { return Epochs{s} }

// State returns how far the current epoch has come.
func (e Epochs) State() EpochState {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	return e.s.epochState()
}

func (s *Store) epochState() EpochState {
	e := EpochState{Current: s.state.Epoch}
	for _, p := range s.register.byID {
		switch {
		case !p.Consented():
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
func (e Epochs) UseModel(id [32]byte) error {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if id == e.s.state.Model {
		return nil
	}
	if err := e.s.ready(); err != nil {
		return err
	}
	next := e.s.state
	next.Model = id
	if e.s.state.Model == ([32]byte{}) { // the first one
		return e.s.beginEpoch(next, audit.Daemon)
	}
	next.Epoch++
	if err := e.s.beginEpoch(next, audit.Daemon); err != nil {
		return err
	}
	e.s.log.Warn("there is another embedder: a new epoch has begun", "epoch", next.Epoch,
		"people_to_capture_again", e.s.epochState().Foreign,
		"hint", "facegate enroll LABEL --again captures them; those enrolled with the former embedder match again when it is back")
	return nil
}

// Begin begins a new epoch. Who is enrolled or captured from now on is in it; everybody else is moved there by Renew,
// or loses their record when End ends what went before. It refuses with ErrEpoch while somebody has a record of an
// earlier one: there are never more rotations to make than those of two epochs, unless the embedder has changed.
func (e Epochs) Begin(by audit.Actor) error {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if err := e.s.ready(); err != nil {
		return err
	}
	for _, p := range e.s.register.byID {
		if e.s.isEarlier(p) {
			return hint.Wrap(fmt.Errorf("store: %w", ErrEpoch), "end it first with: facegate epoch end; "+
				"who is in it then has to be captured again, and facegate epoch status says how many they are")
		}
	}
	next := e.s.state
	next.Epoch++
	return e.s.beginEpoch(next, by)
}

// beginEpoch makes next the state, in which the epoch or its embedder is a new one.
func (s *Store) beginEpoch(next state, by audit.Actor) error {
	if next.Epoch != s.state.Epoch {
		next.Lanes = [template.Lanes]uint64{} // nobody was ever in one of the new ones
	}
	return s.note(s.now(), next, audit.Entry{Kind: audit.EpochBegun, Actor: by, Count: next.Epoch, Digest: next.Model})
}

// Renew gives a person a record in the current epoch in the place of theirs in an earlier one. The Code was made of the
// face that has just matched that record with room to spare, so that nobody has to be captured. It is one step away from
// the record before and there is one step an epoch, so that a Code cannot drift from face to face by being renewed
// again and again. Expiry and consent stay, and with them the day by which the person has to be captured anew.
//
// The record before goes in place: its bytes are sealed under the store key until End, or an erasure, destroys that.
// For somebody who has no record of this model in an earlier epoch Renew does nothing, and reports false.
func (e Epochs) Renew(id template.PersonID, modelID [32]byte, made template.Made) (Person, bool, error) {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if err := e.s.ready(); err != nil {
		return Person{}, false, err
	}
	v := e.s.look()
	old, ok := e.s.register.byID[id]
	if !ok || e.s.barred(old) || !e.s.isEarlier(old) || old.model != modelID || old.lapsed(v) || e.s.needsConsent(old) {
		return old, false, nil
	}
	renewed := Enrolment{ModelID: modelID, Made: made}
	if err := e.s.checkMade(renewed); err != nil {
		return Person{}, false, err
	}
	p := old
	p.Epoch, p.Lane = made.Epoch, made.Lane
	if err := e.s.relink(&p); err != nil {
		return Person{}, false, err
	}
	entries, err := e.s.number(v.Wall, audit.Entry{Kind: audit.Renewed, Actor: audit.Daemon})
	if err != nil {
		return Person{}, false, err
	}
	row, err := e.s.putTemplate(p)
	if err != nil {
		return Person{}, false, err
	}
	if err := e.s.enlist(p, renewed, entries, row); err != nil {
		return Person{}, false, err
	}
	e.s.register.put(p)
	if err := e.s.faces.Commit(vault.Change{Dels: []vault.Row{vault.At(recordsTable, old.Record)}}); err != nil {
		e.s.log.Error("a record that was renewed is removed at the next start", "err", err) // it belongs to nobody
	}
	e.s.follow()
	return p, true, nil
}

// End destroys the records of all earlier epochs, none of scheme S2, and returns how many. Their people stay on the
// list and have to be captured again (Recapture). It is done like an erasure: what was renewed or destroyed is in no copy
// that opens with a key that still exists, and cut off at any point it is finished. It refuses with ErrNoEpoch.
//
// Where it cannot be written it is owed, as an erasure is: an OwedError, and nobody whose record is earlier matches.
func (e Epochs) End(by audit.Actor) (int, error) {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	of := e.s.state.Epoch
	n, err := e.s.endEpoch(by)
	if err != nil {
		return 0, e.s.owe(mark{Epoch: of, By: by, Asked: e.s.now().Unix()}, err)
	}
	e.s.settleOwed()
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

// learnModels notes with which embedder each person's record was made, as the record itself says. Whether that is true,
// Records finds.
func (s *Store) learnModels() error {
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
		if h.Epoch != p.Epoch {
			return s.faces.Damaged(errForeign)
		}
		p.model = h.ModelID
		s.register.put(p)
		return nil
	})
}
