package diagnose_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/gpio/door/diagnose"
)

const ms = time.Millisecond

// at is a change of a line at a time in milliseconds since the start of the pulse.
func at(l diagnose.Line, active bool, when time.Duration) diagnose.Edge {
	return diagnose.Edge{Line: l, Active: active, At: when * ms}
}

// healthy is a trial of a door on which nothing is wrong, and every line is wired.
func healthy() diagnose.Trial {
	return diagnose.Trial{
		Kind: diagnose.Strike, Pulse: 4 * time.Second,
		Rest: map[diagnose.Line]bool{diagnose.Contact: false, diagnose.Exit: false, diagnose.Fire: false, diagnose.Tamper: false},
		Shut: diagnose.Yes, Locked: diagnose.Yes,
		Pulsed: true, Lasted: 3500 * ms, Released: diagnose.Yes,
		Edges: []diagnose.Edge{
			at(diagnose.Contact, true, 1200), at(diagnose.Contact, false, 3450),
			at(diagnose.Exit, true, 9000), at(diagnose.Exit, false, 9400),
		},
		Watched: 3450 * ms, Press: 8 * time.Second, Pressed: diagnose.Yes, ExitOpened: true,
	}
}

// turned are the edges with the levels of one line exchanged.
func turned(t *diagnose.Trial, l diagnose.Line) {
	t.Rest[l] = !t.Rest[l]
	for i, e := range t.Edges {
		if e.Line == l {
			t.Edges[i].Active = !e.Active
		}
	}
}

// without drops the edges of a line.
func without(t *diagnose.Trial, l diagnose.Line) {
	t.Edges = slices.DeleteFunc(t.Edges, func(e diagnose.Edge) bool { return e.Line == l })
}

// unwired takes a line away.
func unwired(t *diagnose.Trial, l diagnose.Line) {
	without(t, l)
	delete(t.Rest, l)
}

// unanswered is a trial that nobody was asked about.
func unanswered(t *diagnose.Trial) {
	t.Shut, t.Locked, t.Released, t.Clicked, t.ShutLast, t.Pressed = 0, 0, 0, 0, 0, 0
}

func TestFindings(t *testing.T) {
	type trial = diagnose.Trial
	for _, tt := range []struct {
		name string
		do   func(*trial)
		want []diagnose.Fault
	}{
		{"healthy", func(*trial) {}, nil},
		{"healthy, and nobody was asked", unanswered, nil},
		{"a relay and nothing else", func(t *trial) {
			for l := range maps.Clone(t.Rest) {
				unwired(t, l)
			}
			t.Lasted, t.Press, t.ExitOpened = 4*time.Second, 0, false
		}, nil},
		{"a pulse to its end", func(t *trial) {
			t.Lasted = 4030 * ms
			t.Edges[1].At = 7 * time.Second
		}, nil},
		{"no pulse", func(t *trial) { *t = trial{Kind: t.Kind, Pulse: t.Pulse, Rest: t.Rest, Shut: t.Shut, Locked: t.Locked} }, nil},
		{"a turnstile, whose arm gives one signal", func(t *trial) {
			t.Kind, t.Edges = diagnose.Turnstile, []diagnose.Edge{at(diagnose.Contact, true, 900)}
			t.Lasted, t.Watched, t.Press = 4*time.Second, 40*time.Second, 0
		}, nil},

		{"contact inverted", func(t *trial) {
			turned(t, diagnose.Contact)
			t.Lasted = 1210 * ms // the gate locks when the contact says shut, which is when the door opens
		}, []diagnose.Fault{diagnose.ContactInverted}},
		{"contact inverted, and the lock was quicker than the contact", func(t *trial) {
			turned(t, diagnose.Contact)
			t.Lasted = 1190 * ms
		}, []diagnose.Fault{diagnose.ContactInverted}},
		{"contact inverted, and nobody was asked", func(t *trial) {
			turned(t, diagnose.Contact)
			unanswered(t)
			t.Lasted = 1210 * ms
		}, []diagnose.Fault{diagnose.ContactInverted}},
		{"contact inverted, and the door stood open", func(t *trial) {
			t.Shut, t.Rest[diagnose.Contact] = diagnose.No, false
			t.Edges = []diagnose.Edge{at(diagnose.Contact, true, 2000)}
			t.Lasted, t.Press = 4*time.Second, 0
		}, []diagnose.Fault{diagnose.ContactInverted}},
		{"contact open for a shut door, before a pulse", func(t *trial) {
			t.Rest[diagnose.Contact], t.Edges, t.Pulsed, t.Released, t.Press = true, nil, false, 0, 0
		}, []diagnose.Fault{diagnose.ContactDiffers}},
		{"contact shut for an open door, before a pulse", func(t *trial) {
			t.Shut, t.Edges, t.Pulsed, t.Released, t.Press = diagnose.No, nil, false, 0, 0
		}, []diagnose.Fault{diagnose.ContactDiffers}},
		{"contact open at rest, and nobody was asked", func(t *trial) {
			unanswered(t)
			t.Rest[diagnose.Contact], t.Edges, t.Pulsed, t.Press = true, nil, false, 0
		}, []diagnose.Fault{diagnose.ContactOpen}},
		{"contact never moves", func(t *trial) {
			without(t, diagnose.Contact)
			t.Lasted = 4 * time.Second
		}, []diagnose.Fault{diagnose.ContactSilent}},
		{"contact never moves, and reads open", func(t *trial) {
			without(t, diagnose.Contact)
			t.Rest[diagnose.Contact], t.Lasted = true, 4*time.Second
		}, []diagnose.Fault{diagnose.ContactSilent}},
		{"nothing moves, and nobody was asked", func(t *trial) {
			unanswered(t)
			without(t, diagnose.Contact)
			t.Lasted = 4 * time.Second
		}, []diagnose.Fault{diagnose.NothingMoved}},
		{"contact bounces as the door falls shut", func(t *trial) {
			t.Edges = slices.Insert(t.Edges, 2, at(diagnose.Contact, true, 3480), at(diagnose.Contact, false, 3600))
			t.Lasted = 3450 * ms
		}, []diagnose.Fault{diagnose.ContactBounces}},
		{"contact bounces as the door opens", func(t *trial) {
			t.Edges = slices.Insert(t.Edges, 1, at(diagnose.Contact, false, 1220), at(diagnose.Contact, true, 1230))
			t.Lasted = 1220 * ms
		}, []diagnose.Fault{diagnose.ContactBounces}},
		{"the door is shut, and the magnet is too far", func(t *trial) {
			t.Edges = []diagnose.Edge{at(diagnose.Contact, true, 1200)}
			t.Lasted, t.Watched, t.ShutLast, t.Press = 4*time.Second, 20*time.Second, diagnose.Yes, 0
		}, []diagnose.Fault{diagnose.ContactSilent}},
		{"the door stays open", func(t *trial) {
			t.Edges = []diagnose.Edge{at(diagnose.Contact, true, 1200)}
			t.Lasted, t.Watched, t.ShutLast, t.Press = 4*time.Second, 20*time.Second, diagnose.No, 0
		}, []diagnose.Fault{diagnose.StaysOpen}},
		{"the door stays open, and nobody was asked", func(t *trial) {
			unanswered(t)
			t.Edges = []diagnose.Edge{at(diagnose.Contact, true, 1200)}
			t.Lasted, t.Watched, t.Press = 4*time.Second, 20*time.Second, 0
		}, []diagnose.Fault{diagnose.StaysOpen}},
		{"the door was not watched for long enough to say", func(t *trial) {
			unanswered(t)
			t.Edges = []diagnose.Edge{at(diagnose.Contact, true, 1200)}
			t.Lasted, t.Watched, t.Press = 4*time.Second, 5*time.Second, 0
		}, nil},

		{"free at rest", func(t *trial) { t.Locked = diagnose.No }, []diagnose.Fault{diagnose.FreeAtRest}},
		{"the wrong way round", func(t *trial) {
			t.Locked, t.Released, t.Lasted = diagnose.No, diagnose.No, 4*time.Second
			without(t, diagnose.Contact)
		}, []diagnose.Fault{diagnose.RelayInverted}},
		{"the relay is without effect", func(t *trial) {
			t.Released, t.Clicked, t.Lasted = diagnose.No, diagnose.No, 4*time.Second
			without(t, diagnose.Contact)
		}, []diagnose.Fault{diagnose.RelaySilent}},
		{"the relay clicks, and the strike holds", func(t *trial) {
			t.Released, t.Clicked, t.Lasted = diagnose.No, diagnose.Yes, 4*time.Second
			without(t, diagnose.Contact)
		}, []diagnose.Fault{diagnose.LockSilent}},
		{"the magnet holds", func(t *trial) {
			t.Kind, t.Released, t.Clicked, t.Lasted = diagnose.Maglock, diagnose.No, diagnose.Yes, 4*time.Second
			without(t, diagnose.Contact)
		}, []diagnose.Fault{diagnose.LockSilent}},
		{"the lock holds, and nobody heard", func(t *trial) {
			t.Released, t.Lasted = diagnose.No, 4*time.Second
			without(t, diagnose.Contact)
		}, []diagnose.Fault{diagnose.RelaySilent}},
		{"a long pulse", func(t *trial) { t.Lasted, t.Edges[1].At = 5*time.Second, 6*time.Second }, []diagnose.Fault{diagnose.PulseLong}},
		{"a short pulse", func(t *trial) { t.Lasted, t.Edges[1].At = 2*time.Second, 6*time.Second }, []diagnose.Fault{diagnose.PulseShort}},
		{"a short pulse without a contact", func(t *trial) {
			unwired(t, diagnose.Contact)
			t.Lasted = 2 * time.Second
		}, []diagnose.Fault{diagnose.PulseShort}},
		{"it opens at the last moment", func(t *trial) {
			t.Edges[0].At, t.Edges[1].At, t.Lasted = 3700*ms, 6*time.Second, 4*time.Second
		}, []diagnose.Fault{diagnose.LocksEarly}},
		{"it opens when it is locked again", func(t *trial) {
			t.Edges[0].At, t.Edges[1].At, t.Lasted = 4400*ms, 6*time.Second, 4*time.Second
		}, []diagnose.Fault{diagnose.LocksEarly}},
		{"it is opened much later, as with a key", func(t *trial) {
			t.Edges[0].At, t.Edges[1].At, t.Lasted, t.Released = 6500*ms, 7*time.Second, 4*time.Second, diagnose.No
		}, []diagnose.Fault{diagnose.RelaySilent}},

		{"exit button inverted", func(t *trial) { turned(t, diagnose.Exit) }, []diagnose.Fault{diagnose.ExitInverted}},
		{"exit button stuck", func(t *trial) {
			without(t, diagnose.Exit)
			t.Rest[diagnose.Exit], t.ExitOpened = true, false
		}, []diagnose.Fault{diagnose.ExitStuck}},
		{"exit button pressed at rest, and nobody was asked", func(t *trial) {
			unanswered(t)
			without(t, diagnose.Exit)
			t.Rest[diagnose.Exit], t.Press, t.ExitOpened = true, 0, false
		}, []diagnose.Fault{diagnose.ExitStuck}},
		{"exit button sticks when it is pressed", func(t *trial) { t.Edges = t.Edges[:3] }, []diagnose.Fault{diagnose.ExitStuck}},
		{"exit button not wired", func(t *trial) {
			without(t, diagnose.Exit)
			t.ExitOpened = false
		}, []diagnose.Fault{diagnose.ExitSilent}},
		{"nobody pressed the exit button", func(t *trial) {
			without(t, diagnose.Exit)
			t.Pressed, t.ExitOpened = diagnose.No, false
		}, nil},
		{"exit button pressed before somebody was asked to", func(t *trial) {
			t.Edges[2].At, t.Edges[3].At, t.ExitOpened = 5*time.Second, 6*time.Second, false
		}, []diagnose.Fault{diagnose.ExitSilent}},
		{"exit button opens nothing", func(t *trial) { t.ExitOpened = false }, []diagnose.Fault{diagnose.ExitIgnored}},

		{"fire", func(t *trial) { t.Rest[diagnose.Fire] = true }, []diagnose.Fault{diagnose.FireActive}},
		{"tamper", func(t *trial) { t.Rest[diagnose.Tamper] = true }, []diagnose.Fault{diagnose.TamperActive}},
		{"a line is broken", func(t *trial) {
			without(t, diagnose.Exit)
			t.Broken = map[diagnose.Line]string{diagnose.Exit: "device or resource busy"}
			t.ExitOpened, t.Rest[diagnose.Exit] = false, true
		}, []diagnose.Fault{diagnose.LineBroken}},
		{"the contact is broken", func(t *trial) {
			without(t, diagnose.Contact)
			t.Broken = map[diagnose.Line]string{diagnose.Contact: "device or resource busy"}
			t.Lasted = 4 * time.Second
		}, []diagnose.Fault{diagnose.LineBroken}},

		{"contact and button inverted", func(t *trial) {
			turned(t, diagnose.Contact)
			turned(t, diagnose.Exit)
			t.Lasted = 1210 * ms
		}, []diagnose.Fault{diagnose.ContactInverted, diagnose.ExitInverted}},
		{"every input inverted", func(t *trial) {
			turned(t, diagnose.Contact)
			turned(t, diagnose.Exit)
			t.Lasted, t.Rest[diagnose.Fire], t.Rest[diagnose.Tamper] = 1210*ms, true, true
		}, []diagnose.Fault{diagnose.FireActive, diagnose.TamperActive, diagnose.ContactInverted, diagnose.ExitInverted}},
		{"contact inverted, bouncing, and the door stays open", func(t *trial) {
			t.Edges = []diagnose.Edge{
				at(diagnose.Contact, false, 1200), at(diagnose.Contact, true, 1220), at(diagnose.Contact, false, 1230),
			}
			t.Rest[diagnose.Contact], t.Lasted, t.Watched, t.ShutLast, t.Press = true, 1200*ms, 20*time.Second, diagnose.No, 0
		}, []diagnose.Fault{diagnose.ContactInverted, diagnose.ContactBounces, diagnose.StaysOpen}},
		{"late, and it stays open", func(t *trial) {
			t.Edges = []diagnose.Edge{at(diagnose.Contact, true, 4400)}
			t.Lasted, t.Watched, t.ShutLast, t.Press = 4*time.Second, 20*time.Second, diagnose.No, 0
		}, []diagnose.Fault{diagnose.LocksEarly, diagnose.StaysOpen}},
		{"lock without effect, contact inverted, exit stuck", func(t *trial) {
			t.Edges, t.Rest[diagnose.Contact], t.Rest[diagnose.Exit] = nil, true, true
			t.Released, t.Clicked, t.Lasted, t.ExitOpened = diagnose.No, diagnose.No, 4*time.Second, false
		}, []diagnose.Fault{diagnose.RelaySilent, diagnose.ContactDiffers, diagnose.ExitStuck}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trial := healthy()
			tt.do(&trial)
			var got []diagnose.Fault
			for _, f := range trial.Findings() {
				got = append(got, f.Fault)
				told(t, f)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// told checks that a finding says what is wrong and what to do, in words of the door.
func told(t *testing.T, f diagnose.Finding) {
	t.Helper()
	if f.Line == "" || f.What == "" || f.Todo == "" || strings.HasSuffix(f.What, ".") || strings.HasSuffix(f.Todo, ".") {
		t.Errorf("a finding says %+v", f)
	}
	if open := f.Fault == diagnose.NothingMoved || f.Fault == diagnose.ContactOpen; f.Maybe != open {
		t.Errorf("it may be none: %t, of %+v", f.Maybe, f)
	}
	for _, word := range []string{"true", "false", "nil", "0s", "edge"} {
		if strings.Contains(f.What+" "+f.Todo, word) {
			t.Errorf("a finding says %q: %+v", word, f)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, tt := range []struct {
		name           string
		do             func(*diagnose.Trial)
		opened, closed time.Duration
	}{
		{"healthy", func(*diagnose.Trial) {}, 1200 * ms, 3450 * ms},
		{"inverted", func(t *diagnose.Trial) { turned(t, diagnose.Contact) }, 1200 * ms, 3450 * ms},
		{"stays open", func(t *diagnose.Trial) { t.Edges = t.Edges[:1] }, 1200 * ms, 0},
		{"bounces", func(t *diagnose.Trial) {
			t.Edges = slices.Insert(t.Edges, 2, at(diagnose.Contact, true, 3480), at(diagnose.Contact, false, 3600))
		}, 1200 * ms, 3600 * ms},
		{"nobody opened it", func(t *diagnose.Trial) { without(t, diagnose.Contact) }, 0, 0},
		{"opened with a key, long after", func(t *diagnose.Trial) { t.Edges[0].At, t.Edges[1].At = 8*time.Second, 9*time.Second }, 0, 0},
		{"no contact", func(t *diagnose.Trial) { unwired(t, diagnose.Contact) }, 0, 0},
	} {
		trial := healthy()
		tt.do(&trial)
		want := diagnose.Times{Opened: tt.opened, Closed: tt.closed}
		if got := trial.Times(); got != want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
	}
}
