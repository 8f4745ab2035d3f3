package daemon

import (
	"time"

	"facegate/gpio/door"
	"facegate/pipeline/publish"
)

// openingRest is for how long after an opening was announced another by the same means is not: it is as long as a door may be opened
// after it has locked. A loose wire would fill the outbox, and what happened before would be given up.
const openingRest = 2 * time.Second

// openings finds, among what happens at a door, the openings that building systems hear of from nobody else: those by the exit button,
// a hold, the schedule and a fire alarm. Of attempts, and of openings by hand, they are told by whoever opens.
type openings struct {
	unlocked bool
	exit     bool                 // the button was announced since the door was unlocked
	told     map[string]time.Time // when each means was announced last
}

// of returns by what means the door is open now, "" if an event is no opening, or none to be announced.
func (o *openings) of(e door.Event) (by string) {
	switch by = o.means(e); {
	case by == "":
		return ""
	case !o.told[by].IsZero() && e.At.Sub(o.told[by]) < openingRest:
		return ""
	}
	o.told[by] = e.At
	return by
}

// means returns by what means an event opens the door. Whoever presses the button of a door that is unlocked may open it once it is not any
// more, for as long as they press: that is announced once.
func (o *openings) means(e door.Event) (by string) {
	switch e.What {
	case door.Unlocked, door.Kept:
		o.unlocked = true
		switch e.Cause {
		case door.Hold:
			return publish.Hold
		case door.Schedule:
			return publish.Schedule
		case door.Exit:
			o.exit = true
			return publish.Exit
		}
	case door.Locked:
		o.unlocked, o.exit = false, false
	case door.FireOn:
		return publish.Fire
	case door.ExitAsked:
		if o.unlocked && !o.exit { // otherwise the door is unlocked by it
			o.exit = true
			return publish.Exit
		}
	}
	return ""
}
