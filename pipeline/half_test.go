package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/pipeline/decide"
	"facegate/pipeline/match"
)

// halved has Anna's face open nothing alone.
func (d *door) halved() *door {
	d.gallery.Rules.Standing = func(p decide.Person, _ time.Time) match.Standing { return match.Standing{Half: p == person('a')} }
	return d
}

// TestHalfIsToldAsAStranger shows Anna, whose face opens nothing alone, for a minute, and a stranger for another. Each frame of hers
// is told as one of his. What comes of it is half an attempt each time, and no failure, also when she leaves.
func TestHalfIsToldAsAStranger(t *testing.T) {
	d, other := newDoor(t, limited(), "ab").halved(), newDoor(t, limited(), "ab")
	var ended []pipeline.Ended
	var states []pipeline.State
	for i := range 620 {
		var scene []actor
		if i < 600 {
			scene = []actor{anna.at(stranger.x)}
		}
		r := d.see(scene...)
		ended, states = append(ended, r.Ended...), append(states, r.State)
	}
	if diff := cmp.Diff(append(other.run(600, stranger), other.run(20)...), states); diff != "" {
		t.Errorf("of a stranger it is told (-), and of her (+):\n%s", diff)
	}
	half := pipeline.Ended{Finding: attempt.Alike, Person: person('a')}
	if n := len(ended); n < 5 || slices.ContainsFunc(ended, func(e pipeline.Ended) bool { return e != half && e.Finding != attempt.Unknown }) {
		t.Errorf("%d attempts: %v", n, ended)
	}
}

// TestHalfTurnsToAReader checks that whoever turns away before the verdict, as to a reader, has shown half.
func TestHalfTurnsToAReader(t *testing.T) {
	d := newDoor(t, limited(), "ab").halved()
	d.run(6, anna)
	var ended []pipeline.Ended
	for range 20 {
		ended = append(ended, d.see().Ended...)
	}
	if want := []pipeline.Ended{{Finding: attempt.Alike, Person: person('a')}}; !slices.Equal(ended, want) {
		t.Errorf("attempts: %v", ended)
	}
	d.run(6, anna)
	d.now = d.now.Add(3 * time.Second) // in which no frame came
	if ended := d.see().Ended; len(ended) != 0 {
		t.Errorf("long after she was seen: %v", ended)
	}
}
