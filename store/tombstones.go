package store

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"facegate/pipeline/template"
	"facegate/store/anchor"
	"facegate/store/audit"
	"facegate/store/seal"
)

// Tombstones are what is remembered of those whom the store has erased, apart from databases and keyrings: which consents ended and who
// left, and which credentials, offices and operators are no more what they were, by ids that lead nowhere without the device key, and no
// names. They are what the store keeps in its anchor (package anchor). Restore holds a backup against them, and Open the
// databases: those that know of fewer changes are an older copy, and lose again what was destroyed (see older.go).
type tombstones struct {
	tombstonesHead
	Gone []tombstone
}

type tombstonesHead struct {
	At    anchored // the last change of the tombstones
	Store [16]byte // that they are of; see state
	From  uint64   // they know of every destruction after this one,
	Last  uint64   // up to this one; see receipt.Receipt
	Void  uint64   // the last lockdown, which destroyed every template; 0 for none
	Ended uint32   // the last epoch that was ended, which destroyed its templates
	Gap   gap      // but for those in it

	// List is random, and another one where the list was lost and begun anew: with the same one nothing is missing between two times.
	List [16]byte
}

// A gap is of the numbers after From and up to To. Whether there were destructions with them is in receipts alone: the tombstones of them
// are lost, or were put back with the databases.
type gap struct{ From, To uint64 }

func (g gap) has(n uint64) bool { return n > g.From && n <= g.To }

// unknownGap is how many numbers are left out where nobody knows how many destructions are lost: no two get the same.
const unknownGap = 1 << 10

// lose has h know nothing of the numbers after from and up to to, and go on after them.
func (h *tombstonesHead) lose(from, to uint64) {
	if h.Gap != (gap{}) {
		from = min(from, h.Gap.From)
	}
	h.Gap, h.Last = gap{from, max(to, h.Gap.To)}, max(h.Last, to)
}

// Anchored names a change of the tombstones. The databases name the last that they know of.
type anchored struct {
	Count uint64     // from 1
	Head  audit.Head // the end of the audit log with it, which tells it from that of another history
}

// A tombstone is of one consent that has ended, of one person who has left the list, or of a credential, office or operator
// that is no more.
type tombstone struct {
	Of     [16]byte     // see Store.across: "gone" of a consent, "left" of a person; keyMark, officeMark, operatorMark
	Number uint64       // of the destruction; of a credential, office or operator that of the one before
	Time   int64        // Unix time in seconds
	Reason audit.Reason // of a consent or a person
}

// A burial is a change of the tombstones.
type burial struct {
	Number uint64          // of the destruction; 0 if it is none
	Gone   []tombstone     // what is no more
	Come   [][16]byte      // of credentials, offices and operators: what is again, or may have been gone before
	Void   bool            // a lockdown
	Ended  uint32          // as in tombstonesHead; 0 if it is no end of an epoch
	Anew   *tombstonesHead // how the list goes on that is not what it was: after a restore, or a loss
}

// after returns the tombstones t after b.
func (b burial) after(t tombstones) tombstones {
	if b.Anew != nil {
		if t.Store != b.Anew.Store {
			t.Gone = nil
		}
		t.tombstonesHead = *b.Anew
	}
	t.Gone = slices.DeleteFunc(slices.Clone(t.Gone), func(g tombstone) bool { return slices.Contains(b.Come, g.Of) })
	t.Gone = append(t.Gone, b.Gone...)
	t.Last = max(t.Last, b.Number)
	if b.Void {
		t.Void = max(t.Void, b.Number)
	}
	t.Ended = max(t.Ended, b.Ended)
	return t
}

const tombstonesLabel = "facegate tombstones"

func (t tombstones) encode() ([]byte, error) {
	plain, err := binary.Append(nil, binary.BigEndian, t.tombstonesHead)
	if err != nil {
		return nil, err
	}
	return binary.Append(plain, binary.BigEndian, t.Gone)
}

func decodeTombstones(plain []byte) (t tombstones, err error) {
	n, err := binary.Decode(plain, binary.BigEndian, &t.tombstonesHead)
	if err != nil {
		return tombstones{}, err
	}
	size := binary.Size(tombstone{})
	if len(plain[n:])%size != 0 {
		return tombstones{}, errors.New("the list of what was erased is not in the form of this version")
	}
	t.Gone = make([]tombstone, len(plain[n:])/size)
	_, err = binary.Decode(plain[n:], binary.BigEndian, t.Gone)
	return t, err
}

// A recollection is what the places of the anchor say.
type recollection struct {
	tombstones                // of Store zeros if there are none that the device key opens
	memory     anchor.Memory  // that they were read from
	faults     []anchor.Fault // copies that are to be written anew
	count      uint64         // the highest that a place knows of
	behind     bool           // a place knows of less than the tombstones, as a power cut leaves it
	used       bool           // something was remembered, be it what cannot be read
	taken      bool           // a place has lost what it remembered
}

// foreign reports whether there are tombstones, and the device key opens none of them.
func (r recollection) foreign() bool { return r.memory.Count > 0 && r.Store == [16]byte{} }

// recollect reads the tombstones, and asks every place how far they have come.
func (s *Store) recollect() (r recollection, err error) {
	r.memory, r.faults, err = s.folder.Examine()
	switch {
	case errors.Is(err, anchor.ErrDamaged):
		r.used = true
	case err == nil:
		r.used = true
		r.tombstones = s.readTombstones(r.memory)
		r.count = r.At.Count
	case !errors.Is(err, anchor.ErrNone):
		return r, fmt.Errorf("store: the anchor: %w", err)
	}
	for _, place := range s.anchors {
		m, err := place.Last()
		damaged := errors.Is(err, anchor.ErrDamaged)
		if err != nil && !damaged && !errors.Is(err, anchor.ErrNone) {
			return r, fmt.Errorf("store: the anchor in the %s: %w", place.Class(), err)
		}
		r.used, r.taken = r.used || err == nil || damaged, r.taken || damaged
		r.count, r.behind = max(r.count, m.Count), r.behind || m.Count < r.At.Count
	}
	return r, nil
}

// readTombstones opens what m holds; of Store zeros if the device key does not open it.
func (s *Store) readTombstones(m anchor.Memory) tombstones {
	plain, err := seal.Open(s.graves, tombstonesLabel, m.Sealed)
	if err != nil {
		return tombstones{}
	}
	t, err := decodeTombstones(plain)
	if err != nil || t.At.Count != m.Count {
		return tombstones{}
	}
	return t
}

// newList returns the head of the tombstones of a store that knows of nothing before the destruction with this number.
func (s *Store) newList(store [16]byte, number uint64) (tombstonesHead, error) {
	h := tombstonesHead{Store: store, From: number, Last: number}
	if _, err := io.ReadFull(s.rand, h.List[:]); err != nil {
		return tombstonesHead{}, fmt.Errorf("store: no randomness: %w", err)
	}
	return h, nil
}

// keyMark is what a tombstone is of that says of a credential that it is no more as it was. Another PIN, number or card is another one.
func (s *Store) keyMark(owner template.PersonID, c Credential) ([16]byte, error) {
	row, err := c.encode(owner)
	sum := sha256.Sum256(slices.Concat(c.ID[:], row))
	return s.across("key", [16]byte(sum[:])), err
}

// officeMark is what a tombstone is of that says that an office was removed.
func (s *Store) officeMark(key ed25519.PublicKey) [16]byte {
	sum := sha256.Sum256(key)
	return s.across("office", [16]byte(sum[:]))
}

// operatorMark is what a tombstone is of that says that the key of an operator was removed.
func (s *Store) operatorMark(key ed25519.PublicKey) [16]byte {
	sum := sha256.Sum256(key)
	return s.across("operator", [16]byte(sum[:]))
}

// disownKeys returns what the tombstones are to say when p takes the place of old, whose credentials are others.
func (s *Store) disownKeys(old, p Person) (*burial, error) {
	marks := func(of, other Person) (all [][16]byte, err error) {
		for _, c := range of.Credentials {
			if same, ok := other.credential(c.ID); ok && same == c {
				continue
			}
			mark, failed := s.keyMark(of.ID, c)
			all, err = append(all, mark), errors.Join(err, failed)
		}
		return all, err
	}
	gone, err := marks(old, p)
	come, failed := marks(p, old)
	return s.disown(gone, come), errors.Join(err, failed)
}

// disown returns what the tombstones are to say when credentials, offices or operators are no more, and others are, which may have
// been gone before. It is nil for nothing.
func (s *Store) disown(gone, come [][16]byte) *burial {
	b := burial{}
	for _, id := range come {
		if slices.ContainsFunc(s.gone.Gone, func(g tombstone) bool { return g.Of == id }) {
			b.Come = append(b.Come, id)
		}
	}
	for _, id := range gone {
		b.Gone = append(b.Gone, tombstone{Of: id, Number: s.gone.Last, Time: s.now().Unix()})
	}
	if len(b.Gone)+len(b.Come) == 0 {
		return nil
	}
	return &b
}

// saveTombstones tells every place of t, the list first: a place that counts is never ahead of it but where it was taken away. They
// remember it when it returns.
func (s *Store) saveTombstones(t tombstones) error {
	plain, err := t.encode()
	if err != nil {
		return err
	}
	sealed, err := seal.Value(s.graves, s.rand, tombstonesLabel, plain)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	m := anchor.Memory{Count: t.At.Count, Sealed: sealed}
	for _, place := range s.places() {
		if err := place.Remember(m); err != nil {
			return s.people.Failed(fmt.Errorf("the anchor, which says what was erased (%s): %w", place.Class(), err))
		}
	}
	s.gone, s.unburied = t, false
	return nil
}

// places returns every place of the anchor, that of the list first.
func (s *Store) places() []anchor.Place {
	return append([]anchor.Place{s.folder}, s.anchors...)
}

// next returns the name of the next change of the tombstones, in an audit log that ends at end.
func (t tombstones) next(end audit.Head) anchored { return anchored{t.At.Count + 1, end} }

// bury changes the tombstones, if they are not at that change already.
func (s *Store) bury(b burial, at anchored) error {
	if s.gone.At == at {
		return nil
	}
	t := b.after(s.gone)
	t.At = at
	return s.saveTombstones(t)
}

// and returns b with what other says as well. Neither is changed; either may be nil.
func (b *burial) and(other *burial) *burial {
	if b == nil || other == nil {
		return cmp.Or(b, other)
	}
	both := *b
	both.Gone, both.Come = slices.Concat(b.Gone, other.Gone), slices.Concat(b.Come, other.Come)
	return &both
}
