package bypeople

import (
	"cmp"
	"slices"
)

// roomOfTop bounds the events that one worker keeps, to 24 MiB.
const roomOfTop = 1 << 21

// A top keeps the events of the highest scores: all of them until its room is full, and then those above a floor that
// rises. Of any room/2 highest ones it has dropped none.
type top struct {
	room   int
	events []Event
	full   bool    // whether it was full once
	floor  float32 // then the highest score that was dropped
}

func (t *top) add(e Event) {
	if t.full && !(e.Score > t.floor) {
		return
	}
	t.events = append(t.events, e)
	if len(t.events) < t.room {
		return
	}
	slices.SortFunc(t.events, func(a, b Event) int { return cmp.Compare(b.Score, a.Score) })
	t.full, t.floor = true, t.events[t.room/2].Score
	end, _ := slices.BinarySearchFunc(t.events, t.floor, func(e Event, floor float32) int { return cmp.Compare(floor, e.Score) })
	t.events = t.events[:end]
}
