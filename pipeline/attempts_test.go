package pipeline_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"facegate/pipeline"
	"facegate/pipeline/attempt"
)

// limited are settings with the limits of the reference configuration.
func limited() pipeline.Settings {
	s := settings()
	s.Attempts = pipeline.Attempts{Wary: 5, Rest: 30 * time.Second, Flood: 50}
	return s
}

// showPrints shows prints one after the other, each for a second and a half, and returns the reports.
func (d *door) showPrints(n int) (reports []pipeline.Report) {
	for range n {
		for i := range 21 {
			var scene []actor
			if i < 15 {
				scene = []actor{anna.photo()}
			}
			reports = append(reports, d.see(scene...))
		}
	}
	return reports
}

// failed reports whether an attempt has failed with a frame.
func failed(r pipeline.Report) bool {
	return slices.ContainsFunc(r.Ended, func(e pipeline.Ended) bool {
		return e.Finding == attempt.NearMiss || e.Finding == attempt.Attack
	})
}

// TestPrintsShutOutNobody shows six prints, and has somebody enrolled come right after, or stand beside the seventh.
func TestPrintsShutOutNobody(t *testing.T) {
	d := newDoor(t, limited(), "ab")
	reports := d.showPrints(6)
	if n := len(slices.DeleteFunc(reports, func(r pipeline.Report) bool { return !failed(r) })); n != 6 {
		t.Fatalf("%d of 6 prints were refused", n)
	}
	if n := d.untilGranted(20, "b", bert); n > 10 {
		t.Errorf("the person of none of them is let in after %d frames", n)
	}
	if n := d.untilGranted(20, "a", anna); n > 10 {
		t.Errorf("the person of the prints is let in after %d frames", n)
	}
	d = newDoor(t, limited(), "ab")
	d.showPrints(6)
	if n := d.untilGranted(40, "b", anna.photo().at(500), bert); n > 30 {
		t.Errorf("beside a print somebody is let in after %d frames", n)
	}
}

// TestWary checks that after five prints a face has to be live in every frame, and that this ends.
func TestWary(t *testing.T) {
	measured := func(d *door) int {
		before := len(d.embeds)
		for i := range 40 { // every fourth frame speaks against a live face
			who := stranger
			if i%4 == 3 {
				who = stranger.photo()
			}
			d.see(who)
		}
		d.run(10)
		return len(d.embeds) - before
	}
	d := newDoor(t, limited(), "ab")
	if measured(d) == 0 {
		t.Error("at first such a face is not measured")
	}
	d.showPrints(6)
	if n := measured(d); n > 0 {
		t.Errorf("after six prints such a face is measured in %d frames", n)
	}
	d.run(600)
	if measured(d) == 0 {
		t.Error("a minute after the last print such a face is not measured")
	}
}

// TestFaceThatFailsRests holds one print before the camera: it is looked at for the time of five failures, and then once in
// half a minute.
func TestFaceThatFailsRests(t *testing.T) {
	d := newDoor(t, limited(), "ab")
	d.run(410, anna.photo())
	before := len(d.looked)
	d.run(3000, anna.photo())
	if n := len(d.looked) - before; n > 30 {
		t.Errorf("in five minutes after five failures it was looked at in %d frames", n)
	}
}

// TestFlood shows prints faster than anybody comes. Faces stop at the fiftieth, and go on half a minute after.
func TestFlood(t *testing.T) {
	d := newDoor(t, limited(), "ab")
	reports := d.showPrints(60)
	prints, last := 0, len(reports)
	for i, r := range reports {
		if failed(r) {
			prints, last = prints+1, i
		}
		if r.State == pipeline.Resting {
			break
		}
	}
	if forgotten := int(time.Duration(last) * d.every / (30 * time.Second)); prints-forgotten != 50 {
		t.Errorf("faces stop at print %d, when %d are forgotten", prints, forgotten)
	}
	if d.see(bert).State != pipeline.Resting {
		t.Fatalf("60 prints in %d frames stop no faces", len(reports))
	}
	if n := d.untilGranted(400, "b", bert); n > 310 {
		t.Errorf("after the flood, the last print of which is frame %d of %d, somebody is let in after %d frames", last, len(reports), n)
	}
}

// TestNearMissNamesWhom checks that a failure is of the person whom somebody was nearly taken for, and of nobody else.
func TestNearMissNamesWhom(t *testing.T) {
	d := newDoor(t, limited(), "ab")
	tried := 0
	for range 100 {
		for _, e := range d.see(stranger.with(func(a *actor) { a.like = 0.46 })).Ended {
			if tried++; e != (pipeline.Ended{Finding: attempt.NearMiss, Person: person('a')}) {
				t.Errorf("an attempt comes to %+v", e)
			}
		}
	}
	if tried != 1 {
		t.Errorf("%d tries in ten seconds", tried)
	}
}

// TestAfterAGrantThatDidNotOpen follows the track of a person whom the door did not open for: who steps into their place and
// is nearly taken for them has failed, and they themselves have not, though they match again and leave.
func TestAfterAGrantThatDidNotOpen(t *testing.T) {
	alike := stranger.with(func(a *actor) { a.x, a.like = anna.x, 0.46 })
	for _, test := range []struct {
		name     string
		then     actor
		frames   int
		failures int
	}{
		{"somebody nearly like Anna in her place", alike, 5, 1},
		{"somebody nearly like Anna in her place, beyond the verdict", alike, 30, 2},
		{"Anna herself", anna, 2, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor(t, limited(), "ab")
			d.untilGranted(5, "a", anna)
			d.pipeline.Revoke(person('a'))
			failures := 0
			for i := range test.frames + 20 {
				var scene []actor
				if i < test.frames {
					scene = []actor{test.then}
				}
				if failed(d.see(scene...)) {
					failures++
				}
			}
			if failures != test.failures {
				t.Errorf("%d failures, want %d", failures, test.failures)
			}
		})
	}
}

// TestEveryAttemptEndsOnce checks what the attempts of a minute come to.
func TestEveryAttemptEndsOnce(t *testing.T) {
	for _, test := range []struct {
		name string
		who  actor
		want map[attempt.Finding]int
	}{
		{"Anna", anna, map[attempt.Finding]int{attempt.Matched: 1}},
		{"a photo", anna.photo(), map[attempt.Finding]int{attempt.Attack: 5}}, // after which it rests
		{"somebody nearly like Anna", stranger.with(func(a *actor) { a.like = 0.46 }), map[attempt.Finding]int{attempt.NearMiss: 5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, got := newDoor(t, limited(), "ab"), map[attempt.Finding]int{}
			for range 600 {
				for _, e := range d.see(test.who).Ended {
					got[e.Finding]++
				}
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}
