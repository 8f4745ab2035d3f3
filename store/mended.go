package store

import (
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/vault"
)

// A Mending says that a file was damaged and has been made anew from its copy. Nothing was lost, and the disk is not to be
// trusted.
type Mending struct {
	File  string // its name in Options.Dir or, of a keyring, in Options.KeyDir
	Fault string // what was wrong with it
	Time  time.Time
}

// Mendings are what has been mended since the store was opened. They have a lock of their own, because what mends a vault may
// hold no other.
type mendings struct {
	source clock.Source
	log    *slog.Logger

	mu   sync.Mutex // guards list
	list []Mending
}

// add notes that f has been mended.
func (m *mendings) add(f vault.Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := Mending{filepath.Base(f.Path), f.Err.Error(), m.source().Wall.UTC()}
	m.list = append(m.list, one)
	m.log.Error("a file of the store was damaged and has been restored from its copy; check the disk",
		"file", one.File, "fault", one.Fault)
}

func (m *mendings) all() []Mending {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// Mended returns what has been mended since the store was opened, and when it was. Earlier ones are in the audit log.
func (l Log) Mended() []Mending { return l.s.mended.all() }

// faulty returns the files that are damaged and were not mended yet.
func (s *Store) faulty() (files []string) {
	for _, v := range s.vaults() {
		for _, f := range v.Faults() {
			files = append(files, filepath.Base(f.Path))
		}
	}
	return files
}

// recordMended notes in the audit log what has been mended.
func (s *Store) recordMended() error {
	n := len(s.mended.all()) - s.noted
	if n == 0 {
		return nil
	}
	if err := s.note(s.now(), s.state, audit.Entry{Kind: audit.Mended, Actor: audit.Daemon, Count: uint32(n)}); err != nil {
		return err
	}
	s.noted += n
	return nil
}
