package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"facegate/configs/file"
	"facegate/store/durable"
)

// Databases returns the paths of the two files of the database. Either is enough.
func (v *Vault) Databases() [2]string {
	return [2]string{filepath.Join(v.dir, v.name+".db"), filepath.Join(v.dir, v.name+".copy.db")}
}

// Keyrings returns the paths of the two files of the keyring. Either is enough.
func (v *Vault) Keyrings() [2]string {
	return [2]string{filepath.Join(v.keyDir, v.name+".key"), filepath.Join(v.keyDir, v.name+".copy.key")}
}

// A Fault is why a file has to be made anew from its copy.
type Fault struct {
	Path string
	Err  error
}

// A replica is one of the two databases of a vault, open.
type replica struct {
	db   *database
	key  [32]byte
	head head
}

// Open opens the databases of the keyrings that have been loaded, and goes by the newer of those that are whole. It writes
// nothing: Settle does, once all that belongs together has been held against each other.
//
// Two that agree are whole, as far as anything at rest can tell: no fault of a disk changes both alike. So none of their
// rows is opened here, which would take longer than all the rest. The copy could be left alone altogether, but bbolt
// trusts a file that it writes to, and a fault that is found while the other database is whole can be mended.
func (v *Vault) Open(rings Rings) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.openBoth(rings)
}

func (v *Vault) openBoth(rings Rings) error {
	if rings.Empty() {
		return v.Damaged(errors.New("the keyring is missing"))
	}
	var both [2]replica
	var errs [2]error
	for i, path := range v.Databases() {
		both[i], errs[i] = v.openReplica(path, rings)
		if errs[i] != nil && !errors.Is(errs[i], ErrDamaged) {
			return errors.Join(errs[i], both[0].db.close())
		}
	}
	newer := 0
	if errs[0] != nil || errs[1] == nil && both[1].head.after(both[0].head) {
		newer = 1
	}
	if errs == [2]error{} && v.agree(both[0].db, both[1].db) {
		v.use(0, both[0])
		v.twin = both[1].db
	} else if err := v.choose(newer, both, &errs); err != nil {
		return err
	}
	v.settled = rings.ring == [2]keyring{{current: v.key}, {current: v.key}}
	v.faults = nil
	if rings.InUse() { // otherwise they were being made when the power went
		v.faults = v.found(both, errs, rings)
	}
	return nil
}

func (v *Vault) use(i int, r replica) { v.lead, v.db, v.key = i, r.db, r.key }

// openReplica opens the database at path with a key of the rings.
func (v *Vault) openReplica(path string, rings Rings) (r replica, err error) {
	if err := v.checkFile(path); err != nil {
		return replica{}, err
	}
	if r.db, err = v.openBolt(path, 0); err != nil {
		return replica{}, err
	}
	if r.key, r.head, err = v.generation(r.db, rings); err != nil {
		return replica{}, errors.Join(err, r.db.close())
	}
	return r, nil
}

// checkFile reports whether bbolt can use the file at path.
func (v *Vault) checkFile(path string) error {
	f, err := file.OpenOwn(path, maxSize+maxGrowth)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, file.ErrKind) || errors.Is(err, file.ErrSize) {
		return v.Damaged(err)
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if info.Size() == 0 {
		return v.Damaged(errors.New("it is empty"))
	}
	// To map the file of a large store takes a tenth of the time to read it.
	data, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	if _, err = recovered(func() error { return checkPages(data) }); err != nil {
		err = v.Damaged(err)
	}
	return errors.Join(err, syscall.Munmap(data))
}

// generation returns the key of the rings that a database is sealed with. That decides how a rewrite that was cut off
// ends: the new key opens only a database that was complete and in its place.
func (v *Vault) generation(db *database, rings Rings) (key [32]byte, h head, err error) {
	err = v.read(db, func(tx *bolt.Tx) error {
		for _, key = range rings.Keys() {
			if h, err = v.readHead(tx, key); err == nil {
				return nil
			}
		}
		return v.Damaged(errors.New("the database is not the one of this keyring"))
	})
	return key, h, err
}

// agree reports whether two databases hold the same rows as they are sealed, their heads included.
func (v *Vault) agree(a, b *database) (same bool) {
	err := v.read(a, func(ta *bolt.Tx) error {
		return v.read(b, func(tb *bolt.Tx) error {
			// A panic does not tell which of the two it is about, and is not bbolt's here.
			_, err := recovered(func() error {
				same = sameRows(ta.Bucket([]byte(metaBucket)), tb.Bucket([]byte(metaBucket)))
				for _, t := range v.tables {
					same = same && sameRows(ta.Bucket([]byte(t)), tb.Bucket([]byte(t)))
				}
				return nil
			})
			return err
		})
	})
	return same && err == nil
}

func sameRows(a, b *bolt.Bucket) bool {
	ca, cb := a.Cursor(), b.Cursor()
	ka, va := ca.First()
	kb, vb := cb.First()
	for ka != nil && bytes.Equal(ka, kb) && bytes.Equal(va, vb) {
		ka, va = ca.Next()
		kb, vb = cb.Next()
	}
	return ka == nil && kb == nil
}

// choose goes by the newer of two databases that do not agree or, if not all of its rows open, by the other. It notes in
// errs what it finds, and closes the one that it does not go by.
func (v *Vault) choose(newer int, both [2]replica, errs *[2]error) error {
	for _, i := range []int{newer, 1 - newer} {
		if errs[i] != nil {
			continue
		}
		v.use(i, both[i])
		errs[i] = v.verify()
		if errs[i] == nil {
			return both[1-i].db.close()
		}
		if !errors.Is(errs[i], ErrDamaged) {
			errs[0] = errs[i]
			break
		}
	}
	v.db = nil
	return errors.Join(errs[0], both[0].db.close(), both[1].db.close())
}

// verify opens every row.
func (v *Vault) verify() error {
	for _, t := range v.tables {
		if err := v.values(t, func([16]byte, []byte) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// found returns the faults of the files of v, which has been opened. A file that is one step behind its copy has none: the
// power went between the two.
func (v *Vault) found(both [2]replica, errs [2]error, rings Rings) (faults []Fault) {
	for i, path := range v.Databases() {
		err := errs[i]
		if err == nil && i != v.lead && v.twin == nil && !both[i].head.before(both[v.lead].head) {
			err = v.Damaged(errors.New("it is not what was written last"))
		}
		if err != nil {
			faults = append(faults, Fault{path, cause(err)})
		}
	}
	for i, path := range v.Keyrings() {
		if rings.errs[i] != nil {
			faults = append(faults, Fault{path, cause(rings.errs[i])})
		}
	}
	return faults
}

// after reports whether a database with the head h was written later than one with the head o.
func (h head) after(o head) bool {
	return h.Generation > o.Generation || h.Generation == o.Generation && h.Changes > o.Changes
}

// before reports whether o is the head of the change after h.
func (h head) before(o head) bool {
	return h.Generation+1 == o.Generation && o.Changes == 1 || h.Generation == o.Generation && h.Changes+1 == o.Changes
}

// Settle brings up to date what is behind after a change, a failure, a power cut or a fault: the copy of the database,
// and the keyrings, which then hold the key of the database alone. A change is done when it is settled, and every change
// is preceded by this: the two databases are never more than one change apart.
func (v *Vault) Settle() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.align()
}

// Faults returns what was found damaged, and has not been mended yet.
func (v *Vault) Faults() []Fault {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.faults)
}

func (v *Vault) align() error { return v.twice(v.level) }

func (v *Vault) level() error {
	if v.db == nil {
		return nil
	}
	same, err := v.inStep()
	if err != nil {
		return err
	}
	if !same {
		if err := v.makeCopy(); err != nil {
			return err
		}
	}
	if !v.settled {
		if err := v.saveRing(keyring{current: v.key}); err != nil {
			return err
		}
		v.settled = true
	}
	for _, f := range v.faults {
		v.mended(f)
	}
	v.faults = nil
	return nil
}

// inStep reports whether the copy is what the database is. No two changes leave the same bytes in the head.
func (v *Vault) inStep() (bool, error) {
	if v.twin == nil {
		return false, nil
	}
	head, err := v.sealedHead(v.db)
	if err != nil {
		return false, err
	}
	copied, err := v.sealedHead(v.twin)
	if err != nil {
		v.faults = append(v.faults, Fault{v.Databases()[1-v.lead], cause(err)})
		return false, v.closeTwin()
	}
	return bytes.Equal(head, copied), nil
}

func (v *Vault) sealedHead(db *database) (sealed []byte, err error) {
	err = v.read(db, func(tx *bolt.Tx) error {
		sealed = bytes.Clone(tx.Bucket([]byte(metaBucket)).Get([]byte(headKey)))
		return nil
	})
	return sealed, err
}

// makeCopy makes the copy of the database anew. The old copy may be the last that is whole, and makes way for nothing but
// a database of which every row has been opened.
func (v *Vault) makeCopy() error {
	if err := v.verify(); err != nil {
		return err
	}
	if err := v.closeTwin(); err != nil {
		return err
	}
	var used int64 // of the file, which ends with room to grow
	if err := v.view(func(tx *bolt.Tx) error { used = tx.Size(); return nil }); err != nil {
		return err
	}
	paths := v.Databases()
	if err := durable.Copy(v.disk, paths[v.lead], paths[1-v.lead], used); err != nil {
		return v.Failed(err)
	}
	var err error
	v.twin, err = v.openBolt(paths[1-v.lead], 0)
	return err
}

// Mending runs f, which reads the vault. Where f finds the vault damaged, the vault is opened anew, which goes by what is whole,
// and f is run again. What is damaged is mended before the next change. f is not run under the lock.
func (v *Vault) Mending(f func() error) error {
	err := f()
	if !errors.Is(err, ErrDamaged) || v.openAnew() != nil {
		return err
	}
	return f()
}

func (v *Vault) openAnew() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.reopen()
}

// twice is Mending of an f that is run under the lock.
func (v *Vault) twice(f func() error) error {
	err := f()
	if !errors.Is(err, ErrDamaged) || v.reopen() != nil {
		return err
	}
	return f()
}

func (v *Vault) reopen() error {
	rings, err := v.loadRings()
	if err != nil {
		return err
	}
	if err := v.closeDBs(); err != nil {
		return err
	}
	if err := v.openBoth(rings); err != nil {
		return err
	}
	v.reopened()
	return nil
}

func (v *Vault) closeDBs() error {
	err := v.db.close()
	v.db = nil
	return errors.Join(err, v.closeTwin())
}

func (v *Vault) closeTwin() error {
	err := v.twin.close()
	if v.twin = nil; err != nil {
		return v.Failed(err)
	}
	return nil
}
