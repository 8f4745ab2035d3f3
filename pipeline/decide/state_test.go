package decide

import (
	"encoding/binary"
	"testing"
	"time"

	"facegate/pipeline/track"
)

// A gate runs for months. What it remembers is of who is there now, and of the last few seconds.
func TestStateStaysSmall(t *testing.T) {
	d := New(Rules{Agree: 3, Window: 2 * time.Second, Rearm: 5 * time.Second, Margin: 0.06})
	now := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	var granted int
	for visitor := range uint64(2000) {
		id := track.ID(visitor + 1)
		var who Person
		binary.LittleEndian.PutUint64(who[:], visitor)
		for frame := range 50 { // five seconds, the first part of them with somebody taken for another now and then
			now = now.Add(100 * time.Millisecond)
			d.See(now, []*track.Track{{ID: id}})
			m := Match{Track: id, Time: now, Person: who, Score: 0.8, Second: -1, Threshold: 0.5}
			if frame < 20 && frame%7 == 0 {
				m.Person[15] = 1
			}
			if d.Observe(m) == Grant {
				granted++
			}
			for id, e := range d.tracks {
				if len(e.frames) > 21 || cap(e.frames) > 64 {
					t.Fatalf("track %d holds %d frames in room for %d", id, len(e.frames), cap(e.frames))
				}
			}
		}
		d.Forget(id)
		if len(d.tracks) > 0 || len(d.inside) > 3 {
			t.Fatalf("after visitor %d: %d tracks, %d people", visitor, len(d.tracks), len(d.inside))
		}
	}
	if granted != 2000 {
		t.Errorf("%d grants", granted)
	}
	if d.See(now.Add(6*time.Second), nil); len(d.inside) > 0 {
		t.Errorf("%d people are remembered after all have gone", len(d.inside))
	}
}
