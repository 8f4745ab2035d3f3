// Package diagnose judges from a guided test of a door what of it is wired or set wrongly.
//
// Whoever leads the test gathers a Trial: the levels at rest, what the lines did around one pulse, and what the technician
// who stands at the door has answered. Findings holds that against what a healthy door does. The package is pure: it drives
// no line, reads no clock and asks nobody.
package diagnose

import (
	"slices"
	"time"
)

// A Line is one line of a door by its role.
type Line string

// The lines.
const (
	Relay   Line = "relay"
	Contact Line = "contact"
	Exit    Line = "exit"
	Fire    Line = "fire"
	Tamper  Line = "tamper"
)

// A Kind is what locks the door.
type Kind string

// The kinds.
const (
	Strike    Kind = "strike"
	Maglock   Kind = "maglock"
	Turnstile Kind = "turnstile"
)

// An Answer is what the technician says to a question. The zero Answer is none: the question was not put.
type Answer uint8

// The answers.
const (
	Yes Answer = iota + 1
	No
)

// An Edge is one change of an input, after debouncing.
type Edge struct {
	Line   Line
	Active bool          // the contact: the door reads open; the button: pressed; fire and tamper: the alarm is there
	At     time.Duration // since the start of the pulse; before it, less than zero
}

// A Trial is what was seen of a door, and heard of who stands at it.
type Trial struct {
	Kind  Kind
	Pulse time.Duration // as configured

	Rest   map[Line]bool   // levels of the inputs before anything was done, as in Edge.Active; a line that is not there is not wired
	Broken map[Line]string // lines that cannot be read or driven, and why

	Shut   Answer // before the pulse: is the door shut?
	Locked Answer // before the pulse: is it locked?

	Pulsed bool          // a pulse was given
	Lasted time.Duration // how long the lock was released by it

	Released Answer // did the lock let go during the pulse?
	Clicked  Answer // if it did not: did the relay click?

	Edges    []Edge        // of the inputs, in order
	Watched  time.Duration // for how long after the start of the pulse the contact was waited for
	ShutLast Answer        // after that: is the door shut?

	Press      time.Duration // when somebody was asked to press the exit button, as in Edge.At; 0 if nobody was
	Pressed    Answer        // was it pressed?
	ExitOpened bool          // the lock was released for the button
}

// Limits of a healthy door.
const (
	tooShort = 100 * time.Millisecond // by which a pulse may be shorter than configured,
	tooLong  = 500 * time.Millisecond // or longer
	reserve  = 500 * time.Millisecond // which is to be left of the pulse when the door opens
	lateOpen = 2 * time.Second        // within which of the end of a pulse an opening is still by that pulse
	bounce   = 250 * time.Millisecond // for which no door stays open or shut: the contact bounces
	patience = 10 * time.Second       // in which a door closes by itself
)

// opened returns when the door opened for the pulse, by the contact as it is to be read.
func (t Trial) opened() (at time.Duration, ok bool) {
	for _, e := range t.contact() {
		if e.Active && e.At >= 0 {
			return e.At, e.At <= t.Lasted+lateOpen
		}
	}
	return 0, false
}

// Times are what the contact says of one opening. None of them is there without a contact.
type Times struct {
	Opened time.Duration // from the start of the pulse until the door opened; 0 if it did not
	Closed time.Duration // until it was shut again; 0 if it was not
}

// Times returns when the door opened and closed, by the contact as it is to be read: where it is wired the wrong way round, with
// its levels exchanged.
func (t Trial) Times() Times {
	at, ok := t.opened()
	if !ok {
		return Times{}
	}
	found := Times{Opened: at}
	for _, e := range t.contact() {
		if e.At > at { // of a contact that bounces the last counts
			found.Closed = 0
			if !e.Active {
				found.Closed = e.At
			}
		}
	}
	return found
}

// edges returns the changes of a line.
func (t Trial) edges(l Line) (found []Edge) {
	for _, e := range t.Edges {
		if e.Line == l {
			found = append(found, e)
		}
	}
	return found
}

// contact returns the changes of the contact as they are to be read.
func (t Trial) contact() []Edge {
	found := t.edges(Contact)
	if t.inverted() {
		for i := range found {
			found[i].Active = !found[i].Active
		}
	}
	return found
}

// wired reports whether a line is there and works.
func (t Trial) wired(l Line) bool {
	_, there := t.Rest[l]
	_, broken := t.Broken[l]
	return there && !broken
}

// inverted reports whether the contact says open for shut. A contact that never moved is another matter.
func (t Trial) inverted() bool {
	moved := t.edges(Contact)
	if !t.wired(Contact) || len(moved) == 0 {
		return false
	}
	open := t.Rest[Contact]
	switch t.Shut {
	case Yes:
		return open
	case No:
		return !open
	}
	return open && len(moved) > 1 && t.Pulsed // who opens a shut door and lets it fall shut, which nobody was asked
}

// bounces returns for how long the contact stayed at the longest where it did not stay.
func (t Trial) bounces() (longest time.Duration) {
	moved := t.edges(Contact)
	for i := 1; i < len(moved); i++ {
		if stay := moved[i].At - moved[i-1].At; stay < bounce {
			longest = max(longest, stay)
		}
	}
	return longest
}

// last returns the level of a line at the end.
func (t Trial) last(l Line) bool {
	if moved := t.edges(l); len(moved) > 0 {
		return moved[len(moved)-1].Active
	}
	return t.Rest[l]
}

// pressed returns the first change of the exit button after somebody was asked to press it.
func (t Trial) pressed() (first Edge, ok bool) {
	moved := t.edges(Exit)
	i := slices.IndexFunc(moved, func(e Edge) bool { return e.At >= t.Press })
	if t.Press == 0 || i < 0 {
		return Edge{}, false
	}
	return moved[i], true
}
