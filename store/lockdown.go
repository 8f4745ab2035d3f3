package store

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/store/audit"
	"facegate/store/receipt"
)

// Lockdown makes every Code unusable at once: it destroys faces.db, its keyring and the copies of both. People, consents
// and the audit log stay, so that other ways in still know who may pass. Everybody has to be captured again, after Reopen.
// The keys are destroyed even if nothing else can be written, such as to a full disk. It can be repeated then, and the
// store is ErrDamaged at the next Open if it is not.
func (s *Store) Lockdown(by audit.Actor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.lockdown(by); err != nil {
		return errors.Join(err, s.faces.destroy())
	}
	return nil
}

func (s *Store) lockdown(by audit.Actor) error {
	if err := s.ready(); err != nil {
		return err
	}
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

// renewFaces puts an empty faces.db in the place of the old, of which it needs nothing.
func (s *Store) renewFaces(i *intent) error {
	if err := s.faces.destroy(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.faces.past = i.FacesGeneration - 1
	if err := s.faces.replace(change{stamp: i.Entries[0].Seq}); err != nil {
		return err
	}
	return s.faces.settle()
}

// LockedDown reports whether nobody can be captured because of a lockdown.
func (s *Store) LockedDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Locked
}

// Reopen ends a lockdown: people can be captured again. Those who were enrolled before have no Code any more, until
// they are captured again (Recapture).
func (s *Store) Reopen(by audit.Actor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil || !s.state.Locked {
		return err
	}
	entries, err := s.number(s.now(), audit.Entry{Kind: audit.Reopened, Actor: by})
	if err != nil {
		return err
	}
	next := s.state
	next.Locked = false
	if err := s.apply(s.people.commit, next, entries, change{}); err != nil {
		return err
	}
	s.follow()
	return nil
}

// A WipedError says that a wipe was cut off and has been finished.
type WipedError struct {
	Certificate []byte            // see Wipe
	PublicKey   ed25519.PublicKey // that verifies it
}

// Error implements error.
func (*WipedError) Error() string { return "the store was wiped" }

// wipedMagic begins what stands in the place of journal.key while a store is being wiped. The certificate follows.
const wipedMagic = "facegate wiped 1\n"

// Wipe leaves nothing of the store, which cannot be used afterwards. Before that it hands keep a signed certificate (see
// package receipt), which is to be on disk somewhere else when keep returns. The device key is not the store's: destroy it
// with DestroyKeyFile, or where it is kept.
//
// The certificate takes the place of journal.key first. From then on it is done: cut off at any point, or if keep fails, it
// is finished by the next Open.
func (s *Store) Wipe(keep func(certificate []byte) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, marks := s.stamp(s.now())
	r := receipt.Receipt{
		ID: make([]byte, 16), Number: s.state.Number + 1, Kind: receipt.Wipe, KeyStore: s.class,
		Time: time.Unix(at, 0).UTC().Format(time.RFC3339), Clock: marks.String(),
		Forms: []receipt.Salted{}, Records: []receipt.Salted{},
		Erased: receipt.Counts{People: uint32(len(s.byName)), Templates: uint32(len(s.linked()))},
		Audit:  receipt.Audit{Seq: s.head.Seq, Link: s.head.Link[:]},
	}
	for _, p := range s.byName {
		if p.Consent.Guardian != "" {
			r.Erased.Guardians++
		}
	}
	if _, err := io.ReadFull(s.rand, r.ID); err != nil {
		return fmt.Errorf("store: no randomness: %w", err)
	}
	certificate, err := receipt.Sign(r, s.signer)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := replaceFile(s.journal.ringPaths()[0], append([]byte(wipedMagic), certificate...)); err != nil {
		return hint.Wrap(fmt.Errorf("store: %w", err), "lock the store down, which needs no room, and make some")
	}
	if err := keep(certificate); err != nil {
		return err
	}
	return s.wipe()
}

// wipe removes everything, and what says that a wipe is under way last.
func (s *Store) wipe() error {
	s.byName, s.names, s.ended, s.pending = nil, nil, nil, nil
	err := errors.Join(s.faces.destroy(), s.people.destroy(), s.journal.discard(), destroyFile(s.reserve.path),
		destroyAside(s.people.keyDir))
	for _, path := range tombstonePaths(s.people.keyDir) {
		err = errors.Join(err, destroyFile(path), destroyFile(path+tmpSuffix))
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := errors.Join(removeFile(s.journal.ringPaths()[0]), syncDir(s.journal.keyDir)); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// finishWipe finishes a wipe that was cut off, if there was one.
func (s *Store) finishWipe() error {
	data, err := file.ReadOwn(s.journal.ringPaths()[0], receipt.MaxSize)
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
	if _, err := receipt.Verify(certificate, s.PublicKey()); err != nil {
		return s.journal.damaged(err)
	}
	if err := s.wipe(); err != nil {
		return err
	}
	return &WipedError{certificate, s.PublicKey()}
}
