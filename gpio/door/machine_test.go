package door_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/gpio/door"
)

// parse reads what is done to a door: "grant", "exit+", "contact-", "hold 10m", "lose fire".
func parse(t *testing.T, text string) (in door.Input) {
	t.Helper()
	roles := map[string]door.Role{}
	for r := door.Relay; r <= door.BuzzerLine; r++ {
		roles[r.String()] = r
	}
	verb, object, _ := strings.Cut(text, " ")
	switch verb {
	case "wait":
	case "grant":
		in = door.Input{Act: door.Grant, Cause: door.Granted}
	case "hand":
		in = door.Input{Act: door.Grant, Cause: door.Hand}
	case "hold":
		d, err := time.ParseDuration(object)
		if err != nil {
			t.Fatal(err)
		}
		in = door.Input{Act: door.Keep, For: d}
	case "release":
		in = door.Input{Act: door.Release}
	case "plan":
		in = door.Input{Act: door.Follow, Plan: map[string]door.Plan{"normal": door.Normal, "open": door.Open, "shut": door.Shut}[object]}
	case "lose":
		in = door.Input{Act: door.Failed, Line: roles[object]}
	case "mend":
		in = door.Input{Act: door.Mended, Line: roles[object]}
	default:
		role, ok := roles[strings.TrimRight(verb, "+-")]
		if !ok {
			t.Fatalf("what is %q?", text)
		}
		in = door.Input{Act: door.Level, Line: role, Active: strings.HasSuffix(verb, "+")}
	}
	return in
}

// told writes events, and what the lights show if they show more than the lock.
func told(events []door.Event, o door.Outputs) string {
	var all []string
	for _, e := range events {
		all = append(all, strings.TrimRight(strings.Join([]string{string(e.What), string(e.Cause) + e.Line}, " "), " "))
	}
	if o.Red && o.Green {
		all = append(all, "ALARM")
	}
	if o.Buzzer {
		all = append(all, "BUZZER")
	}
	return strings.Join(all, ", ")
}

// TestRules plays stories at doors. Each line of a story is a time since the start, what is done, and what comes of it: the
// events, ALARM if both lights are lit, and BUZZER.
func TestRules(t *testing.T) {
	every := []door.Kind{door.Strike, door.Maglock, door.Turnstile}
	swings := []door.Kind{door.Strike, door.Maglock}
	for _, test := range []struct {
		name  string
		kinds []door.Kind
		story string
	}{
		{"a pulse ends by itself", every, `
			0s   grant | unlocked granted
			2.9s wait  |
			3s   wait  | locked`},
		{"a pulse is not made longer", swings, `
			0s   grant | unlocked granted
			1s   hand  |
			2s   exit- |
			2s   exit+ | exit asked
			3s   wait  | locked`},
		{"the next pulse begins where one has ended", swings, `
			0s   grant | unlocked granted
			3s   grant | locked, unlocked granted
			6s   hand  | locked, unlocked hand`},
		{"the door locks when it closes", every, `
			0s   contact- |
			1s   grant    | unlocked granted
			2s   contact+ | opened
			2.5s contact- | closed, locked
			9s   wait     |`},
		{"the door locks although it stands open", every, `
			0s   contact- |
			1s   grant    | unlocked granted
			2s   contact+ | opened
			4s   wait     | locked`},
		{"a turnstile waits for whoever was let in", []door.Kind{door.Turnstile}, `
			0s   contact- |
			1s   grant    | unlocked granted
			2s   grant    |
			4s   wait     | locked
			5s   grant    |
			5s   hand     |
			6s   contact+ | opened
			7s   grant    |
			8s   contact- | closed
			8s   grant    | unlocked granted`},
		{"a turnstile waits no longer than it should", []door.Kind{door.Turnstile}, `
			0s   grant    | unlocked granted
			3s   wait     | locked
			9.9s grant    |
			10s  grant    | unlocked granted`},
		{"the exit of a turnstile does not wait", []door.Kind{door.Turnstile}, `
			0s   exit-    |
			0s   grant    | unlocked granted
			4s   exit+    | locked, exit asked, unlocked exit`},
		{"a forced door", every, `
			0s   contact- |
			1s   contact+ | opened, forced, ALARM, BUZZER
			2s   contact- | closed, forced ended`},
		{"a forced door is an alarm until it closes", swings, `
			0s   contact- |
			1s   contact+ | opened, forced, ALARM, BUZZER
			2s   grant    | unlocked granted, ALARM, BUZZER
			5s   wait     | locked, ALARM, BUZZER
			6s   contact- | closed, forced ended`},
		{"the grace after an opening", every, `
			0s   contact- |
			0s   hold 1s  | unlocked hold
			2.9s contact+ | locked, opened
			4s   contact- | closed
			5s   contact+ | opened, forced, ALARM, BUZZER`},
		{"the grace after an exit", every, `
			0s   contact- |
			0s   exit-    |
			0s   exit+    | exit asked, unlocked exit
			9s   contact+ | locked, opened
			9s   contact- | closed
			9s   exit-    |
			10s  contact+ | opened
			10s  contact- | closed
			11s  contact+ | opened, forced, ALARM, BUZZER`},
		{"a door that is found open was not forced", every, `
			0s   contact+ | opened
			1s   contact- | closed`},
		{"a door that is held open by nobody", every, `
			0s   contact- |
			0s   grant    | unlocked granted
			1s   contact+ | opened
			3s   wait     | locked
			21s  wait     | held warning, BUZZER
			31s  wait     | held, ALARM, BUZZER
			99h  wait     | ALARM, BUZZER
			99h  contact- | closed, held ended`},
		{"a stall tells warning and alarm", every, `
			0s   contact+ | opened
			9m   wait     | held warning, held, ALARM, BUZZER`},
		{"a hold lets the door stand open", every, `
			0s   contact+ | opened
			21s  wait     | held warning, BUZZER
			22s  hold 10m | unlocked hold, held ended
			622s wait     | locked
			641s wait     |
			642s wait     | held warning, BUZZER
			650s plan open| unlocked schedule, held ended
			651s plan normal | locked
			660s fire+    | fire, unlocked fire`},
		{"a hold ends", every, `
			0s   hold 10m | unlocked hold
			5m   hold 1m  |
			6m   wait     | locked
			7m   hold 5m  | unlocked hold
			8m   release  | locked
			9m   release  |`},
		{"nothing exceeds the longest opening but a fire alarm", every, `
			0s   plan open | unlocked schedule
			50m  hold 50m  | kept open hold
			60m  wait      | locked
			61m  hold 60m  | unlocked hold
			119m plan normal |
			119m plan open | kept open schedule
			121m wait      | locked
			122m fire+     | fire, unlocked fire
			999m wait      |
			999m fire-     | fire ended, locked`},
		{"a shut door", every, `
			0s   plan shut |
			0s   exit-     |
			1s   grant     |
			2s   hand      | unlocked hand
			5s   exit+     | locked, exit asked, unlocked exit
			9s   hold 1m   | locked, unlocked hold
			10s  release   | locked
			11s  fire+     | fire, unlocked fire`},
		{"the plan becomes normal", swings, `
			0s   plan open | unlocked schedule
			1s   grant     |
			2s   plan shut | locked
			3s   plan normal |
			4s   grant     | unlocked granted
			5s   plan open | kept open schedule
			8s   wait      |
			9s   plan normal | locked`},
		{"a fire alarm", every, `
			0s   grant    | unlocked granted
			1s   fire+    | fire
			2s   grant    |
			2s   hold 1m  |
			99h  wait     |
			99h  fire-    | fire ended, locked`},
		{"a fire alarm within a hold", every, `
			0s   hold 1m  | unlocked hold
			10s  fire+    | fire
			20s  fire-    | fire ended
			60s  wait     | locked`},
		{"a fire input that is lost keeps what it said", every, `
			0s   fire+     | fire, unlocked fire
			1s   lose fire | line fault fire, ALARM
			99h  wait      | ALARM
			99h  mend fire | line mended fire
			99h  fire-     | fire ended, locked`},
		{"the exit button", every, `
			0s   exit-    |
			1s   exit+    | exit asked, unlocked exit
			2s   exit-    |
			4s   wait     | locked
			5s   exit+    | exit asked, unlocked exit
			8s   wait     | locked`},
		{"an exit button that is pressed at the start", every, `
			0s   exit+    |
			1s   exit-    |
			2s   exit+    | exit asked, unlocked exit`},
		{"an exit button that sticks", every, `
			0s   contact- |
			0s   exit-    |
			1s   exit+    | exit asked, unlocked exit
			4s   wait     | locked
			61s  wait     | line fault exit, ALARM
			62s  contact+ | opened, forced, ALARM, BUZZER
			63s  contact- | closed, forced ended, ALARM
			70s  exit-    | line mended exit
			80s  exit+    | exit asked, unlocked exit`},
		{"a tamper switch", every, `
			0s   tamper-     |
			1s   tamper+     | tamper, ALARM
			2s   lose tamper | tamper ended, line fault tamper, ALARM
			3s   tamper+     | line mended tamper, tamper, ALARM
			4s   tamper-     | tamper ended`},
		{"a contact that is lost", every, `
			0s   contact-     |
			1s   contact+     | opened, forced, ALARM, BUZZER
			2s   lose contact | forced ended, line fault contact, ALARM
			9m   wait         | ALARM
			9m   contact+     | line mended contact
			10m  wait         | held warning, held, ALARM, BUZZER
			10m  contact-     | closed, held ended`},
		{"lines that are driven", every, `
			0s   lose relay  | line fault relay, ALARM
			0s   lose buzzer | line fault buzzer, ALARM
			1s   lose buzzer | ALARM
			2s   mend relay  | line mended relay, ALARM
			3s   mend buzzer | line mended buzzer`},
	} {
		for _, kind := range test.kinds {
			for _, fail := range []door.Fail{door.Secure, door.Safe} {
				t.Run(fmt.Sprint(test.name, " ", kind, " ", fail), func(t *testing.T) {
					s := usual()
					s.Kind, s.Fail = kind, fail
					play(t, door.NewMachine(s), test.story)
				})
			}
		}
	}
}

// TestForcedOff checks that where an opening needs no cause none is an alarm.
func TestForcedOff(t *testing.T) {
	s := usual()
	s.Forced = false
	play(t, door.NewMachine(s), `
		0s   contact- |
		9s   contact+ | opened
		29s  wait     | held warning, BUZZER
		30s  contact- | closed, held ended`)
}

// play leads a machine through a story.
func play(t *testing.T, m door.Machine, story string) {
	t.Helper()
	const start = time.Minute
	var state door.State
	for line := range strings.Lines(story) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		done, want, _ := strings.Cut(line, "|")
		when, what, _ := strings.Cut(strings.TrimSpace(done), " ")
		at, err := time.ParseDuration(when)
		if err != nil {
			t.Fatal(err)
		}
		var events []door.Event
		state, events = m.Next(state, parse(t, strings.TrimSpace(what)), start+at)
		if diff := cmp.Diff(strings.TrimSpace(want), told(events, m.Outputs(state, start+at))); diff != "" {
			t.Fatalf("%s (-want +got):\n%s\nthe state is %+v", line, diff, state)
		}
	}
}
