package daemon

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/health"
	"facegate/gpio/door"
	"facegate/pipeline/publish"
)

// TestOpenings has a door do what it does, and checks which openings are announced: each once, and none of somebody who has asked for it,
// of whom others tell.
func TestOpenings(t *testing.T) {
	for _, tt := range []struct{ name, events, want string }{
		{"somebody is let in", "0 unlocked granted, 1 opened, 2 locked, 3 closed", ""},
		{"by hand", "0 unlocked hand, 5 locked", ""},
		{"the exit", "0 exit asked, 0 unlocked exit, 5 locked", "exit at 0"},
		{"the exit, again while it is open", "0 exit asked, 0 unlocked exit, 1 exit asked, 4 exit asked, 5 locked", "exit at 0"},
		{"two people leave", "0 exit asked, 0 unlocked exit, 5 locked, 6 exit asked, 6 unlocked exit", "exit at 0, exit at 6"},
		{"the exit while somebody is let in", "0 unlocked granted, 3 exit asked, 4 exit asked, 5 locked", "exit at 3"},
		{"a hold", "0 unlocked hold, 60 locked", "hold at 0"},
		{"a hold while somebody passes", "0 unlocked granted, 1 kept open hold", "hold at 1"},
		{"the schedule", "0 unlocked schedule, 1 kept open hold", "schedule at 0, hold at 1"},
		{"fire", "0 fire, 0 unlocked fire, 9 fire ended, 9 locked", "fire at 0"},
		{"fire while it is open", "0 unlocked schedule, 7 fire", "schedule at 0, fire at 7"},
		{"a loose wire", "0 fire, 1 fire ended, 1 fire, 2 fire ended, 3 fire", "fire at 0, fire at 3"},
		{"forced", "0 opened, 0 forced", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var told []string
			begun := time.Now()
			d := newDoorEvents(func(door.Event) {}, slog.New(slog.DiscardHandler))
			d.opened = func(at time.Time, by string) {
				told = append(told, fmt.Sprintf("%s at %d", by, int(at.Sub(begun).Seconds())))
			}
			for _, text := range strings.Split(tt.events, ", ") {
				d.tell(parsed(t, text, begun))
			}
			if diff := cmp.Diff(tt.want, strings.Join(told, ", ")); diff != "" {
				t.Errorf("announced (-want +got):\n%s", diff)
			}
		})
	}
}

// parsed reads an event from "seconds what [cause]".
func parsed(t *testing.T, text string, begun time.Time) (e door.Event) {
	t.Helper()
	second, what, _ := strings.Cut(text, " ")
	var after int
	if _, err := fmt.Sscan(second, &after); err != nil {
		t.Fatal(err)
	}
	e.At = begun.Add(time.Duration(after) * time.Second)
	for _, w := range []door.What{door.Unlocked, door.Kept} {
		if cause, ok := strings.CutPrefix(what, string(w)+" "); ok {
			e.What, e.Cause = w, door.Cause(cause)
			return e
		}
	}
	e.What = door.What(what)
	return e
}

// TestHealthFits checks that a gate at which everything is wrong can say so: it reads back what it says, and no packet of more than 4 KB.
func TestHealthFits(t *testing.T) {
	var all []health.Condition
	for _, name := range health.Names() {
		all = append(all, health.Condition{Name: name, Part: health.Profile, State: health.Degraded})
	}
	for _, part := range []health.Part{health.Entry, health.Faces} { // of means, each of which may be of either
		for _, name := range []health.Name{health.MeansFlooded, health.MeansOff, health.MeansSlowed} {
			all = append(all, health.Condition{Name: name, Part: part, State: health.Degraded})
		}
	}
	r := health.Assess(all...)
	text, err := json.Marshal(publish.Health{
		Schema: publish.HealthSchema, State: string(r.State), Conditions: conditions(r), Time: publish.At(time.Now()), Clock: publish.Synced,
	})
	const topic = 2 + 3*128 // the longest
	if err != nil || len(text)+topic > 4<<10 {
		t.Errorf("it has %d bytes, %v", len(text), err)
	}
}

// TestConditionsHaveNoWords checks that nothing which somebody wrote gets into what building systems are told of the health.
func TestConditionsHaveNoWords(t *testing.T) {
	r := health.Assess(
		health.Condition{Name: health.GroupEmpty, Part: health.People, State: health.Degraded, Reason: "zaunkoenig", Todo: "rotkehlchen"},
		health.Condition{Name: health.LineFault, Part: health.Door, State: health.Degraded, Reason: "GPIO5"},
		health.Condition{Name: health.LineFault, Part: health.Door, State: health.Down, Reason: "GPIO6"},
		health.Condition{Name: health.LineFault, Part: health.Door, State: health.Degraded, Reason: "GPIO7"},
	)
	want := []publish.Condition{{Name: "group_empty", Part: "people", State: "degraded"}, {Name: "line_fault", Part: "door", State: "down"}}
	if diff := cmp.Diff(want, conditions(r)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if got := conditions(health.Assess()); got == nil || len(got) != 0 {
		t.Errorf("of a gate that is well they are %#v", got)
	}
}
