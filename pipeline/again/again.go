// Package again remembers for a while that somebody was let in, so that one pass does not let in two people, nor one passage count
// twice. It keeps no history, and cannot tell whom it knows.
//
// What it remembers are marks: keyed hashes, under a key that ends with the process, each with the moment at which it lapses. Whoever
// has all of its memory but the key learns from it how many were let in within that time, and not who.
package again

import (
	"crypto/hmac"
	"crypto/sha256"
	"maps"
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

// A mark is a keyed hash of whom, or of what was shown.
type mark [16]byte

// A Memory is what is remembered. It is not safe for concurrent use.
type Memory struct {
	key    [32]byte
	person time.Duration
	shown  time.Duration
	marks  map[mark]time.Time // until when
}

// New returns an empty Memory under a key that nobody else has. Whoever was let in is remembered for the time person, whatever they
// show; what they have shown for the time shown. Either may be 0 for not at all.
func New(key [32]byte, person, shown time.Duration) *Memory {
	return &Memory{key: key, person: person, shown: shown, marks: map[mark]time.Time{}}
}

// of returns the marks of an attempt, with how long each is remembered.
func (m *Memory) of(t attempt.Attempt) map[mark]time.Duration {
	marks := map[mark]time.Duration{}
	named := t.Person != (template.PersonID{})
	switch {
	case m.person > 0 && named:
		marks[m.mark(0, t.Person[:])] = m.person
	case m.person > 0 && t.Credential != (attempt.Credential{}): // as a visitor's pass, which names nobody
		marks[m.mark(1, t.Credential[:])] = m.person
	}
	if m.shown > 0 && (named || t.Credential != (attempt.Credential{})) {
		marks[m.mark(2+byte(t.Means), t.Person[:], t.Credential[:])] = m.shown
	}
	return marks
}

func (m *Memory) mark(kind byte, parts ...[]byte) (out mark) {
	h := hmac.New(sha256.New, m.key[:])
	h.Write([]byte{kind})
	for _, p := range parts {
		h.Write(p)
	}
	copy(out[:], h.Sum(nil))
	return out
}

// Let remembers that an attempt was let in at a moment, and forgets what has lapsed by then.
func (m *Memory) Let(t attempt.Attempt, at time.Time) {
	maps.DeleteFunc(m.marks, func(_ mark, until time.Time) bool { return !at.Before(until) })
	for k, d := range m.of(t) {
		m.marks[k] = at.Add(d)
	}
}

// Was reports whether whoever makes an attempt, or what they show, was let in so short a time ago that it is remembered at now.
func (m *Memory) Was(t attempt.Attempt, now time.Time) bool {
	for k := range m.of(t) {
		if now.Before(m.marks[k]) {
			return true
		}
	}
	return false
}
