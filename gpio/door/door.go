// Package door decides when a door is locked, and what is wrong with it.
//
// A Machine is the whole of the decision: a pure function from a state, an input and a moment to the next state and the events
// on the way. A Controller is the task around it, which reads the inputs and drives lock, lights and buzzer.
// docs/door.md has the rules in words, and what is proven of them.
package door

import (
	"errors"
	"time"

	"facegate/gpio"
)

// A Kind says what the relay moves.
type Kind string

// The kinds of door.
const (
	Strike    Kind = "strike"
	Maglock   Kind = "maglock"
	Turnstile Kind = "turnstile" // lets one person through for each pulse, and says on its contact when they have passed
)

// A Fail says what the door does without the gate.
type Fail = gpio.Fail

// The two ways to wire a door.
const (
	Secure = gpio.Secure
	Safe   = gpio.Safe
)

// Settings of one door.
type Settings struct {
	Kind Kind
	Fail Fail

	Pulse   time.Duration // of one opening for somebody: 200 ms to 30 s
	MaxOpen time.Duration // the longest that a hold and the schedule keep the door open together, at least a pulse
	Passage time.Duration // for how long a turnstile waits for somebody to pass before the next may be let in

	HeldWarn  time.Duration // from when an open door is warned of, and
	HeldAfter time.Duration // from when it is an alarm; both count from its opening, or from the end of what lets it stand open

	Forced bool // an opening without a cause is an alarm
}

// A Cause is why a door is unlocked.
type Cause string

// The causes.
const (
	Granted  Cause = "granted"  // somebody is let in
	Hand     Cause = "hand"     // somebody opens it by hand, for one passage
	Exit     Cause = "exit"     // the exit button
	Hold     Cause = "hold"     // somebody holds it open for a while
	Schedule Cause = "schedule" // the door is open to everybody at this time
	Fire     Cause = "fire"     // the fire alarm
)

// A Plan is what the schedule says of now.
type Plan uint8

// What a schedule says.
const (
	Normal Plan = iota
	Open        // the door is open to everybody
	Shut        // nobody is let in; the exit works
)

// A Role is what a line of the door is for.
type Role uint8

// The roles of lines.
const (
	Relay Role = iota
	ContactLine
	ExitLine
	FireLine
	TamperLine
	RedLine
	GreenLine
	BuzzerLine
	InterlockLine
	roles // how many there are
)

// String names the role as the configuration does.
func (r Role) String() string {
	return [roles]string{"relay", "contact", "exit", "fire", "tamper", "led_red", "led_green", "buzzer", "interlock"}[r]
}

// named returns the role of a name, which is one of String.
func named(name string) Role {
	for r := range roles {
		if r.String() == name {
			return r
		}
	}
	return Relay
}

// Lines are a set of roles.
type Lines uint16

// Has reports whether a role is in the set.
func (l Lines) Has(r Role) bool { return l&(1<<r) != 0 }

func (l Lines) with(r Role) Lines { return l | 1<<r }

func (l Lines) without(r Role) Lines { return l &^ (1 << r) }

// What happened at a door.
type What string

// What can happen. Everything that lasts has an event for its end, and does not come twice without it.
const (
	Unlocked    What = "unlocked"  // for a Cause
	Kept        What = "kept open" // unlocked already, it is now open to everybody for a Cause as well: Hold or Schedule
	Locked      What = "locked"
	Opened      What = "opened" // the contact says that the door stands open
	Closed      What = "closed"
	Forced      What = "forced" // it was opened while it was locked, without a cause
	ForcedEnded What = "forced ended"
	HeldWarning What = "held warning" // it stands open for long
	Held        What = "held"         // for too long
	HeldEnded   What = "held ended"   // of the warning as well
	Tamper      What = "tamper"
	TamperEnded What = "tamper ended"
	FireOn      What = "fire"
	FireOff     What = "fire ended"
	ExitAsked   What = "exit asked"
	LineFault   What = "line fault" // a Line cannot be driven or read, or its button sticks
	LineMended  What = "line mended"
)

// An Event is something that happened at a door.
type Event struct {
	At    time.Time
	What  What
	Cause Cause  // of Unlocked and Kept
	Line  string // of LineFault and LineMended: the role of the line
	Err   error  // of LineFault: why, with a hint; nil if the button sticks
}

// The reasons for which nobody is let in, besides those of a relay.
var (
	ErrPassing = errors.New("somebody who was let in before is still passing")
	ErrShut    = errors.New("the door is shut by its schedule")
	ErrOther   = errors.New("another door is open, or may be, and only one of the two may")
	ErrTooLong = errors.New("the door may not be held open for so long")
	ErrNotHeld = errors.New("nobody holds the door open")
)
