package store

import (
	"bytes"
	"testing"

	"facegate/pipeline/template"
	"facegate/store/vault"

	"facegate/store/audit"
)

// Whoever opens one of the files, without the device key, finds nothing in it that can be read in another.
func TestNoFileLeadsToAnother(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for n := range 10 {
		_, err := s.Enrol(current(s, testEnrolment(n)))
		must(t, err)
	}
	_, err := s.Erase(ByLabel("person 3"), audit.Requested, 1000)
	must(t, err)
	p, _ := enrolBound(t, s, 20)
	readable := make(map[*vault.Vault][][]byte) // what could be looked for in another: ids
	opened := make(map[*vault.Vault][]byte)     // all that it holds for who has its key
	for v, tables := range tablesOf(s) {
		for _, table := range tables {
			must(t, v.EachValue(table, func(id [16]byte, plain []byte) error {
				if table != stateTable && table != entriesTable && table != treeTable { // which count, and identify nothing
					readable[v] = append(readable[v], bytes.Clone(id[:]))
				}
				if table == recordsTable {
					h, err := template.ReadHeader(plain)
					must(t, err)
					readable[v] = append(readable[v], h.ConsentID[:])
				}
				opened[v] = append(append(opened[v], id[:]...), plain...)
				return nil
			}))
		}
	}
	readable[s.people] = append(readable[s.people], p.Credentials[0].keyed[:])
	ids := 0
	for _, one := range s.vaults() {
		for _, other := range s.vaults() {
			for _, id := range readable[other] {
				if ids++; one != other && bytes.Contains(opened[one], id) {
					t.Errorf("%s.db, opened, holds an id of %s.db: %x", one.Name(), other.Name(), id)
				}
			}
		}
	}
	if ids < 3*30 {
		t.Errorf("only %d ids were looked for", ids)
	}
	for _, v := range []*vault.Vault{s.faces, s.journal} {
		if bytes.Contains(opened[v], []byte("person ")) {
			t.Errorf("%s.db holds a label", v.Name())
		}
	}
}
