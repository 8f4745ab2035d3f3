package pipeline_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
)

// newEarlierDoor is a door at which everybody has a record of an earlier epoch.
func newEarlierDoor(t *testing.T, enrolled string) *door {
	d := newDoor(t, settings(), enrolled)
	for i := range d.gallery.People {
		d.gallery.People[i].Earlier = true
	}
	return d
}

// grant shows scenes one after the other and returns the report of the first grant.
func (d *door) grant(scenes ...[]actor) pipeline.Report {
	for _, scene := range scenes {
		if r := d.see(scene...); r.State == pipeline.Granted {
			return r
		}
	}
	return pipeline.Report{}
}

func TestSample(t *testing.T) {
	doubtful := anna.with(func(a *actor) { a.who, a.like = 's', 0.6 }) // counts, and is not beyond doubt
	far := anna.with(func(a *actor) { a.who, a.like = 's', 0.2 })
	miss := anna.with(func(a *actor) { a.who, a.like = 's', 0.45 })
	bertLike := anna.with(func(a *actor) { a.who, a.like = 'b', 0.8 }) // and a cosine of 0.6 with Bert
	frames := func(n int, a actor) [][]actor { return slices.Repeat([][]actor{{a}}, n) }
	tests := []struct {
		name   string
		scenes [][]actor
		want   bool
	}{
		{"sure", frames(5, anna), true},
		{"a poor one between", slices.Concat(frames(4, anna), frames(1, anna.turnedAway()), frames(1, anna)), true},
		{"a miss between", slices.Concat(frames(4, anna), frames(1, far), frames(3, anna)), true},
		{"a miss among the three that are judged together", slices.Concat(frames(4, anna), frames(1, miss), frames(1, anna)), false},
		{"doubtful ones", frames(5, doubtful), false},
		{"two of three", slices.Concat(frames(3, doubtful), frames(2, anna)), false},
		{"like two people", frames(5, bertLike), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newEarlierDoor(t, "ab")
			r := d.grant(tt.scenes...)
			if r.Person != person('a') {
				t.Fatalf("granted to %v", r.Person)
			}
			if (r.Sample != nil) != tt.want || tt.want && embed.Cosine(r.Sample, vector('a')) < 0.9999 {
				t.Errorf("the sample is %v", r.Sample)
			}
			if d.see(anna); d.pipeline.Gathered() != 0 {
				t.Errorf("%d frames are gathered after the grant", d.pipeline.Gathered())
			}
		})
	}
	if r := newDoor(t, settings(), "ab").grant(frames(5, anna)...); r.State != pipeline.Granted || r.Sample != nil {
		t.Errorf("of the current epoch: %v, with %v", r.State, r.Sample)
	}
}

// TestNothingIsGatheredOfOthers checks whose frames are not kept: strangers', prints', and those of people whose turn has ended.
func TestNothingIsGatheredOfOthers(t *testing.T) {
	d := newEarlierDoor(t, "ab")
	gathered := func(actors ...actor) (most int) {
		for range 20 {
			d.see(actors...)
			most = max(most, d.pipeline.Gathered())
		}
		return most
	}
	if n := gathered(stranger) + gathered(stranger.photo()) + gathered(); n != 0 {
		t.Errorf("%d frames of strangers are gathered", n)
	}
	ends := map[string]func(){
		"nobody":        func() { d.see() },
		"somebody else": func() { d.see(bert.at(anna.x)) },
		"a print":       func() { d.run(3, anna.photo()) },
		"faces off":     func() { d.pipeline.Skip(device.Frame{}) },
		"an enrolment":  func() { _, _ = d.pipeline.Capture(d.frame(), enrol.NewSession(1, dim)) },
		"an error": func() {
			if _, err := d.try(anna.with(func(a *actor) { a.fails = "embed" })); !errors.Is(err, errScript) {
				t.Fatal(err)
			}
		},
	}
	for name, end := range ends {
		d = newEarlierDoor(t, "ab")
		if d.run(4, anna); d.pipeline.Gathered() != 2 {
			t.Fatalf("%d frames are gathered", d.pipeline.Gathered())
		}
		if end(); d.pipeline.Gathered() > 1 || name != "somebody else" && d.pipeline.Gathered() > 0 {
			t.Errorf("after %s %d frames are left", name, d.pipeline.Gathered())
		}
	}
}

// TestDamagedFrameBetween checks that a picture of which a part was lost stands between no two others.
func TestDamagedFrameBetween(t *testing.T) {
	d := newEarlierDoor(t, "a")
	d.run(4, anna)
	d.broken = "damaged"
	if _, err := d.pipeline.Identify(d.frame(), d.gallery); !device.Damaged(err) {
		t.Fatal(err)
	}
	d.broken = ""
	if r := d.see(anna); r.State != pipeline.Granted || r.Sample == nil {
		t.Errorf("%v, with %v", r.State, r.Sample)
	}
}

// TestSkip checks what a frame comes to in which no face is looked for.
func TestSkip(t *testing.T) {
	d := newEarlierDoor(t, "a")
	at := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	if r := d.pipeline.Skip(device.Frame{Time: at}); r.State != pipeline.Skipped || !r.Time.Equal(at) || r.Faces != 0 || len(d.looked) != 0 {
		t.Errorf("a frame came to %+v", r)
	}
}
