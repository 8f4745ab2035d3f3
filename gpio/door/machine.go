package door

import (
	"time"

	"facegate/gpio"
)

// An Instant is a moment as the time since the controller's start, by a clock that nobody sets. The start is no moment of a
// state: a deadline of zero is none.
type Instant = time.Duration

const (
	grace = 2 * time.Second  // from a door's locking, and from an exit, in which it may be opened without a cause
	stuck = 60 * time.Second // from when a button that stays pressed is taken for a fault

	// lease is for how long a hold and the schedule have the relay open the door before they say so again. A controller that
	// hangs locks the door by it. Under a fire alarm a lease is as long as the relay gives one, so that it is the watchdog that
	// decides what becomes of the door, and not the controller that hangs.
	lease = 5 * time.Second
)

// A Machine decides when a door is unlocked. It has no state and no clock of its own.
type Machine struct {
	Settings
	grace, stuck time.Duration
}

// NewMachine returns the Machine of a door.
func NewMachine(s Settings) Machine { return Machine{Settings: s, grace: grace, stuck: stuck} }

// A State is all that a Machine remembers. Its zero value is a locked door of which nothing is known.
type State struct {
	Pulse   Instant // when the pulse under way ends
	By      Cause   // what it is for
	Passage Instant // until when somebody who was let in is waited for at a turnstile
	Hold    Instant // when the hold ends
	Plan    Plan
	Spent   bool    // the opening of the schedule has come to MaxOpen
	Limit   Instant // when the opening under way comes to MaxOpen; none under a fire alarm
	Grace   Instant // until when the locked door may be opened without a cause

	Known  Lines   // the inputs of which the level is known
	Ajar   bool    // the door stands open, or did when its contact was last read
	Exit   bool    // the button is pressed
	Stuck  Instant // when it counts as stuck
	Fire   bool    // likewise or, if its line cannot be read, was
	Tamper bool

	Forced bool
	Held   Strain
	HeldAt Instant // when that gets worse
	Faults Lines
}

// A Strain says for how long a door stands open.
type Strain uint8

// The strains.
const (
	Short Strain = iota // not too long, or it is closed
	Warned
	Alarmed
)

// An Input is what a Machine takes at a moment. Its zero value is the passing of time alone.
type Input struct {
	Act    Act
	Line   Role          // of Level, Failed and Mended
	Active bool          // of Level
	Cause  Cause         // of Grant: Granted or Hand
	For    time.Duration // of Keep
	Plan   Plan          // of Follow
}

// An Act is what is done to a Machine.
type Act uint8

// The acts.
const (
	Tick    Act = iota
	Level       // an input has a level
	Grant       // somebody is to be let through
	Keep        // somebody holds the door open from now on
	Release     // and does not any more
	Follow      // the schedule says something else
	Failed      // a line cannot be driven or read
	Mended
)

// Outputs are what a Machine wants of the lines, in logical levels.
type Outputs struct {
	Unlocked           bool
	Until              Instant // when the door is to lock if nothing more is heard
	Red, Green, Buzzer bool
}

// A turn is one step of a Machine.
type turn struct {
	Machine
	State
	now    Instant
	open   bool // the door was unlocked as of the last look,
	held   bool // somebody held it open
	plans  bool // and so did the schedule
	events []Event
}

// Next returns what becomes of a state when an input comes at a moment, which is not before that of the input before it, and the
// events on the way, in their order and without their time.
func (m Machine) Next(s State, in Input, now Instant) (State, []Event) {
	t := turn{Machine: m, State: s, now: now, open: s.unlocked(), held: s.Hold > 0, plans: s.planned()}
	t.expire()
	t.take(in)
	t.settle()
	return t.State, t.events
}

// Refusal says why nobody is let through for a cause, nil if somebody is.
func (m Machine) Refusal(s State, c Cause) error {
	switch {
	case s.Plan == Shut && c == Granted:
		return ErrShut
	case s.free():
		return gpio.ErrBusy
	case s.Passage > 0:
		return ErrPassing
	case s.Pulse > 0:
		return gpio.ErrBusy
	}
	return nil
}

// Longest is for how long a door can be held open from now on, none under a fire alarm.
func (m Machine) Longest(s State, now Instant) time.Duration {
	switch {
	case s.Fire:
		return 0
	case s.Limit > 0:
		return s.Limit - now
	}
	return m.MaxOpen
}

// Outputs returns what the lines are to be in a state that Next has returned for now.
func (m Machine) Outputs(s State, now Instant) Outputs {
	o := Outputs{Unlocked: s.unlocked(), Until: s.Pulse}
	switch {
	case s.Fire:
		o.Until = now + gpio.MaxLease
	case s.free():
		o.Until = max(s.Pulse, min(s.freeUntil(), now+lease))
	}
	alarm := s.Forced || s.Held == Alarmed || s.Tamper || s.Faults != 0
	o.Red, o.Green = !o.Unlocked || alarm, o.Unlocked || alarm
	o.Buzzer = s.Forced || s.Held != Short
	return o
}

// Wake returns the next moment at which time alone changes a state, 0 if it never does.
func (s State) Wake() (next Instant) {
	for _, at := range []Instant{s.Pulse, s.Passage, s.Hold, s.Limit, s.Grace, s.Stuck, s.HeldAt} {
		if at > 0 && (next == 0 || at < next) {
			next = at
		}
	}
	return next
}

// Why returns the cause for which the door is unlocked, the weightiest if there are several, "" if it is locked.
func (s State) Why() Cause {
	switch {
	case s.Fire:
		return Fire
	case s.Hold > 0:
		return Hold
	case s.planned():
		return Schedule
	}
	return s.By
}

// unlocked reports whether anything unlocks the door.
func (s State) unlocked() bool { return s.Pulse > 0 || s.free() }

// free reports whether the door is unlocked for everybody.
func (s State) free() bool { return s.Fire || s.Hold > 0 || s.planned() }

func (s State) planned() bool { return s.Plan == Open && !s.Spent }

// freeUntil is when hold and schedule end by themselves.
func (s State) freeUntil() Instant {
	if s.planned() {
		return s.Limit
	}
	return s.Hold
}

// caused reports whether a door that opens now has a reason to.
func (s State) caused() bool {
	return s.unlocked() || s.Grace > 0 || s.Passage > 0 || s.Exit && !s.Faults.Has(ExitLine)
}

// stands reports whether the door stands open although nothing lets it.
func (s State) stands() bool { return s.Known.Has(ContactLine) && s.Ajar && !s.free() }

// expire ends what has ended by now.
func (t *turn) expire() {
	if t.over(&t.Pulse) {
		t.By = ""
	}
	t.over(&t.Passage)
	t.over(&t.Hold)
	t.over(&t.Grace)
	if t.over(&t.Limit) {
		t.Hold, t.Spent = 0, t.Plan == Open
	}
	t.settle() // the grace of a door that locks begins when it does, which may be late
	for due := t.HeldAt; t.over(&t.HeldAt); due = t.HeldAt {
		t.strain(due)
	}
	if t.over(&t.Stuck) {
		t.fail(ExitLine)
	}
}

// over reports whether a deadline has come, and clears it.
func (t *turn) over(at *Instant) bool {
	if *at == 0 || *at > t.now {
		return false
	}
	*at = 0
	return true
}

// strain makes of an open door a warning, and of a warning an alarm, as was due at a moment.
func (t *turn) strain(due Instant) {
	if t.Held++; t.Held == Warned {
		t.HeldAt = due + t.HeldAfter - t.HeldWarn
		t.emit(HeldWarning)
		return
	}
	t.emit(Held)
}

// take takes an input.
func (t *turn) take(in Input) {
	switch in.Act {
	case Tick:
	case Level:
		t.level(in.Line, in.Active)
	case Grant:
		if t.Refusal(t.State, in.Cause) == nil {
			t.pulse(in.Cause)
		}
	case Keep:
		if d := min(in.For, t.Longest(t.State, t.now)); d > 0 {
			t.Hold = t.now + d
		}
	case Release:
		t.Hold = 0
	case Follow:
		if t.Plan != in.Plan {
			t.Plan, t.Spent = in.Plan, false
		}
	case Failed:
		t.lose(in.Line)
		t.fail(in.Line)
	case Mended:
		if !t.Known.Has(in.Line) { // otherwise it is its level that is in fault
			t.mend(in.Line)
		}
	}
}

// level takes what an input line says.
func (t *turn) level(line Role, active bool) {
	first := !t.Known.Has(line)
	if t.Known = t.Known.with(line); first {
		t.mend(line)
	}
	switch line {
	case ContactLine:
		t.contact(active, first)
	case ExitLine:
		t.exit(active, first)
	case FireLine:
		if t.Fire != active {
			t.Fire = active
			t.either(active, FireOn, FireOff)
		}
	case TamperLine:
		if t.Tamper != active {
			t.Tamper = active
			t.either(active, Tamper, TamperEnded)
		}
	}
}

// contact takes whether the door stands open. Of a door that is seen for the first time nobody knows since when it does.
func (t *turn) contact(ajar, first bool) {
	if t.Ajar == ajar {
		return
	}
	t.Ajar = ajar
	t.either(ajar, Opened, Closed)
	switch {
	case !ajar:
		t.Pulse, t.By, t.Passage = 0, "", 0
		t.unforce()
	case t.Settings.Forced && !first && !t.caused():
		t.Forced = true
		t.emit(Forced)
	}
}

// exit takes whether the button is pressed. One that is pressed when it is seen for the first time may have been for long.
func (t *turn) exit(pressed, first bool) {
	if t.Exit == pressed {
		return
	}
	t.Exit = pressed
	if !pressed {
		t.Stuck = 0
		t.mend(ExitLine)
		t.Grace = t.now + t.grace
		return
	}
	t.Stuck = t.now + t.stuck
	if first {
		return
	}
	t.emit(ExitAsked)
	if !t.unlocked() {
		t.pulse(Exit)
	}
}

// pulse starts a pulse.
func (t *turn) pulse(c Cause) {
	t.Pulse, t.By = t.now+t.Settings.Pulse, c
	if t.Kind == Turnstile {
		t.Passage = t.now + t.Settings.Passage
	}
}

// lose forgets what a line has said that cannot be read any more, but for a fire alarm.
func (t *turn) lose(line Role) {
	t.Known = t.Known.without(line)
	switch line {
	case ContactLine:
		t.unforce()
	case ExitLine:
		t.Exit, t.Stuck = false, 0
	case TamperLine:
		if t.Tamper {
			t.Tamper = false
			t.emit(TamperEnded)
		}
	}
}

// settle tells what the inputs so far have made of the lock, and sets the deadlines that follow from it.
func (t *turn) settle() {
	open := t.unlocked()
	if open != t.open {
		t.open = open
		t.lock(open)
	} else {
		t.keep()
	}
	t.held, t.plans = t.Hold > 0, t.planned()
	if open {
		t.Grace = 0
	}
	switch {
	case !open || t.Fire:
		t.Limit = 0
	case t.Limit == 0:
		t.Limit = t.now + t.MaxOpen
	}
	t.watch()
}

// lock tells that the door is locked or unlocked from now on.
func (t *turn) lock(open bool) {
	if open {
		t.events = append(t.events, Event{What: Unlocked, Cause: t.Why()})
		return
	}
	t.Grace = t.now + t.grace
	t.emit(Locked)
}

// keep tells what keeps a door open from now on that was unlocked already.
func (t *turn) keep() {
	if t.Hold > 0 && !t.held {
		t.events = append(t.events, Event{What: Kept, Cause: Hold})
	}
	if t.planned() && !t.plans {
		t.events = append(t.events, Event{What: Kept, Cause: Schedule})
	}
}

// watch begins and ends the watch over a door that stands open.
func (t *turn) watch() {
	switch stands := t.stands(); {
	case stands && t.Held == Short && t.HeldAt == 0:
		t.HeldAt = t.now + t.HeldWarn
	case !stands:
		if t.Held != Short {
			t.emit(HeldEnded)
		}
		t.Held, t.HeldAt = Short, 0
	}
}

// unforce ends the alarm of a forced door.
func (t *turn) unforce() {
	if t.Forced {
		t.Forced = false
		t.emit(ForcedEnded)
	}
}

// fail notes that a line is in fault.
func (t *turn) fail(line Role) {
	if !t.Faults.Has(line) {
		t.Faults = t.Faults.with(line)
		t.events = append(t.events, Event{What: LineFault, Line: line.String()})
	}
}

// mend notes that a line is in fault no more.
func (t *turn) mend(line Role) {
	if t.Faults.Has(line) {
		t.Faults = t.Faults.without(line)
		t.events = append(t.events, Event{What: LineMended, Line: line.String()})
	}
}

func (t *turn) emit(w What) { t.events = append(t.events, Event{What: w}) }

// either tells one or the other.
func (t *turn) either(on bool, yes, no What) {
	if on {
		t.emit(yes)
		return
	}
	t.emit(no)
}
