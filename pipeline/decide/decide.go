// Package decide turns the matches of single frames into one decision: to open, for whom, once.
//
// It knows people only by the random identifiers of the store. It keeps one of them only as long as it must not open again
// for that person.
package decide

import (
	"slices"
	"time"

	"facegate/pipeline/template"
	"facegate/pipeline/track"
)

// A Person is the store's random identifier of an enrolled person.
type Person = template.PersonID

// A Judge is how the frames are weighed that name one person.
type Judge uint8

// The ways of weighing frames.
const (
	// Mean asks that the newest Rules.Agree frames of a track suffice together: all name one person, and on the mean they score
	// as much as is asked of each. What one of them lacks another may give, but none may lack more than slack.
	Mean Judge = iota

	// Every asks that so many frames suffice each by itself. Others may stand between them.
	Every
)

// Rules say how much evidence a decision needs.
type Rules struct {
	Judge  Judge
	Agree  int           // frames of one track that must name the same person
	Window time.Duration // within this time, and no frame within it that suffices by itself may name somebody else
	Rearm  time.Duration // how long a person must be gone before the door opens for them again
	Margin float64       // by how much the best match must exceed that of any other person, cosine
}

// A Match is what one frame of a track says. It must not leave the process.
type Match struct {
	Track  track.ID
	Time   time.Time // of the frame
	Person Person    // the best match
	Score  float64   // its estimated cosine
	Second float64   // the best estimated cosine of any other person, -1 if there is none

	Threshold float64 // from which Score counts, with Raise in it
	Raise     float64 // how much of Threshold is for a crowd around the face, 0 or more

	Half bool // the face of Person lets nobody in alone: what would is Alike
}

// A Verdict is what a frame changes.
type Verdict uint8

// The verdicts on a track.
const (
	Undecided Verdict = iota // more frames are needed
	Grant                    // open now; said once
	Lingering                // the person was let in, or just enrolled, and has not left since
	Unknown                  // nobody enrolled: the track is left alone for a while

	// Alike is Unknown, of a face that would have been let in without Match.Raise, Match.Half and Rules.Margin: it is near to the
	// person, and to others, or opens nothing alone. It is neither a grant nor a failure, and is said when Unknown would be.
	Alike
)

func (v Verdict) String() string {
	return [...]string{"undecided", "grant", "lingering", "unknown", "alike"}[v]
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

// slack is how far below its threshold a frame may score, and still be one of those that are judged together. Who scores less is
// as unlike the person as anybody, and may have stepped into their place. Docs/lookalikes.md says what it costs.
const slack = 0.2

// A Decider holds the evidence of the tracks in view. For each frame comes See, then Observe for what was matched in
// it. It is not safe for concurrent use.
type Decider struct {
	rules  Rules
	tracks map[track.ID]*evidence
	inside map[Person]time.Time // people let in or just enrolled, and when they were last seen
}

type evidence struct {
	frames    []Match   // within Rules.Window, the newest last
	misses    int       // frames in a row that did not suffice
	admitted  *Person   // nil until the track's person has been let in
	confirmed time.Time // when a frame last said that it is that person
	granted   *Person   // admitted, even if the door did not open then
	near      *Person   // whom it was nearly taken for since, and has not been asked about
	alike     *Person   // to whom it was alike since
	likened   time.Time // when a frame last said so
	spared    *Person   // of whom it was said last that it is alike to them
	presumed  bool      // whoever it is was just enrolled, as far as can be told
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

// Observe weighs one match, with those that came before. By itself a frame suffices if its score reaches the threshold and
// exceeds the second by the margin.
func (d *Decider) Observe(m Match) Verdict {
	e := d.evidence(m.Track)
	e.add(m, d.rules.Window)
	person := m.Person
	suffices := d.rules.asked(m).met() && !m.Half
	spared := e.spared != nil && *e.spared == person && d.rules.askedAnywhere(m).met()
	if m.Score >= m.Threshold-nearMiss && !spared && e.tries(person, suffices) {
		e.near = &person
	}
	_, again := d.inside[person]
	again = again || e.presumed
	// One frame is enough to keep the door shut for somebody known to stand there.
	stays := suffices && again && e.admitted != nil && *e.admitted == person
	switch {
	case stays || !m.Half && d.rules.suffice(e.frames, d.rules.asked):
		d.inside[person] = m.Time
		e.admitted, e.confirmed, e.granted, e.misses = &person, m.Time, &person, 0
		e.near, e.alike = nil, nil
		if again {
			return Lingering
		}
		return Grant
	case e.admitted == nil && d.rules.suffice(e.frames, d.rules.askedAnywhere):
		e.alike, e.likened, e.near = &person, m.Time, nil
	}
	if suffices {
		e.misses = 0
		return Undecided
	}
	return e.miss(m.Time.Add(-d.rules.Window))
}

// evidence returns what is known of a track, and begins to know it.
func (d *Decider) evidence(id track.ID) *evidence {
	e := d.tracks[id]
	if e == nil {
		e = &evidence{}
		d.tracks[id] = e
	}
	return e
}

// Admit has a person count as one who was let in at now and has not left, without a grant. Their face is that of a track. So whoever was
// just enrolled opens no door before they have been gone for Rules.Rearm.
func (d *Decider) Admit(p Person, id track.ID, now time.Time) {
	e := d.evidence(id)
	e.clear()
	e.admitted, e.confirmed, e.granted, e.misses = &p, now, &p, 0
	e.near, e.alike = nil, nil
	d.inside[p] = now
}

// Presume is Admit of whoever a track turns out to be, if anybody.
func (d *Decider) Presume(id track.ID) { d.evidence(id).presumed = true }

// Inside reports whether a person counts at now as one who was let in and has not left.
func (d *Decider) Inside(p Person, now time.Time) bool {
	seen, ok := d.inside[p]
	return ok && now.Sub(seen) <= d.rules.Rearm
}

// Revoke takes back that a person was let in: the door did not open for them, and may be asked again.
func (d *Decider) Revoke(p Person) {
	delete(d.inside, p)
	for _, e := range d.tracks {
		if e.admitted != nil && *e.admitted == p {
			e.admitted = nil
			e.clear()
		}
	}
}

// Rematch forgets what frames have said of whose faces they show, because faces are compared with others from now on. Who was let
// in, and whom a track was nearly taken for, is remembered.
func (d *Decider) Rematch() {
	for _, e := range d.tracks {
		e.clear()
		e.misses = 0
	}
}

// TakeAlike returns to whom the track was alike, and was not judged to be, and forgets it.
func (d *Decider) TakeAlike(id track.ID) (p Person, ok bool) {
	e := d.tracks[id]
	if e == nil || e.alike == nil {
		return p, false
	}
	p, e.alike = *e.alike, nil
	return p, true
}

// TakeLately is TakeAlike of a track that has ended by now, and was alike to somebody until just before.
func (d *Decider) TakeLately(id track.ID, now time.Time) (p Person, ok bool) {
	if e := d.tracks[id]; e == nil || now.Sub(e.likened) > d.rules.Window {
		return p, false
	}
	return d.TakeAlike(id)
}

// Decided reports whether the track's person has been let in, and confirmed so lately that this frame of it, taken at
// now, needs no match.
func (d *Decider) Decided(id track.ID, now time.Time) bool {
	e := d.tracks[id]
	return e != nil && e.admitted != nil && now.Sub(e.confirmed) <= recheck
}

// Forget drops the evidence of a track that has ended.
func (d *Decider) Forget(id track.ID) {
	if e := d.tracks[id]; e != nil {
		e.clear()
	}
	delete(d.tracks, id)
}

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

// miss takes note of a frame that did not suffice. A likeness counts that was seen since.
func (e *evidence) miss(since time.Time) Verdict {
	e.misses++
	if e.misses < patience {
		return Undecided
	}
	e.misses, e.admitted, e.granted = 0, nil, nil
	if e.alike == nil || e.likened.Before(since) {
		e.alike = nil
		return Unknown
	}
	e.spared, e.near = e.alike, nil
	return Alike
}

// add appends a frame, and overwrites those that are older than the window.
func (e *evidence) add(m Match, window time.Duration) {
	since := m.Time.Add(-window)
	e.frames = append(slices.DeleteFunc(e.frames, func(old Match) bool { return old.Time.Before(since) }), m)
}

// clear overwrites the frames.
func (e *evidence) clear() {
	clear(e.frames)
	e.frames = e.frames[:0]
}
