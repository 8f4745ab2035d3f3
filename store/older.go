package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/anchor"
	"facegate/store/audit"
	"facegate/store/vault"
)

// ErrOlder means that an older copy of the store was put back, and that this has not been made good yet.
var ErrOlder = errors.New("an older copy of the records was put back")

// An Older says of a store that it is an older copy, which was put back. No face is looked at. What is known to have been destroyed since
// was destroyed again; whoever was enrolled since is missing. Restore, with a backup, is the way out of it.
type Older struct {
	Since   int64  // when it was found, Unix time in seconds
	From    uint64 // the number of the last destruction that the copy knew of
	To      uint64 // of the last before it was found, so far as is known
	Unknown bool   // nobody knows what was destroyed between the two, or since From: that is in receipts alone
	Owed    bool   // what is known to have been destroyed is not destroyed again yet: it is before Open returns
}

// Older returns what is known of the copy that was put back, for which faces are off, and nil if none was.
func (f Faces) Older() *Older {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if f.s.state.Older == nil {
		return nil
	}
	o := *f.s.state.Older
	return &o
}

// AdviceOlder is the way out.
const AdviceOlder = "stop the gate and bring back who is missing from the newest backup: facegate backup restore FILE; without one, " +
	"make it now (facegate backup create FILE), restore that, and enrol again who is missing"

// openTombstones reads the tombstones and holds the databases against them. Databases that know of less are an older copy: s.older then
// says so, and is in every state that is written from now on.
func (s *Store) openTombstones() error {
	r, err := s.recollect()
	if err != nil {
		return err
	}
	for _, f := range r.faults {
		s.unburied = true
		// A power cut between the two leaves one behind, or none of a store that was just made.
		if !errors.Is(f.Err, anchor.ErrBehind) && r.Store == s.state.Store {
			s.mended.add(vault.Fault(f))
		}
	}
	s.unburied = s.unburied || r.behind
	s.gone = r.tombstones
	owed := s.state.Older // that was cut off before it has lost again what was destroyed
	if owed != nil && !owed.Owed {
		owed = nil
	}
	switch {
	case r.lost() || r.Store != s.state.Store || r.At.Count < s.state.At.Count && !s.buries(r.tombstones) || owed != nil && owed.Unknown:
		return s.loseTombstones(r)
	case r.At == s.state.At || s.buries(r.tombstones) || s.pending != nil && r.At == (anchored{s.state.At.Count + 1, s.after(s.pending)}):
		s.older = owed
		return nil
	case r.At.Count > s.state.At.Count && r.From <= s.state.Number:
		s.isOlder(Older{From: s.state.Number, To: r.Last})
		return nil
	default: // they have grown apart
		return s.loseTombstones(r)
	}
}

// lost reports whether the tombstones are gone or an older copy.
func (r recollection) lost() bool { return r.Store == [16]byte{} || r.taken || r.count > r.At.Count }

// buries reports whether t is what the state is going to change next.
func (s *Store) buries(t tombstones) bool {
	return s.state.Burial != nil && t.At.Count+1 == s.state.At.Count
}

// isOlder has it in every state from now on that the store is an older copy as o says, or has been since it was found to be one earlier.
// What that copy was going to change in the tombstones next was changed long ago.
func (s *Store) isOlder(o Older) {
	o.Since, o.Owed = s.now().Unix(), true
	if before := s.state.Older; before != nil {
		o.Since, o.From, o.Unknown = before.Since, min(o.From, before.From), o.Unknown || before.Unknown
	}
	s.older, s.stale = &o, true
	s.state.Older, s.state.Burial = s.older, nil
}

// loseTombstones goes on with the tombstones r, of which some are lost or were made in another history. Each of the lost changes has
// counted one, so that no destruction is given the number of another.
func (s *Store) loseTombstones(r recollection) error {
	from := s.state.Number
	if s.pending != nil {
		from = s.pending.Number
	}
	to := from + unknownGap
	if lost := r.count - min(r.count, s.state.At.Count); lost > 0 && !r.taken {
		to = from + lost
	}
	h, err := s.newList(s.state.Store, from)
	if err != nil {
		return err
	}
	if r.Store == s.state.Store {
		to = max(to, r.Last)
		h.Void, h.Ended, h.Gap = r.Void, r.Ended, r.Gap
		if r.Last >= from {
			h.From = r.From
		}
	} else {
		s.gone = tombstones{}
	}
	h.lose(from, to)
	h.At = anchored{max(r.count, r.At.Count, s.state.At.Count), r.At.Head}
	s.gone.tombstonesHead, s.unburied = h, false
	if b := s.state.Burial; b != nil {
		s.gone.Gone = append(slices.Clone(s.gone.Gone), b.Gone...)
	}
	s.isOlder(Older{From: s.state.Number, To: to, Unknown: true})
	return nil
}

// suspected returns the state of a store of which somebody outside has shown that it is an older copy, and nobody knows what of. What the
// anchor has found already stands.
func (s *Store) suspected() (state, error) {
	next := s.state
	if next.Older != nil {
		return next, nil
	}
	anew, err := s.newList(next.Store, next.Number)
	if err != nil {
		return state{}, err
	}
	h := s.gone.tombstonesHead
	h.List = anew.List
	h.lose(next.Number, next.Number+unknownGap)
	next.Older = &Older{Since: s.now().Unix(), From: next.Number, To: h.Last, Unknown: true}
	next.Number, next.Burial = h.Last, &burial{Anew: &h}
	return next, nil
}

// takeBack has a store that was found to be an older copy lose again what the tombstones say was destroyed, before anything of it matches
// or opens. It is one change of people.db, after which faces.db holds records of nobody, which sweep removes.
func (s *Store) takeBack() error {
	if err := s.ready(); err != nil {
		return hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "make room on the disk: what was erased has to be erased again before the gate can start"))
	}
	o := *s.older
	s.log.Error("an older copy of the records was put back: no face is looked at", "known", o.From, "destroyed", o.To, "unknown", o.Unknown,
		"hint", AdviceOlder)
	o.Owed = false
	next := s.state
	next.Older = &o
	next.Number = max(next.Number, s.gone.Last)
	next.Visits = s.moment() // nobody can tell which visitors' passes were used or revoked since
	if o.Unknown {
		head := s.gone.tombstonesHead
		next.Burial = &burial{Anew: &head}
	}
	found := audit.Entry{Kind: audit.FoundOlder, Actor: audit.Daemon, Count: uint32(o.To - min(o.To, o.From))}
	return s.loseAgain(s.standing(), next, found)
}

// standing returns the verdict of the tombstones alone about people and keys in the store itself.
func (s *Store) standing() verdict {
	v := verdict{gone: make(map[[16]byte]tombstone), known: true, counted: true}
	for _, g := range s.gone.Gone {
		v.gone[g.Of] = g
	}
	v.void, v.ended = s.gone.Void > s.older.From, s.gone.Ended
	return v
}

// A loss is what an older copy loses again.
type loss struct {
	intent
	store   *Store
	verdict verdict
	people  register
	ended   map[[16]byte]moment
	rows    []vault.Put
	drop    map[vault.Row]bool
	next    *state
	count   int
}

// loseAgain has people, templates, credentials, offices and operators leave of which v says that they were destroyed since. With the
// entries comes one that says how many they were.
func (s *Store) loseAgain(v verdict, next state, entries ...audit.Entry) error {
	l := loss{
		store: s, verdict: v, people: s.register.clone(), ended: maps.Clone(s.ended), drop: make(map[vault.Row]bool), next: &next,
	}
	for _, p := range s.register.byID {
		if err := l.person(p); err != nil {
			return err
		}
	}
	l.keys()
	if v.void {
		next.Locked, next.Covered = true, [32]byte{}
	}
	next.Ended = max(next.Ended, v.ended)
	next.Epoch = max(next.Epoch, next.Ended+1)
	reapplied := audit.Entry{Kind: audit.Reapplied, Actor: audit.Daemon, Count: uint32(l.count)}
	entries, err := s.number(s.now(), append(entries, reapplied)...)
	if err != nil {
		return err
	}
	c := vault.Change{Puts: l.rows, Drop: func(row vault.Row) bool { return l.drop[row] }}
	if err := s.apply(s.people.Rewrite, next, entries, c); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	return errors.Join(s.catchUp(), s.forgetFailures(slices.Concat(l.People, l.Faces)...))
}

// forgetFailures forgets the failures of people who have left the list, or without a face.
func (s *Store) forgetFailures(ids ...template.PersonID) error {
	s.counting.Lock()
	defer s.counting.Unlock()
	failed := s.failed.without(ids...)
	row, err := s.putFailures(failed)
	if err != nil || len(ids) == 0 {
		return err
	}
	s.failed = failed
	return s.journal.Commit(vault.Change{Puts: []vault.Put{row}})
}

// person takes from the store what p has lost.
func (l *loss) person(p Person) error {
	s := l.store
	became, former := l.verdict.fateHere(s, p)
	if became != stayed {
		l.count++
		if p.Epoch == l.next.Epoch {
			l.next.Lanes[p.Lane] = s.head.Seq + 1
		}
		if p.Consented() {
			row, err := s.putConsent(former)
			if err != nil {
				return err
			}
			l.rows = append(l.rows, row)
		}
	}
	switch became {
	case left:
		l.People = append(l.People, p.ID)
		l.takeFrom(l.people, p, l.drop)
		return nil
	case faceless:
		l.Faces = append(l.Faces, p.ID)
		l.takeFrom(l.people, p, l.drop)
	case stayed:
		if err := l.record(p); err != nil {
			return err
		}
	}
	return l.credentials(l.people.byID[p.ID])
}

// record takes from p, who stays, a record that a lockdown or the end of its epoch has destroyed.
func (l *loss) record(p Person) error {
	gone := l.verdict.void || p.Epoch != 0 && p.Epoch <= l.verdict.ended
	if !gone || p.Record == (template.RecordID{}) {
		return nil
	}
	p.Template = p.unlinked()
	row, err := l.store.putTemplate(p)
	l.rows = append(l.rows, row)
	l.count++
	return err
}

// credentials takes from p what was revoked, and what opens so many times only: nobody can tell how often it has since.
func (l *loss) credentials(p Person) error {
	for _, c := range p.Credentials {
		mark, err := l.store.keyMark(p.ID, c)
		if err != nil {
			return err
		}
		if p.opensWith(c) && !l.verdict.has(mark) || l.verdict.keeps(mark) && !(c.Uses != 0 && l.verdict.counted) {
			continue
		}
		l.drop[credentialRowID(c.ID)] = true
		l.count++
	}
	return nil
}

// keys takes offices and operators from the store that were removed.
func (l *loss) keys() {
	before := len(l.next.Offices) + len(l.next.Operators)
	l.next.Offices = slices.DeleteFunc(slices.Clone(l.next.Offices), func(o Office) bool {
		return !l.verdict.keeps(l.store.officeMark(o.Key))
	})
	l.next.Operators = slices.DeleteFunc(slices.Clone(l.next.Operators), func(o Operator) bool {
		return !l.verdict.keeps(l.store.operatorMark(o.Key))
	})
	l.count += before - len(l.next.Offices) - len(l.next.Operators)
}

// fateHere returns what became of p, who is in a store that is an older copy. Unlike somebody in a backup, whoever was captured again since
// stays on the list, without the former face.
func (v verdict) fateHere(s *Store, p Person) (fate, Consent) {
	became, former := s.fateOf(p, v)
	if became != left {
		return became, former
	}
	if _, ok := v.gone[s.across("left", p.ID)]; ok {
		return left, former
	}
	for _, r := range v.receipts {
		if why := reasonOf(r.Reason); r.About(p.Reference) && why != audit.Recaptured && why != audit.FaceWithdrawn {
			return left, former
		}
	}
	return faceless, former
}

// notOlder refuses, with ErrOlder, what has to wait until that is made good.
func (s *Store) notOlder() error {
	if s.state.Older == nil {
		return nil
	}
	since := time.Unix(s.state.Older.Since, 0).UTC().Format(time.DateOnly)
	return hint.Wrap(fmt.Errorf("store: %w, which was found on %s", ErrOlder, since), "%s", AdviceOlder)
}
