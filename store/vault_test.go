package store

import (
	"bytes"
	"crypto/rand"
	"testing"

	"facegate/pipeline/template"
)

// Whoever opens one of the files, without the device key, finds nothing in it that can be read in another.
func TestNoFileLeadsToAnother(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for n := range 10 {
		_, err := s.Enrol(testEnrolment(n))
		must(t, err)
	}
	_, err := s.Erase("person 3", 1000)
	must(t, err)
	p, _ := enrolBound(t, s, 20)
	readable := make(map[*vault][][]byte) // what could be looked for in another: ids
	opened := make(map[*vault][]byte)     // all that it holds for who has its key
	for _, v := range s.vaults() {
		for _, table := range v.tables {
			must(t, v.eachValue(table.name, func(id [16]byte, plain []byte) error {
				if table.name != stateTable && table.name != entriesTable { // which count, and identify nothing
					readable[v] = append(readable[v], bytes.Clone(id[:]))
				}
				if table.name == recordsTable {
					h, err := template.ReadHeader(plain)
					must(t, err)
					readable[v] = append(readable[v], h.ConsentID[:])
				}
				opened[v] = append(append(opened[v], id[:]...), plain...)
				return nil
			}))
		}
	}
	readable[s.people] = append(readable[s.people], p.pass[:])
	ids := 0
	for _, one := range s.vaults() {
		for _, other := range s.vaults() {
			for _, id := range readable[other] {
				if ids++; one != other && bytes.Contains(opened[one], id) {
					t.Errorf("%s.db, opened, holds an id of %s.db: %x", one.name, other.name, id)
				}
			}
		}
	}
	if ids < 3*30 {
		t.Errorf("only %d ids were looked for", ids)
	}
	for _, v := range []*vault{s.faces, s.journal} {
		if bytes.Contains(opened[v], []byte("person ")) {
			t.Errorf("%s.db holds a label", v.name)
		}
	}
}

// A value that was sealed in one place opens in no other.
func TestSealedValueIsBoundToItsLabel(t *testing.T) {
	sealed, err := sealValue([32]byte{1}, rand.Reader, "here", []byte("value"))
	must(t, err)
	if plain, err := openValue([32]byte{1}, "here", sealed); err != nil || string(plain) != "value" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := openValue([32]byte{1}, "there", sealed); err == nil {
		t.Error("it opens under another label")
	}
	if _, err := openValue([32]byte{2}, "here", sealed); err == nil {
		t.Error("it opens under another key")
	}
	for n := range sealed {
		if _, err := openValue([32]byte{1}, "here", sealed[:n]); err == nil {
			t.Errorf("it opens when cut to %d bytes", n)
		}
	}
}
