// Package vault keeps sealed rows in a bbolt database that is on disk twice, with the key that they are sealed under in a keyring
// file that is on disk twice too. It knows bytes, rows, keys and generations, and nothing of what the rows are about.
//
// # Keys
//
// The rows of a database are sealed under a random generation key. That key is in the keyring, which is sealed under the
// wrapping key of Options. The keyring is in a folder of its own, so that an ordinary copy of the databases does not hold it.
//
// # What leaves
//
// bbolt frees a deleted value and does not erase it, and files get copied. What must not be read again therefore leaves by
// Rewrite alone. Rewrite writes the database anew under a new generation key and destroys the old key, which makes every older
// copy of the database unreadable.
//
// # Damage
//
// A change is acknowledged when both databases have it. If the power goes between the two, the newer one is gone by, and it is
// newer by no more than that change. A rewrite has replaced both databases before the old key leaves both keyrings.
//
// Open holds each database against its copy, row by row. Where they differ, or one cannot be used or is missing, every row of the
// newer one is opened and, if that fails, of the other. The one that is whole takes the place of the other, which
// Options.Mended is told: it means that the disk is failing. A database that is found damaged later is mended in the same way
// by Mending, Rewrite or Settle. One case is beyond that: a change that was cut off or failed between the two copies, and
// then the newer one damaged, is a change that has not happened. It was not acknowledged.
//
// Everything else that does not fit, does not open or is not there is ErrDamaged, such as when both copies are damaged.
//
// # Locks
//
// A Vault has a lock of its own and waits for no other: what is done to one vault goes on while another is being written
// anew. An exported method takes the lock, and calls no other exported method that does. What is handed to a method is called
// under the lock, and must not call the vault.
//
// # Tests
//
// Every sync of a database, a keyring or a folder goes through Options.Disk; see package durable for what a test can do there.
package vault

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"facegate/configs/hint"
	"facegate/store/durable"
	"facegate/store/seal"
)

// The reasons for which a vault cannot be used.
var (
	ErrDamaged = errors.New("the store is damaged")
	ErrInUse   = errors.New("the store is in use by another process")
	ErrFolder  = errors.New("the folder is not safe from others")
	ErrVersion = errors.New("the store is in the form of another version of facegate")
)

// Options say where a vault is and what it depends on.
type Options struct {
	Dir    string // of the database
	KeyDir string // of the keyring
	Name   string // of both: Dir/Name.db and KeyDir/Name.key

	// Version is that of what the rows hold. It is written into the keyring. LoadRings refuses another one as ErrVersion, and as
	// ErrDamaged too: whether the version is another one, or damaged, whoever has several vaults can tell.
	Version uint

	Tables []string
	Wrap   [32]byte  // seals the keyring
	Rand   io.Reader // of cryptographic quality
	Disk   durable.Disk

	// Mended is told of every file that was made anew from its copy.
	Mended func(Fault)

	// Reopened is told when the database was opened anew because of damage. A change that had failed, and was in one of the
	// two files alone, may have gone with that file.
	Reopened func()
}

// A Vault is a bbolt file whose rows are sealed, and a keyring file with the key. Rows are in tables and named by 128-bit ids.
// It is safe for concurrent use.
type Vault struct {
	dir      string
	keyDir   string
	name     string
	version  uint
	rand     io.Reader
	tables   []string
	disk     durable.Disk
	mended   func(Fault)
	reopened func()

	mu   sync.Mutex // guards all that follows
	wrap [32]byte   // of the keyring
	db   *database  // is read, and written first
	lead int        // which of Databases db is
	twin *database  // is written second; nil if it has to be made anew
	key  [32]byte   // of the generation that db is sealed with
	past uint64     // the generation of the database that was destroyed, which one made from nothing comes after

	destroyed  bool // and there is no other database yet
	supplanted bool // something else is in the place of the keyring

	settled bool    // whether both keyrings hold key and nothing else
	faults  []Fault // for Settle to mend
}

// New returns the vault that o describes, which is not open. One without Wrap and Rand can be destroyed, and nothing else.
func New(o Options) *Vault {
	return &Vault{
		dir: o.Dir, keyDir: o.KeyDir, name: o.Name, version: o.Version, tables: o.Tables, wrap: o.Wrap, rand: o.Rand, disk: o.Disk, mended: o.Mended,
		reopened: o.Reopened,
	}
}

// Name returns the name of the vault.
func (v *Vault) Name() string { return v.name }

// Dir returns the folder of the database.
func (v *Vault) Dir() string { return v.dir }

// KeyDir returns the folder of the keyring.
func (v *Vault) KeyDir() string { return v.keyDir }

// A Row names a row of a vault.
type Row struct {
	Table string
	ID    [16]byte
}

// At returns the name of the row of a table with an id.
func At(table string, id [16]byte) Row { return Row{table, id} }

// A sealedRow is a row as it is to be written, or nil if it is to be deleted.
type sealedRow struct {
	Row
	sealed []byte
}

// A Put is a row to be written, in the place of the row of this name if there is one. See Value.
type Put struct {
	Row
	seal func(key [32]byte) ([]byte, error)
}

// A Change is what one commit or rewrite does.
type Change struct {
	Puts  []Put
	Dels  []Row              // leave a commit; bbolt does not erase them
	Drop  func(row Row) bool // which rows leave a rewrite; none if nil
	Stamp uint64             // as in Head; 0 keeps the one before
}

// A Head is what a vault says of itself as a whole.
type Head struct {
	Stamp      uint64 // of the last change that had one
	Generation uint64 // how often the vault was written anew
}

// A head is a Head as it is written.
type head struct {
	Stamp      uint64
	Generation uint64
	Changes    uint64            // since the vault was written anew, which counts as the first
	Counts     [maxTables]uint64 // rows in each table: a file may lose them where bbolt's own page says how many it has
}

// The bucket that is no table.
const (
	metaBucket = "meta" // headKey → sealed head
	headKey    = "head"

	maxTables = 8
)

const (
	// maxSize of a database file: 400,000 people.
	maxSize = 256 << 20

	// maxGrowth is by how much bbolt may have made a file larger than what it holds.
	maxGrowth = 32 << 20

	// rewrittenFill is how full the pages of a database are that is written anew. The rows come in the order of their ids, and
	// those that are added later find some room.
	rewrittenFill = 0.9

	// lockTimeout of bbolt, which waits for ever if not told. Other copies of this program are kept out by lockDir.
	lockTimeout = 2 * time.Second
)

// readHead returns the head, as sealed under key.
func (v *Vault) readHead(tx *bolt.Tx, key [32]byte) (h head, err error) {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return head{}, v.Damaged(errors.New("a bucket is missing"))
	}
	for _, t := range v.tables {
		if tx.Bucket([]byte(t)) == nil {
			return head{}, v.Damaged(errors.New("a bucket is missing"))
		}
	}
	plain, err := seal.Open(key, v.label(headKey), meta.Get([]byte(headKey)))
	if err != nil {
		return head{}, v.Damaged(err)
	}
	if n, err := binary.Decode(plain, binary.BigEndian, &h); err != nil || n != len(plain) {
		return head{}, v.Damaged(errors.New("the head is not in the form of this version"))
	}
	return h, nil
}

// putHead writes the head h, and returns it as it is sealed.
func (v *Vault) putHead(tx *bolt.Tx, key [32]byte, h head) ([]byte, error) {
	plain, err := binary.Append(nil, binary.BigEndian, h)
	if err != nil {
		return nil, err
	}
	sealed, err := seal.Value(key, v.rand, v.label(headKey), plain)
	if err != nil {
		return nil, err
	}
	return sealed, tx.Bucket([]byte(metaBucket)).Put([]byte(headKey), sealed)
}

// Head returns the head of the database.
func (v *Vault) Head() (Head, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h, err := v.lastHead()
	return Head{h.Stamp, h.Generation}, err
}

// Generation returns how often the vault was written anew, or the database of it that was destroyed.
func (v *Vault) Generation() (uint64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.destroyed {
		return v.past, nil
	}
	h, err := v.lastHead()
	return h.Generation, err
}

// lastHead returns the head of the database.
func (v *Vault) lastHead() (h head, err error) {
	err = v.view(func(tx *bolt.Tx) error {
		h, err = v.readHead(tx, v.key)
		return err
	})
	return h, err
}

// Each calls f for every row of a table as it is sealed, in the order of their ids. The row is not valid after f has returned.
func (v *Vault) Each(table string, f func(id [16]byte, row []byte) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.rows(table, f)
}

func (v *Vault) rows(table string, f func(id [16]byte, row []byte) error) error {
	return v.view(func(tx *bolt.Tx) error {
		h, err := v.readHead(tx, v.key)
		if err != nil {
			return err
		}
		var n uint64
		if err := tx.Bucket([]byte(table)).ForEach(func(id, row []byte) error {
			if n++; len(id) != 16 {
				return v.Damaged(errors.New("a row has a damaged id"))
			}
			return f([16]byte(id), row)
		}); err != nil {
			return err
		}
		if want := h.Counts[v.index(table)]; n != want {
			return v.Damaged(fmt.Errorf("%d rows of %s, and %d were written", n, table, want))
		}
		return nil
	})
}

// EachValue calls f for every row of a table, opened, in the order of their ids. The row is not valid after f has returned.
func (v *Vault) EachValue(table string, f func(id [16]byte, plain []byte) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.values(table, f)
}

func (v *Vault) values(table string, f func(id [16]byte, plain []byte) error) error {
	cipher, err := seal.New(v.key)
	if err != nil {
		return err
	}
	return v.rows(table, func(id [16]byte, row []byte) error {
		plain, err := cipher.Open(v.rowLabel(Row{table, id}), row)
		if err != nil {
			return v.Damaged(err)
		}
		defer clear(plain)
		return f(id, plain)
	})
}

// Get returns one row as it is sealed, nil if it is not there.
func (v *Vault) Get(row Row) (sealed []byte, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.row(row)
}

func (v *Vault) row(row Row) (sealed []byte, err error) {
	err = v.view(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(row.Table))
		if b == nil {
			return v.Damaged(errors.New("a bucket is missing"))
		}
		sealed = bytes.Clone(b.Get(row.ID[:]))
		return nil
	})
	return sealed, err
}

// GetValue returns one row, opened, nil if it is not there.
func (v *Vault) GetValue(row Row) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	sealed, err := v.row(row)
	if sealed == nil || err != nil {
		return nil, err
	}
	plain, err := seal.Open(v.key, v.rowLabel(row), sealed)
	if err != nil {
		return nil, v.Damaged(err)
	}
	return plain, nil
}

// Value returns the put of a row, which is sealed when it is written.
func (v *Vault) Value(row Row, plain []byte) Put {
	return Put{row, func(key [32]byte) ([]byte, error) { return seal.Value(key, v.rand, v.rowLabel(row), plain) }}
}

// Commit makes a change in place. It is on disk twice when Commit returns, and may be there even if Commit fails: before
// anything else is changed, Settle then brings the copy up to date.
func (v *Vault) Commit(c Change) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.db == nil || v.supplanted {
		return v.notOpen()
	}
	if err := v.align(); err != nil {
		return err
	}
	rows, err := c.seal(v.key)
	if err != nil {
		return v.Failed(err)
	}
	var sealed []byte // the head
	if err := v.update(v.db, func(tx *bolt.Tx) error {
		h, err := v.readHead(tx, v.key)
		if err != nil {
			return err
		}
		sealed, err = v.write(tx, v.key, h, rows, c.Stamp)
		return err
	}); err != nil {
		return err
	}
	if err := v.update(v.twin, func(tx *bolt.Tx) error {
		for _, row := range rows {
			if err := writeRow(tx, row); err != nil {
				return err
			}
		}
		return tx.Bucket([]byte(metaBucket)).Put([]byte(headKey), sealed)
	}); err != nil {
		return v.land(sealed) // makes it anew
	}
	return nil
}

// land settles a change that has been made, which left the head sealed.
func (v *Vault) land(sealed []byte) error {
	if err := v.align(); err != nil {
		return err
	}
	now, err := v.sealedHead(v.db)
	if err == nil && !bytes.Equal(now, sealed) {
		err = hint.Wrap(v.Failed(errLost), "do it again, and check the disk")
	}
	return err
}

var errLost = errors.New("the database was damaged before the change was in its copy, and has been restored from that")

// seal returns the rows of c as they are to be written.
func (c Change) seal(key [32]byte) (rows []sealedRow, err error) {
	for _, row := range c.Dels {
		rows = append(rows, sealedRow{row, nil})
	}
	for _, p := range c.Puts {
		sealed, err := p.seal(key)
		if err != nil {
			return nil, err
		}
		rows = append(rows, sealedRow{p.Row, sealed})
	}
	return rows, nil
}

// write writes rows to tx, and the head h as it is then, which it returns as it is sealed.
func (v *Vault) write(tx *bolt.Tx, key [32]byte, h head, rows []sealedRow, stamp uint64) ([]byte, error) {
	for _, row := range rows {
		there := tx.Bucket([]byte(row.Table)).Get(row.ID[:]) != nil
		switch count := &h.Counts[v.index(row.Table)]; {
		case there && row.sealed == nil:
			*count--
		case !there && row.sealed != nil:
			*count++
		}
		if err := writeRow(tx, row); err != nil {
			return nil, err
		}
	}
	if stamp != 0 {
		h.Stamp = stamp
	}
	h.Changes++
	return v.putHead(tx, key, h)
}

func writeRow(tx *bolt.Tx, row sealedRow) error {
	b := tx.Bucket([]byte(row.Table))
	if row.sealed == nil {
		return b.Delete(row.ID[:])
	}
	return b.Put(row.ID[:], row.sealed)
}

func (v *Vault) index(table string) int {
	for i, t := range v.tables {
		if t == table {
			return i
		}
	}
	panic("vault: " + v.name + ".db has no table " + table)
}

// Rewrite replaces the database by one under a new generation key, with c done, and destroys the old key: what was removed
// or replaced cannot be read again, nor can a copy of the database that was made before.
//
// The steps are
//
//  1. the keyrings get the new key beside the old,
//  2. the new database is written beside the old,
//  3. the new database takes the place of the old,
//  4. its copy takes the place of the old copy,
//  5. the keyrings lose the old key,
//
// each on disk before the next. Open tells from the key that opens the database how far it came: with the old key it
// forgets the new one, and the rewrite has not happened; with the new key it does steps 4 and 5.
func (v *Vault) Rewrite(c Change) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.twice(func() error { return v.replace(c) }); err != nil {
		return err
	}
	sealed, err := v.sealedHead(v.db)
	if err != nil {
		return err
	}
	return v.land(sealed)
}

// Make makes an empty database of a generation, with c done, where there is none. The keyring gets a current key with the next
// Settle: until then nobody has relied on the vault, and it can be made again.
func (v *Vault) Make(generation uint64, c Change) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.past = generation - 1
	return v.replace(c)
}

// replace does steps 1 to 3 of a rewrite. Without a database it makes an empty one.
func (v *Vault) replace(c Change) error {
	if v.supplanted {
		return v.notOpen()
	}
	if err := v.align(); err != nil {
		return err
	}
	var next [32]byte
	if _, err := io.ReadFull(v.rand, next[:]); err != nil {
		return fmt.Errorf("store: no randomness: %w", err)
	}
	if err := v.saveRing(keyring{current: v.key, next: next}); err != nil {
		return err
	}
	path := v.Databases()[v.lead]
	db, err := v.build(path+durable.Unfinished, next, c)
	if err != nil {
		return err
	}
	if err := v.disk.Rename(path+durable.Unfinished, path); err != nil {
		return errors.Join(v.Failed(err), db.close())
	}
	old := v.db
	db.path = path
	v.db, v.key, v.destroyed = db, next, false
	if err := errors.Join(old.close(), v.disk.SyncDir(v.dir)); err != nil {
		return v.Failed(err)
	}
	return nil
}

// build writes a database at path with the rows of this one and c done, sealed under key.
func (v *Vault) build(path string, key [32]byte, c Change) (_ *database, err error) {
	if err := durable.Remove(path); err != nil {
		return nil, v.Failed(err)
	}
	db, err := v.openBolt(path, os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if err := v.update(db, func(tx *bolt.Tx) error { return v.fill(tx, key, c) }); err != nil {
		return nil, errors.Join(err, db.close(), os.Remove(path))
	}
	return db, nil
}

// fill does to tx, of a new database, what build promises.
func (v *Vault) fill(tx *bolt.Tx, key [32]byte, c Change) error {
	if _, err := tx.CreateBucket([]byte(metaBucket)); err != nil {
		return err
	}
	for _, t := range v.tables {
		if _, err := tx.CreateBucket([]byte(t)); err != nil {
			return err
		}
	}
	h := head{Generation: v.past}
	if v.db != nil {
		old, err := v.lastHead()
		if err != nil {
			return err
		}
		h.Stamp, h.Generation = old.Stamp, old.Generation
		for i, t := range v.tables {
			if h.Counts[i], err = v.move(tx, t, key, c); err != nil {
				return err
			}
		}
	}
	h.Generation++
	rows, err := c.seal(key)
	if err != nil {
		return err
	}
	_, err = v.write(tx, key, h, rows, c.Stamp)
	return err
}

// move copies to tx the rows of a table that c neither drops nor puts, sealed under key, and returns how many.
func (v *Vault) move(tx *bolt.Tx, table string, key [32]byte, c Change) (n uint64, err error) {
	replaced := make(map[Row]bool, len(c.Puts))
	for _, p := range c.Puts {
		replaced[p.Row] = true
	}
	reseal, err := v.resealer(table, key)
	if err != nil {
		return 0, err
	}
	to := tx.Bucket([]byte(table))
	to.FillPercent = rewrittenFill
	err = v.rows(table, func(id [16]byte, row []byte) error {
		if at := (Row{table, id}); replaced[at] || c.Drop != nil && c.Drop(at) {
			return nil
		}
		n++
		sealed, err := reseal(id, row)
		if err != nil {
			return v.unopened(err)
		}
		return to.Put(id[:], sealed)
	})
	return n, err
}

// resealer returns what moves a row of a table from the generation key of the database to another, or finds that it is not
// what was sealed.
func (v *Vault) resealer(table string, to [32]byte) (func(id [16]byte, row []byte) ([]byte, error), error) {
	old, err := seal.New(v.key)
	if err != nil {
		return nil, err
	}
	fresh, err := seal.New(to)
	if err != nil {
		return nil, err
	}
	nonces := bufio.NewReader(v.rand) // to ask the system for each takes as long as to seal a small row
	return func(id [16]byte, row []byte) ([]byte, error) {
		label := v.rowLabel(Row{table, id})
		plain, err := old.Open(label, row)
		if err != nil {
			return nil, err
		}
		defer clear(plain)
		return fresh.Seal(nonces, label, plain)
	}, nil
}

// Destroy makes the database and its copy unreadable and removes them and the keyrings. It needs no room on the disk. The
// keys go first: what comes after is tidiness.
func (v *Vault) Destroy() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rememberPast()
	return errors.Join(durable.Destroy(v.disk, v.Keyrings()[0]), v.discard())
}

// DestroyLeaving is Destroy, and leaves something in the place of the keyring, in the room that the keyring has. It reports
// whether it could; the rest is destroyed all the same.
func (v *Vault) DestroyLeaving(what []byte) (left bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rememberPast()
	ring := v.Keyrings()[0]
	if err := durable.Overwrite(v.disk, ring, what); err != nil {
		return false, errors.Join(err, durable.Destroy(v.disk, ring), v.discard())
	}
	return true, v.discard()
}

// Supplant puts something in the place of the keyring's first file, and takes no change from then on. Where there is no room for
// that it overwrites the keyring where it lies.
func (v *Vault) Supplant(what []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.supplanted = true
	ring := v.Keyrings()[0]
	if durable.Replace(v.disk, ring, what) == nil {
		return nil
	}
	return durable.Overwrite(v.disk, ring, what)
}

// Discard does what Destroy does to all but the first file of the keyring.
func (v *Vault) Discard() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.discard()
}

// Lost takes the vault for one whose database, of a generation, was destroyed, and discards what is left of that.
func (v *Vault) Lost(generation uint64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.destroyed, v.past = true, generation
	return v.discard()
}

// Destroyed reports whether the database was destroyed, and there is no other yet.
func (v *Vault) Destroyed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.destroyed
}

// ReadOnly reports whether the vault is open to be read alone, because its disk could not be written to.
func (v *Vault) ReadOnly() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.db != nil && v.db.bolt.IsReadOnly()
}

// IsOpen reports whether there is a database that can be read.
func (v *Vault) IsOpen() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.db != nil
}

func (v *Vault) rememberPast() {
	if h, err := v.lastHead(); err == nil {
		v.past = h.Generation
	}
	v.destroyed = true
}

func (v *Vault) discard() error {
	clear(v.key[:])
	v.faults = nil
	rings, dbs := v.Keyrings(), v.Databases()
	err := errors.Join(durable.Destroy(v.disk, rings[1]), v.closeDBs())
	for i := range dbs {
		err = errors.Join(err, durable.Destroy(v.disk, rings[i]+durable.Unfinished), durable.Remove(dbs[i]),
			durable.Remove(dbs[i]+durable.Unfinished))
	}
	return errors.Join(err, v.disk.SyncDir(v.dir), v.disk.SyncDir(v.keyDir))
}

// label names a value of this vault, so that no sealed value can stand in for another.
func (v *Vault) label(parts string) string { return "facegate " + v.name + " " + parts }

func (v *Vault) rowLabel(row Row) string { return v.label(row.Table + " row " + string(row.ID[:])) }

func (v *Vault) view(f func(*bolt.Tx) error) error {
	if v.db == nil {
		return v.notOpen()
	}
	return v.read(v.db, f)
}

// notOpen is for a vault that was destroyed.
func (v *Vault) notOpen() error {
	return fmt.Errorf("store: %s.db: %w", v.name, bolterrors.ErrDatabaseNotOpen)
}

// Failed returns err, for which the vault could not be changed, with what to do about it.
func (v *Vault) Failed(err error) error {
	err = fmt.Errorf("store: %s.db: %w", v.name, err)
	switch {
	case errors.Is(err, bolterrors.ErrMaxSizeReached):
		return hint.Wrap(err, "erase people who need the door no more")
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return hint.Wrap(err, "make room on the disk with %s and %s, and do it again", v.dir, v.keyDir)
	case errors.Is(err, bolterrors.ErrDatabaseReadOnly):
		return hint.Wrap(fmt.Errorf("%w: %s", syscall.EROFS, v.dir), "mount the disk for writing (dmesg says why it is not), and do it again")
	}
	return err
}

// A damage is an ErrDamaged of one vault.
type damage struct {
	vault string
	cause error
}

func (d *damage) Error() string {
	return fmt.Sprintf("store: %s.db: %v: %v", d.vault, ErrDamaged, d.cause)
}

func (d *damage) Unwrap() []error { return []error{ErrDamaged, d.cause} }

// Damaged returns err, for which the vault cannot be used, as ErrDamaged with what to do about it.
func (v *Vault) Damaged(err error) error {
	return hint.Wrap(&damage{v.name, err},
		"the door stays locked to faces; check the disk and the device key, then stop the gate and restore a backup, which leaves out "+
			"those who were erased since: facegate backup restore FILE (copy no older files to %s: that is told, and shuts faces out); "+
			"without a backup, wipe the gate and enrol people again", v.dir)
}

// unopened returns the error of a resealer. Where there is no randomness, nothing is damaged.
func (v *Vault) unopened(err error) error {
	if errors.Is(err, seal.ErrSealed) {
		return v.Damaged(err)
	}
	return v.Failed(err)
}

// cause returns what the damage is.
func cause(err error) error {
	var d *damage
	if errors.As(err, &d) {
		return d.cause
	}
	return err
}

// Close closes the databases and forgets the keys.
func (v *Vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.key[:])
	clear(v.wrap[:])
	return v.closeDBs()
}
