package store

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/durable/durabletest"
	"facegate/store/vault"
	"facegate/store/vault/vaulttest"
)

// Each case damages a database that is in use, and does what comes upon it. Nothing may fail, and nothing be lost.
func TestDamageWhileOpen(t *testing.T) {
	records := func(s *Store) error { _, err := s.Templates().Records([32]byte{}); return err }
	log := func(s *Store) error { _, err := s.Log().Read(); return err }
	erase := func(s *Store) error { _, err := s.Erase(ByLabel("person 9"), audit.Requested, 1000); return err }
	enrol := func(s *Store) error { _, err := s.Enrol(current(s, testEnrolment(10))); return err }
	first, second := 0, 1
	tests := []struct {
		name   string
		damage func(t *testing.T, s *Store) (path string)
		do     func(*Store) error
		people int
	}{
		{"record", func(t *testing.T, s *Store) string {
			vaulttest.Rot(t, s.faces, s.faces.Databases()[first], recordsTable)
			return s.faces.Databases()[first]
		}, records, 10},
		{"entry", func(t *testing.T, s *Store) string {
			vaulttest.Rot(t, s.journal, s.journal.Databases()[first], entriesTable)
			return s.journal.Databases()[first]
		}, log, 10},
		{"record of an erasure", func(t *testing.T, s *Store) string {
			vaulttest.Rot(t, s.faces, s.faces.Databases()[first], recordsTable)
			return s.faces.Databases()[first]
		}, erase, 9},
		{"person of an erasure", func(t *testing.T, s *Store) string {
			vaulttest.Rot(t, s.people, s.people.Databases()[first], peopleTable)
			return s.people.Databases()[first]
		}, erase, 9},
		{"cut, and read", func(t *testing.T, s *Store) string {
			must(t, os.Truncate(s.faces.Databases()[first], 4096))
			return s.faces.Databases()[first]
		}, records, 10},
		{"cut, and written", func(t *testing.T, s *Store) string {
			must(t, os.Truncate(s.people.Databases()[first], 4096))
			return s.people.Databases()[first]
		}, enrol, 11},
		{"cut to nothing, and written", func(t *testing.T, s *Store) string {
			must(t, os.Truncate(s.people.Databases()[first], 0))
			return s.people.Databases()[first]
		}, enrol, 11},
		{"copy cut to nothing", func(t *testing.T, s *Store) string {
			must(t, os.Truncate(s.faces.Databases()[second], 0))
			return s.faces.Databases()[second]
		}, enrol, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			for n := range 10 {
				_, err := s.Enrol(current(s, testEnrolment(n)))
				must(t, err)
			}
			tt.damage(t, s)
			must(t, tt.do(s))
			must(t, s.Log().Access(testNow())) // whatever was not mended before is now
			if m := s.Log().Mended(); len(m) != 1 {
				t.Errorf("mended %+v", m)
			}
			for range 2 {
				people, err := s.People()
				must(t, err)
				records, err := s.Templates().Records([32]byte{})
				must(t, err)
				l, err := s.Log().Read()
				must(t, errors.Join(err, l.Verify()))
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

// halfCommit has every commit of v fail when it is on disk once, until the function that it returns is called.
func halfCommit(s *Store, v *vault.Vault) (restore func()) {
	disk := s.disk.(*durabletest.Watched)
	disk.Before = func(path string) error {
		if strings.HasPrefix(path, v.Databases()[1]) {
			return syscall.EIO
		}
		return nil
	}
	return func() { disk.Before = nil }
}

// A change that failed when it was on disk once goes with the disk that it was on. What is in memory must go with it.
func TestHalfAChangeIsTakenBack(t *testing.T) {
	for _, tt := range []struct {
		name  string
		vault func(*Store) *vault.Vault
		table string
		do    func(*Store) error // which begins in the second epoch
	}{
		{"enrolment", func(s *Store) *vault.Vault { return s.people }, consentsTable, func(s *Store) error {
			_, err := s.Enrol(current(s, testEnrolment(7)))
			return err
		}},
		{"erasure", func(s *Store) *vault.Vault { return s.people }, consentsTable, func(s *Store) error {
			_, err := s.Erase(ByLabel("person 1"), audit.Requested, 1000)
			return err
		}},
		{"entry", func(s *Store) *vault.Vault { return s.journal }, entriesTable, func(s *Store) error {
			return s.Log().Access(testNow())
		}},
		{"intent", func(s *Store) *vault.Vault { return s.journal }, entriesTable, func(s *Store) error {
			_, err := s.Erase(ByLabel("person 1"), audit.Requested, 1000)
			return err
		}},
		{"recapture", func(s *Store) *vault.Vault { return s.people }, consentsTable, func(s *Store) error {
			_, _, err := s.Recapture(current(s, testEnrolment(1)))
			return err
		}},
		{"renewal", func(s *Store) *vault.Vault { return s.people }, consentsTable, func(s *Store) error {
			_, _, err := s.Epochs().Renew(s.register.byID[s.register.byLabel["person 1"]].ID, [32]byte{}, made(s, 0, template.Code{}))
			return err
		}},
	} {
		for next, then := range map[string]func(*Store) error{
			"access": func(s *Store) error { return s.Log().Access(testNow()) },
			"enrol":  func(s *Store) error { _, err := s.Enrol(current(s, testEnrolment(8))); return err },
			"enrol whoever is gone": func(s *Store) error {
				if _, err := s.Enrol(current(s, testEnrolment(1))); !errors.Is(err, ErrExists) {
					return err
				}
				return nil
			},
			"seen": func(s *Store) error {
				for _, p := range s.register.byID {
					s.Retention().Seen(p.ID, testNow().AddDate(0, 0, 1))
				}
				must(t, s.ready())
				return s.writeSeen()
			},
			"erase":     func(s *Store) error { _, err := s.Erase(ByLabel("person 2"), audit.Requested, 1000); return err },
			"lock out":  func(s *Store) error { _, err := s.Lockouts().Attend(); return err },
			"end epoch": func(s *Store) error { _, err := s.Epochs().End(1000); return err },
		} {
			t.Run(tt.name+", then "+next, func(t *testing.T) {
				dir := t.TempDir()
				s := mustOpen(t, dir)
				for n := range 3 {
					_, err := s.Enrol(current(s, testEnrolment(n)))
					must(t, err)
				}
				must(t, s.Epochs().Begin(1000))
				v := tt.vault(s)
				restore := halfCommit(s, v)
				err := tt.do(s)
				if err == nil && tt.name != "entry" { // which is written to journal.db later
					t.Error("nothing failed")
				}
				vaulttest.Rot(t, v, v.Databases()[0], tt.table)
				restore()
				if err := then(s); err != nil {
					t.Errorf("then: %v", err)
				}
				must(t, s.Log().Access(testNow()))
				mustBeAsOnDisk(t, s, dir)
			})
		}
	}
}

// A change is not acknowledged if the disk that it was on first goes while it is being copied.
func TestNothingTakenBackIsAcknowledged(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for n := range 3 {
		_, err := s.Enrol(current(s, testEnrolment(n)))
		must(t, err)
	}
	vaulttest.Rot(t, s.people, s.people.Databases()[0], templatesTable)
	disk := s.disk.(*durabletest.Watched)
	disk.Before = func(path string) error {
		if path != s.people.Databases()[1] {
			return nil
		}
		disk.Before = nil
		return syscall.EIO
	}
	_, err := s.Enrol(current(s, testEnrolment(7)))
	people, _ := s.People()
	if (err == nil) != (len(people) == 4) {
		t.Errorf("%d people: %v", len(people), err)
	}
	must(t, s.Log().Access(testNow()))
	rows := count(t, s.people, peopleTable)
	if (err == nil) != (rows == 4) {
		t.Errorf("%d people on disk: %v", rows, err)
	}
}
