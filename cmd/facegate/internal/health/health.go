// Package health says in one word how a gate is, and of each part that is not well why, and what to do about it.
package health

import "cmp"

// A State is how a gate, or a part of it, is.
type State string

// The states, from good to bad.
const (
	OK       State = "ok"
	Degraded State = "degraded" // it works, and not as it should
	Down     State = "down"     // nobody can be let in by face, or the door cannot be driven
)

// States lists every State, from good to bad.
func States() []State { return []State{OK, Degraded, Down} }

// rank orders the states from good to bad. What is no State is worse than all: it must not pass for well.
func (s State) rank() int {
	switch s {
	case OK:
		return 0
	case Degraded:
		return 1
	case Down:
		return 2
	}
	return 3
}

// Worse reports whether s is worse than other.
func (s State) Worse(other State) bool { return s.rank() > other.rank() }

// A Part is what a condition concerns.
type Part string

// The parts of a gate, in the order in which a technician reads them.
const (
	Profile Part = "profile"
	Camera  Part = "camera"
	Frames  Part = "frames" // what the camera delivers
	Door    Part = "door"
	Entry   Part = "entry"  // whether somebody can be let in, by whatever means
	Faces   Part = "faces"  // whether they open the door
	Screen  Part = "screen" // at the door
	People  Part = "people"
	Broker  Part = "broker"
	Witness Part = "witness" // who cosigns how far the audit log has come
	Disk    Part = "disk"    // and what is stored there
	Key     Part = "device key"
	Clock   Part = "clock"
	Memory  Part = "memory"
	Log     Part = "log"
	Package Part = "package" // that the gate was installed from
	Law     Part = "law"     // what it asks of the operator
	Metrics Part = "metrics" // that monitoring reads
)

// A Condition is one thing that is not well.
type Condition struct {
	Name   Name   `json:"name"`
	Part   Part   `json:"part"`
	State  State  `json:"state"`
	Reason string `json:"reason"` // names nobody
	Todo   string `json:"todo"`   // what to do about it
}

// A Report is how a gate is.
type Report struct {
	State      State       `json:"state"`      // the worst of the conditions
	Conditions []Condition `json:"conditions"` // those that are not OK; never nil
}

// Assess returns the Report of conditions, which stay in their order.
func Assess(conditions ...Condition) Report {
	r := Report{State: OK, Conditions: []Condition{}}
	for _, c := range conditions {
		if c.State == OK {
			continue
		}
		r.Conditions = append(r.Conditions, c)
		if c.State.Worse(r.State) {
			r.State = c.State
		}
	}
	return r
}

// Worst returns the first of the worst conditions, and false where all is well.
func (r Report) Worst() (worst Condition, ok bool) {
	for _, c := range r.Conditions {
		if !ok || c.State.Worse(worst.State) {
			worst, ok = c, true
		}
	}
	return worst, ok
}

// When returns the condition as a list of one if it holds, and otherwise none. A reason without advice of its own gets
// that of a first look.
func When(holds bool, name Name, part Part, state State, reason, todo string) []Condition {
	if !holds {
		return nil
	}
	return []Condition{{name, part, state, reason, cmp.Or(todo, "see its log (journalctl -u facegate)")}}
}
