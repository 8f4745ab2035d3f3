package mqttwatch

import (
	"fmt"
	"slices"

	"facegate/pipeline/publish"
)

// A number is the place of a message among those of its store.
type number struct {
	store string
	seq   uint64
}

// numberOf returns the number of a message, if it has one.
func numberOf(v any) (n number, ok bool) {
	switch m := v.(type) {
	case publish.Event:
		return number{m.Store, m.Seq}, true
	case publish.Alarm:
		return number{m.Store, m.Seq}, true
	}
	return number{}, false
}

// A span are numbers that were passed over.
type span struct{ from, to uint64 }

// A sequence is what was heard of the numbers of one topic.
type sequence struct {
	first, last number
	missing     []span // between them, in their order
}

// next holds a number against those before it. It says how many are missing before it, and whether it was heard before, with a note
// for a reader; "" where it is the one that was to come.
func (s *sequence) next(n number) (missing uint64, again bool, note string) {
	switch {
	case s.last.seq == 0:
		s.first, s.last = n, n
		return 0, false, ""
	case n.store != s.last.store:
		*s = sequence{first: n, last: n}
		return 0, false, "the records of the gate have begun anew: the numbers are those of another store"
	case n.seq == s.last.seq+1:
		s.last = n
		return 0, false, ""
	case n.seq > s.last.seq:
		gap := span{s.last.seq + 1, n.seq - 1}
		s.missing, s.last = append(s.missing, gap), n
		missing = gap.to - gap.from + 1
		return missing, false, fmt.Sprintf("%d are missing before it: seq %d to %d", missing, gap.from, gap.to)
	case s.fill(n.seq):
		return 0, false, fmt.Sprintf("seq %d was missing: it comes out of its order", n.seq)
	case n.seq < s.first.seq:
		return 0, false, "it is older than the first that was heard"
	}
	return 0, true, fmt.Sprintf("seq %d was heard before: it is told again", n.seq)
}

// misses reports whether a number should have come before.
func (s *sequence) misses(n number) bool { return n.store == s.last.store && s.gap(n.seq) >= 0 }

// gap returns which span of what is missing has a number, -1 for none.
func (s *sequence) gap(seq uint64) int {
	return slices.IndexFunc(s.missing, func(m span) bool { return m.from <= seq && seq <= m.to })
}

// fill reports whether a number was missing, and is not any more.
func (s *sequence) fill(seq uint64) bool {
	i := s.gap(seq)
	if i < 0 {
		return false
	}
	gap := s.missing[i]
	var rest []span
	for _, part := range []span{{gap.from, seq - 1}, {seq + 1, gap.to}} {
		if part.from <= part.to {
			rest = append(rest, part)
		}
	}
	s.missing = slices.Replace(s.missing, i, i+1, rest...)
	return true
}
