package store

import (
	"time"

	"facegate/store/audit"
)

// A FacesOff says since when, by whom and why no face is looked at. Nothing is destroyed meanwhile.
type FacesOff struct {
	Since  int64 // Unix time in seconds
	By     audit.Actor
	Reason string // may be empty
}

// Faces says whether faces are looked at. Nothing is destroyed while they are not.
type Faces struct{ s *Store }

// Faces returns the switch of all faces.
func (s *Store) Faces() Faces { return Faces{s} }

// Off returns whether faces are off, and nil if they are not. They are while the store is an older copy that was put back.
func (f Faces) Off() *FacesOff {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if o := f.s.state.Older; o != nil && f.s.state.Off == nil {
		return &FacesOff{Since: o.Since, By: audit.Daemon, Reason: ErrOlder.Error()}
	}
	return f.s.state.Off
}

// TurnOff notes that no face is to be looked at until TurnFacesOn, over restarts too. Faces that are off stay off since
// when they were.
func (f Faces) TurnOff(reason string, by audit.Actor) error {
	if err := ReasonLine.Check(reason); err != nil {
		return err
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	now := f.s.now()
	return f.s.turnFaces(now, &FacesOff{now.Unix(), by, reason}, audit.Entry{Kind: audit.FacesOff, Actor: by})
}

// TurnOn notes that faces are looked at again. It refuses with ErrOlder while the store is an older copy that was put back.
func (f Faces) TurnOn(by audit.Actor) error {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if err := f.s.notOlder(); err != nil {
		return err
	}
	return f.s.turnFaces(f.s.now(), nil, audit.Entry{Kind: audit.FacesOn, Actor: by})
}

// turnFaces notes that faces are off or, for nil, on. s.mu must be held.
func (s *Store) turnFaces(now time.Time, off *FacesOff, e audit.Entry) error {
	if err := s.ready(); err != nil {
		return err
	}
	if (s.state.Off == nil) == (off == nil) {
		return nil
	}
	next := s.state
	next.Off = off
	return s.note(now, next, e)
}
