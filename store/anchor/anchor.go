// Package anchor has the places in which a store remembers what it has destroyed, where no copy of its own folders reaches: who
// puts an older copy of the folders back has not put back the anchor.
//
// File keeps the whole of it in a folder of its own, beside the device key. Other places, such as a TPM's counter, keep the count
// alone, and cannot be turned back with the disk. Every place passes the suite of anchortest.
package anchor

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/store/durable"
)

// ErrNone means that a place was never told anything, or was told to forget it.
var ErrNone = errors.New("nothing is remembered here")

// ErrDamaged means that what a place remembers cannot be read.
var ErrDamaged = errors.New("what is remembered here is damaged")

// A Memory is what a place remembers of the last change that destroyed something.
type Memory struct {
	Count  uint64 // of the changes so far, from 1
	Sealed []byte // the whole anchor, sealed under a key from the device key; nil from a place that holds the count alone
}

// A Place remembers an anchor where no copy of the store's folders reaches. It is used by one store at a time.
type Place interface {
	// Class says in a word where that is, for status, health and receipts: "file" or "tpm".
	Class() string

	// Last returns what Remember was told last. It is ErrNone if it was told nothing, and ErrDamaged if that cannot be read.
	// Another error says that the place cannot be had, and carries a hint.
	Last() (Memory, error)

	// Remember has m in the place of what was there on return, after a power cut too. The count may be the one that is
	// remembered, and is never less. Cut off, the place remembers what it did before, or m.
	Remember(m Memory) error

	// Forget leaves nothing of what was remembered.
	Forget() error
}

// MaxSize bounds Memory.Sealed, in bytes: a list of a million.
const MaxSize = 64 << 20

// magic begins a file and names its version. A header and Memory.Sealed follow.
const magic = "facegate anchor 1\n"

// A header stands before what is sealed.
type header struct {
	Count uint64
	Sum   [sha256.Size]byte // of Count and what is sealed: a damaged file is told without the key
}

// sum returns the header of m.
func sum(m Memory) header {
	return header{m.Count, sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, m.Count), m.Sealed...))}
}

// A Fault is a copy that is damaged, missing or behind the other.
type Fault struct {
	Path string
	Err  error // os.ErrNotExist of one that is missing, ErrBehind of one that is whole and older than the other
}

// ErrBehind is the fault of a copy that is whole, and older than the other, as a power cut between the two leaves it.
var ErrBehind = errors.New("it is not what was written last")

// Folder is the place that keeps the whole anchor in a folder, in two files of which either is enough.
type Folder struct {
	disk durable.Disk
	dir  string
}

// File returns the place in the folder dir, which is made when something is remembered.
func File(disk durable.Disk, dir string) *Folder { return &Folder{disk, dir} }

// Class implements Place.
func (*Folder) Class() string { return "file" }

// Paths returns the two files, whether they are there or not.
func (f *Folder) Paths() [2]string {
	return [2]string{filepath.Join(f.dir, "erased.list"), filepath.Join(f.dir, "erased.copy.list")}
}

// Last implements Place. Of two copies that differ the later one counts.
func (f *Folder) Last() (Memory, error) {
	m, _, err := f.Examine()
	return m, err
}

// Examine returns what Last does, and the copies that have to be written anew.
func (f *Folder) Examine() (Memory, []Fault, error) {
	var both [2]Memory
	var errs [2]error
	var faults []Fault
	for i, path := range f.Paths() {
		both[i], errs[i] = read(path)
		if errs[i] != nil {
			faults = append(faults, Fault{path, errs[i]})
		}
	}
	later := 0
	if errs[0] != nil || errs[1] == nil && both[1].Count > both[0].Count {
		later = 1
	}
	if len(faults) == 0 && sum(both[0]) != sum(both[1]) {
		faults = append(faults, Fault{f.Paths()[1-later], ErrBehind})
	}
	if len(faults) < 2 {
		return both[later], faults, nil
	}
	switch err := errors.Join(errs[:]...); {
	case errors.Is(errs[0], os.ErrNotExist) && errors.Is(errs[1], os.ErrNotExist):
		return Memory{}, nil, ErrNone
	case errors.Is(err, os.ErrPermission): // what it says is not known, and not lost
		return Memory{}, nil, hint.Wrap(err, "give the folder to the gate's user, as root: chown -R facegate:facegate %s", f.dir)
	default:
		return Memory{}, faults, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
}

// read reads one of the files.
func read(path string) (Memory, error) {
	data, err := file.ReadOwn(path, MaxSize)
	if err != nil {
		return Memory{}, err
	}
	if len(data) < len(magic) || string(data[:len(magic)]) != magic {
		return Memory{}, errors.New("it is no list of what was erased")
	}
	var h header
	n, err := binary.Decode(data[len(magic):], binary.BigEndian, &h)
	if err != nil {
		return Memory{}, errors.New("it is cut off")
	}
	m := Memory{h.Count, data[len(magic)+n:]}
	if sum(m) != h {
		return Memory{}, errors.New("it is not what was written")
	}
	return m, nil
}

// Remember implements Place. The first file is on disk before the second is touched.
func (f *Folder) Remember(m Memory) error {
	data, err := binary.Append([]byte(magic), binary.BigEndian, sum(m))
	if err != nil {
		return err
	}
	data = append(data, m.Sealed...)
	if err := durable.MakeFolder(f.disk, f.dir); err != nil {
		return hint.Wrap(err, "make the folder for the gate's user, as root: install -d -m 0700 -o facegate -g facegate %s", f.dir)
	}
	for _, path := range f.Paths() {
		if err := durable.Replace(f.disk, path, data); err != nil {
			return err
		}
	}
	return nil
}

// Forget implements Place. The folder stays: it may belong to somebody else.
func (f *Folder) Forget() error {
	if _, err := os.Stat(f.dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var err error
	for _, path := range f.Paths() {
		err = errors.Join(err, durable.Destroy(f.disk, path), durable.Destroy(f.disk, path+durable.Unfinished))
	}
	return errors.Join(err, f.disk.SyncDir(f.dir))
}
