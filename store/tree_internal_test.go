package store

import (
	"errors"
	"slices"
	"testing"

	"facegate/store/audit"
	"facegate/store/vault"
)

// Whoever has all keys and changes one row of the tree, or leaves one out, is found by the rest of it.
func TestEveryLeafCounts(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for n := range 6 {
		_, err := s.Enrol(current(s, testEnrolment(n)))
		must(t, err)
	}
	_, err := s.Erase(ByLabel("person 3"), audit.Requested, 1000)
	must(t, err)
	found := func(what string, n int, changed vault.Change) {
		t.Helper()
		was, err := s.journal.GetValue(leafRow(int64(n)))
		must(t, err)
		must(t, s.journal.Commit(changed))
		l, err := s.Log().Read()
		must(t, err)
		if l.Verify() == nil {
			t.Errorf("leaf %d: %s, and nothing is found", n, what)
		}
		must(t, s.journal.Commit(vault.Change{Puts: []vault.Put{s.journal.Value(leafRow(int64(n)), was)}}))
	}
	l, err := s.Log().Read()
	must(t, errors.Join(err, l.Verify()))
	for n, leaf := range l.Leaves {
		put := func(l audit.Leaf) vault.Change {
			return vault.Change{Puts: []vault.Put{s.journal.Value(leafRow(int64(n)), l.Append(nil))}}
		}
		found("removed", n, vault.Change{Dels: []vault.Row{leafRow(int64(n))}})
		found("of another entry", n, put(audit.Leaf{Seq: leaf.Seq + 1, Hashes: leaf.Hashes}))
		for i := range leaf.Hashes {
			edited := slices.Clone(leaf.Hashes)
			edited[i][7] ^= 1
			found("edited", n, put(audit.Leaf{Seq: leaf.Seq, Hashes: edited}))
		}
	}
	l, err = s.Log().Read()
	must(t, errors.Join(err, l.Verify()))
}
