package door

import (
	"errors"
	"fmt"
	"time"
)

// A witness remembers what it saw of a door: what was done to it, what was told of it, and for how long. It knows none of the
// machine's deadlines. Its counts stop where no rule asks further.
type witness struct {
	// What was done.
	seen, active Lines // the inputs that were read since they last could not be, and those that were active when last read
	failed       Lines
	plan         Plan
	pass         int16 // ticks since somebody was let in at a turnstile, -1 if nobody is to pass
	pressed      int16 // ticks since the button was pressed, -1 if it is not
	left         int16 // ticks since the button was let go

	// What was told.
	unlocked, ajar, forced, tamper, fire bool
	held                                 Strain
	faults                               Lines

	open   int16 // ticks that the door has been unlocked without a fire alarm
	freed  bool  // in that time somebody held it open, or the schedule said so
	locked int16 // ticks that the door has been locked
	stands int16 // ticks that it has stood open although nothing lets it
}

// born returns who has seen nothing.
func (w world) born() witness {
	return witness{pass: -1, pressed: -1, left: int16(w.grace), locked: int16(w.grace), stands: -1}
}

// judge returns what a witness knows after a step, and which rule the step has broken.
func (w world) judge(n node, in Input, passed time.Duration, next State, events []Event) (witness, error) {
	j := judgement{world: w, was: n.witness, witness: n.witness, in: in, now: base + passed, before: n.State, next: next, events: events}
	j.out = w.Outputs(next, j.now)
	j.wait(int16(passed))
	for _, check := range []func() error{j.hear, j.do, j.tell, j.announce, j.bounds, j.reasons, j.intrusion, j.strains, j.signals} {
		if err := check(); err != nil {
			return j.witness, err
		}
	}
	return j.witness, nil
}

// A judgement is of one step.
type judgement struct {
	world
	witness
	was    witness
	in     Input
	now    Instant
	before State
	next   State
	events []Event
	out    Outputs

	opened, shut bool // the contact has gone from one level to the other in this step
	press        bool // likewise the button
	let          bool // somebody was let in, or out, in this step
}

// wait has time pass.
func (j *judgement) wait(ticks int16) {
	for _, c := range []struct {
		count *int16
		end   int16
	}{
		{&j.pass, int16(j.Settings.Passage)},
		{&j.pressed, int16(j.stuck)},
		{&j.open, int16(j.MaxOpen)},
		{&j.locked, int16(j.grace)},
		{&j.left, int16(j.grace)},
		{&j.stands, int16(j.HeldAfter)},
	} {
		if *c.count >= 0 {
			*c.count = min(*c.count+ticks, c.end)
		}
	}
	if j.pass == int16(j.Settings.Passage) {
		j.pass = -1
	}
	if !j.witness.unlocked || j.witness.fire {
		j.open = 0
	}
	if j.witness.unlocked {
		j.locked = 0
	}
}

var errAgree = errors.New("events and state do not agree")

// hear takes the events. What lasts must not begin twice, or end without having begun.
func (j *judgement) hear() error {
	for _, e := range j.events {
		for _, known := range []func(Event) bool{j.hearLasting, j.hearStrain, j.hearFault} {
			if !known(e) {
				return fmt.Errorf("an event comes twice, or without its beginning: %s %s", e.What, e.Line)
			}
		}
		switch e.What {
		case Unlocked, FireOff:
			j.open, j.freed = 0, false
		case Locked:
			j.open, j.locked = 0, 0
		}
	}
	return nil
}

func (j *judgement) hearLasting(e Event) bool {
	for _, lasting := range []struct {
		begins, ends What
		on           *bool
	}{
		{Unlocked, Locked, &j.witness.unlocked},
		{Opened, Closed, &j.witness.ajar},
		{Forced, ForcedEnded, &j.witness.forced},
		{Tamper, TamperEnded, &j.witness.tamper},
		{FireOn, FireOff, &j.witness.fire},
	} {
		if e.What == lasting.begins || e.What == lasting.ends {
			was := *lasting.on
			*lasting.on = e.What == lasting.begins
			return was != *lasting.on
		}
	}
	return true
}

func (j *judgement) hearStrain(e Event) bool {
	was := j.witness.held
	switch e.What {
	case HeldWarning:
		j.witness.held = Warned
		return was == Short
	case Held:
		j.witness.held = Alarmed
		return was == Warned
	case HeldEnded:
		j.witness.held = Short
		return was != Short
	}
	return true
}

func (j *judgement) hearFault(e Event) bool {
	was, line := j.faults, named(e.Line)
	switch e.What {
	case LineFault:
		j.faults = was.with(line)
	case LineMended:
		j.faults = was.without(line)
	default:
		return true
	}
	return j.faults != was
}

// do takes what was done.
func (j *judgement) do() error {
	line, active := j.in.Line, j.in.Active
	switch j.in.Act {
	case Level:
		known, was := j.seen.Has(line), j.witness.active.Has(line)
		j.press = line == ExitLine && known && !was && active
		j.opened = line == ContactLine && known && !was && active
		j.shut = line == ContactLine && j.was.ajar && !active
		j.seen = j.seen.with(line)
		if j.witness.active = j.witness.active.without(line); active {
			j.witness.active = j.witness.active.with(line)
		}
		if line == ExitLine {
			j.button(active)
		}
	case Failed:
		j.seen, j.failed = j.seen.without(line), j.failed.with(line)
		if line == ExitLine {
			j.pressed, j.witness.active = -1, j.witness.active.without(line)
		}
		if line == TamperLine {
			j.witness.active = j.witness.active.without(line)
		}
	case Mended:
		j.failed = j.failed.without(line)
	case Follow:
		j.plan = j.in.Plan
	}
	if j.in.Act == Level {
		j.failed = j.failed.without(line)
	}
	return nil
}

func (j *judgement) button(active bool) {
	switch {
	case active && j.pressed < 0:
		j.pressed = 0
	case !active && j.pressed >= 0:
		j.pressed, j.left = -1, 0
	}
}

// tell checks that what was told is so, and that nothing is kept from anybody.
func (j *judgement) tell() error {
	stuck := j.pressed == int16(j.stuck)
	faults := j.failed
	if stuck {
		faults = faults.with(ExitLine)
	}
	switch s := j.next; {
	case j.witness.unlocked != j.out.Unlocked, j.witness.forced != s.Forced, j.witness.held != s.Held:
		return errAgree
	case j.witness.fire != j.witness.active.Has(FireLine), j.witness.tamper != j.witness.active.Has(TamperLine):
		return fmt.Errorf("%w: fire or tamper", errAgree)
	case j.seen.Has(ContactLine) && j.witness.ajar != j.witness.active.Has(ContactLine):
		return fmt.Errorf("%w: contact", errAgree)
	case j.faults != faults:
		return fmt.Errorf("the lines in fault are %b, and %b was told", faults, j.faults)
	}
	for _, e := range j.events {
		if e.What == ExitAsked && !j.press {
			return errors.New("nobody has asked for the exit")
		}
	}
	return nil
}

// announce checks that whatever opens the door for everybody is told when it begins, also of a door that is unlocked already.
func (j *judgement) announce() error {
	told := map[Cause]bool{}
	for _, e := range j.events {
		if e.What == Unlocked || e.What == Kept {
			told[e.Cause] = true
		}
		if e.What == Kept && !j.witness.unlocked {
			return fmt.Errorf("%w: a locked door is kept open", errAgree)
		}
		told[Fire] = told[Fire] || e.What == FireOn
	}
	for cause, begins := range map[Cause]bool{
		Hold: j.next.Hold > 0 && j.before.Hold == 0, Schedule: j.next.planned() && !j.before.planned(), Fire: j.next.Fire && !j.before.Fire,
	} {
		if begins && !told[cause] {
			return fmt.Errorf("nobody is told that the door is open now: %s", cause)
		}
	}
	return nil
}

// bounds checks that no opening is longer than it may be, and that the relay is told so beforehand.
func (j *judgement) bounds() error {
	s := j.next
	if j.next.Hold > 0 || j.plan == Open && !s.Spent {
		j.freed = true
	}
	if !j.out.Unlocked {
		j.freed = false
		return nil
	}
	if j.out.Until <= j.now {
		return errors.New("the relay is told to open, and not until when")
	}
	if j.witness.fire {
		j.freed, j.open = false, 0
		return nil
	}
	bound := int16(j.Settings.Pulse)
	if j.freed {
		bound = int16(j.MaxOpen)
	}
	switch left := bound - j.open; {
	case left <= 0:
		return fmt.Errorf("the door has been unlocked for %d ticks without a fire alarm", j.open)
	case j.out.Until-j.now > time.Duration(left):
		return fmt.Errorf("the relay may keep the door open for %d more ticks, of %d that are left", j.out.Until-j.now, left)
	case s.Pulse > 0 && s.Pulse-j.now > j.Settings.Pulse, s.Pulse > j.before.Pulse && j.before.Pulse > j.now:
		return errors.New("a pulse was made longer")
	}
	return nil
}

// reasons checks why the door is unlocked or locked, and who was let in.
func (j *judgement) reasons() error {
	if j.witness.fire && !j.out.Unlocked {
		return errors.New("there is a fire alarm, and the door is locked")
	}
	for _, e := range j.events {
		if e.What == Unlocked && !j.allows(e.Cause) {
			return fmt.Errorf("nobody decided to unlock the door: %s", e.Cause)
		}
	}
	free := j.witness.fire || j.next.Hold > 0 || j.plan == Open && !j.next.Spent
	switch {
	case j.press && !j.out.Unlocked:
		return errors.New("the exit button does not open")
	case j.shut && !free && j.out.Unlocked:
		return errors.New("the door is shut and not locked")
	case j.next.Hold > j.before.Hold && (j.in.Act != Keep || j.next.Hold > j.now+j.in.For):
		return errors.New("nobody holds the door open for so long")
	case j.decided() && !j.out.Unlocked:
		return errors.New("the door stays locked although somebody decided to unlock it")
	}
	j.passing()
	return nil
}

// decided reports whether this step is a decision to unlock the door, or to leave it unlocked.
func (j *judgement) decided() bool {
	switch j.in.Act {
	case Grant:
		return j.pass < 0 && (j.plan != Shut || j.in.Cause == Hand)
	case Keep:
		return true
	case Follow:
		return j.plan == Open && j.was.plan != Open
	}
	return false
}

// allows reports whether this step is a reason to unlock the door.
func (j *judgement) allows(c Cause) bool {
	switch c {
	case Granted:
		j.let = true
		return j.in.Act == Grant && j.in.Cause == Granted && j.pass < 0 && j.plan != Shut
	case Hand:
		j.let = true
		return j.in.Act == Grant && j.in.Cause == Hand && j.pass < 0
	case Exit:
		j.let = true
		return j.press
	case Hold:
		return j.in.Act == Keep
	case Schedule:
		return j.in.Act == Follow && j.plan == Open
	case Fire:
		return j.in.Act == Level && j.in.Line == FireLine && j.in.Active
	}
	return false
}

// passing follows who passes a turnstile.
func (j *judgement) passing() {
	switch {
	case j.Kind != Turnstile || j.shut:
		j.pass = -1
	case j.let:
		j.pass = 0
	}
}

// intrusion checks that a door is said to be forced if, and only if, it was opened without a cause.
func (j *judgement) intrusion() error {
	was, pressed := j.was, j.pressed >= 0 && j.pressed < int16(j.stuck)
	unlocked := was.unlocked && !j.heard(Locked)
	passing := was.pass >= 0 && j.pass >= 0
	without := !unlocked && j.locked >= int16(j.grace) && j.left >= int16(j.grace) && !pressed && !passing
	want := j.opened && without && j.Settings.Forced
	switch {
	case j.heard(Forced) != want:
		return fmt.Errorf("forced = %t, and the door was opened without a cause = %t", j.heard(Forced), j.opened && without)
	case j.witness.forced && !(j.seen.Has(ContactLine) && j.witness.ajar):
		return errors.New("forced, and not open")
	}
	return nil
}

func (j *judgement) heard(w What) bool {
	for _, e := range j.events {
		if e.What == w {
			return true
		}
	}
	return false
}

// strains checks that a door that stands open for too long is told of in time, and no other.
func (j *judgement) strains() error {
	s := j.next
	free := j.witness.fire || s.Hold > 0 || j.plan == Open && !s.Spent
	if free || !j.seen.Has(ContactLine) || !j.witness.ajar {
		j.stands = -1
	} else if j.stands < 0 {
		j.stands = 0
	}
	want := Short
	switch {
	case j.stands >= int16(j.HeldAfter):
		want = Alarmed
	case j.stands >= int16(j.HeldWarn):
		want = Warned
	}
	if j.witness.held != want {
		return fmt.Errorf("the door has stood open for %d ticks, and is told to be %d", j.stands, j.witness.held)
	}
	return nil
}

// signals checks that lights and buzzer show what was told.
func (j *judgement) signals() error {
	alarm := j.witness.forced || j.witness.held == Alarmed || j.witness.tamper || j.faults != 0
	switch {
	case j.out.Red != (!j.witness.unlocked || alarm), j.out.Green != (j.witness.unlocked || alarm):
		return errors.New("the lights show something else")
	case j.out.Buzzer != (j.witness.forced || j.witness.held != Short):
		return errors.New("the buzzer does not agree")
	}
	return nil
}
