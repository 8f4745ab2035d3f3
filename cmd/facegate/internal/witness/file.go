package witness

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"filippo.io/torchwood"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/store/checkpoint"
	"facegate/store/durable"
	"facegate/store/pubkey"
)

// Why a file cannot be used as a witness, and a log not be followed.
var (
	ErrFile  = errors.New("this is not the file of a witness")
	ErrInUse = errors.New("somebody else has the file of the witness open")
	ErrName  = errors.New("a witness cannot have this name")
	ErrKey   = errors.New("this is not the verifier key of a log")
	ErrOther = errors.New("this witness follows another log of that name")
)

const (
	maxName  = 128     // bytes of a name
	maxFile  = 1 << 30 // bytes of a file
	lockWait = 500 * time.Millisecond
)

// The parts of the file.
var (
	self      = []byte("witness")   // name and seed
	logs      = []byte("logs")      // an entry by the origin of its log
	forgotten = []byte("forgotten") // what was forgotten, by a number that counts

	nameKey = []byte("name")
	seedKey = []byte("seed") // of the private key
)

// An entry is what is kept of a log.
type entry struct {
	Key  string `json:"key"`            // verifier key of the log
	Note string `json:"note,omitempty"` // the newest checkpoint that was cosigned, with the signatures of log and witness; "" for none
	Fork string `json:"fork,omitempty"` // the first checkpoint of another tree of the same size as one that was cosigned; "" for none
}

// tree returns the tree that was cosigned last, the empty one for none.
func (e *entry) tree() (tlog.Tree, error) {
	if e.Note == "" {
		return tlog.Tree{Hash: sha256.Sum256(nil)}, nil
	}
	text, _, _ := strings.Cut(e.Note, "\n\n")
	c, err := torchwood.ParseCheckpoint(text + "\n")
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return c.Tree, nil
}

// Create makes the file of a witness, with a new key, which is drawn from random. It must not exist. The name is seen by everybody who
// reads a cosignature; by custom it is like an address without a scheme ("residents.example/witness").
func Create(path, name string, random io.Reader) (err error) {
	seed := make([]byte, ed25519.SeedSize)
	defer clear(seed)
	if _, err := io.ReadFull(random, seed); err != nil {
		return fmt.Errorf("draw the key of the witness: %w", err)
	}
	if _, err := signer(name, seed); err != nil {
		return err
	}
	db, err := open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return hint.Wrap(fmt.Errorf("make the file of the witness: %w", err), "name a file that does not exist, in a folder that can be written to")
	}
	defer func() {
		if err = errors.Join(err, db.Close()); err == nil {
			err = durable.Settle(durable.OS{}, path)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	return db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{logs, forgotten} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		b, err := tx.CreateBucket(self)
		if err != nil {
			return err
		}
		return errors.Join(b.Put(nameKey, []byte(name)), b.Put(seedKey, seed))
	})
}

// signer returns what signs as the witness of a name, with the private key of a seed. An error wraps ErrName.
func signer(name string, seed []byte) (*torchwood.CosignatureSigner, error) {
	s, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(seed))
	if err != nil || len(name) > maxName {
		return nil, hint.Wrap(fmt.Errorf("%w: %q", ErrName, name), "give it one without spaces and plus signs, such as residents.example/witness")
	}
	return s, nil
}

// Open opens the file of a witness, which nobody else can open until Close.
func Open(path string) (*Witness, error) {
	checked, err := file.OpenSecret(path, maxFile)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("open the file of the witness: %w", err), "%s",
			cmp.Or(hint.Of(err), "name the file that facegate witness create has made"))
	}
	info, err := checked.Stat()
	checked.Close()
	w := &Witness{down: make(chan struct{})}
	err = recovered(func() error {
		if err != nil || info.Size() == 0 { // bbolt would make a database of it
			return cmp.Or(err, io.ErrUnexpectedEOF)
		}
		if w.db, err = open(path, os.O_RDWR); err == nil {
			err = w.db.View(w.load)
		}
		return err
	})
	switch {
	case err == nil:
		return w, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, hint.Wrap(fmt.Errorf("%w: %s", ErrInUse, path), "a witness that is served has its file to itself: stop it first (systemctl stop "+
			"facegate-witness), and start it again afterwards; fuser %s names who has it open", path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return nil, hint.Wrap(fmt.Errorf("open the file of the witness: %w", err), "let this user read and write it")
	}
	if w.db != nil {
		w.db.Close()
	}
	return nil, hint.Wrap(fmt.Errorf("%w: %s: %w", ErrFile, path, err), "name the file that facegate witness create has made; if this is it, "+
		"it is damaged or unfinished: see docs/witness.md for what a copy of it may be used for")
}

// recovered runs f, and returns as an error what it panics with: bbolt does so, or reads outside of its file, where that is damaged.
func recovered(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return f()
}

// open opens the database at path. Flags of bbolt's own would make a file where one is missing.
func open(path string, flags int) (*bolt.DB, error) {
	return bolt.Open(path, 0o600, &bolt.Options{
		Timeout: lockWait, FreelistType: bolt.FreelistMapType, MaxSize: maxFile,
		OpenFile: func(path string, _ int, mode os.FileMode) (*os.File, error) {
			return os.OpenFile(path, flags|durable.NotElsewhere, mode)
		},
	})
}

// load reads who the witness is, and sees that all that it needs can be read.
func (w *Witness) load(tx *bolt.Tx) (err error) {
	b := tx.Bucket(self)
	if b == nil || tx.Bucket(logs) == nil || tx.Bucket(forgotten) == nil {
		return errors.New("a part is missing")
	}
	seed := b.Get(seedKey)
	if len(seed) != ed25519.SeedSize {
		return errors.New("there is no key in it")
	}
	if w.signer, err = signer(string(b.Get(nameKey)), seed); err != nil {
		return err
	}
	_, _, err = listed(tx)
	return err
}

// Close gives the file back.
func (w *Witness) Close() error { return w.db.Close() }

// update changes what is kept of a log if f says so, whatever error f returns. It is on disk when update returns.
func (w *Witness) update(origin string, f func(e *entry) (changed bool, err error)) error {
	return w.commit(func(tx *bolt.Tx) (bool, error) {
		e, err := read(tx, origin)
		if err != nil {
			return false, err
		}
		changed, err := f(&e)
		if !changed {
			return false, err
		}
		if failed := put(tx, origin, e); failed != nil {
			return false, failed
		}
		return true, err
	})
}

// commit runs f in a transaction, and keeps what it has changed if it says so. After a commit that failed nobody knows what is on the disk:
// what the kernel still has in memory says that all is well.
func (w *Witness) commit(f func(*bolt.Tx) (changed bool, err error)) error {
	tx, err := w.db.Begin(true)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	if w.broken.Load() {
		return ErrBroken
	}
	changed, err := f(tx)
	if !changed {
		return err
	}
	if failed := tx.Commit(); failed != nil {
		if w.broken.CompareAndSwap(false, true) {
			close(w.down)
		}
		return hint.Wrap(fmt.Errorf("%w: %w", ErrBroken, failed), "see that the disk has room and no errors (dmesg), and start the witness again")
	}
	return err
}

func read(tx *bolt.Tx, origin string) (e entry, err error) {
	text := tx.Bucket(logs).Get([]byte(origin))
	if text == nil {
		return e, ErrUnknownLog
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return e, nil
}

func put(tx *bolt.Tx, origin string, e entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return tx.Bucket(logs).Put([]byte(origin), text)
}

// key returns what verifies the checkpoints of a log. An error wraps ErrUnknownLog.
func (w *Witness) key(origin string) (v note.Verifier, err error) {
	err = w.db.View(func(tx *bolt.Tx) error {
		e, err := read(tx, origin)
		if err == nil {
			v, err = note.NewVerifier(e.Key)
		}
		return err
	})
	return v, err
}

// Add has the witness follow the logs with these keys, all or none: verifier keys, or public keys of devices in hexadecimal. A log that it
// follows already stays as it is. An error wraps ErrKey or ErrOther.
func (w *Witness) Add(keys ...string) error {
	return w.commit(func(tx *bolt.Tx) (changed bool, err error) {
		for _, key := range keys {
			added, err := follow(tx, key)
			if err != nil {
				return false, err
			}
			changed = changed || added
		}
		return changed, nil
	})
}

// follow adds a log, and reports whether it is a new one.
func follow(tx *bolt.Tx, key string) (added bool, err error) {
	vkey, origin, err := logKey(key)
	if err != nil {
		return false, hint.Wrap(fmt.Errorf("%w: %q", ErrKey, key), "give what facegate device pubkey prints at the gate, or the verifier key of another log")
	}
	switch e, err := read(tx, origin); {
	case errors.Is(err, ErrUnknownLog):
		return true, put(tx, origin, entry{Key: vkey})
	case err != nil:
		return false, err
	case e.Key != vkey:
		return false, hint.Wrap(fmt.Errorf("%w: %s", ErrOther, origin), "one of the two keys is not that of the log: ask whoever runs it")
	}
	return false, nil
}

// logKey reads the key of a log. Its verifier key has one form, and is no key under which signatures verify that nobody has made.
func logKey(text string) (vkey, origin string, err error) {
	if public, err := pubkey.Parse(text); err == nil {
		vkey, err = checkpoint.Key(public)
		return vkey, checkpoint.Origin(public), err
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return "", "", err
	}
	encoded := text[len(checkpoint.ID(v)+"+"):]
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err == nil {
		err = pubkey.Check(key[1:]) // the first byte names the algorithm
	}
	if err == nil && (base64.StdEncoding.EncodeToString(key) != encoded || len(v.Name()) > bolt.MaxKeySize) {
		err = ErrKey
	}
	return text, v.Name(), err
}

// A Log is how far a log has come, as the witness knows it.
type Log struct {
	Origin   string
	Key      string    // verifier key
	Size     int64     // of the newest tree that was cosigned, 0 for none
	Cosigned time.Time // when, by the clock of the witness; zero for never
	Note     []byte    // its checkpoint, with the signatures of log and witness; nil for none
	Fork     []byte    // a checkpoint of another tree of a size that was cosigned, with the signature of the log; nil for none
}

// A Forgotten is a log whose past was forgotten on purpose. It may have signed another one since.
type Forgotten struct {
	Log
	At time.Time // when, by the clock of the witness
}

// log returns e for others.
func (e entry) log(origin string) (Log, error) {
	l := Log{Origin: origin, Key: e.Key, Fork: bytesOf(e.Fork), Note: bytesOf(e.Note)}
	if e.Note == "" {
		return l, nil
	}
	tree, err := e.tree()
	if err != nil {
		return l, err
	}
	l.Size, l.Cosigned = tree.N, cosigned(l.Note)
	return l, nil
}

func bytesOf(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// Logs returns all logs that the witness follows, in the order of their origins, and what was forgotten of logs, the oldest first.
func (w *Witness) Logs() (all []Log, gone []Forgotten, err error) {
	err = w.db.View(func(tx *bolt.Tx) error {
		all, gone, err = listed(tx)
		return err
	})
	return all, gone, err
}

func listed(tx *bolt.Tx) (all []Log, gone []Forgotten, err error) {
	err = tx.Bucket(logs).ForEach(func(origin, text []byte) error {
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		l, err := e.log(string(origin))
		all = append(all, l)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	err = tx.Bucket(forgotten).ForEach(func(_, text []byte) error {
		var m memory
		if err := json.Unmarshal(text, &m); err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		l, err := m.log(m.Origin)
		gone = append(gone, Forgotten{l, m.At})
		return err
	})
	return all, gone, err
}

// A memory is what is kept of what was forgotten.
type memory struct {
	Origin string    `json:"origin"`
	At     time.Time `json:"at"`
	entry
}

// Forget forgets what was cosigned of a log, which may then begin anew, and returns what that was. That it was forgotten stays in the file.
// An error wraps ErrUnknownLog.
func (w *Witness) Forget(origin string, now time.Time) (was Log, err error) {
	err = w.commit(func(tx *bolt.Tx) (bool, error) {
		e, err := read(tx, origin)
		if err != nil {
			return false, err
		}
		if was, err = e.log(origin); err != nil || e.Note == "" && e.Fork == "" {
			return false, err // there is nothing to forget
		}
		text, err := json.Marshal(memory{origin, now.UTC(), e})
		if err != nil {
			return false, err
		}
		b := tx.Bucket(forgotten)
		n, err := b.NextSequence()
		if err != nil {
			return false, err
		}
		err = errors.Join(b.Put(binary.BigEndian.AppendUint64(nil, n), text), put(tx, origin, entry{Key: e.Key}))
		return err == nil, err
	})
	return was, err
}
