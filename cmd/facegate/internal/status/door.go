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
