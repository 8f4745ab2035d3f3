package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/durable"
	"facegate/store/receipt"
	"facegate/store/vault"
)

// A Proof is what the operator knows of what was erased since a backup. The gate's own list of it counts as well, where that
// has outlived the damage, in the anchor; a gate that is made anew, or was put back with its anchor, has none.
type Proof struct {
	Last     uint64   // the highest number of a receipt that the operator holds
	Said     bool     // that is said, if Last is 0: there is none
	Receipts [][]byte // those after the backup

	// Keys says what is to become of the passes, cards and PINs of people, of offices and of operators, where the gate's own list is
	// lost and nobody
	// can tell which were revoked since the backup.
	Keys Choice

	// Replace lets what is left of a damaged store make way. Nothing of it can be had back.
	Replace bool
}

// A Choice is what an operator has decided.
type Choice uint8

// The choices.
const (
	Undecided Choice = iota
	BringBack        // all, those that were revoked since among them
	LeaveOut         // all
)

// A Restored is what came back.
type Restored struct {
	People       int      // who are back
	Templates    int      // of them, those with a template that lets them in
	Keys         int      // passes, cards and PINs of theirs that are back, but for those that templates open with
	KeysOut      int      // that are not, and have to be given anew
	Shut         int      // people who are back and have neither a template nor a pass, card or PIN
	Offices      int      // that are back
	OfficesOut   int      // that are not
	Operators    int      // whose keys are back
	OperatorsOut int      // whose are not
	Known        bool     // the gate's own list says which were revoked since
	Visits       bool     // visitors' passes that began before the restore open nothing
	Erased       int      // who are in the backup, and were erased since, or are not as they were in it
	Present      int      // who are in the backup, and were enrolled all the time
	Taken        []string // labels of those who were left out because their label, or one like it, is somebody else's

	Made    time.Time // when the backup was
	Number  uint64    // of the last destruction before it
	Last    uint64    // of the last destruction that is known
	Listed  bool      // whether the gate's own list says so, besides the operator
	Entries uint64    // of the audit log at the backup, which is not in it
}

// Restore brings the people of a backup back into the store in o.Dir, except those who were erased since. Who they are is
// known from the store's own list of destructions or, where that is lost, by the receipts: each number after that of the
// backup up to the highest that is known must be accounted for (ErrReceipts). Lockdowns and ends of epochs have numbers and
// no receipts: without the list, no backup from before one can be restored.
//
// The list also says which credentials, offices and operators were revoked since. Without it the operator decides about them (ErrKeys). Those
// that open so many times only are not brought back. Nobody can tell which passes of visitors were used between the backup and the
// restore: those that began before the restore open nothing any more (ErrBefore).
//
// A store that is ErrDamaged is made anew, with Replace (ErrRemains). Its audit log ends with it. A sound one of the same store knows
// of credentials and visitors more than a backup, and only the people are brought back whom it lacks. One that was found to be an older
// copy (Older) is that no more; what the receipts say was erased that it did not know of leaves it first. The store must not be open.
func Restore(o Options, data []byte, proof Proof, by audit.Actor) (Restored, error) {
	s, err := prepare(o)
	if err != nil {
		return Restored{}, err
	}
	b, err := s.readBackup(data)
	if err != nil {
		return Restored{}, errors.Join(err, s.Close())
	}
	owed, _ := s.reserve.load() // where it cannot be read, nobody can tell
	err = s.start()
	if errors.Is(err, ErrDamaged) {
		if err := errors.Join(s.makeWay(b, proof, err), s.Close()); err != nil {
			return Restored{}, err
		}
		if s, err = prepare(o); err != nil {
			return Restored{}, err
		}
		s.anew = true
		err = s.start()
	}
	if err != nil {
		return Restored{}, errors.Join(err, s.Close())
	}
	r, err := s.bringBack(b, owed, sha256.Sum256(data), proof, by)
	return r, errors.Join(err, s.Close())
}

// makeWay destroys what is left of a damaged store, once it is sure that b can be restored. The tombstones stay.
func (s *Store) makeWay(b backup, proof Proof, damage error) error {
	r, err := s.recollect()
	if err != nil {
		return err
	}
	if o := r.older(); o != nil {
		r.lose(o.From, o.To)
	}
	v, err := s.weigh(b, r.tombstones, proof)
	if err != nil {
		return err
	}
	if !proof.Replace {
		return hint.Wrap(fmt.Errorf("store: %w: %w", ErrRemains, damage),
			"what is left is destroyed, the audit log and receipts that nobody has fetched among it, and then the backup is restored")
	}
	if err := s.noteLockdown(b, r, v); err != nil {
		return err
	}
	for _, v := range s.vaults() {
		err = errors.Join(err, v.Destroy(), durable.Remove(flagPath(v)))
	}
	return err
}

// noteLockdown adds to the tombstones a lockdown of a store that did not open, so that what it destroyed stays destroyed.
func (s *Store) noteLockdown(b backup, r recollection, v verdict) error {
	if _, locked := markIn(s.faces); !locked {
		return nil
	}
	t := r.tombstones
	if t.Store == ([16]byte{}) {
		t.Store = b.Store
	}
	if v.last > t.Last {
		t.From = v.last
	}
	t.Last = max(t.Last, v.last) + 1
	t.Void, t.At = t.Last, anchored{Count: r.count + 1}
	return s.saveTombstones(t)
}

// A verdict is what became of the people of a backup since.
type verdict struct {
	last     uint64                 // the number of the last destruction that is known
	receipts []receipt.Receipt      // of what was destroyed since
	earlier  []receipt.Receipt      // of what was destroyed before the backup, and after the older copy that it comes to
	gone     map[[16]byte]tombstone // by tombstone.Of
	listed   bool
	void     bool   // every template of the backup was destroyed
	ended    uint32 // as were those of epochs up to this one
	known    bool   // gone has every credential, office and operator that was revoked since
	keys     Choice // where they are not known
	lost     gap    // what the tombstones do not know since the backup
	counted  bool   // credentials that open so many times only are gone: nobody can tell how often they have
}

// maxUnknown bounds how many numbers are looked for.
const maxUnknown = 1 << 20

// weigh holds b against the tombstones t and what the operator knows.
func (s *Store) weigh(b backup, t tombstones, proof Proof) (verdict, error) {
	v := verdict{gone: make(map[[16]byte]tombstone), last: max(b.Number, proof.Last), listed: t.Store == b.Store, ended: b.Ended}
	if !v.listed && t.Last > 0 {
		return v, hint.Wrap(fmt.Errorf("store: %w, and in the present one people were erased", ErrForeign),
			"capture the people of the backup again: nobody can tell the receipts of the two apart")
	}
	since := b.Number // from which on it has to be known what was destroyed
	if o := s.state.Older; o != nil && o.Unknown {
		since = min(since, o.From)
	}
	given := given{numbers: make(map[uint64]bool), since: since, last: proof.Last}
	if since < b.Number {
		given.last = max(given.last, b.Number)
	}
	for _, signed := range proof.Receipts {
		r, err := receipt.Verify(signed, s.publicKey())
		if err != nil {
			return v, hint.Wrap(err, "give the receipts of this device, to the byte")
		}
		if r.Number <= since {
			continue
		}
		if r.Kind == receipt.Wipe {
			return v, hint.Wrap(fmt.Errorf("store: %w", ErrDestroyed), "capture people again")
		}
		if r.Number <= b.Number {
			v.earlier = append(v.earlier, r)
		} else {
			v.receipts, v.last = append(v.receipts, r), max(v.last, r.Number)
		}
		given.numbers[r.Number], given.last = true, max(given.last, r.Number)
	}
	if v.listed && since < t.Gap.To {
		v.lost = t.Gap
	}
	v.known, v.keys = v.listed && t.List == b.List && v.last <= t.Last && v.lost == (gap{}), proof.Keys
	if v.listed {
		v.last = max(v.last, t.Last)
		v.void, v.ended = t.Void > b.Number, max(b.Ended, t.Ended)
		for _, g := range t.Gone {
			v.gone[g.Of] = g
		}
	}
	if (!v.listed || v.lost != (gap{})) && proof.Last == 0 && !proof.Said && len(proof.Receipts) == 0 {
		return v, hint.Wrap(fmt.Errorf("store: %w: the gate's own list is lost", ErrReceipts),
			"say the highest number of a receipt that you hold (facegate receipt verify shows it) with --last-receipt N, and give "+
				"those after %d with --receipts; where there are none, it is --last-receipt %[1]d", b.Number)
	}
	if err := v.complete(b, t, given); err != nil {
		return v, err
	}
	return v, v.decided(b, s.unsure())
}

// unsure counts the credentials, offices and operators of the store of which nobody can tell whether they were revoked.
func (s *Store) unsure() int {
	if s.state.Older == nil || !s.state.Older.Unknown {
		return 0
	}
	n := len(s.state.Offices) + len(s.state.Operators)
	for _, p := range s.register.byID {
		for _, c := range p.Credentials {
			if !p.opensWith(c) {
				n++
			}
		}
	}
	return n
}

// decided reports whether somebody has to decide about credentials, offices and operators first, of which so many are in the store itself.
func (v verdict) decided(b backup, present int) error {
	keys := present + len(b.Offices) + len(b.Operators)
	for _, p := range b.People {
		keys += len(p.Keys)
	}
	if v.known || v.keys != Undecided || keys == 0 {
		return nil
	}
	return hint.Wrap(fmt.Errorf("store: %w: the gate's own list of that is lost", ErrKeys),
		"with --credentials back all open again that were valid on %s, until they are revoked anew; with --credentials out none does, and who "+
			"gives no face stands before the door until they are given one", b.at().Format(time.DateOnly))
}

// keeps reports whether what a tombstone may be of is brought back.
func (v verdict) keeps(mark [16]byte) bool { return !v.has(mark) && (v.known || v.keys == BringBack) }

// has reports whether a tombstone is of mark.
func (v verdict) has(mark [16]byte) bool {
	_, gone := v.gone[mark]
	return gone
}

// A given says which receipts the operator has given.
type given struct {
	numbers map[uint64]bool
	since   uint64 // after which each destruction has to be known
	last    uint64 // that there certainly was, be it lost
}

// complete reports which numbers after g.since and up to the last are known neither to the list nor to the operator.
func (v verdict) complete(b backup, t tombstones, g given) error {
	if v.last-g.since > maxUnknown {
		return hint.Wrap(fmt.Errorf("store: %w: number %d is out of reach of %d", ErrReceipts, v.last, b.Number), "correct --last-receipt")
	}
	var missing []string
	for n := g.since + 1; n <= v.last; n++ {
		lost := v.lost.has(n)
		if lost && n > g.last {
			continue
		}
		if listed := v.listed && n > t.From && n <= t.Last && !lost; !listed && !g.numbers[n] {
			missing = append(missing, strconv.FormatUint(n, 10))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	more := ""
	if len(missing) > 20 {
		more, missing = fmt.Sprintf(" and %d more", len(missing)-20), missing[:20]
	}
	return hint.Wrap(fmt.Errorf("store: %w: the receipts with these numbers are missing: %s%s", ErrReceipts, strings.Join(missing, ", "), more),
		"give them with --receipts; where one of them was the destruction of all templates or the end of an epoch, which have no "+
			"receipt, take a backup from after it, or capture people again; a gate with an older copy can also be restored from a backup "+
			"of itself as it is")
}

// A fate is what became of a person of a backup since.
type fate uint8

const (
	stayed   fate = iota
	faceless      // stayed on the list, and the face was withdrawn
	left          // was erased, or is not as they were
)

// fateOf returns what became of p since the backup, and how the consent is to be kept if there was one and it has ended.
func (s *Store) fateOf(p Person, v verdict) (fate, Consent) {
	f, former := stayed, p.Consent
	ends := func(why audit.Reason, at time.Time) {
		if f == stayed {
			f, former = faceless, p.Consent.end(s.possible(p.Consent, at), why)
		}
		if why != audit.FaceWithdrawn {
			f = left
		}
	}
	for _, id := range [][16]byte{s.across("gone", p.Consent.ID), s.across("left", p.ID)} {
		if g, ok := v.gone[id]; ok {
			ends(g.Reason, time.Unix(g.Time, 0))
		}
	}
	for _, r := range v.receipts {
		if r.About(p.Reference) {
			at, err := time.Parse(time.RFC3339, r.Time)
			if err != nil { // a receipt that was verified has a time
				at = time.Time{}
			}
			ends(reasonOf(r.Reason), at)
		}
	}
	return f, former
}

// possible returns when c ended, of which is said that it was at. A clock that was wrong may have said so: then it is now, and
// what is left of c is kept for the longest time that it can be.
func (s *Store) possible(c Consent, at time.Time) moment {
	now := s.moment()
	if at.Before(c.Given) || at.After(now.Time) {
		return now
	}
	return moment{Time: at}
}

// reasonOf returns the reason that a receipt names.
func reasonOf(name string) audit.Reason {
	for why := audit.Requested; why <= audit.FaceWithdrawn; why++ {
		if why.String() == name {
			return why
		}
	}
	return audit.Requested
}

// bringBack brings back who is to come back of b.
func (s *Store) bringBack(b backup, owed []mark, digest [32]byte, proof Proof, by audit.Actor) (Restored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return Restored{}, err
	}
	v, err := s.weigh(b, s.gone, proof)
	if err != nil {
		return Restored{}, err
	}
	erased, err := s.loseSaid(v)
	if err != nil {
		return Restored{}, err
	}
	r := Restored{Made: b.at(), Number: b.Number, Last: v.last, Listed: v.listed, Known: v.known, Entries: b.Entries, Erased: erased}
	in := intake{store: s, verdict: v, owed: owed, restored: &r, next: s.resumed(b, v)}
	if in.next.Burial, err = s.resumedTombstones(b, v); err != nil {
		return Restored{}, err
	}
	if err := in.take(b); err != nil {
		return Restored{}, err
	}
	entries, err := s.number(s.now(), audit.Entry{Kind: audit.Restored, Actor: by, Count: uint32(r.People), Digest: digest})
	if err != nil {
		return Restored{}, err
	}
	in.next.Faces = entries[0].Seq
	if err := s.faces.Commit(vault.Change{Puts: in.records, Stamp: in.next.Faces}); err != nil {
		return Restored{}, err
	}
	if len(in.visits) > 0 {
		if err := s.journal.Commit(vault.Change{Puts: in.visits}); err != nil {
			return Restored{}, err
		}
	}
	if err := s.apply(s.people.Commit, in.next, entries, vault.Change{Puts: in.rows}); err != nil {
		return Restored{}, err
	}
	if err := errors.Join(s.load(), s.loadVisits()); err != nil {
		return Restored{}, err
	}
	return r, s.catchUp()
}

// loseSaid has those leave the store itself of whom receipts say so that an older copy had lost, and returns how many they were. Of what is
// in the tombstones it was done when the copy was found.
func (s *Store) loseSaid(v verdict) (int, error) {
	o := s.state.Older
	if o == nil || !o.Unknown {
		return 0, nil
	}
	v.void, v.ended = false, 0
	v.receipts = slices.DeleteFunc(slices.Concat(v.earlier, v.receipts), func(r receipt.Receipt) bool { return r.Number <= o.From || r.Number > o.To })
	before := len(s.register.byID)
	if err := errors.Join(s.loseAgain(v, s.state), s.sweep()); err != nil {
		return 0, err
	}
	return before - len(s.register.byID), nil
}

// resumedTombstones returns how the list goes on after b was restored; nil for as it is. Of what it did not know it says so.
func (s *Store) resumedTombstones(b backup, v verdict) (*burial, error) {
	anew, err := s.newList(b.Store, v.last)
	if err != nil || !v.listed {
		return &burial{Anew: &anew}, err
	}
	h := s.gone.tombstonesHead
	if v.last > h.Last {
		h.From = v.last
	}
	if !v.known {
		h.List = anew.List
	}
	h.Last = v.last
	if h == s.gone.tombstonesHead {
		return nil, nil
	}
	return &burial{Anew: &h}, nil
}

// resumed returns the state of the store as it goes on from b.
func (s *Store) resumed(b backup, v verdict) state {
	next := s.state
	next.Store, next.Number, next.Older = b.Store, v.last, nil
	next.Locked = next.Locked || b.Locked || v.void
	if b.Filing != 0 && (next.Filing == 0 || b.Filing < next.Filing) {
		next.Filing = b.Filing
	}
	if len(s.register.byID) == 0 {
		next.Ended, next.Model, next.Lanes = max(next.Ended, v.ended), b.Model, b.Lanes
	}
	next.Epoch = max(next.Epoch, b.Epoch, next.Ended+1)
	return next
}

// An intake is what comes into a store from a backup.
type intake struct {
	store    *Store
	verdict  verdict
	owed     []mark // of the store that was damaged
	restored *Restored
	next     state
	rows     []vault.Put // of people.db
	records  []vault.Put // of faces.db
	visits   []vault.Put // of journal.db
}

func (in *intake) take(b backup) error {
	for _, row := range b.Ends {
		if _, ok := in.store.ended[row.ID]; ok {
			continue
		}
		c, err := decodeConsent(row.ID, row.Plain)
		if err != nil {
			return fmt.Errorf("store: %w: %w", ErrBackup, err)
		}
		if err := in.consent(c); err != nil {
			return err
		}
	}
	for _, copied := range b.People {
		if err := in.person(copied); err != nil {
			return err
		}
	}
	slices.Sort(in.restored.Taken)
	return in.visitors(b)
}

// visitors takes in the offices of b, and what it has of visitors' passes. A sound store of the same gate has both itself, and of later.
func (in *intake) visitors(b backup) error {
	s := in.store
	if s.state.Store == b.Store && !s.state.Awaits {
		return nil
	}
	in.next.Offices = slices.Clone(in.next.Offices)
	for _, o := range b.Offices {
		if !in.verdict.keeps(s.officeMark(o.Key)) || s.admits(in.next.Offices, o) != nil {
			in.restored.OfficesOut++
			continue
		}
		in.next.Offices = append(in.next.Offices, o)
		in.restored.Offices++
	}
	in.operators(b)
	slices.SortFunc(in.next.Offices, func(a, b Office) int { return strings.Compare(a.Name, b.Name) })
	for _, plain := range b.Visits {
		k, err := decodeVisit(plain)
		if err != nil {
			return fmt.Errorf("store: %w: %w", ErrBackup, err)
		}
		k = k.and(s.visits.of(k.Number))
		in.visits = append(in.visits, s.journal.Value(s.visitRow(k.Number), k.encode()))
	}
	in.next.Visits, in.next.Awaits, in.restored.Visits = s.moment(), false, true
	return nil
}

// operators takes in the operators of b. Which orders were given is not in it: those from before the restore open nothing.
func (in *intake) operators(b backup) {
	s := in.store
	in.next.Operators = slices.Clone(in.next.Operators)
	for _, o := range b.Operators {
		if !in.verdict.keeps(s.operatorMark(o.Key)) || s.admitsOperator(in.next.Operators, o) != nil {
			in.restored.OperatorsOut++
			continue
		}
		in.next.Operators = append(in.next.Operators, o)
		in.restored.Operators++
	}
	slices.SortFunc(in.next.Operators, byOperatorName)
}

// consent takes in a consent that has ended. Of somebody who gave no face there is none.
func (in *intake) consent(c Consent) error {
	if c.ID == ([16]byte{}) {
		return nil
	}
	row, err := in.store.putConsent(c)
	in.rows = append(in.rows, row)
	return err
}

// person takes one person of a backup in, or what is kept of somebody who was erased since.
func (in *intake) person(copied backupPerson) error {
	s := in.store
	p, err := s.decodeCopied(copied)
	if err != nil {
		return fmt.Errorf("store: %w: %w", ErrBackup, err)
	}
	became, former := s.fateOf(p, in.verdict)
	if i := slices.IndexFunc(in.owed, func(m mark) bool { return m.Epoch == 0 && m.Person == p.ID }); i >= 0 && became == stayed {
		became, former = left, p.Consent.end(s.moment(), in.owed[i].Reason)
		if in.owed[i].Reason == audit.FaceWithdrawn {
			became = faceless
		}
	}
	switch _, ended := s.ended[p.Consent.ID]; {
	case s.register.has(p.ID):
		in.restored.Present++
		return nil
	case ended:
		in.restored.Erased++
		return nil
	case became == left:
		in.restored.Erased++
		return in.consent(former)
	case s.free(p.Label, p.ID) != nil:
		in.restored.Taken = append(in.restored.Taken, p.Label)
		return nil
	}
	if became == faceless {
		p.Template = Template{}
		if err := in.consent(former); err != nil {
			return err
		}
	}
	if p, err = in.credentials(p); err != nil {
		return err
	}
	in.restored.KeysOut += copied.Counted
	return in.back(p, copied.Record)
}

// credentials returns p with the credentials that come back: what the template opens with, and what was not revoked since, nor is
// somebody else's by now.
func (in *intake) credentials(p Person) (Person, error) {
	all := p.Credentials
	for _, c := range all {
		mark, err := in.store.keyMark(p.ID, c)
		if err != nil {
			return Person{}, err
		}
		if p.opensWith(c) && !in.verdict.has(mark) {
			continue
		}
		if !in.verdict.keeps(mark) || in.store.register.taken(c) {
			p = p.without(c.ID)
			in.restored.KeysOut++
			continue
		}
		in.restored.Keys++
	}
	return p, nil
}

// decodeCopied reads a person of a backup.
func (s *Store) decodeCopied(copied backupPerson) (Person, error) {
	p, err := decodePerson(copied.Person.ID, copied.Person.Plain)
	if err == nil && copied.Template != nil {
		p.Template, err = s.decodeTemplate(copied.Template, p.Reference)
	}
	keys := copied.Keys
	if copied.Pass.Plain != nil {
		keys = append(slices.Clone(keys), copied.Pass)
	}
	for _, row := range keys {
		c, owner, failed := decodeCredential(row.ID, row.Plain)
		if failed == nil && owner != p.ID {
			failed = errForeign
		}
		p, err = p.with(c), errors.Join(err, failed)
	}
	return p, err
}

// back brings p back. They count as seen today: nobody knows when they were.
func (in *intake) back(p Person, sealed []byte) error {
	at := in.store.moment()
	p.LastSeen, p.seen = day(at.Time), at.Count
	if p.Consented() {
		t, err := in.template(p, sealed)
		if err != nil {
			return err
		}
		p.Template = t
	}
	rows, err := in.store.putAll(p)
	if err != nil {
		return err
	}
	in.rows = append(in.rows, rows...)
	in.restored.People++
	if p.Record == (template.RecordID{}) && len(p.Credentials) == 0 {
		in.restored.Shut++
	}
	return nil
}

// template returns p's template as it comes back, with the record if that is not destroyed since.
func (in *intake) template(p Person, sealed []byte) (Template, error) {
	if sealed == nil {
		return p.unlinked(), nil
	}
	h, err := template.ReadHeader(sealed)
	if err == nil {
		p.Epoch, p.model = h.Epoch, h.ModelID
	}
	if err == nil && p.Scheme == template.SchemeS1 {
		_, _, err = in.store.openRecord(p, nil, sealed)
	}
	if err != nil {
		return Template{}, fmt.Errorf("store: %w: %w", ErrBackup, err)
	}
	if in.verdict.void || p.Scheme == template.SchemeS1 && p.Epoch <= in.next.Ended {
		return p.unlinked(), nil
	}
	in.records = append(in.records, in.store.faces.Value(vault.At(recordsTable, p.Record), sealed))
	in.restored.Templates++
	return p.Template, nil
}

// adopt makes a store that takes the place of a damaged one go on with its tombstones. Otherwise, unless its creation was cut
// off, it must be the first under this device key: an anchor says that there was another, which was not wiped. It reports whether the
// tombstones, which are then s.gone, have to be saved.
func (s *Store) adopt(made *state, rings []vault.Rings) (save bool, err error) {
	r, err := s.recollect()
	if err != nil {
		return false, err
	}
	cutOff := slices.ContainsFunc(rings, func(r vault.Rings) bool { return !r.Empty() })
	if !s.anew && r.used && !cutOff {
		return false, s.people.Damaged(errors.New("databases and keyrings are gone, and the anchor of this device key says that there were some"))
	}
	s.gone = r.tombstones
	if r.Store == ([16]byte{}) {
		if _, err := io.ReadFull(s.rand, made.Store[:]); err != nil {
			return false, fmt.Errorf("store: no randomness: %w", err)
		}
		s.gone.tombstonesHead, err = s.newList(made.Store, 0)
		s.gone.At = anchored{r.count + 1, made.end()}
		made.At = s.gone.At
		return true, err
	}
	made.Store, made.Number, made.At, made.Awaits = r.Store, r.Last, r.At, true
	made.Visits = s.moment() // which passes were used and revoked is lost, whether a backup follows or not
	if o := r.older(); o != nil {
		o.Since = s.now().Unix()
		made.Older, made.Number = o, o.To
		s.gone.lose(o.From, o.To)
		s.gone.At = anchored{r.count + 1, made.end()}
		made.At = s.gone.At
		return true, nil
	}
	return false, nil
}

// older says of tombstones that are themselves an older copy what they do not know; nil if they are not.
func (r recollection) older() *Older {
	if r.Store == ([16]byte{}) || !r.lost() {
		return nil
	}
	to := r.Last + r.count - r.At.Count
	if r.taken {
		to = r.Last + unknownGap
	}
	return &Older{From: r.Last, To: to, Unknown: true}
}
