// Package decide turns the matches of single frames into one decision: to open, for whom, once.
//
// It knows people only by the random identifiers of the store. It keeps one of them only as long as it must not open again
// for that person.
package decide

import (
	"time"

	"facegate/pipeline/template"
	"facegate/pipeline/track"
)

// A Person is the store's random identifier of an enrolled person.
type Person = template.PersonID

// Rules say how much evidence a decision needs.
type Rules struct {
	Agree  int           // frames of one track that must name the same person
	Window time.Duration // within this time, and no frame within it may name somebody else
	Rearm  time.Duration // how long a person must be gone before the door opens for them again
	Margin float64       // by how much the best match must exceed that of any other person, cosine
}

// A Match is what one frame of a track says.
type Match struct {
	Track  track.ID
	Time   time.Time // of the frame
	Person Person    // the best match
	Score  float64   // its estimated cosine
	Second float64   // the best estimated cosine of any other person, -1 if there is none
}

// A Verdict is what a frame changes.
type Verdict uint8

// The verdicts on a track.
const (
	Undecided Verdict = iota // more frames are needed
	Grant                    // open now; said once
	Lingering                // the person was let in and has not left since
	Unknown                  // nobody enrolled: the track is left alone for a while
)

func (v Verdict) String() string {
	return [...]string{"undecided", "grant", "lingering", "unknown"}[v]
}

// patience is the number of frames in a row without a match after which a track is Unknown.
const patience = 10

// recheck is how long a track counts as that of the person let in. Then a frame must say so again, because somebody else may
// have stepped into its place.
const recheck = time.Second

// nearMiss is how far below the threshold a score still says that somebody tries to be taken for a person. Strangers who pass
// by try nothing and must not count: on the calibration of docs/accuracy.md fewer than 1 in 100 of them come so near to one of
// 50 people. Whoever climbs towards a match by changing what they show has to come so near.
const nearMiss = 0.05

// A Decider holds the evidence of the tracks in view. For each frame comes See, then Observe for what was matched in
// it. It is not safe for concurrent use.
type Decider struct {
	rules  Rules
	tracks map[track.ID]*evidence
	inside map[Person]time.Time // people let in, and when they were last seen
}

type evidence struct {
	votes     []vote
	misses    int       // since the last vote
	admitted  *Person   // nil until the track's person has been let in
	confirmed time.Time // when a frame last said that it is that person
	granted   *Person   // admitted, even if the door did not open then
	near      *Person   // whom it was nearly taken for since, and has not been asked about
}

type vote struct {
	at     time.Time
	person Person
}

// New returns a Decider without evidence.
func New(rules Rules) *Decider {
	return &Decider{rules: rules, tracks: map[track.ID]*evidence{}, inside: map[Person]time.Time{}}
}

// See takes note of the tracks that are before the door in the frame of now. A person who was let in stays while their track
// is there, whether their face is recognised or turned away. A person who has been gone for Rules.Rearm is forgotten.
func (d *Decider) See(now time.Time, tracks []*track.Track) {
	for p, seen := range d.inside {
		if now.Sub(seen) > d.rules.Rearm {
			delete(d.inside, p)
		}
	}
	for _, tr := range tracks {
		e := d.tracks[tr.ID]
		if e == nil || e.admitted == nil {
			continue
		}
		if _, ok := d.inside[*e.admitted]; ok {
			d.inside[*e.admitted] = now
		}
	}
}

// Observe weighs one match. It is a vote for its person if the score reaches threshold and exceeds the second by the
// margin, and a miss otherwise.
func (d *Decider) Observe(m Match, threshold float64) Verdict {
	e := d.tracks[m.Track]
	if e == nil {
		e = &evidence{}
		d.tracks[m.Track] = e
	}
	e.votes = recent(e.votes, m.Time.Add(-d.rules.Window))
	match := m.Score >= threshold && m.Score-m.Second >= d.rules.Margin
	if m.Score >= threshold-nearMiss && e.tries(m.Person, match) {
		e.near = &m.Person
	}
	if !match {
		return e.miss()
	}
	e.misses = 0
	e.votes = append(e.votes, vote{m.Time, m.Person})
	_, again := d.inside[m.Person]
	// One frame is enough to keep the door shut for somebody known to stand there.
	stays := again && e.admitted != nil && *e.admitted == m.Person
	if !stays && !e.unanimous(d.rules.Agree) {
		return Undecided
	}
	d.inside[m.Person] = m.Time
	e.admitted, e.confirmed, e.near = &m.Person, m.Time, nil
	e.granted = e.admitted
	if again {
		return Lingering
	}
	return Grant
}

// Revoke takes back that a person was let in: the door did not open for them, and may be asked again.
func (d *Decider) Revoke(p Person) {
	delete(d.inside, p)
	for _, e := range d.tracks {
		if e.admitted != nil && *e.admitted == p {
			e.admitted, e.votes = nil, nil
		}
	}
}

// Decided reports whether the track's person has been let in, and confirmed so lately that this frame of it, taken at
// now, needs no match.
func (d *Decider) Decided(id track.ID, now time.Time) bool {
	e := d.tracks[id]
	return e != nil && e.admitted != nil && now.Sub(e.confirmed) <= recheck
}

// Forget drops the evidence of a track that has ended.
func (d *Decider) Forget(id track.ID) { delete(d.tracks, id) }

// TakeNear returns whom the track was nearly taken for, and was not, and forgets it: each try counts once.
func (d *Decider) TakeNear(id track.ID) (p Person, ok bool) {
	e := d.tracks[id]
	if e == nil || e.near == nil {
		return p, false
	}
	p, e.near = *e.near, nil
	return p, true
}

// tries reports whether a frame that comes near to a person, or is a match, may be of somebody who tries to be taken for that
// person. Whoever was let in tries nothing. Whoever was granted, and for whom the door did not open, tries nothing either.
func (e *evidence) tries(p Person, match bool) bool {
	return e.admitted == nil && !(match && e.granted != nil && *e.granted == p)
}

func (e *evidence) miss() Verdict {
	e.misses++
	if e.misses < patience {
		return Undecided
	}
	e.misses, e.admitted, e.granted = 0, nil, nil
	return Unknown
}

func recent(votes []vote, since time.Time) []vote {
	for len(votes) > 0 && votes[0].at.Before(since) {
		votes = votes[1:]
	}
	return votes
}

// unanimous reports whether there are at least agree votes, all for one person.
func (e *evidence) unanimous(agree int) bool {
	for _, v := range e.votes {
		if v.person != e.votes[0].person {
			return false
		}
	}
	return len(e.votes) >= agree
}
