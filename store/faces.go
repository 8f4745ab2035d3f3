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

// Off returns whether faces are off, and nil if they are not.
func (f Faces) Off() *FacesOff {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
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

// TurnOn notes that faces are looked at again.
func (f Faces) TurnOn(by audit.Actor) error {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
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
