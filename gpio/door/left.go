package door

import "time"

// A Left is what a Controller leaves to that of the process which takes its place (execve(2)): what lasts at a door, and not what is
// over in seconds. Whoever keeps it may do so as JSON.
type Left struct {
	Fire  bool          // the alarm goes on, as far as is known
	Plan  Plan          // what the schedule says
	Spent bool          // and has come to MaxOpen
	Hold  time.Duration // for which the door is held from now on, 0 if it is not
	Limit time.Duration // for which it may be open by hold and schedule, 0 if it is locked
}

// leave returns what lasts of a state.
func leave(s State, now Instant) *Left {
	left := func(at Instant) time.Duration {
		if at == 0 {
			return 0
		}
		return max(at-now, 1) // what is due is over at once
	}
	return &Left{Fire: s.Fire, Plan: s.Plan, Spent: s.Spent, Hold: left(s.Hold), Limit: left(s.Limit)}
}

// state returns the state to begin with.
func (l *Left) state(now Instant) State {
	if l == nil {
		return State{}
	}
	at := func(left time.Duration) Instant {
		if left <= 0 {
			return 0
		}
		return now + left
	}
	return State{Fire: l.Fire, Plan: l.Plan, Spent: l.Spent, Hold: at(l.Hold), Limit: at(l.Limit)}
}

// open reports whether the door was left open.
func (l *Left) open() bool { return l.state(1).free() }
