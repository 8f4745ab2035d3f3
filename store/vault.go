package store

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/crypto/chacha20poly1305"

	"facegate/configs/hint"
)

// A vault is one bbolt file whose rows are sealed under a random generation key, and a keyring file beside it with that
// key, wrapped under a key of the device. Rows are in tables and named by 128-bit ids. What must not be read again leaves
// by a rewrite alone; see rewrite for what it leaves behind after a crash.
type vault struct {
	dir    string
	name   string
	wrap   [32]byte // of the keyring
	rand   io.Reader
	tables []table

	db   *bolt.DB
	key  [32]byte // of the generation that db is sealed with
	past uint64   // the generation that a database made from nothing comes after
}

// A table is a bucket of rows: id → sealed row.
type table struct{ name string }

// A rowID names a row of a vault.
type rowID struct {
	table string
	id    [16]byte
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
	Counts     [maxTables]uint64 // rows in each table: a file may lose them where bbolt's own page says how many it has
}

// The bucket that is no table.
const (
	metaBucket = "meta" // headKey → sealed head
	headKey    = "head"

	maxTables = 3
)

const (
	// maxSize of a database file: 400,000 people.
	maxSize = 256 << 20

	// lockTimeout of bbolt, which waits for ever if not told. Other copies of this program are kept out by lockDir.
	lockTimeout = 2 * time.Second
)

func (v *vault) dbPath() string   { return filepath.Join(v.dir, v.name+".db") }
func (v *vault) ringPath() string { return filepath.Join(v.dir, v.name+".key") }

// open opens the database of a keyring that has been loaded, and finishes or undoes a rewrite that was cut off.
func (v *vault) open(ring keyring) error {
	if ring.empty() {
		return v.damaged(errors.New("the keyring is missing"))
	}
	data, err := os.ReadFile(v.dbPath())
	if errors.Is(err, os.ErrNotExist) {
		return v.damaged(err)
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := checkPages(data); err != nil {
		return v.damaged(err)
	}
	if v.db, err = v.openBolt(v.dbPath(), 0); err != nil {
		return err
	}
	if v.key, err = v.generation(ring); err != nil {
		return err
	}
	if ring != (keyring{current: v.key}) {
		return v.settle()
	}
	return nil
}

// generation returns the key of the ring that the database is sealed with. That decides how a rewrite that was cut off
// ends: the new key opens only a database that was complete and in its place.
func (v *vault) generation(ring keyring) (key [32]byte, err error) {
	err = v.view(func(tx *bolt.Tx) error {
		for _, key = range [][32]byte{ring.current, ring.next} {
			if _, err := v.readHead(tx, key); err == nil && key != ([32]byte{}) {
				return nil
			}
		}
		return v.damaged(errors.New("the database is not the one of this keyring"))
	})
	return key, err
}

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

func (v *vault) putHead(tx *bolt.Tx, key [32]byte, h head) error {
	plain, err := binary.Append(nil, binary.BigEndian, h)
	if err != nil {
		return err
	}
	sealed, err := sealValue(key, v.rand, v.label(headKey), plain)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(metaBucket)).Put([]byte(headKey), sealed)
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

// commit makes a change in place. It is on disk when commit returns, and may be there even if commit fails.
func (v *vault) commit(c change) error {
	if v.db == nil {
		return v.notOpen()
	}
	return v.update(v.db, func(tx *bolt.Tx) error {
		h, err := v.readHead(tx, v.key)
		if err != nil {
			return err
		}
		for _, row := range c.dels {
			b := tx.Bucket([]byte(row.table))
			if b.Get(row.id[:]) == nil {
				continue
			}
			h.Counts[v.index(row.table)]--
			if err := b.Delete(row.id[:]); err != nil {
				return err
			}
		}
		return v.write(tx, v.key, h, c)
	})
}

// write writes to tx the puts of c and the head h as it is then.
func (v *vault) write(tx *bolt.Tx, key [32]byte, h head, c change) error {
	for _, p := range c.puts {
		sealed, err := p.seal(key)
		if err != nil {
			return err
		}
		b := tx.Bucket([]byte(p.table))
		if b.Get(p.id[:]) == nil {
			h.Counts[v.index(p.table)]++
		}
		if err := b.Put(p.id[:], sealed); err != nil {
			return err
		}
	}
	if c.stamp != 0 {
		h.Stamp = c.stamp
	}
	return v.putHead(tx, key, h)
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
//  1. the keyring gets the new key beside the old,
//  2. the new database is written beside the old,
//  3. the new database takes the place of the old,
//  4. the keyring loses the old key,
//
// each on disk before the next. open tells from the key that opens the database how far it came: with the old key it
// forgets the new one, and the rewrite has not happened; with the new key it does step 4.
func (v *vault) rewrite(c change) error {
	if err := v.replace(c); err != nil {
		return err
	}
	return v.settle()
}

// replace does steps 1 to 3 of a rewrite. Without a database it makes an empty one.
func (v *vault) replace(c change) error {
	var next [32]byte
	if _, err := io.ReadFull(v.rand, next[:]); err != nil {
		return fmt.Errorf("store: no randomness: %w", err)
	}
	if err := v.saveRing(keyring{current: v.key, next: next}); err != nil {
		return err
	}
	tmp := v.dbPath() + tmpSuffix
	db, err := v.build(tmp, next, c)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, v.dbPath()); err != nil {
		return errors.Join(fmt.Errorf("store: %w", err), db.Close())
	}
	old := v.db
	v.db, v.key = db, next
	if old != nil {
		if err := old.Close(); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	if err := syncDir(v.dir); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// settle leaves the key that the database is sealed with as the only one in the keyring.
func (v *vault) settle() error { return v.saveRing(keyring{current: v.key}) }

// build writes a database at path with the rows of this one and c done, sealed under key.
func (v *vault) build(path string, key [32]byte, c change) (_ *bolt.DB, err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	db, err := v.openBolt(path, os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if err := v.update(db, func(tx *bolt.Tx) error { return v.fill(tx, key, c) }); err != nil {
		return nil, errors.Join(err, db.Close(), os.Remove(path))
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
	return v.write(tx, key, h, c)
}

// move copies to tx the rows of a table that c neither drops nor puts, sealed under key, and returns how many.
func (v *vault) move(tx *bolt.Tx, t table, key [32]byte, c change) (n uint64, err error) {
	replaced := make(map[rowID]bool, len(c.puts))
	for _, p := range c.puts {
		replaced[p.rowID] = true
	}
	reseal, err := v.resealer(t.name, v.key, key)
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
			return v.damaged(err)
		}
		return to.Put(id[:], sealed)
	})
	return n, err
}

// resealer returns what moves a row of a table from one generation key to another, or finds that it is not what was
// sealed.
func (v *vault) resealer(table string, from, to [32]byte) (func(id [16]byte, row []byte) ([]byte, error), error) {
	old, err := valueCipher(from)
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

// destroy makes the database unreadable and removes it and its keyring. It needs no room on the disk. The key goes first:
// what comes after is tidiness.
func (v *vault) destroy() error {
	return errors.Join(destroyFile(v.ringPath()), v.discard())
}

// discard closes and removes the database.
func (v *vault) discard() error {
	clear(v.key[:])
	var closed error
	if v.db != nil {
		closed = v.db.Close()
		v.db = nil
	}
	return errors.Join(closed, removeFile(v.ringPath()+tmpSuffix), removeFile(v.dbPath()),
		removeFile(v.dbPath()+tmpSuffix), syncDir(v.dir))
}

// label names a value of this vault, so that no sealed value can stand in for another.
func (v *vault) label(parts string) string { return "facegate " + v.name + " " + parts }

func (v *vault) rowLabel(row rowID) string { return v.label(row.table + " row " + string(row.id[:])) }

func (v *vault) view(f func(*bolt.Tx) error) error {
	if v.db == nil {
		return v.notOpen()
	}
	return v.guard(func() error { return v.db.View(f) })
}

// notOpen is for a vault that was destroyed.
func (v *vault) notOpen() error {
	return fmt.Errorf("store: %s.db: %w", v.name, bolterrors.ErrDatabaseNotOpen)
}

func (v *vault) update(db *bolt.DB, f func(*bolt.Tx) error) error {
	err := v.guard(func() error { return db.Update(f) })
	switch {
	case err == nil || errors.Is(err, ErrDamaged):
		return err
	case errors.Is(err, bolterrors.ErrMaxSizeReached):
		return hint.Wrap(fmt.Errorf("store: %s.db: %w", v.name, err), "erase people who need the door no more")
	}
	return fmt.Errorf("store: %s.db: %w", v.name, err)
}

// guard runs f, which uses bbolt. bbolt panics, or reads outside its file, where the file has been damaged since it was
// checked.
func (v *vault) guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = v.damaged(fmt.Errorf("bbolt: %v", r))
		}
	}()
	return f()
}

func (v *vault) damaged(err error) error {
	return hint.Wrap(fmt.Errorf("store: %s.db: %w: %w", v.name, ErrDamaged, err),
		"the door stays locked to faces; restore the last good copy of people, faces and journal, .db and .key, all six "+
			"files together, with the device key that they were made under")
}

func (v *vault) close() error {
	clear(v.key[:])
	clear(v.wrap[:])
	if v.db == nil {
		return nil
	}
	return v.db.Close()
}

// openBolt opens a database that has passed checkPages or, with os.O_CREATE, makes one.
func (v *vault) openBolt(path string, flags int) (db *bolt.DB, err error) {
	var file *os.File
	err = v.guard(func() error {
		db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout:      lockTimeout,
			FreelistType: bolt.FreelistMapType,
			MaxSize:      maxSize,
			OpenFile: func(path string, _ int, mode os.FileMode) (_ *os.File, err error) {
				// bbolt's own flags would make a new database where one is missing.
				file, err = os.OpenFile(path, os.O_RDWR|flags, mode)
				return file, err
			},
		})
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, ErrDamaged):
		// After a panic bbolt leaves the file open and mapped. The mapping alone would keep the lock.
		return nil, errors.Join(err, syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, hint.Wrap(fmt.Errorf("store: %s.db: %w", v.name, ErrInUse), "close the tool that has it open")
	}
	return nil, fmt.Errorf("store: %w", err)
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
