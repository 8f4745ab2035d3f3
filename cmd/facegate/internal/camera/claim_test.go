package camera_test

import (
	"testing"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs/law"
	"facegate/pipeline/attempt"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
)

// counts counts what the networks are asked. It is read while no frame is looked at.
type counts struct {
	camera.Engine
	faces, embeddings int
}

func (c *counts) Detect() ([]detect.Face, error) {
	c.faces++
	return c.Engine.Detect()
}

func (c *counts) Embed(dst embed.Vector) error {
	c.embeddings++
	return c.Engine.Embed(dst)
}

// claims has a pass shown, and the camera wait for the face.
func (b *bench) claims(t template.Token) {
	b.t.Helper()
	m, err := b.gallery.Claim(t)
	if err != nil {
		b.t.Fatal(err)
	}
	b.claim.Put(m, time.Hour) // pictures take as long as the machine is busy
}

// comes shows pictures until the door is opened, and reports whether it was.
func (b *bench) comes(pictures [][]byte) bool {
	b.t.Helper()
	for _, p := range pictures {
		if !b.show(p)[0].Opened.IsZero() {
			return true
		}
	}
	return false
}

// TestClaimComesFirst has people stand before a gate that compares one with one, and before one that compares everybody, but on request
// alone. Nothing is looked for in a picture, and nobody is measured, before somebody was named, nor once they were let in.
func TestClaimComesFirst(t *testing.T) {
	for _, mode := range []law.Mode{law.OneToOne, law.OneToMany} {
		t.Run(string(mode), func(t *testing.T) {
			o := defaults()
			o.mode, o.request, o.counts = mode, true, new(counts)
			claimComesFirst(t, start(t, gatetest.NewSite(t).FixKey(t), o), o.counts)
		})
	}
}

func claimComesFirst(t *testing.T, b *bench, asked *counts) {
	t.Helper()
	r := request("p01")
	r.Pass = true
	one, err := b.enrol(r, gatetest.Pose(t, "p01"))
	if err != nil {
		t.Fatal(err)
	}
	b.leave()
	nothing := func(when string, pictures [][]byte) {
		t.Helper()
		*asked = counts{Engine: asked.Engine}
		for _, p := range b.show(pictures...) {
			if p.Blind != camera.AwaitingPass || !p.Opened.IsZero() {
				t.Fatalf("%s a frame came to %v, %v", when, p.Blind, p.Report.State)
			}
		}
		if asked.faces != 0 || asked.embeddings != 0 {
			t.Errorf("%s %d frames were searched for faces, and %d faces embedded", when, asked.faces, asked.embeddings)
		}
	}
	nothing("before anybody was named", gatetest.Pose(t, "p01")[:20])
	b.claims(one.Pass)
	if b.comes(gatetest.Pose(t, "p02")) {
		t.Error("another came in by the pass of p01")
	}
	if asked.embeddings == 0 {
		t.Error("nobody was measured after a pass was shown")
	}
	b.claims(one.Pass)
	if !b.comes(gatetest.Pose(t, "p01")) {
		t.Fatal("p01 did not come in by pass and face")
	}
	b.claim.Settle(mustPerson(t, b, "p01"))
	nothing("after the person was let in", gatetest.Pose(t, "p01")[:20])
}

func mustPerson(t *testing.T, b *bench, label string) template.PersonID {
	t.Helper()
	p, err := b.store.Person(label)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// TestClaimAmongEverybody has a pass shown where everybody is compared: as long as the claim waits nobody else comes in, and whoever
// was refused a moment ago is looked at anew.
func TestClaimAmongEverybody(t *testing.T) {
	b := start(t, gatetest.NewSite(t).FixKey(t), defaults())
	for _, label := range []string{"p01", "p02"} {
		r := request(label)
		r.Pass = true
		e, err := b.enrol(r, gatetest.Pose(t, label))
		if err != nil {
			t.Fatal(err)
		}
		b.claims(e.Pass)
	}
	b.show(gatetest.Hold([][]byte{gatetest.Corridor(t)}, 10e9)...)
	if b.comes(gatetest.Pose(t, "p01")) {
		t.Error("p01 came in while p02 was waited for")
	}
	b.claim.Close()
	if !b.comes(gatetest.Pose(t, "p01")[:10]) {
		t.Error("p01 was not looked at anew")
	}
	if b.entry.Closed(attempt.Face, mustPerson(t, b, "p02"), b.clock.now()) {
		t.Error("it counted against p02")
	}
}
