package camera_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/pipeline/embed"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/vision/visiontest"
)

// enrolNear enrols somebody whose face is as near to that of a person of testdata as it can be without being the same.
func (b *bench) enrolNear(label, person string) people.Enrolled {
	b.t.Helper()
	engine := gatetest.Engine(b.t)
	defer engine.Close()
	v, err := visiontest.Embed(engine, device.Frame{Format: device.JPEG, Data: gatetest.Clip(b.t, "people/"+person)[0]})
	if err != nil {
		b.t.Fatal(err)
	}
	v.Normalize()
	for cosine := 0.95; cosine > 0.3; cosine -= 0.02 {
		e, err := b.gallery.Enrol(request(label), mix(v, cosine))
		if errors.Is(err, people.ErrTwice) {
			continue
		}
		if err != nil {
			b.t.Fatal(err)
		}
		return e
	}
	b.t.Fatal("every face is taken for the same")
	return people.Enrolled{}
}

// mix returns a face of this cosine to v.
func mix(v embed.Vector, cosine float64) embed.Vector {
	if len(v) == matchertest.Dim {
		return matchertest.Like(v, cosine, 9)
	}
	other := matchertest.Face(9)[:len(v)]
	along := embed.Cosine(v, other)
	for i := range other {
		other[i] -= float32(along) * v[i]
	}
	other.Normalize()
	for i := range other {
		other[i] = float32(cosine)*v[i] + float32(1-cosine*cosine)*other[i]
	}
	return other
}

// TestNearAtTheDoor enrols somebody who is near to another. Some days later the other one walks up, with the networks of the gate:
// the door stays locked, and all that can be seen is what a stranger would see. It opens with the card of the same person, in
// either order, and nothing counts against anybody.
func TestNearAtTheDoor(t *testing.T) {
	o := defaults()
	o.second = true
	b := start(t, gatetest.NewSite(t).FixKey(t), o)
	for _, person := range []string{"p01", "p02", "p04"} {
		b.mustEnrol(person)
	}
	if e := b.enrolNear("twin", "p01"); e.Second != people.SecondNear {
		t.Fatalf("enrolled: %+v", e)
	}
	b.clock.advance(7 * 24 * time.Hour)
	p01, err := b.store.Person("p01")
	if err != nil {
		t.Fatal(err)
	}
	card := func() attempt.Outcome {
		return b.entry.Ask(attempt.Attempt{Means: attempt.Card, Asked: b.clock.now(), Person: p01.ID, Finding: attempt.Matched})
	}
	opened := func(passages []camera.Passage) bool {
		return slices.ContainsFunc(passages, func(p camera.Passage) bool { return !p.Opened.IsZero() })
	}
	walk := gatetest.Pose(t, "p01")

	alone := b.show(walk...)
	if count(alone, pipeline.Granted) > 0 || count(alone, pipeline.Unknown) == 0 || opened(alone) || b.pulses() != 0 {
		t.Errorf("alone: %d times granted, %d unknown, %d pulses", count(alone, pipeline.Granted), count(alone, pipeline.Unknown), b.pulses())
	}
	if o := card(); o.Opened.IsZero() || b.pulses() != 1 {
		t.Errorf("the card after the face: %+v, %d pulses", o, b.pulses())
	}
	b.clock.advance(time.Minute)
	b.show(gatetest.Hold([][]byte{gatetest.Corridor(t)}, 6*time.Second)...)
	if o := card(); !o.Opened.IsZero() || o.Wait != attempt.Face {
		t.Errorf("the card alone: %+v", o)
	}
	if together := b.show(walk...); !opened(together) || count(together, pipeline.Granted) != 1 || b.pulses() != 2 {
		t.Errorf("the face after the card: %d times granted, %d pulses", count(together, pipeline.Granted), b.pulses())
	}
	b.clock.advance(time.Minute)
	b.show(gatetest.Hold([][]byte{gatetest.Corridor(t)}, 6*time.Second)...)
	if others := b.show(gatetest.Pose(t, "p02")...); !opened(others) {
		t.Error("somebody who is near to nobody is not let in by face")
	}
	if slowed, off, until := b.barred(); slowed+off != 0 || !until.IsZero() || len(b.store.Lockouts().All()) != 0 {
		t.Errorf("something counts: %d, %d, %v, %v", slowed, off, until, b.store.Lockouts().All())
	}
}
