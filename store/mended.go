package store

import (
	"path/filepath"
	"slices"
	"time"

	"facegate/store/audit"
)

// A Mending says that a file was damaged and has been made anew from its copy. Nothing was lost, and the disk is not to be
// trusted.
type Mending struct {
	File  string // its name in Options.Dir or, of a keyring, in Options.KeyDir
	Fault string // what was wrong with it
	Time  time.Time
}

// Mended returns what has been mended since the store was opened, and when it was. Earlier ones are in the audit log.
func (s *Store) Mended() []Mending {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mended)
}

// faulty returns the files that are damaged and were not mended yet.
func (s *Store) faulty() (files []string) {
	for _, v := range s.vaults() {
		for _, f := range v.faults {
			files = append(files, filepath.Base(f.path))
		}
	}
	return files
}

// noteMended notes that f has been mended.
func (s *Store) noteMended(f fault) {
	m := Mending{filepath.Base(f.path), f.err.Error(), s.now().UTC()}
	s.mended = append(s.mended, m)
	s.log.Error("a file of the store was damaged and has been restored from its copy; check the disk",
		"file", m.File, "fault", m.Fault)
}

// recordMended notes in the audit log what has been mended.
func (s *Store) recordMended() error {
	n := len(s.mended) - s.noted
	if n == 0 {
		return nil
	}
	if err := s.append(s.now(), audit.Entry{Kind: audit.Mended, Actor: audit.Daemon, Count: uint32(n)}); err != nil {
		return err
	}
	s.noted += n
	return nil
}
