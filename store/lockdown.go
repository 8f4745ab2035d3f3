package store

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/store/anchor"
	"facegate/store/audit"
	"facegate/store/durable"
	"facegate/store/receipt"
	"facegate/store/vault"
)

// A LockdownError says that every Code is destroyed, and that this could not be written down. It is as soon as the store can
// be written to, and the next Open knows of it.
type LockdownError struct{ Err error }

// Error implements error.
func (e *LockdownError) Error() string {
	return "every template is destroyed, and the records do not say so yet: " + e.Err.Error()
}

// Unwrap returns why it could not be written down.
func (e *LockdownError) Unwrap() error { return e.Err }

// Lockdown destroys the templates of everybody at once.
type Lockdown struct{ s *Store }

// Lockdown returns the lock-down of the store, which may be in force or not.
func (s *Store) Lockdown() Lockdown { return Lockdown{s} }

// Begin makes every Code unusable at once: it destroys faces.db, its keyring and the copies of both. People, consents,
// credentials and the audit log stay, so that other ways in work on. Whoever gives their face has to be captured again, after
// End.
// The keys are destroyed even if nothing else can be written, such as to a full disk: that is a LockdownError.
func (l Lockdown) Begin(by audit.Actor) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	before := l.s.templatesGone()
	err := l.s.ready()
	if err == nil && before {
		return nil // it was this that was left to be written down
	}
	if err == nil {
		err = l.s.destroyTemplates(by)
	}
	if err == nil {
		return nil
	}
	l.s.lockedBy = by
	if failed := destroyMarked(l.s.disk, l.s.faces, l.s.now()); failed != nil {
		return errors.Join(err, failed)
	}
	return hint.Wrap(&LockdownError{err}, "make room on the disk, or mend it: it is then written down by itself")
}

// destroyTemplates writes down that every Code is going to be destroyed, and does it, in a store that is ready.
func (s *Store) destroyTemplates(by audit.Actor) error {
	i := &intent{Kind: lockdownIntent, Number: s.state.Number + 1}
	if err := s.generations(i); err != nil {
		return err
	}
	var err error
	if i.Entries, err = s.number(s.now(), audit.Entry{
		Kind: audit.LockedDown, Actor: by, Count: uint32(len(s.linked())),
	}); err != nil {
		return err
	}
	return s.carryOut(i)
}

// lockedMagic begins what stands in the place of faces.key when the Codes were destroyed and nothing else could be written. A
// lockedMark follows, as JSON.
const lockedMagic = "facegate locked down 1\n"

// A lockedMark says when the Codes were destroyed. Who did it is not to be believed of a file that is not sealed, and there may
// be no key to seal it.
type lockedMark struct {
	Asked int64  // Unix time in seconds; 0 if that is not known
	Past  uint64 // the generation of faces.db; 0 likewise
}

// lockedFlag is the name, after that of the vault, of an empty file that is there where the mark could not be written.
const lockedFlag = ".locked-down"

// destroyMarked destroys a vault, and leaves a mark in the place of its keyring, in the room that it has.
func destroyMarked(disk durable.Disk, v *vault.Vault, now time.Time) error {
	generation, err := v.Generation()
	if err != nil {
		generation = 0
	}
	mark, err := json.Marshal(lockedMark{now.Unix(), generation})
	if err != nil {
		return err
	}
	left, err := v.DestroyLeaving(append([]byte(lockedMagic), mark...))
	if !left {
		err = errors.Join(err, durable.Mark(disk, flagPath(v)))
	}
	return err
}

func flagPath(v *vault.Vault) string { return filepath.Join(v.KeyDir(), v.Name()+lockedFlag) }

// markIn returns the mark of destroyMarked, if there is one. One that cannot be read to the end is one.
func markIn(v *vault.Vault) (mark lockedMark, ok bool) {
	if _, err := os.Lstat(flagPath(v)); err == nil {
		return lockedMark{}, true
	}
	data, err := file.ReadOwn(v.Keyrings()[0], markSize)
	if err != nil {
		return lockedMark{}, false
	}
	text, ok := bytes.CutPrefix(data, []byte(lockedMagic))
	if err := json.Unmarshal(bytes.TrimRight(text, "\x00"), &mark); err != nil {
		return lockedMark{}, ok
	}
	return mark, ok
}

// markSize is more than a mark takes.
const markSize = 4096

// takeLockdown finds the Codes destroyed by a lockdown that could not be written down, and what it has left of them.
func (s *Store) takeLockdown(mark lockedMark) {
	s.log.Warn("every template was destroyed, and the records do not say so yet", "at", time.Unix(mark.Asked, 0).UTC())
	s.lockedBy = audit.Daemon
	if err := s.faces.Lost(mark.Past); err != nil {
		s.log.Error("something is left of the templates", "err", err)
	}
}

// renewFaces is the step of a lockdown in faces.db: an empty one takes the place of the old, of which nothing is needed.
func (s *Store) renewFaces(i *intent) error {
	if err := errors.Join(s.faces.Destroy(), durable.Remove(flagPath(s.faces))); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := s.faces.Make(i.FacesGeneration, vault.Change{Stamp: i.Entries[0].Seq}); err != nil {
		return err
	}
	return s.faces.Settle()
}

// InForce reports whether nobody can be captured because of a lockdown.
func (l Lockdown) InForce() bool {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.s.lockedDown()
}

func (s *Store) lockedDown() bool {
	return s.state.Locked || s.templatesGone() || s.pending.isLockdown()
}

// End ends a lockdown: people can be captured again. Those who were enrolled before have no Code any more, until
// they are captured again (Recapture).
func (l Lockdown) End(by audit.Actor) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if err := l.s.ready(); err != nil || !l.s.state.Locked {
		return err
	}
	next := l.s.state
	next.Locked = false
	return l.s.note(l.s.now(), next, audit.Entry{Kind: audit.Reopened, Actor: by})
}

// A WipedError says that a wipe was cut off and has been finished, but for an Unkept certificate.
type WipedError struct {
	Certificate []byte            // see Wipe
	PublicKey   ed25519.PublicKey // that verifies it
	Unkept      error             // of Options.Wiped: the certificate is where it was, and the next Open goes on
}

// Error implements error.
func (e *WipedError) Error() string {
	if e.Unkept != nil {
		return "the certificate of the wipe is not kept yet: " + e.Unkept.Error()
	}
	return "the store was wiped"
}

// Unwrap returns why the certificate was not kept.
func (e *WipedError) Unwrap() error { return e.Unkept }

// wipedMagic begins what stands in the place of journal.key while a store is being wiped. The certificate follows, if there is
// one.
const wipedMagic = "facegate wiped 1\n"

// Wipe leaves nothing of the store, which cannot be used afterwards. Before that it hands keep a signed certificate (see
// package receipt), which is to be on disk somewhere else when keep returns. The device key is not the store's: destroy it
// with DestroyKeyFile, or where it is kept.
//
// The certificate takes the place of journal.key first, in the room that that has. From then on it is done: cut off at any
// point, or if keep fails, it is finished by the next Open. Where it cannot be written, whatever can be destroyed is, and
// keep gets the certificate if that was all.
func (s *Store) Wipe(keep func(certificate []byte) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := receipt.Receipt{
		Number: s.state.Number + 1, Kind: receipt.Wipe, Time: s.now().UTC().Format(time.RFC3339), KeyStore: s.class,
		Erased: receipt.Counts{Templates: uint32(len(s.linked()))},
		Audit:  inLog(s.tree),
	}
	for _, p := range s.register.byID {
		tally(&r.Erased, p, audit.Requested)
	}
	certificate, err := certify(r, s.rand, s.signer)
	if err != nil {
		return err
	}
	s.register.empty()
	s.ended, s.pending, s.owed = nil, nil, nil
	return s.remains().destroyCertified(certificate, keep)
}

// certify signs r, the certificate of a wipe.
func certify(r receipt.Receipt, rand io.Reader, key ed25519.PrivateKey) ([]byte, error) {
	r.ID, r.Forms, r.Records = make([]byte, 16), []receipt.Salted{}, []receipt.Salted{}
	if _, err := io.ReadFull(rand, r.ID); err != nil {
		return nil, fmt.Errorf("store: no randomness: %w", err)
	}
	certificate, err := receipt.Sign(r, key)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return certificate, nil
}

// Remains are all that there is of a store.
type remains struct {
	disk    durable.Disk
	vaults  []*vault.Vault // people, faces and journal
	reserve string         // its path
	places  []anchor.Place
}

func (s *Store) remains() remains { return remains{s.disk, s.vaults(), s.reserve.path, s.places()} }

// destroyCertified does what Wipe promises. A certificate of nil is none, and is not kept.
func (r remains) destroyCertified(certificate []byte, keep func([]byte) error) error {
	if certificate == nil {
		keep = func([]byte) error { return nil }
	}
	mark := r.vaults[len(r.vaults)-1].Supplant(append([]byte(wipedMagic), certificate...))
	if mark == nil {
		if err := keep(certificate); err != nil {
			return err
		}
		return r.destroy()
	}
	if err := r.destroy(); err != nil {
		return errors.Join(fmt.Errorf("store: %w", mark), err)
	}
	return keep(certificate)
}

// destroy removes everything, the keys first, and what says that a wipe is under way last.
func (r remains) destroy() error {
	journal := r.vaults[len(r.vaults)-1]
	var err error
	for _, v := range r.vaults[:len(r.vaults)-1] {
		err = errors.Join(err, v.Destroy(), durable.Remove(flagPath(v)))
	}
	for _, place := range r.places {
		err = errors.Join(err, place.Forget())
	}
	if err = errors.Join(err, journal.Discard(), durable.Destroy(r.disk, r.reserve), destroyAside(r.disk, journal.KeyDir())); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := errors.Join(durable.Destroy(r.disk, journal.Keyrings()[0]), r.disk.SyncDir(journal.KeyDir()), r.disk.SyncDir(journal.Dir())); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// errUncertified means that a wipe was cut off that did not have the device key. Anybody could have written that.
var errUncertified = errors.New("it was being wiped, without the device key")

// finishWipe finishes a wipe that was cut off, if there was one.
func (s *Store) finishWipe() error {
	data, err := file.ReadOwn(s.journal.Keyrings()[0], receipt.MaxSize)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, file.ErrKind) || errors.Is(err, file.ErrSize) {
		return nil // loadRing finds what is wrong with it
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	certificate, ok := bytes.CutPrefix(data, []byte(wipedMagic))
	if !ok {
		return nil
	}
	if len(certificate) == 0 {
		return hint.Wrap(s.journal.Damaged(errUncertified), "wipe it again: facegate wipe")
	}
	if _, err := receipt.Verify(certificate, s.publicKey()); err != nil {
		return s.journal.Damaged(err)
	}
	wiped := &WipedError{Certificate: certificate, PublicKey: s.publicKey()}
	if s.wiped != nil {
		if wiped.Unkept = s.wiped(certificate); wiped.Unkept != nil {
			return wiped
		}
	}
	if err := s.remains().destroy(); err != nil {
		return err
	}
	return wiped
}
