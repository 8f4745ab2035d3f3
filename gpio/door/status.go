package door

import (
	"errors"
	"math"
	"time"

	"facegate/configs/hint"
	"facegate/gpio"
)

// A Status is what a Controller tells about itself.
type Status struct {
	State   gpio.State   `json:"state"`             // fault: the door may be open although it should not
	Why     Cause        `json:"why,omitempty"`     // it is unlocked
	LeftS   int          `json:"left_s,omitempty"`  // seconds until it locks by itself; 0 if it does not, as under a fire alarm
	Contact string       `json:"contact,omitempty"` // open or closed, "" if that is not known
	Alarms  []string     `json:"alarms,omitempty"`  // forced, held warning, held, tamper, fire
	Lines   []LineStatus `json:"lines"`
	Pulses  uint64       `json:"pulses"` // openings since the start
	Err     string       `json:"error"`  // the last error of the relay, kept after recovery; "" if there was none
	Hint    string       `json:"hint"`   // what to do about it
}

// A LineStatus is what is known of one line.
type LineStatus struct {
	Role   string `json:"role"` // as the configuration calls it
	Line   string `json:"line"`
	Active bool   `json:"active"`          // as it was last read or driven
	Err    string `json:"error,omitempty"` // why it is in fault
	Hint   string `json:"hint,omitempty"`
}

// Status returns the state of the door.
func (c *Controller) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	relay := c.relay.Status()
	s := Status{State: relay.State, Pulses: relay.Openings, Contact: c.state.contact(), Alarms: c.state.alarms(), Lines: c.lines(relay)}
	if relay.State == gpio.Unlocked {
		s.Why, s.LeftS = c.state.Why(), c.state.left(time.Since(c.start))
	}
	if relay.Err != nil {
		s.Err, s.Hint = relay.Err.Error(), hint.Of(relay.Err)
	}
	return s
}

// A View is how a door is at a moment, for whoever has to tell what is not so from what is not known.
type View struct {
	Locked, Jammed bool  // Jammed: the lock cannot be driven, and may be either
	Known          Lines // the inputs of which the level is known

	Ajar, Forced, Held, Tamper, Fire bool // as the last known levels have it
}

// View returns how the door is.
func (c *Controller) View() View {
	c.mu.Lock()
	defer c.mu.Unlock()
	relay, s := c.relay.Status(), c.state
	return View{
		Locked: relay.State == gpio.Locked, Jammed: relay.State == gpio.Fault || c.errs[Relay] != nil, Known: s.Known,
		Ajar: s.Ajar, Forced: s.Forced, Held: s.Held == Alarmed, Tamper: s.Tamper, Fire: s.Fire,
	}
}

// lines says how each line is that is wired. c.mu must be held.
func (c *Controller) lines(relay gpio.Status) []LineStatus {
	all := []LineStatus{c.lineStatus(Relay, c.line.String(), (relay.State == gpio.Unlocked) == (c.machine.Fail == Secure))}
	for line := Relay + 1; line < roles; line++ {
		switch {
		case c.inputs[line] != nil:
			all = append(all, c.lineStatus(line, c.inputs[line].String(), c.active.Has(line)))
		case c.signals[line] != nil:
			all = append(all, c.lineStatus(line, c.signals[line].String(), c.active.Has(line)))
		}
	}
	return all
}

func (c *Controller) lineStatus(line Role, name string, active bool) LineStatus {
	s := LineStatus{Role: line.String(), Line: name, Active: active}
	if err := c.errOf(line); err != nil {
		s.Err, s.Hint = err.Error(), hint.Of(err)
	}
	return s
}

var errStuck = errors.New("the exit button has been pressed for a minute")

// errOf says why a line is in fault, nil if it is not. c.mu must be held.
func (c *Controller) errOf(line Role) error {
	if c.errs[line] == nil && c.state.Faults.Has(line) { // as the machine alone finds out
		return hint.Wrap(errStuck, "See what presses it, and that its wiring and door.exit.active_low agree.")
	}
	return c.errs[line]
}

func (s State) contact() string {
	switch {
	case !s.Known.Has(ContactLine):
		return ""
	case s.Ajar:
		return "open"
	}
	return "closed"
}

// left is how many seconds are left until the door locks by itself, 0 if it does not.
func (s State) left(now Instant) int {
	end := s.Pulse
	switch {
	case s.Fire:
		return 0
	case s.free():
		end = max(end, s.freeUntil())
	}
	return int(math.Ceil(max(end-now, 0).Seconds()))
}

// alarms names what is alarming, in the words of events.
func (s State) alarms() (all []string) {
	for _, a := range []struct {
		on   bool
		what What
	}{
		{s.Forced, Forced}, {s.Held == Warned, HeldWarning}, {s.Held == Alarmed, Held}, {s.Tamper, Tamper}, {s.Fire, FireOn},
	} {
		if a.on {
			all = append(all, string(a.what))
		}
	}
	return all
}
