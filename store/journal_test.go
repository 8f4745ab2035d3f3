package store

import (
	"errors"
	"os"
	"testing"

	"facegate/store/audit"
)

// journal.db alone, put back to before an erasure, lockdown or end of an epoch, lacks what was to be in it.
func TestJournalFromBeforeAnIntent(t *testing.T) {
	for name, do := range map[string]func(*Store) error{
		"erasure":  func(s *Store) error { _, err := s.Erase(ByLabel("person 1"), audit.Requested, 1000); return err },
		"lockdown": func(s *Store) error { return s.Lockdown().Begin(1000) },
		"epoch": func(s *Store) error {
			_, err := s.Epochs().End(1000)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			for n := range 3 {
				_, err := s.Enrol(current(s, testEnrolment(n)))
				must(t, err)
			}
			must(t, s.Epochs().Begin(1000))
			must(t, s.Close())
			paths := s.journal.Databases()
			old, err := os.ReadFile(paths[0])
			must(t, err)
			s = mustOpen(t, dir)
			must(t, do(s))
			must(t, s.Close())
			for _, path := range paths {
				must(t, os.WriteFile(path, old, 0o600))
			}
			if s, err := testOpen(t, dir); !errors.Is(err, ErrDamaged) {
				receipts, _ := s.Receipts().All()
				t.Errorf("opened with %d receipts: %v", len(receipts), err)
				s.Close()
			}
		})
	}
}
