package status

import (
	"time"

	"facegate/gpio"
	"facegate/gpio/door"
)

// A Door is what a technician is told of the door: how it is, and what it is by its configuration.
type Door struct {
	door.Status
	Kind  door.Kind     `json:"kind"`
	Fail  gpio.Fail     `json:"fail"`
	Pulse time.Duration `json:"pulse_ns"` // of one opening

	Held     string    `json:"held,omitempty"`     // who holds it open, and why
	Schedule *DoorPlan `json:"schedule,omitempty"` // nil if it has none
}

// A DoorPlan is what the schedule of a door says.
type DoorPlan struct {
	Says  string    `json:"says"`          // "open", "shut", or "" for neither
	Next  time.Time `json:"next,omitzero"` // when that changes, in the time zone of the site; zero if it does not
	Waits bool      `json:"waits"`         // the clock is not known to be right, and the schedule is not followed
}

// A DoorHold is how long somebody holds a door open, and why.
type DoorHold struct {
	For    time.Duration `json:"for_ns"`
	Reason string        `json:"reason"`
}

// A DoorTest is what one pulse did.
type DoorTest struct {
	Line  string        `json:"line"`
	Pulse time.Duration `json:"pulse_ns"` // how long the door was unlocked
}

// A DoorMoment is something that the door did, or what one of its lines says. It does not say who passes.
type DoorMoment struct {
	Up     time.Duration `json:"up_ns"`           // since the start of the gate, whatever was done to the clock
	What   door.What     `json:"what"`            // Level, or what happened
	Cause  door.Cause    `json:"cause,omitempty"` // of door.Unlocked
	Line   string        `json:"line,omitempty"`  // of Level, door.LineFault and door.LineMended: its role
	Active bool          `json:"active"`          // of Level
	Error  string        `json:"error,omitempty"` // of door.LineFault
	Hint   string        `json:"hint,omitempty"`  // likewise
}

// Level is the DoorMoment of a line that is seen for the first time, or has another level than before.
const Level door.What = "level"
