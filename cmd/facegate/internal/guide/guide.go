// Package guide says what whoever stands at the door is to do next. It is told what frames come to, what is answered to whoever
// asks for the door, and what of the gate works. It has no clock: time comes with the calls.
//
// It is for screens and sounds, which must not be asked like an oracle. So it says the same of whoever is refused, for whatever
// reason: unknown, not enrolled, a print, locked out, expired. Of a face that is not let in it does not look at the finding at all:
// it says so once the face has been there for long enough, whatever was found.
package guide

import (
	"time"

	"facegate/pipeline/challenge"
)

// A Step is what somebody is to do, or to know. It names nobody.
type Step string

// The steps.
const (
	Idle       Step = "idle"        // nobody is there
	Notice     Step = "notice"      // nor has been for a while: who comes next learns first what faces are looked at for
	ComeCloser Step = "come-closer" // a face is too far away
	HoldStill  Step = "hold-still"  // a face is being looked at, or cannot be because it moves
	LookAhead  Step = "look-ahead"  // whoever is asked to turn the head is to look there
	LookLeft   Step = "look-left"
	LookRight  Step = "look-right"
	ShowPass   Step = "show-pass"
	ShowFace   Step = "show-face" // a pass, a card or a number was good, and a face is to follow
	EnterPIN   Step = "enter-pin"
	Granted    Step = "granted"
	Enrolled   Step = "enrolled"     // whoever was just enrolled is to go away once, before the door opens for them
	TryCard    Step = "try-card"     // use another way in
	Wait       Step = "wait"         // somebody else is passing, here or at the other door of two, or still stands there
	Shut       Step = "shut"         // the door is shut to all at this time
	OutOfOrder Step = "out-of-order" // nobody is let in by the gate
)

// The steps that are said besides to whoever is being enrolled, who has nowhere else to go and takes time for it.
const (
	StepIn     Step = "step-in" // nobody is there
	FaceCamera Step = "face-camera"
	HeadUp     Step = "head-up"
	FaceLight  Step = "face-light"
	LessLight  Step = "less-light"
	Uncover    Step = "uncover"
	OneOnly    Step = "one-only"
)

// Word returns the key under which package words has what is said for a step.
func (s Step) Word() string {
	if s == Notice { // which is also what a notice is called
		return "about"
	}
	return string(s)
}

// Steps lists every Step.
func Steps() []Step {
	return []Step{
		StepIn, FaceCamera, HeadUp, FaceLight, LessLight, Uncover, OneOnly,
		Idle, Notice, ComeCloser, HoldStill, LookAhead, LookLeft, LookRight, ShowPass, ShowFace, EnterPIN, Granted, Enrolled, TryCard, Wait, Shut, OutOfOrder,
	}
}

// A Cue is what is to be heard, once.
type Cue uint8

// The cues.
const (
	Silence Cue = iota
	More        // something else is to be shown or done
	Refused     // use another way in
	Welcome     // the door is open
)

func (c Cue) String() string { return [...]string{"silence", "more", "refused", "welcome"}[c] }

// hear has a cue heard, unless a later one in the list is to be heard at the same time.
func (g *Guide) hear(c Cue) { g.cue = max(g.cue, c) }

// Works is what of a gate works.
type Works struct {
	Door      bool // it opens for whoever is let in
	Open      bool // it is open to everybody now
	Shut      bool // it is shut to all now
	Faces     bool // they are looked at
	Passes    bool // the camera reads them
	Capturing bool // somebody is being enrolled, who need not ask for the door
}

// Terms are how a gate works at all times.
type Terms struct {
	Pulse     time.Duration // for which the door is open
	PassFirst bool          // a face is looked for only after a pass, a card or a number
}

const (
	gone     = 1500 * time.Millisecond // from when a face that was not seen any more has left
	settle   = 700 * time.Millisecond  // for which a word about a picture stands at least, so that it can be read
	patience = 4 * time.Second         // after which a face that stands before the door is told of the other ways in
	far      = 6 * time.Second         // for which a face that does not come closer is asked to
	asked    = time.Second             // for which a direction stands without being asked for again
	told     = 4 * time.Second         // for which somebody reads what came of an attempt
	quiet    = 20 * time.Second        // after which the notice is shown
)

// A Guide is what is known of whoever stands at the door. It is not safe for concurrent use.
type Guide struct {
	terms Terms
	works Works
	cue   Cue

	said  Step      // what came of the last attempt
	until time.Time // when that is over
	claim time.Time // until when a face is waited for

	turn   challenge.Direction
	turned time.Time // when it was last asked for

	here  presence
	since time.Time // when somebody was last guided
}

// A presence is one face that stands at the door, or several that follow each other at once.
type presence struct {
	first, last time.Time
	word        Step      // about its picture
	at          time.Time // when that was first said
	near        time.Time // since when it is near enough to be let in; zero if it never was
	served      bool      // the door was opened meanwhile
	captured    bool      // somebody was enrolled meanwhile
	lingers     bool      // the gate knows that the door was opened for it, or that it was enrolled
	refused     bool      // it was told of the other ways in
}

// New returns a Guide at now. Nothing works until it is told.
func New(t Terms, now time.Time) *Guide { return &Guide{terms: t, since: now} }

// Works tells what of the gate works.
func (g *Guide) Works(w Works) { g.works = w }

// Step returns what is to be done at now, and what is to be heard of it since the last call.
func (g *Guide) Step(now time.Time) (Step, Cue) {
	s := g.step(now)
	if s != Idle && s != Notice {
		g.since = now
	}
	c := g.cue
	g.cue = Silence
	return s, c
}

func (g *Guide) step(now time.Time) Step {
	switch {
	case !g.works.Door:
		return OutOfOrder
	case g.shut(now):
		g.face(now) // whoever stands there for long hears that they are not let in
		return Shut
	case now.Before(g.turned.Add(asked)):
		return turns(g.turn)
	case now.Before(g.until) && g.said != ShowFace:
		g.here.near = time.Time{} // whoever reads, types or goes through need not show their face as well
		return g.said
	}
	if s := g.face(now); s != "" {
		return s
	}
	if now.Before(g.until) {
		return g.said
	}
	return g.rest(now)
}

// shut reports whether nobody is let in at now. Whoever was let in just before still goes through, and whoever is being enrolled need
// not be let in.
func (g *Guide) shut(now time.Time) bool {
	w := g.works
	return w.Shut && !w.Open && !w.Capturing && (g.said != Granted || !now.Before(g.until))
}

// rest is what is said when nobody is there.
func (g *Guide) rest(now time.Time) Step {
	w := g.works
	switch {
	case w.Open:
		return Granted
	case w.Capturing:
		return StepIn
	case w.Passes && (g.terms.PassFirst || !w.Faces):
		return ShowPass
	case !w.Faces || g.terms.PassFirst:
		return TryCard
	case now.Sub(g.since) >= quiet:
		return Notice
	}
	return Idle
}

func turns(d challenge.Direction) Step {
	switch d {
	case challenge.Left:
		return LookLeft
	case challenge.Right:
		return LookRight
	}
	return LookAhead
}
