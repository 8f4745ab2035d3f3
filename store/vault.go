package store

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/crypto/chacha20poly1305"

	"facegate/configs/hint"
)

// A vault is a bbolt file whose rows are sealed under a random generation key, and a keyring file with that key, wrapped
// under a key of the device. Both are on disk twice; see copies.go. Rows are in tables and named by 128-bit ids. What must
// not be read again leaves by a rewrite alone; see rewrite for what it leaves behind after a crash.
type vault struct {
	dir    string // of the database
	keyDir string // of the keyring
	name   string
	wrap   [32]byte // of the keyring
	rand   io.Reader
	tables []table
	mended func(fault) // is told of every file that was made anew from its copy

	// reopened is told when the database was opened anew because of damage. A change that had failed, and was in one of the
	// two files alone, may have gone with that file.
	reopened func()

	db   *database // is read, and written first
	lead int       // which of dbPaths db is
	copy *database // is written second; nil if it has to be made anew
	key  [32]byte  // of the generation that db is sealed with
	past uint64    // the generation of the database that was destroyed, which one made from nothing comes after

	destroyed bool // and there is none yet

	settled bool    // whether both keyrings hold key and nothing else
	faults  []fault // for settle to mend
}

// A table is a bucket of rows: id → sealed row.
type table struct{ name string }

// A rowID names a row of a vault.
type rowID struct {
	table string
	id    [16]byte
}

// A sealedRow is a row as it is to be written, or nil if it is to be deleted.
type sealedRow struct {
	rowID
	sealed []byte
}

// A put is a row to be written, in the place of the row of this name if there is one.
type put struct {
	rowID
	seal func(key [32]byte) ([]byte, error)
}

// A change is what one commit or rewrite does.
type change struct {
	puts  []put
	dels  []rowID              // leave a commit; bbolt does not erase them
	drop  func(row rowID) bool // which rows leave a rewrite; none if nil
	stamp uint64               // as in head; 0 keeps the one before
}

// A head is what a vault says of itself as a whole.
type head struct {
	Stamp      uint64            // the audit entry of the last change that needed one
	Generation uint64            // how often the vault was written anew
	Changes    uint64            // since then, which counts as the first
	Counts     [maxTables]uint64 // rows in each table: a file may lose them where bbolt's own page says how many it has
}

// The bucket that is no table.
const (
	metaBucket = "meta" // headKey → sealed head
	headKey    = "head"

	maxTables = 4
)

const (
	// maxSize of a database file: 400,000 people.
	maxSize = 256 << 20

	// maxGrowth is by how much bbolt may have made a file larger than what it holds.
	maxGrowth = 32 << 20

	// lockTimeout of bbolt, which waits for ever if not told. Other copies of this program are kept out by lockDir.
	lockTimeout = 2 * time.Second
)

// readHead returns the head, as sealed under key.
func (v *vault) readHead(tx *bolt.Tx, key [32]byte) (h head, err error) {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return head{}, v.damaged(errors.New("a bucket is missing"))
	}
	for _, t := range v.tables {
		if tx.Bucket([]byte(t.name)) == nil {
			return head{}, v.damaged(errors.New("a bucket is missing"))
		}
	}
	plain, err := openValue(key, v.label(headKey), meta.Get([]byte(headKey)))
	if err != nil {
		return head{}, v.damaged(err)
	}
	if n, err := binary.Decode(plain, binary.BigEndian, &h); err != nil || n != len(plain) {
		return head{}, v.damaged(errors.New("the head is not in the form of this version"))
	}
	return h, nil
}

// putHead writes the head h, and returns it as it is sealed.
func (v *vault) putHead(tx *bolt.Tx, key [32]byte, h head) ([]byte, error) {
	plain, err := binary.Append(nil, binary.BigEndian, h)
	if err != nil {
		return nil, err
	}
	sealed, err := sealValue(key, v.rand, v.label(headKey), plain)
	if err != nil {
		return nil, err
	}
	return sealed, tx.Bucket([]byte(metaBucket)).Put([]byte(headKey), sealed)
}

// head returns the head of the database.
func (v *vault) head() (h head, err error) {
	err = v.view(func(tx *bolt.Tx) error {
		h, err = v.readHead(tx, v.key)
		return err
	})
	return h, err
}

// each calls f for every row of a table as it is sealed. The row is not valid after f has returned.
func (v *vault) each(table string, f func(id [16]byte, row []byte) error) error {
	return v.view(func(tx *bolt.Tx) error {
		h, err := v.readHead(tx, v.key)
		if err != nil {
			return err
		}
		var n uint64
		if err := tx.Bucket([]byte(table)).ForEach(func(id, row []byte) error {
			if n++; len(id) != 16 {
				return v.damaged(errors.New("a row has a damaged id"))
			}
			return f([16]byte(id), row)
		}); err != nil {
			return err
		}
		if want := h.Counts[v.index(table)]; n != want {
			return v.damaged(fmt.Errorf("%d rows of %s, and %d were written", n, table, want))
		}
		return nil
	})
}

// eachValue calls f for every row of a table of values, opened.
func (v *vault) eachValue(table string, f func(id [16]byte, plain []byte) error) error {
	aead, err := valueCipher(v.key)
	if err != nil {
		return err
	}
	return v.each(table, func(id [16]byte, row []byte) error {
		plain, err := unseal(aead, v.rowLabel(rowID{table, id}), row)
		if err != nil {
			return v.damaged(err)
		}
		defer clear(plain)
		return f(id, plain)
	})
}

// get returns one row of a table as it is sealed, nil if it is not there.
func (v *vault) get(row rowID) (sealed []byte, err error) {
	err = v.view(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(row.table))
		if b == nil {
			return v.damaged(errors.New("a bucket is missing"))
		}
		sealed = bytes.Clone(b.Get(row.id[:]))
		return nil
	})
	return sealed, err
}

// getValue returns one row of a table of values, nil if it is not there.
func (v *vault) getValue(row rowID) ([]byte, error) {
	sealed, err := v.get(row)
	if sealed == nil || err != nil {
		return nil, err
	}
	plain, err := openValue(v.key, v.rowLabel(row), sealed)
	if err != nil {
		return nil, v.damaged(err)
	}
	return plain, nil
}

// value returns the put of a row of a table of values.
func (v *vault) value(row rowID, plain []byte) put {
	return put{row, func(key [32]byte) ([]byte, error) { return sealValue(key, v.rand, v.rowLabel(row), plain) }}
}

// commit makes a change in place. It is on disk twice when commit returns, and may be there even if commit fails: before
// anything else is changed, settle then brings the copy up to date.
func (v *vault) commit(c change) error {
	if v.db == nil {
		return v.notOpen()
	}
	if err := v.settle(); err != nil {
		return err
	}
	rows, err := c.seal(v.key)
	if err != nil {
		return v.failed(err)
	}
	var sealed []byte // the head
	if err := v.update(v.db, func(tx *bolt.Tx) error {
		h, err := v.readHead(tx, v.key)
		if err != nil {
			return err
		}
		sealed, err = v.write(tx, v.key, h, rows, c.stamp)
		return err
	}); err != nil {
		return err
	}
	if err := v.update(v.copy, func(tx *bolt.Tx) error {
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
func (v *vault) land(sealed []byte) error {
	if err := v.settle(); err != nil {
		return err
	}
	now, err := v.sealedHead(v.db)
	if err == nil && !bytes.Equal(now, sealed) {
		err = hint.Wrap(v.failed(errLost), "do it again, and check the disk")
	}
	return err
}

var errLost = errors.New("the database was damaged before the change was in its copy, and has been restored from that")

// seal returns the rows of c as they are to be written.
func (c change) seal(key [32]byte) (rows []sealedRow, err error) {
	for _, row := range c.dels {
		rows = append(rows, sealedRow{row, nil})
	}
	for _, p := range c.puts {
		sealed, err := p.seal(key)
		if err != nil {
			return nil, err
		}
		rows = append(rows, sealedRow{p.rowID, sealed})
	}
	return rows, nil
}

// write writes rows to tx, and the head h as it is then, which it returns as it is sealed.
func (v *vault) write(tx *bolt.Tx, key [32]byte, h head, rows []sealedRow, stamp uint64) ([]byte, error) {
	for _, row := range rows {
		there := tx.Bucket([]byte(row.table)).Get(row.id[:]) != nil
		switch count := &h.Counts[v.index(row.table)]; {
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
	b := tx.Bucket([]byte(row.table))
	if row.sealed == nil {
		return b.Delete(row.id[:])
	}
	return b.Put(row.id[:], row.sealed)
}

func (v *vault) index(table string) int {
	for i, t := range v.tables {
		if t.name == table {
			return i
		}
	}
	panic("store: " + v.name + ".db has no table " + table)
}

// rewrite replaces the database by one under a new generation key, with c done, and destroys the old key: what was removed
// or replaced cannot be read again, nor can a copy of the database that was made before.
//
// bbolt frees a deleted value and does not erase it, which is why nothing secret is deleted in place. The steps are
//
//  1. the keyrings get the new key beside the old,
//  2. the new database is written beside the old,
//  3. the new database takes the place of the old,
//  4. its copy takes the place of the old copy,
//  5. the keyrings lose the old key,
//
// each on disk before the next. open tells from the key that opens the database how far it came: with the old key it
// forgets the new one, and the rewrite has not happened; with the new key it does steps 4 and 5.
func (v *vault) rewrite(c change) error {
	if err := v.mending(func() error { return v.replace(c) }); err != nil {
		return err
	}
	sealed, err := v.sealedHead(v.db)
	if err != nil {
		return err
	}
	return v.land(sealed)
}

// replace does steps 1 to 3 of a rewrite. Without a database it makes an empty one.
func (v *vault) replace(c change) error {
	if err := v.settle(); err != nil {
		return err
	}
	var next [32]byte
	if _, err := io.ReadFull(v.rand, next[:]); err != nil {
		return fmt.Errorf("store: no randomness: %w", err)
	}
	if err := v.saveRing(keyring{current: v.key, next: next}); err != nil {
		return err
	}
	path := v.dbPaths()[v.lead]
	db, err := v.build(path+tmpSuffix, next, c)
	if err != nil {
		return err
	}
	if err := os.Rename(path+tmpSuffix, path); err != nil {
		return errors.Join(v.failed(err), db.close())
	}
	old := v.db
	v.db, v.key, v.destroyed = db, next, false
	if err := errors.Join(old.close(), syncDir(v.dir)); err != nil {
		return v.failed(err)
	}
	return nil
}

// build writes a database at path with the rows of this one and c done, sealed under key.
func (v *vault) build(path string, key [32]byte, c change) (_ *database, err error) {
	if err := removeFile(path); err != nil {
		return nil, v.failed(err)
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
func (v *vault) fill(tx *bolt.Tx, key [32]byte, c change) error {
	if _, err := tx.CreateBucket([]byte(metaBucket)); err != nil {
		return err
	}
	for _, t := range v.tables {
		if _, err := tx.CreateBucket([]byte(t.name)); err != nil {
			return err
		}
	}
	h := head{Generation: v.past}
	if v.db != nil {
		old, err := v.head()
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
	_, err = v.write(tx, key, h, rows, c.stamp)
	return err
}

// move copies to tx the rows of a table that c neither drops nor puts, sealed under key, and returns how many.
func (v *vault) move(tx *bolt.Tx, t table, key [32]byte, c change) (n uint64, err error) {
	replaced := make(map[rowID]bool, len(c.puts))
	for _, p := range c.puts {
		replaced[p.rowID] = true
	}
	reseal, err := v.resealer(t.name, key)
	if err != nil {
		return 0, err
	}
	to := tx.Bucket([]byte(t.name))
	err = v.each(t.name, func(id [16]byte, row []byte) error {
		if at := (rowID{t.name, id}); replaced[at] || c.drop != nil && c.drop(at) {
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
func (v *vault) resealer(table string, to [32]byte) (func(id [16]byte, row []byte) ([]byte, error), error) {
	old, err := valueCipher(v.key)
	if err != nil {
		return nil, err
	}
	fresh, err := valueCipher(to)
	if err != nil {
		return nil, err
	}
	return func(id [16]byte, row []byte) ([]byte, error) {
		label := v.rowLabel(rowID{table, id})
		plain, err := unseal(old, label, row)
		if err != nil {
			return nil, err
		}
		defer clear(plain)
		return seal(fresh, v.rand, label, plain)
	}, nil
}

// destroy makes the database and its copy unreadable and removes them and the keyrings. It needs no room on the disk. The
// keys go first: what comes after is tidiness.
func (v *vault) destroy() error {
	if h, err := v.head(); err == nil {
		v.past = h.Generation
	}
	v.destroyed = true
	return errors.Join(destroyFile(v.ringPaths()[0]), v.discard())
}

// discard does what destroy does to all but the first file of the keyring.
func (v *vault) discard() error {
	clear(v.key[:])
	v.faults = nil
	rings, dbs := v.ringPaths(), v.dbPaths()
	err := errors.Join(destroyFile(rings[1]), v.closeDBs())
	for i := range dbs {
		err = errors.Join(err, destroyFile(rings[i]+tmpSuffix), removeFile(dbs[i]), removeFile(dbs[i]+tmpSuffix))
	}
	return errors.Join(err, syncDir(v.dir), syncDir(v.keyDir))
}

// label names a value of this vault, so that no sealed value can stand in for another.
func (v *vault) label(parts string) string { return "facegate " + v.name + " " + parts }

func (v *vault) rowLabel(row rowID) string { return v.label(row.table + " row " + string(row.id[:])) }

func (v *vault) view(f func(*bolt.Tx) error) error {
	if v.db == nil {
		return v.notOpen()
	}
	return v.read(v.db, f)
}

// notOpen is for a vault that was destroyed.
func (v *vault) notOpen() error {
	return fmt.Errorf("store: %s.db: %w", v.name, bolterrors.ErrDatabaseNotOpen)
}

// failed returns err, for which the vault could not be changed, with what to do about it.
func (v *vault) failed(err error) error {
	err = fmt.Errorf("store: %s.db: %w", v.name, err)
	switch {
	case errors.Is(err, bolterrors.ErrMaxSizeReached):
		return hint.Wrap(err, "erase people who need the door no more")
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return hint.Wrap(err, "make room on the disk with %s and %s, and do it again", v.dir, v.keyDir)
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

func (v *vault) damaged(err error) error {
	return hint.Wrap(&damage{v.name, err},
		"the door stays locked to faces; check the disk and the device key, then stop the gate and put a backup back, without "+
			"those who were erased since: facegate backup restore FILE (older files of %s copied back would not open, or bring "+
			"them back); without a backup, wipe the gate and enrol people again", v.dir)
}

// unopened returns the error of a resealer. Where there is no randomness, nothing is damaged.
func (v *vault) unopened(err error) error {
	if errors.Is(err, errSealed) {
		return v.damaged(err)
	}
	return v.failed(err)
}

// cause returns what the damage is.
func cause(err error) error {
	var d *damage
	if errors.As(err, &d) {
		return d.cause
	}
	return err
}

func (v *vault) close() error {
	clear(v.key[:])
	clear(v.wrap[:])
	return v.closeDBs()
}

// sealValue encrypts plain under a key derived from key, bound to label: nonce ‖ ciphertext (XChaCha20-Poly1305).
func sealValue(key [32]byte, rand io.Reader, label string, plain []byte) ([]byte, error) {
	aead, err := valueCipher(key)
	if err != nil {
		return nil, err
	}
	return seal(aead, rand, label, plain)
}

// openValue returns what sealValue sealed under the same key and label.
func openValue(key [32]byte, label string, sealed []byte) ([]byte, error) {
	aead, err := valueCipher(key)
	if err != nil {
		return nil, err
	}
	return unseal(aead, label, sealed)
}

// valueCipher returns the cipher of the values sealed under key. To make one takes longer than to seal a row.
func valueCipher(key [32]byte) (cipher.AEAD, error) {
	k := derive(key, "facegate value 1")
	defer clear(k[:])
	return chacha20poly1305.NewX(k[:])
}

func seal(aead cipher.AEAD, rand io.Reader, label string, plain []byte) ([]byte, error) {
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	return aead.Seal(nonce, nonce, plain, []byte(label)), nil
}

func unseal(aead cipher.AEAD, label string, sealed []byte) ([]byte, error) {
	if len(sealed) < aead.NonceSize() {
		return nil, errSealed
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(label))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

var errSealed = errors.New("a sealed value does not open: it was changed or has another key")
