package store

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"facegate/configs/file"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/durable"
	"facegate/store/seal"
	"facegate/store/vault"
)

// Tombstones are what is remembered of those whom the store has erased, in a file beside the keyrings and so apart from the
// databases: which consents ended and who left, and which credentials, offices and operators are no more what they were, by ids that lead
// nowhere without the device key, and no names. Restore holds a backup against them, and Open the databases: those that know of fewer
// destructions are an older copy.
//
// It is the seam for a counter that cannot be turned back: who puts back databases, keyrings and tombstones together has
// turned back all there is. Such a counter would hold Last.
type tombstones struct {
	tombstonesHead
	Gone []tombstone
}

type tombstonesHead struct {
	Store [16]byte // that they are of; see state
	From  uint64   // they know of every destruction after this one,
	Last  uint64   // up to this one; see receipt.Receipt
	Void  uint64   // the last lockdown, which destroyed every template; 0 for none
	Ended uint32   // the last epoch that was ended, which destroyed its templates

	// List is random, and another one where the list was lost and begun anew: with the same one nothing is missing between two times.
	List [16]byte
}

// A tombstone is of one consent that has ended, of one person who has left the list, or of a credential, office or operator
// that is no more.
type tombstone struct {
	Of     [16]byte     // see Store.across: "gone" of a consent, "left" of a person; keyMark, officeMark, operatorMark
	Number uint64       // of the destruction; of a credential, office or operator that of the one before
	Time   int64        // Unix time in seconds
	Reason audit.Reason // of a consent or a person
}

const (
	// tombstonesMagic begins the file and names its version. The rest is sealed.
	tombstonesMagic = "facegate tombstones 3\n"

	tombstonesLabel = "facegate tombstones"

	// maxTombstones bounds the file, in bytes: a million of them.
	maxTombstones = 64 << 20
)

// The two files of the tombstones. Either is enough.
func tombstonePaths(keyDir string) [2]string {
	return [2]string{filepath.Join(keyDir, "erased.list"), filepath.Join(keyDir, "erased.copy.list")}
}

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

// readTombstones reads one file of the tombstones.
func readTombstones(path string, key [32]byte) (tombstones, error) {
	data, err := file.ReadOwn(path, maxTombstones)
	if err != nil {
		return tombstones{}, err
	}
	sealed, ok := bytes.CutPrefix(data, []byte(tombstonesMagic))
	if !ok {
		return tombstones{}, errors.New("it is no list of what was erased")
	}
	plain, err := seal.Open(key, tombstonesLabel, sealed)
	if err != nil {
		return tombstones{}, err
	}
	return decodeTombstones(plain)
}

// loadTombstones reads the tombstones in keyDir, those of Store zeros if there are none. Of two that differ the later ones
// count. The faults are of the files that have to be written anew.
func loadTombstones(keyDir string, key [32]byte) (t tombstones, faults []vault.Fault) {
	var both [2]tombstones
	var errs [2]error
	for i, path := range tombstonePaths(keyDir) {
		both[i], errs[i] = readTombstones(path, key)
		if errs[i] != nil {
			faults = append(faults, vault.Fault{Path: path, Err: errs[i]})
		}
	}
	later := 0
	if errs[0] != nil || errs[1] == nil && both[1].Last > both[0].Last {
		later = 1
	}
	if len(faults) == 0 && !slices.Equal(both[0].Gone, both[1].Gone) {
		faults = append(faults, vault.Fault{Path: tombstonePaths(keyDir)[1-later], Err: errBehind})
	}
	return both[later], faults
}

// errBehind is the fault of a list that is whole, and older than its copy.
var errBehind = errors.New("it is not what was written last")

// openTombstones reads the tombstones and holds the databases against them. What is lost of them is said by From.
func (s *Store) openTombstones() error {
	t, faults := loadTombstones(s.people.KeyDir(), s.graves)
	known := s.state.Number
	if s.pending != nil { // it may have been cut off
		known = s.pending.Number
	}
	switch {
	case t.Store != s.state.Store:
		var err error
		if t, err = s.newTombstones(s.state.Store, s.state.Number); err != nil {
			return err
		}
		s.unburied = true
	case t.Last > known:
		return s.people.Damaged(fmt.Errorf("it is an older copy, from before %d of %d destructions", t.Last-known, t.Last))
	case t.Last < s.state.Number:
		anew, err := s.newTombstones(s.state.Store, s.state.Number)
		if err != nil {
			return err
		}
		t.From, t.Last, t.List = anew.From, anew.Last, anew.List
		s.unburied = true
	}
	for _, f := range faults {
		s.unburied = true
		// In a store that was just made there is none, and a power cut between the two leaves one behind.
		if !errors.Is(f.Err, os.ErrNotExist) && !errors.Is(f.Err, errBehind) {
			s.mended.add(f)
		}
	}
	s.gone = t
	return nil
}

// newTombstones returns the list of a store that knows of nothing before the destruction with this number.
func (s *Store) newTombstones(store [16]byte, number uint64) (tombstones, error) {
	t := tombstones{tombstonesHead: tombstonesHead{Store: store, From: number, Last: number}}
	if _, err := io.ReadFull(s.rand, t.List[:]); err != nil {
		return tombstones{}, fmt.Errorf("store: no randomness: %w", err)
	}
	return t, nil
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

// disownKeys notes, before it happens, that p takes the place of old, whose credentials are others.
func (s *Store) disownKeys(old, p Person) error {
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
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return s.disown(gone, come)
}

// disown notes that credentials, offices or operators are no more, and that others are, which may have been gone before. A backup is held
// against that.
func (s *Store) disown(gone, come [][16]byte) error {
	t := s.gone
	t.Gone = slices.DeleteFunc(slices.Clone(t.Gone), func(g tombstone) bool { return slices.Contains(come, g.Of) })
	if len(gone) == 0 && len(t.Gone) == len(s.gone.Gone) {
		return nil
	}
	for _, id := range gone {
		t.Gone = append(t.Gone, tombstone{Of: id, Number: t.Last, Time: s.now().Unix()})
	}
	return s.saveTombstones(t)
}

// saveTombstones writes t to both files. They are on disk when it returns.
func (s *Store) saveTombstones(t tombstones) error {
	plain, err := t.encode()
	if err != nil {
		return err
	}
	sealed, err := seal.Value(s.graves, s.rand, tombstonesLabel, plain)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for _, path := range tombstonePaths(s.people.KeyDir()) {
		if err := durable.Replace(s.disk, path, append([]byte(tombstonesMagic), sealed...)); err != nil {
			return s.people.Failed(fmt.Errorf("the list of what was erased: %w", err))
		}
	}
	s.gone, s.unburied = t, false
	return nil
}

// bury notes, before anything is erased, what the destruction with this number ends. To do it twice makes no difference.
func (s *Store) bury(number uint64, at int64, why audit.Reason, ended [][16]byte, also func(*tombstones)) error {
	if s.gone.Last >= number {
		return nil
	}
	t := s.gone
	t.Last, t.Gone = number, slices.Clone(t.Gone)
	for _, id := range ended {
		t.Gone = append(t.Gone, tombstone{id, number, at, why})
	}
	if also != nil {
		also(&t)
	}
	return s.saveTombstones(t)
}
