package diagnose

import (
	"fmt"
	"slices"
	"time"
)

// A Fault is what is wrong.
type Fault string

// The faults.
const (
	LineBroken      Fault = "line broken"
	FireActive      Fault = "fire active"
	TamperActive    Fault = "tamper active"
	FreeAtRest      Fault = "free at rest"
	RelayInverted   Fault = "relay inverted"
	RelaySilent     Fault = "relay without effect"
	LockSilent      Fault = "lock does not let go"
	NothingMoved    Fault = "nothing moved"
	PulseShort      Fault = "pulse too short"
	PulseLong       Fault = "pulse too long"
	LocksEarly      Fault = "locks early"
	ContactInverted Fault = "contact inverted"
	ContactSilent   Fault = "contact never moves"
	ContactOpen     Fault = "contact open at rest"
	ContactDiffers  Fault = "contact differs"
	ContactBounces  Fault = "contact bounces"
	StaysOpen       Fault = "door stays open"
	ExitInverted    Fault = "exit inverted"
	ExitStuck       Fault = "exit stuck"
	ExitSilent      Fault = "exit without effect"
	ExitIgnored     Fault = "exit opens nothing"
)

// A Finding is a fault, in words for whoever wires the door, and what to do about it.
type Finding struct {
	Fault Fault  `json:"fault"`
	Line  Line   `json:"line"`
	What  string `json:"what"`
	Todo  string `json:"todo"`
	Maybe bool   `json:"maybe,omitempty"` // it may also be that nobody has done what a test needs
}

// Findings returns what is wrong with the door of a trial: what to mend first stands first. A healthy door has none.
func (t Trial) Findings() []Finding {
	var all []Finding
	for _, judge := range []func(Trial) []Finding{
		Trial.broken, Trial.alarms, Trial.relay, Trial.length, Trial.contactLevel, Trial.contactMoves, Trial.passage, Trial.button,
	} {
		all = append(all, judge(t)...)
	}
	return all
}

// found is a finding as the judges return it.
func found(f Fault, l Line, what, todo string) []Finding {
	return []Finding{{Fault: f, Line: l, What: what, Todo: todo}}
}

// maybe is a finding as the judges return it that may be none.
func maybe(f Fault, l Line, what, todo string) []Finding {
	return []Finding{{Fault: f, Line: l, What: what, Todo: todo, Maybe: true}}
}

func (t Trial) broken() (all []Finding) {
	for _, l := range []Line{Relay, Contact, Exit, Fire, Tamper} {
		if why, is := t.Broken[l]; is {
			all = append(all, found(LineBroken, l, fmt.Sprintf("the line of the %s does not work: %s", l.words(), why),
				"facegate door lines shows which lines there are and who holds them; then check its wiring")...)
		}
	}
	return all
}

// words names the line in a sentence.
func (l Line) words() string {
	switch l {
	case Contact:
		return "door contact"
	case Exit:
		return "exit button"
	case Fire:
		return "fire input"
	case Tamper:
		return "tamper contact"
	}
	return string(l)
}

func (t Trial) alarms() (all []Finding) {
	if t.wired(Fire) && t.Rest[Fire] {
		all = found(FireActive, Fire, "the fire input says that there is a fire, so the door stays open",
			"if there is none, close the loop of the fire system; if it is closed, turn door.fire.active_low round")
	}
	if t.wired(Tamper) && t.Rest[Tamper] {
		all = append(all, found(TamperActive, Tamper, "the tamper contact says that the case is open",
			"close the case; if it is closed, turn door.tamper.active_low round")...)
	}
	return all
}

// relay judges what the relay does to the lock.
func (t Trial) relay() []Finding {
	switch {
	case t.Locked == No && t.Pulsed && t.Released == No:
		return found(RelayInverted, Relay, "the door is free at rest, and locked during the pulse: the lock works the wrong way round",
			"turn door.active_low round if the relay is on at rest; otherwise take the other contact of the relay (NO for NC), or "+
				"correct door.fail: secure locks without current, safe is free without current")
	case t.Locked == No:
		return found(FreeAtRest, Relay, "the door is free although the gate has it locked",
			"look whether the relay is on: if it is, turn door.active_low round; if it is off, take its other contact (NO for NC), or "+
				"correct door.fail; then see whether the latch reaches the lock")
	case !t.Pulsed:
		return nil
	case t.Released == No && t.Clicked == Yes:
		return found(LockSilent, Relay, "the relay clicks, and the lock does not let go", t.adviceLock())
	case t.Released == No && t.Clicked == No:
		return found(RelaySilent, Relay, "the line was driven, and the relay did not move",
			"check that the wire is on this line and on the input of the relay board, that both have a common ground, that the board "+
				"has its supply, and that its input takes the level of the line (3.3 V)")
	case t.Released == No:
		return found(RelaySilent, Relay, "the lock did not let go during the pulse",
			"listen to the relay: if it does not click, check its wire and supply; if it does, check the lock behind it")
	}
	return nil
}

// adviceLock says what to look at behind a relay that works.
func (t Trial) adviceLock() string {
	switch t.Kind {
	case Maglock:
		return "the relay has to cut the current of the magnet: wire it in series, over NC if it pulls in to open; see whether a " +
			"second supply or an exit button bridges it, and whether the plate sticks (residual magnetism)"
	case Turnstile:
		return "check the input of the turnstile and its direction, and that it is not switched to blocked"
	}
	return "measure the supply of the strike while the relay is on, check that the relay switches it (NO), and whether the door " +
		"presses on the latch: a strike under pressure does not let go"
}

// length holds the pulse against its configuration. It ends before its time when the door closes.
func (t Trial) length() []Finding {
	switch {
	case !t.Pulsed:
		return nil
	case t.Lasted > t.Pulse+tooLong:
		return found(PulseLong, Relay, fmt.Sprintf("the door was open for %v instead of %v", round(t.Lasted), t.Pulse),
			"see what keeps the processor busy (facegate status), and whether a hold, the schedule or the exit button opened the door as well")
	case t.Lasted < t.Pulse-tooShort && !t.closedBefore(t.Lasted):
		return found(PulseShort, Relay, fmt.Sprintf("the door was open for %v instead of %v, and had not closed", round(t.Lasted), t.Pulse),
			"see whether the gate was stopped meanwhile (journalctl -u facegate), and test again")
	}
	return nil
}

// closedBefore reports whether the contact, as the gate reads it, closed up to end: the gate locks then.
func (t Trial) closedBefore(end time.Duration) bool {
	return slices.ContainsFunc(t.edges(Contact), func(e Edge) bool { return !e.Active && e.At >= 0 && e.At <= end+tooShort })
}

// contactLevel judges the level of the contact, which has to be that of the door.
func (t Trial) contactLevel() []Finding {
	open := t.Rest[Contact]
	switch {
	case !t.wired(Contact):
		return nil
	case t.inverted():
		return found(ContactInverted, Contact, fmt.Sprintf("the contact says %s for %s", reads(open), reads(!open)),
			"turn door.contact.active_low round")
	case len(t.edges(Contact)) > 0 || t.opensUnseen():
		return nil
	case t.Shut == Yes && open, t.Shut == No && !open:
		return found(ContactDiffers, Contact, fmt.Sprintf("the contact reads %s, and the door is %s", reads(open), reads(!open)),
			"open and shut the door while facegate door watch runs: if the contact follows, turn door.contact.active_low round; if "+
				"not, bring the magnet nearer, or check its two wires")
	case t.Shut == 0 && open:
		return maybe(ContactOpen, Contact, "the contact reads open at rest",
			"shut the door and test again; if it is shut, turn door.contact.active_low round, or bring the magnet nearer")
	}
	return nil
}

// reads names a level of the contact.
func reads(open bool) string {
	if open {
		return "open"
	}
	return "shut"
}

// opensUnseen reports whether somebody has opened the door, and the contact did not move.
func (t Trial) opensUnseen() bool {
	return t.wired(Contact) && len(t.edges(Contact)) == 0 && t.Pulsed && t.Released == Yes
}

// contactMoves judges whether the contact follows the door.
func (t Trial) contactMoves() []Finding {
	longest := t.bounces()
	switch {
	case t.opensUnseen():
		return found(ContactSilent, Contact, "the door was opened, and the contact did not move",
			"check that its two wires are on this line and on ground, that door.contact.bias fits (pull-up for a contact to ground), and "+
				"that the magnet is within reach when the door is shut (usually 15 mm)")
	case t.wired(Contact) && len(t.edges(Contact)) == 0 && t.Pulsed && t.Released == 0:
		return maybe(NothingMoved, Contact, "a pulse was given, and the contact did not move",
			"nobody opened the door, or the lock did not let go, or the contact is not wired: open the door by hand during the next test")
	case longest > 0:
		return found(ContactBounces, Contact, fmt.Sprintf("the contact bounces for up to %v", round(longest)),
			fmt.Sprintf("set door.contact.debounce to %v, or see why the door springs back from its frame", debounceFor(longest)))
	}
	return nil
}

// debounceFor returns what is enough for a contact that bounces for so long.
func debounceFor(longest time.Duration) time.Duration {
	const step = 50 * time.Millisecond
	return (longest + longest/2 + step - 1) / step * step
}

// passage judges how the door was gone through.
func (t Trial) passage() []Finding {
	times := t.Times()
	switch {
	case times.Opened == 0 || !t.Pulsed:
		return nil
	case t.inverted(): // the gate locks when the door opens
		return t.closing(times)
	case times.Opened > t.Lasted:
		return append(found(LocksEarly, Relay, fmt.Sprintf("the door opened %v after the start of the pulse, when it was locked again", round(times.Opened)),
			t.adviceLonger()), t.closing(times)...)
	case times.Opened > t.Pulse-reserve:
		return append(found(LocksEarly, Relay, fmt.Sprintf("the door opened %v after the start of a pulse of %v: that is close", round(times.Opened), t.Pulse),
			t.adviceLonger()), t.closing(times)...)
	}
	return t.closing(times)
}

func (t Trial) adviceLonger() string {
	return fmt.Sprintf("set door.pulse to %v or more, or see what holds the door up", (t.Pulse + 2*time.Second).Round(time.Second))
}

// closing judges whether the door closes by itself.
func (t Trial) closing(times Times) []Finding {
	switch {
	case times.Closed > 0 || t.Kind == Turnstile:
		return nil
	case t.ShutLast == Yes:
		return found(ContactSilent, Contact, "the door is shut again, and the contact still reads open",
			"bring the magnet nearer: it has to be within reach when the door has fallen shut")
	case t.ShutLast == No, t.Watched-times.Opened >= patience:
		return found(StaysOpen, Contact, fmt.Sprintf("the door had not closed %v after it opened", round(t.Watched-times.Opened)),
			"adjust the door closer, until the door falls into its lock by itself")
	}
	return nil
}

// button judges the exit button.
func (t Trial) button() []Finding {
	first, moved := t.pressed()
	switch {
	case !t.wired(Exit):
		return nil
	case t.Rest[Exit] && moved && !first.Active:
		return found(ExitInverted, Exit, "the exit button reads pressed at rest, and released when it is pressed",
			"turn door.exit.active_low round")
	case t.Rest[Exit]:
		return found(ExitStuck, Exit, "the exit button reads pressed, and nobody presses it",
			"see whether it is stuck; if not, turn door.exit.active_low round (a button to ground is active low, with pull-up), or look "+
				"for a short circuit in its wires")
	case t.Press == 0:
		return nil
	case !moved && t.Pressed != No:
		return found(ExitSilent, Exit, "no press of the exit button was seen",
			"check that its two wires are on this line and on ground, and that door.exit.bias fits (pull-up for a button to ground)")
	case moved && !t.ExitOpened:
		return found(ExitIgnored, Exit, "the exit button was pressed, and the door stayed locked",
			"see facegate door status: a button that was pressed for a minute opens nothing until it is let go")
	case moved && t.last(Exit):
		return found(ExitStuck, Exit, "the exit button was pressed, and still reads pressed",
			"let it go; if it was let go, see whether it is stuck")
	}
	return nil
}

// round is a time as a technician reads it.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
