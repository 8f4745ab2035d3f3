package doortrial

import (
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/gpio/door"
	"facegate/gpio/door/diagnose"
)

// TestLevelsAtTheStart begins a step when the watch has told of one line how it is: what it tells of the others after that is no
// change, and no contact that bounces.
func TestLevelsAtTheStart(t *testing.T) {
	const ms = time.Millisecond
	w := noWatch()
	w.add(status.DoorMoment{Up: 1 * ms, What: status.Level, Line: "relay"})
	step := test{watch: w, mark: w.mark(), start: 30 * ms}
	step.trial.Rest = map[diagnose.Line]bool{diagnose.Contact: false}
	w.add(status.DoorMoment{Up: 4 * ms, What: status.Level, Line: string(diagnose.Contact)})
	w.add(status.DoorMoment{Up: 46 * ms, What: door.Opened})
	w.add(status.DoorMoment{Up: 550 * ms, What: door.Closed})
	want := []diagnose.Edge{
		{Line: diagnose.Contact, At: 16 * ms, Active: true}, {Line: diagnose.Contact, At: 520 * ms, Active: false},
	}
	if got := step.edges(diagnose.Contact); !slices.Equal(got, want) {
		t.Errorf("the contact did %+v, want %+v", got, want)
	}
}
