package store

import (
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

// A vault is one bbolt file whose rows, named by 128-bit ids, are sealed under a random generation key, and a keyring
// file beside it with that key, wrapped under a key of the device. Rows are added one at a time and removed by a rewrite
// alone; see rewrite for what it leaves behind after a crash.
type vault struct {
	dir    string
	name   string
	wrap   [32]byte // of the keyring
	rand   io.Reader
	reseal resealer

	db  *bolt.DB
	key [32]byte // of the generation that db is sealed with
}

// A resealer moves the row id from one generation key to another, or finds that it is not what was sealed.
type resealer func(from, to [32]byte, rand io.Reader, id [16]byte, row []byte) ([]byte, error)

// The buckets of a vault. A file may lose rows without a trace where bbolt's own page says how many it has, so the
// number is kept sealed as well.
const (
	rowsBucket = "rows" // id → sealed row
	metaBucket = "meta" // countKey → sealed number of rows
	countKey   = "count"
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
			if _, err := v.countRows(tx, key); err == nil && key != ([32]byte{}) {
				return nil
			}
		}
		return v.damaged(errors.New("the database is not the one of this keyring"))
	})
	return key, err
}

// countRows returns how many rows have been written, as sealed under key.
func (v *vault) countRows(tx *bolt.Tx, key [32]byte) (uint64, error) {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil || tx.Bucket([]byte(rowsBucket)) == nil {
		return 0, v.damaged(errors.New("a bucket is missing"))
	}
	count, err := openValue(key, v.label(countKey), meta.Get([]byte(countKey)))
	if err != nil || len(count) != 8 {
		return 0, v.damaged(errSealed)
	}
	return binary.BigEndian.Uint64(count), nil
}

// each calls f for every row. The row is not valid after f has returned.
func (v *vault) each(f func(id [16]byte, row []byte) error) error {
	return v.view(func(tx *bolt.Tx) error {
		want, err := v.countRows(tx, v.key)
		if err != nil {
			return err
		}
		var n uint64
		if err := tx.Bucket([]byte(rowsBucket)).ForEach(func(id, row []byte) error {
			if n++; len(id) != 16 {
				return v.damaged(errors.New("a row has a damaged id"))
			}
			return f([16]byte(id), row)
		}); err != nil {
			return err
		}
		if n != want {
			return v.damaged(fmt.Errorf("%d rows, and %d were written", n, want))
		}
		return nil
	})
}

// add stores a row. It is on disk when add returns, and may be there even if add fails.
func (v *vault) add(id [16]byte, row []byte) error {
	return v.update(v.db, func(tx *bolt.Tx) error {
		count, err := v.countRows(tx, v.key)
		if err != nil {
			return err
		}
		if err := tx.Bucket([]byte(rowsBucket)).Put(id[:], row); err != nil {
			return err
		}
		return v.putCount(tx, v.key, count+1)
	})
}

func (v *vault) putCount(tx *bolt.Tx, key [32]byte, count uint64) error {
	sealed, err := sealValue(key, v.rand, v.label(countKey), binary.BigEndian.AppendUint64(nil, count))
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(metaBucket)).Put([]byte(countKey), sealed)
}

// rewrite replaces the database by one under a new generation key, with the rows that keep wants alone, and destroys the
// old key: what was removed cannot be read again, nor can a copy of the database that was made before.
//
// bbolt frees a deleted value and does not erase it, which is why no row is ever deleted in place. The steps are
//
//  1. the keyring gets the new key beside the old,
//  2. the new database is written beside the old,
//  3. the new database takes the place of the old,
//  4. the keyring loses the old key,
//
// each on disk before the next. open tells from the key that opens the database how far it came: with the old key it
// forgets the new one, and the rewrite has not happened; with the new key it does step 4.
func (v *vault) rewrite(keep func(id [16]byte) bool) error {
	if err := v.replace(keep); err != nil {
		return err
	}
	return v.settle()
}

// replace does steps 1 to 3 of a rewrite. Without a database it makes an empty one.
func (v *vault) replace(keep func(id [16]byte) bool) error {
	var next [32]byte
	if _, err := io.ReadFull(v.rand, next[:]); err != nil {
		return fmt.Errorf("store: no randomness: %w", err)
	}
	if err := v.saveRing(keyring{current: v.key, next: next}); err != nil {
		return err
	}
	tmp := v.dbPath() + tmpSuffix
	db, err := v.build(tmp, next, keep)
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

// build writes a database at path with the rows that keep wants, sealed under key.
func (v *vault) build(path string, key [32]byte, keep func(id [16]byte) bool) (_ *bolt.DB, err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	db, err := v.openBolt(path, os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if err := v.update(db, func(tx *bolt.Tx) error { return v.fill(tx, key, keep) }); err != nil {
		return nil, errors.Join(err, db.Close(), os.Remove(path))
	}
	return db, nil
}

// fill writes to tx, of a new database, the rows of this one that keep wants, sealed under key.
func (v *vault) fill(tx *bolt.Tx, key [32]byte, keep func(id [16]byte) bool) error {
	rows, err := tx.CreateBucket([]byte(rowsBucket))
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucket([]byte(metaBucket)); err != nil {
		return err
	}
	if v.db == nil {
		return v.putCount(tx, key, 0)
	}
	var count uint64
	if err := v.each(func(id [16]byte, row []byte) error {
		if !keep(id) {
			return nil
		}
		count++
		sealed, err := v.reseal(v.key, key, v.rand, id, row)
		if err != nil {
			return v.damaged(err)
		}
		return rows.Put(id[:], sealed)
	}); err != nil {
		return err
	}
	return v.putCount(tx, key, count)
}

// label names a value of this vault, so that no sealed value can stand in for another.
func (v *vault) label(parts string) string { return "facegate " + v.name + " " + parts }

func (v *vault) view(f func(*bolt.Tx) error) error {
	return v.guard(func() error { return v.db.View(f) })
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
		"the door stays locked to faces; restore the last good copy of people.db, people.key, faces.db and faces.key, "+
			"all four together, with the device key that they were made under")
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
	k := derive(key, "facegate value 1")
	defer clear(k[:])
	aead, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	return aead.Seal(nonce, nonce, plain, []byte(label)), nil
}

// openValue returns what sealValue sealed under the same key and label.
func openValue(key [32]byte, label string, sealed []byte) ([]byte, error) {
	k := derive(key, "facegate value 1")
	defer clear(k[:])
	aead, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		return nil, err
	}
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
