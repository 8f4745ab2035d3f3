package store

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"facegate/store/audit"
)

// rot damages the sealed rows of an open database where they lie in a file.
func rot(t *testing.T, v *vault, path, table string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, v.each(table, func(_ [16]byte, sealed []byte) error {
		rotten := bytes.Clone(sealed)
		rotten[len(rotten)-1] ^= 1
		data = bytes.ReplaceAll(data, sealed, rotten)
		return nil
	}))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(data, 0)
	must(t, errors.Join(err, f.Close()))
}

// Each case damages a database that is in use, and does what comes upon it. Nothing may fail, and nothing be lost.
func TestDamageWhileOpen(t *testing.T) {
	records := func(s *Store) error { _, err := s.Records([32]byte{}); return err }
	log := func(s *Store) error { _, err := s.Audit(); return err }
	erase := func(s *Store) error { _, err := s.Erase("person 9", 1000); return err }
	enrol := func(s *Store) error { _, err := s.Enrol(testEnrolment(10)); return err }
	first, second := 0, 1
	tests := []struct {
		name   string
		damage func(t *testing.T, s *Store) (path string)
		do     func(*Store) error
		people int
	}{
		{"record", func(t *testing.T, s *Store) string {
			rot(t, s.faces, s.faces.dbPaths()[first], recordsTable)
			return s.faces.dbPaths()[first]
		}, records, 10},
		{"entry", func(t *testing.T, s *Store) string {
			rot(t, s.journal, s.journal.dbPaths()[first], entriesTable)
			return s.journal.dbPaths()[first]
		}, log, 10},
		{"record of an erasure", func(t *testing.T, s *Store) string {
			rot(t, s.faces, s.faces.dbPaths()[first], recordsTable)
			return s.faces.dbPaths()[first]
		}, erase, 9},
		{"person of an erasure", func(t *testing.T, s *Store) string {
			rot(t, s.people, s.people.dbPaths()[first], peopleTable)
			return s.people.dbPaths()[first]
		}, erase, 9},
		{"cut, and read", func(t *testing.T, s *Store) string {
			must(t, os.Truncate(s.faces.dbPaths()[first], 4096))
			return s.faces.dbPaths()[first]
		}, records, 10},
		{"cut, and written", func(t *testing.T, s *Store) string {
			must(t, os.Truncate(s.people.dbPaths()[first], 4096))
			return s.people.dbPaths()[first]
		}, enrol, 11},
		{"cut to nothing, and written", func(t *testing.T, s *Store) string {
			must(t, os.Truncate(s.people.dbPaths()[first], 0))
			return s.people.dbPaths()[first]
		}, enrol, 11},
		{"copy cut to nothing", func(t *testing.T, s *Store) string {
			must(t, os.Truncate(s.faces.dbPaths()[second], 0))
			return s.faces.dbPaths()[second]
		}, enrol, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			for n := range 10 {
				_, err := s.Enrol(testEnrolment(n))
				must(t, err)
			}
			tt.damage(t, s)
			must(t, tt.do(s))
			must(t, s.RecordAccess(testNow())) // whatever was not mended before is now
			if m := s.Mended(); len(m) != 1 {
				t.Errorf("mended %+v", m)
			}
			for range 2 {
				people, err := s.People()
				must(t, err)
				records, err := s.Records([32]byte{})
				must(t, err)
				l, err := s.Audit()
				must(t, errors.Join(err, l.Verify(s.PublicKey())))
				noted := 0
				for _, r := range l.Records {
					if r.Entry.Kind == audit.Mended {
						noted++
					}
				}
				if len(people) != tt.people || len(records) != tt.people || noted != 1 {
					t.Errorf("%d people and %d records, want %d; %d entries of the log", len(people), len(records), tt.people, noted)
				}
				must(t, s.Close())
				s = mustOpen(t, dir)
			}
			must(t, s.Close())
		})
	}
}
