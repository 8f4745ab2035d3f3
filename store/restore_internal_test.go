package store

import (
	"os"
	"testing"

	"facegate/store/audit"
)

// TestRestoreOwed brings back nobody whose erasure was asked for and found no room before the databases were damaged.
func TestRestoreOwed(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	var people []Person
	for n := range 3 {
		p, err := s.Enrol(current(s, testEnrolment(n)))
		must(t, err)
		people = append(people, p)
	}
	b, err := s.Backup(audit.Daemon)
	must(t, err)
	s.owed = []mark{s.markOf(people[1], audit.Withdrawn, audit.Daemon)}
	if !s.saveOwed() {
		t.Fatal("there is no reserve")
	}
	if without, err := s.Backup(audit.Daemon); err != nil || without.People != 2 {
		t.Errorf("a backup of %d people, %v", without.People, err)
	}
	must(t, s.Close())
	for _, path := range s.people.Databases() {
		must(t, os.Truncate(path, 0))
	}
	r, err := Restore(testOptions(dir), b.Data, Proof{Replace: true}, audit.Daemon)
	if err != nil || r.People != 2 || r.Erased != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	s = mustOpen(t, dir)
	defer s.Close()
	if _, err := s.known(people[1].Label); err == nil {
		t.Error("who is owed an erasure is back")
	}
}
