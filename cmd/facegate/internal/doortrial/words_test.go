package doortrial_test

import (
	"testing"

	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/status"
	"facegate/gpio/door"
)

// TestWords checks that whatever happens at a door is said in words of its own.
func TestWords(t *testing.T) {
	said := map[string]bool{}
	say := func(words string) {
		t.Helper()
		if words == "" || said[words] {
			t.Errorf("%q is said twice, or nothing", words)
		}
		said[words] = true
	}
	for _, w := range []door.What{
		door.Locked, door.Opened, door.Closed, door.Forced, door.ForcedEnded, door.HeldWarning, door.Held, door.HeldEnded, door.Tamper,
		door.TamperEnded, door.FireOn, door.FireOff, door.ExitAsked,
	} {
		words := doortrial.Moment(status.DoorMoment{What: w})
		if say(words); words == string(w) && w != door.Locked {
			t.Errorf("of %q nothing is said but that", w)
		}
	}
	for _, c := range []door.Cause{door.Granted, door.Hand, door.Exit, door.Hold, door.Schedule, door.Fire} {
		say(doortrial.Moment(status.DoorMoment{What: door.Unlocked, Cause: c}))
	}
	for _, c := range []door.Cause{door.Hold, door.Schedule} {
		say(doortrial.Moment(status.DoorMoment{What: door.Kept, Cause: c}))
	}
	for role := door.Relay; role <= door.BuzzerLine; role++ {
		for _, active := range []bool{true, false} {
			say(doortrial.Moment(status.DoorMoment{What: status.Level, Line: role.String(), Active: active}))
		}
		say(doortrial.Moment(status.DoorMoment{What: door.LineFault, Line: role.String(), Error: "gone"}))
		say(doortrial.Moment(status.DoorMoment{What: door.LineMended, Line: role.String()}))
	}
	for _, name := range []door.What{door.Forced, door.HeldWarning, door.Held, door.Tamper, door.FireOn} {
		if doortrial.Alarm(string(name)) == "" || doortrial.AlarmTodo(string(name)) == "" {
			t.Errorf("of the alarm %q nothing is said", name)
		}
	}
}
