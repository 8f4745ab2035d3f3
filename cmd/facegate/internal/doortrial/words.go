package doortrial

import (
	"facegate/cmd/facegate/internal/status"
	"facegate/gpio/door"
)

// Level says in words what a line with this role says by its level.
func Level(role string, active bool) string {
	pair := [2]string{"off", "on"}
	switch role {
	case door.ContactLine.String():
		pair = [2]string{"shut", "open"}
	case door.ExitLine.String():
		pair = [2]string{"not pressed", "pressed"}
	case door.FireLine.String():
		pair = [2]string{"no alarm", "fire alarm"}
	case door.TamperLine.String():
		pair = [2]string{"case shut", "case open"}
	case door.InterlockLine.String():
		pair = [2]string{"other door shut", "other door open"}
	}
	if active {
		return pair[1]
	}
	return pair[0]
}

// Name calls a line with this role by what it is.
func Name(role string) string {
	switch role {
	case door.ContactLine.String():
		return "door contact"
	case door.ExitLine.String():
		return "exit button"
	case door.FireLine.String():
		return "fire input"
	case door.TamperLine.String():
		return "tamper contact"
	case door.InterlockLine.String():
		return "contact of the other door"
	case door.RedLine.String():
		return "red light"
	case door.GreenLine.String():
		return "green light"
	}
	return role
}

// Cause says in words why a door is unlocked.
func Cause(c door.Cause) string {
	switch c {
	case door.Granted:
		return "somebody is let in"
	case door.Hand:
		return "opened by hand"
	case door.Exit:
		return "the exit button"
	case door.Hold:
		return "held open"
	case door.Schedule:
		return "the schedule"
	case door.Fire:
		return "the fire alarm"
	}
	return string(c)
}

// Moment says in words what a door did.
func Moment(m status.DoorMoment) string {
	switch m.What {
	case status.Level:
		words := Name(m.Line) + ": " + Level(m.Line, m.Active)
		if m.Error != "" {
			words += ", and its line is in fault: " + m.Error
		}
		return words
	case door.Unlocked:
		return "unlocked: " + Cause(m.Cause)
	case door.Kept:
		return "open to everybody: " + Cause(m.Cause)
	case door.Locked:
		return "locked"
	case door.Opened:
		return "the door was opened"
	case door.Closed:
		return "the door was shut"
	case door.ExitAsked:
		return "the exit button was pressed"
	case door.LineFault:
		return Name(m.Line) + ": its line is in fault: " + m.Error
	case door.LineMended:
		return Name(m.Line) + ": its line works again"
	}
	return alarm(m.What)
}

// Alarm says an alarm of a door in words.
func Alarm(name string) string { return alarm(door.What(name)) }

func alarm(w door.What) string {
	switch w {
	case door.Forced:
		return "the door was opened while it was locked"
	case door.ForcedEnded:
		return "the alarm of the forced door has ended"
	case door.HeldWarning:
		return "the door has stood open for long"
	case door.Held:
		return "the door has stood open for too long"
	case door.HeldEnded:
		return "the door stands open no more"
	case door.Tamper:
		return "the case was opened"
	case door.TamperEnded:
		return "the case is shut"
	case door.FireOn:
		return "fire alarm: the door is open"
	case door.FireOff:
		return "the fire alarm has ended"
	}
	return string(w)
}

// AlarmTodo says what to do about an alarm, "" if nobody knows better.
func AlarmTodo(name string) string {
	switch door.What(name) {
	case door.Forced:
		return "see who is there, and shut the door: the alarm ends when it is shut; if nobody forced it, test the contact with " +
			"facegate door test"
	case door.HeldWarning, door.Held:
		return "shut the door; if it is shut, test the contact with facegate door test"
	case door.Tamper:
		return "see who is at the case, and shut it"
	case door.FireOn:
		return "the door is free until the fire system ends the alarm; if there is none, test its input with facegate door test"
	}
	return ""
}
