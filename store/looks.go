package store

import (
	"hash/fnv"
	"io"

	"facegate/configs/text/lookalike"
)

// looks are the keys of a label by which labels are found that look like it, as numbers: so that no name stays in memory in
// yet another form when its person is erased.
type looks [2]uint64

func looksOf(label string) (l looks) {
	for i, key := range lookalike.Keys(label) {
		sum := fnv.New64a()
		io.WriteString(sum, key)
		l[i] = sum.Sum64()
	}
	return l
}

// lookalike returns somebody enrolled whose label can be taken for label.
func (s *Store) lookalike(label string) (Person, bool) {
	l := looksOf(label)
	for _, p := range s.register.byID {
		if (p.looks[0] == l[0] || p.looks[1] == l[1]) && lookalike.Alike(p.Label, label) {
			return p, true
		}
	}
	return Person{}, false
}
