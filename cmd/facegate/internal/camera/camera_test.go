package camera_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/device"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/store"
	"facegate/store/audit"
)

// TestPerson follows a person from the enrolment to the erasure.
func TestPerson(t *testing.T) {
	site := gatetest.NewSite(t)
	b := start(t, site, defaults())
	walk := gatetest.Clip(t, "walk/p01")

	person, err := b.enrol(request("p01"), gatetest.Pose(t, "p01"))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	want := people.Person{Label: "p01", Consent: "form p01", Enrolled: day, Expires: person.Expires}
	if left := person.Expires.Sub(b.clock.now()); left > gatetest.Valid || left < gatetest.Valid-time.Minute {
		t.Errorf("the enrolment expires in %v", left)
	}
	list, err := b.gallery.As(audit.Daemon).People(t.Context())
	if diff := cmp.Diff([]people.Person{want}, list); diff != "" || err != nil {
		t.Errorf("people (-want +got), error %v:\n%s", err, diff)
	}

	b.leave()
	passages := b.show(walk...)
	if n := count(passages, pipeline.Granted); n != 1 || b.pulses() != 1 || b.told() != 1 {
		t.Fatalf("walking up came to %d grants, %d pulses and %d events, want one each", n, b.pulses(), b.told())
	}
	for _, p := range passages {
		if granted := p.Report.State == pipeline.Granted; granted == p.Opened.IsZero() {
			t.Errorf("state %v with the door opened at %v", p.Report.State, p.Opened)
		}
	}
	if e := b.events.list[0]; e.Method != "face" {
		t.Errorf("the event is %+v", e)
	}
	b.show(gatetest.Hold([][]byte{gatetest.Corridor(t)}, 6*time.Second)...) // he is gone for longer than rearm

	if _, err := b.gallery.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "p01"}, audit.Requested); err != nil {
		t.Fatal(err)
	}
	passages = b.show(walk...)
	if g, u := count(passages, pipeline.Granted), count(passages, pipeline.Unknown); g != 0 || u == 0 || b.pulses() != 1 {
		t.Errorf("after the erasure %d grants, %d times unknown, %d pulses", g, u, b.pulses()-1)
	}
	if list, err := b.gallery.As(audit.Daemon).People(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("after the erasure the list is %v, %v", list, err)
	}

	s := b.camera.Count()
	if s.Latency.Grants != 1 || s.Failed != 0 || s.Damaged != 0 {
		t.Errorf("counters are %+v", s)
	}
}

func TestStranger(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	b.mustEnrol("p01")
	passages := b.show(gatetest.Clip(t, "walk/s02")[30:70]...)
	if count(passages, pipeline.Granted) != 0 || count(passages, pipeline.Unknown) == 0 ||
		b.pulses() != 0 || b.told() != 0 {
		t.Errorf("a stranger was granted %d times, and unknown %d times", count(passages, pipeline.Granted), count(passages, pipeline.Unknown))
	}
}

// TestRestart checks that a person is known to the next gate that opens the same folder, until the enrolment expires.
func TestRestart(t *testing.T) {
	site := gatetest.NewSite(t)
	walk := gatetest.Arrival(t)
	b := start(t, site, defaults())
	b.mustEnrol("p01")
	b.stop()

	b = start(t, site, defaults())
	if n := count(b.show(walk...), pipeline.Granted); n != 1 {
		t.Fatalf("after a restart %d grants", n)
	}
	b.clock.advance(gatetest.Valid)
	if n, err := b.gallery.EraseDue(); n != 1 || err != nil {
		t.Errorf("EraseDue = %d, %v", n, err)
	}
	if n := count(b.show(walk...), pipeline.Unknown); n == 0 || b.pulses() != 1 {
		t.Errorf("after the expiry %d times unknown, %d pulses", n, b.pulses()-1)
	}
	if list, err := b.gallery.As(audit.Daemon).People(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("after the expiry the list is %v, %v", list, err)
	}
}

func TestEnrolRefuses(t *testing.T) {
	const covered = 2
	o := defaults()
	c := gatetest.Terms(t, o.fpir)
	strictest := gatetest.Strictest(c)
	o.fpir = (covered + 0.5) * strictest // so that the calibration covers two people, and not three
	b := start(t, gatetest.NewSite(t), o)
	if n := b.gallery.Limit(); n != covered {
		t.Fatalf("the limit is %d", n)
	}
	b.mustEnrol("p02")
	tests := []struct {
		name     string
		request  people.EnrolRequest
		person   string
		err      string
		enrolled int // afterwards
	}{
		{"no label", people.EnrolRequest{Consent: "form", Age: "adult", Witness: "Li Na"}, "p04", "label", 1},
		{"no consent", people.EnrolRequest{Label: "p04", Age: "adult", Witness: "Li Na"}, "p04", "consent", 1},
		{"same label", request("p02"), "p04", "under this label", 1},
		{"same face", request("another"), "p02", people.ErrTwice.Error(), 1},
		{"room", request("p04"), "p04", "", 2},
		{"full", request("p09"), "p09", people.ErrFull.Error(), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.enrol(tt.request, gatetest.Pose(t, tt.person))
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("error %v, want %q", err, tt.err)
			case tt.err != "" && hint.Of(err) == "":
				t.Errorf("%q has no hint", err)
			}
			if n := b.gallery.Len(); n != tt.enrolled {
				t.Errorf("%d people enrolled, want %d", n, tt.enrolled)
			}
		})
	}
}

// A deadline is a context whose time is over when it is cancelled.
type deadline struct{ context.Context }

func (d deadline) Err() error {
	if d.Context.Err() == nil {
		return nil
	}
	return context.DeadlineExceeded
}

// TestEnrolGivesUp checks that an enrolment that did not come to its end says what was in its way, and leaves the gate
// as it was.
func TestEnrolGivesUp(t *testing.T) {
	spoof := gatetest.Clip(t, "spoof")
	pose := gatetest.Pose(t, "p01")
	tests := []struct {
		name     string
		minFace  float32
		pictures [][]byte
		says     string
		hint     string
	}{
		{"no frame", 45, nil, "no frame from the camera", "facegate status"},
		{"nobody", 45, gatetest.Hold([][]byte{gatetest.Corridor(t)}, time.Second), "0 of 5 frames: nobody", "step in front"},
		{"too far", 250, pose[:10], "too far", "come closer"},
		{"print", 45, gatetest.Hold(spoof[:1], time.Second), "not live", "a print or a screen"},
		{"two people", 20, twoPeople(t), "several people", "only one person"},
		{"too short", 45, pose[:12], "of 5 frames", "stay before the camera"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := defaults()
			o.minFace = tt.minFace
			b := start(t, gatetest.NewSite(t), o)
			ctx, expire := context.WithCancel(t.Context())
			defer expire()
			var last atomic.Pointer[camera.Progress]
			ended := make(chan error, 1)
			go func() {
				_, err := b.ask(deadline{ctx}, request("p01"), func(p camera.Progress) { last.Store(&p) })
				ended <- err
			}()
			gatetest.Eventually(t, "the enrolment is under way", b.camera.Enrolling)
			b.show(tt.pictures...)
			gatetest.Eventually(t, "what the pictures come to is told", func() bool {
				p := last.Load()
				return len(tt.pictures) == 0 || p != nil && strings.Contains(fmt.Sprintf("%d of 5 frames: %s%s", p.Taken, p.State, p.Reason), tt.says)
			})
			expire()
			err := <-ended
			if !errors.Is(err, camera.ErrGaveUp) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(hint.Of(err), tt.hint) {
				t.Errorf("error %v, hint %q; want %q and %q", err, hint.Of(err), tt.says, tt.hint)
			}
			if n := b.gallery.Len(); n != 0 {
				t.Errorf("%d people enrolled", n)
			}
		})
	}
}

// twoPeople returns the part of a recording in which two people stand before the door.
func twoPeople(t *testing.T) [][]byte { return gatetest.Clip(t, "walk/duo")[50:60] }

// TestEnrolCancelled checks that the gate is free again once an enrolment has been broken off.
func TestEnrolCancelled(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	pose := gatetest.Pose(t, "p01")
	ctx, cancel := context.WithCancel(t.Context())
	var taken atomic.Int64
	ended := make(chan error, 1)
	go func() {
		_, err := b.ask(ctx, request("p01"), func(p camera.Progress) { taken.Store(int64(p.Taken)) })
		ended <- err
	}()
	gatetest.Eventually(t, "the enrolment is under way", b.camera.Enrolling)
	for i := 0; count(b.show(pose[i]), pipeline.Captured) == 0; i++ {
	}
	gatetest.Eventually(t, "it is told that a frame was taken", func() bool { return taken.Load() > 0 })
	if _, err := b.ask(t.Context(), request("p02"), nil); !errors.Is(err, camera.ErrEnrolling) || hint.Of(err) == "" {
		t.Errorf("a second enrolment: %v, hint %q", err, hint.Of(err))
	}
	cancel()
	if err := <-ended; !errors.Is(err, camera.ErrGaveUp) || hint.Of(err) == "" {
		t.Errorf("Enrol: %v, hint %q", err, hint.Of(err))
	}
	b.show(pose[:45]...)
	if b.gallery.Len() != 0 {
		t.Error("somebody was enrolled after the request had ended")
	}
	b.mustEnrol("p01")
}

// TestEnrolTakesNoOlderFrame checks that a template is made of nobody who stood before the camera when it was asked for
// somebody else's: one frame of another person makes it like that person, too.
func TestEnrolTakesNoOlderFrame(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	another, pose := gatetest.Pose(t, "p01"), gatetest.Pose(t, "p02")
	b.show(another[:10]...) // he is live, and every frame of him could be taken
	ctx, cancel := context.WithCancel(t.Context())
	var progress atomic.Int64
	ended := make(chan error, 1)
	go func() {
		_, err := b.ask(ctx, request("p02"), func(camera.Progress) { progress.Add(1) })
		ended <- err
	}()
	gatetest.Eventually(t, "the enrolment is under way", func() bool {
		short, cancel := context.WithCancel(ctx)
		cancel()
		_, err := b.ask(short, request("p09"), nil)
		return errors.Is(err, camera.ErrEnrolling)
	})
	begun := b.clock.now()
	for range 5 {
		b.put(another[0], b.clock.now().Add(time.Second/gatetest.FPS).Sub(begun)+time.Millisecond)
		if p := <-b.seen; p.Report.State == pipeline.Captured {
			t.Error("a frame from before the request was taken")
		}
	}
	if n := progress.Load(); n != 0 {
		t.Errorf("the frames of another person count as progress, %d times", n)
	}
	b.show(pose[0])
	gatetest.Eventually(t, "there is progress", func() bool { return progress.Load() == 1 })
	cancel()
	<-ended
}

// TestOldFrame checks that a frame opens nothing when it is old, be it when it is taken or when it has been decided on.
func TestOldFrame(t *testing.T) {
	walk := gatetest.Arrival(t)
	t.Run("taken late", func(t *testing.T) {
		b := start(t, gatetest.NewSite(t), defaults())
		b.mustEnrol("p01")
		untaken := b.box.Dropped()
		for _, p := range walk {
			b.put(p, maxAge+time.Millisecond)
			time.Sleep(20 * time.Millisecond) // in which it is taken, mostly
		}
		if n := b.box.Dropped() - untaken; n > uint64(len(walk)/2) {
			t.Fatalf("%d of %d frames were not taken", n, len(walk))
		}
		if b.pulses() != 0 || b.told() != 0 || len(b.seen) != 0 {
			t.Errorf("%d pulses, %d events, %d frames were decided on", b.pulses(), b.told(), len(b.seen))
		}
	})
	t.Run("decided late", func(t *testing.T) {
		b := start(t, gatetest.NewSite(t), defaults())
		b.mustEnrol("p01")
		b.clock.lag = maxAge + time.Millisecond
		passages := b.show(walk...)
		if n := count(passages, pipeline.Granted); n == 0 || b.pulses() != 0 || b.told() != 0 {
			t.Errorf("%d grants, %d pulses, %d events", n, b.pulses(), b.told())
		}
		b.clock.lag = 0
		if b.show(slices.Repeat(walk[len(walk)-1:], 10)...); b.pulses() != 1 {
			t.Errorf("%d pulses for the same person once the machine is fast enough", b.pulses())
		}
		b.stop()
		if !strings.Contains(b.log.String(), "too late") || !strings.Contains(b.log.String(), "camera.max_age") {
			t.Errorf("the log does not say so, with a hint:\n%s", &b.log)
		}
	})
	t.Run("in time", func(t *testing.T) {
		b := start(t, gatetest.NewSite(t), defaults())
		b.mustEnrol("p01")
		b.clock.lag = maxAge
		if b.show(walk...); b.pulses() != 1 {
			t.Errorf("%d pulses", b.pulses())
		}
	})
}

// TestBusy checks that somebody who is recognised while the door is open counts as let in, without another pulse.
func TestBusy(t *testing.T) {
	o := defaults()
	o.pulse = gpio.MaxLease
	b := start(t, gatetest.NewSite(t), o)
	b.mustEnrol("p01")
	if _, err := b.door.Open(door.Hand); err != nil {
		t.Fatal(err)
	}
	b.show(gatetest.Arrival(t)...)
	if s := b.camera.Count(); b.pulses() != 1 || b.told() != 1 || s.Latency.Grants != 1 {
		t.Errorf("%d pulses, %d events, counters %+v", b.pulses(), b.told(), s)
	}
}

// TestPublisherFails checks that a door opens whether or not it can be told of.
func TestPublisherFails(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	b.mustEnrol("p01")
	b.events.fail(errors.New("the outbox is on fire"))
	passages := b.show(gatetest.Arrival(t)...)
	if s := b.camera.Count(); count(passages, pipeline.Granted) != 1 || b.pulses() != 1 || s.Latency.Grants != 1 || s.Failed != 0 {
		t.Errorf("%d pulses, counters %+v", b.pulses(), s)
	}
	b.stop()
	if !strings.Contains(b.log.String(), "on fire") {
		t.Errorf("the log does not tell:\n%s", &b.log)
	}
}

// TestDoorFails checks that nothing is told of a door that did not open, and that the gate goes on.
func TestDoorFails(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	b.mustEnrol("p01")
	b.line.Fail(errors.New("the relay is on fire"))
	passages := b.show(gatetest.Arrival(t)...)
	if s := b.camera.Count(); count(passages, pipeline.Granted) == 0 || b.told() != 0 || s.Latency.Grants != 0 {
		t.Errorf("%d events, counters %+v", b.told(), s)
	}
	b.line.Fail(nil)
	b.stop()
	if !strings.Contains(b.log.String(), "on fire") {
		t.Errorf("the log does not tell:\n%s", &b.log)
	}
}

// TestBadFrame checks that a frame that cannot be decoded is counted and reported once, and stops nothing.
func TestBadFrame(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	for i := range 10 { // within a second
		b.put([]byte("not a picture"), 0)
		gatetest.Eventually(t, "the frame has failed", func() bool { return b.camera.Count().Failed == uint64(i+1) })
	}
	b.show(gatetest.Corridor(t))
	b.stop()
	if n := strings.Count(b.log.String(), "\n"); n != 1 {
		t.Errorf("%d log lines, want one:\n%s", n, &b.log)
	}
}

// damagedBy returns pictures of which the decoder has to make up a part, as bytes that a cable lost leave them.
func damagedBy(pic []byte) [][]byte {
	gap := slices.Concat(pic[:len(pic)/2], pic[len(pic)/2+len(pic)/4:])
	half := append(slices.Clone(pic[:len(pic)/2]), 0xFF, 0xD9)
	return [][]byte{gap, half, pic[:len(pic)/2]}
}

// TestDamagedFrames shows damaged pictures of somebody enrolled, again and again: nobody has been there, and nobody has
// tried anything. A good frame in between counts as if there were no others.
func TestDamagedFrames(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	b.mustEnrol("p01")
	spoil := func(pic []byte) {
		for _, p := range damagedBy(pic) {
			b.put(p, 0)
			if why := <-b.spoilt; !device.Damaged(why) {
				t.Fatalf("a damaged frame: %v", why)
			}
		}
	}
	before := b.camera.Count()
	for range 10 { // approaches
		for range 5 {
			spoil(gatetest.Arrival(t)[20])
		}
		b.clock.advance(30 * time.Second)
	}
	if slowed, off, until := b.barred(); slowed+off > 0 || !until.IsZero() {
		t.Error("damaged frames are counted as failures")
	}
	after := b.camera.Count()
	if after.Damaged != 150 || after.Failed != 0 || after.Now != before.Now {
		t.Errorf("counters are %+v, were %+v", after, before)
	}
	granted := 0
	for _, p := range gatetest.Arrival(t) {
		granted += count(b.show(p), pipeline.Granted)
		b.put(damagedBy(p)[0], 0)
		<-b.spoilt
	}
	if granted != 1 || b.pulses() != 1 {
		t.Errorf("with every second frame damaged %d grants and %d pulses, want 1", granted, b.pulses())
	}
	b.stop()
	if b.log.Len() > 0 {
		t.Errorf("the gate logs:\n%s", &b.log)
	}
}

// TestEraseAtTheLastMoment erases a person who is one frame short of being let in.
func TestEraseAtTheLastMoment(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	b.mustEnrol("p01")
	matching := 0
	for _, p := range gatetest.Arrival(t) {
		if b.show(p)[0].Report.State == pipeline.Matching {
			matching++
		}
		if matching == 2 { // of the three that have to agree
			if _, err := b.gallery.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "p01"}, audit.Requested); err != nil {
				t.Fatal(err)
			}
			matching++
		}
	}
	if matching < 3 || b.pulses() != 0 {
		t.Errorf("%d frames matched, %d pulses", matching, b.pulses())
	}
}

// TestPrintsShutOutNobody shows six prints in a row. Whoever comes next is let in, and so is the person of the prints.
// Prints that come faster than people stop faces, for half a minute after the last.
func TestPrintsShutOutNobody(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	b.mustEnrol("p01")
	shown := func() (refused int) {
		print := gatetest.Hold(gatetest.Clip(t, "spoof")[:1], time.Second)
		passages := append(b.show(print...), b.show(gatetest.Hold([][]byte{gatetest.Corridor(t)}, time.Second)...)...)
		for _, p := range passages {
			if p.Report.State == pipeline.NotLive && len(p.Report.Ended) > 0 {
				refused++
			}
		}
		return refused
	}
	b.show(gatetest.Hold([][]byte{gatetest.Corridor(t)}, time.Second)...) // who was enrolled has gone
	for n := range 6 {
		if shown() != 1 {
			t.Fatalf("print %d was not refused", n)
		}
	}
	if n := count(b.show(gatetest.Arrival(t)...), pipeline.Granted); n != 1 {
		t.Errorf("after six prints there are %d grants", n)
	}
	for range 3 {
		shown()
	}
	_, _, until := b.barred()
	if wait := until.Sub(b.clock.now()); wait <= 0 || wait > 30*time.Second {
		t.Errorf("after eight prints in a row faces stop for %v", wait)
	}
	if passages := b.show(gatetest.Corridor(t)); passages[0].Report.State != pipeline.Resting {
		t.Errorf("after eight prints in a row a frame comes to %v", passages[0].Report.State)
	}
	b.clock.advance(until.Sub(b.clock.now()) + 6*time.Second) // and he has been gone for long enough
	if n := count(b.show(gatetest.Arrival(t)...), pipeline.Granted); n != 1 {
		t.Errorf("after the flood there are %d grants", n)
	}
	b.settle()
	if entries := auditKinds(t, b.store); !slices.Contains(entries, audit.SwitchedOff) {
		t.Errorf("the audit log does not say that faces stopped: %v", entries)
	}
}

func auditKinds(t testing.TB, s *store.Store) (kinds []audit.Kind) {
	t.Helper()
	log, err := s.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Records {
		if r.Entry != nil {
			kinds = append(kinds, r.Entry.Kind)
		}
	}
	return kinds
}

// TestLockout has somebody try to be taken for p01 until p01 is slowed down, and until the face of p01 opens nothing. Neither
// a restart nor p01 gets round it; a technician does. Nobody else is concerned.
func TestLockout(t *testing.T) {
	site := gatetest.NewSite(t)
	b := start(t, site, defaults())
	b.mustEnrol("p01")
	b.mustEnrol("p02")
	tryFor := func(b *bench, label string, times int) {
		t.Helper()
		all, err := b.store.People()
		if err != nil {
			t.Fatal(err)
		}
		for range times {
			b.clock.advance(limits.Delay) // what is tried while the face is closed does not count
			whom := all[slices.IndexFunc(all, func(p store.Person) bool { return p.Label == label })].ID
			o := b.entry.Ask(attempt.Attempt{Means: attempt.Face, Asked: b.clock.now(), Person: whom, Finding: attempt.NearMiss})
			if !o.Opened.IsZero() {
				t.Fatal("a near miss opens the door")
			}
		}
	}
	grants := func(b *bench) int {
		defer b.clock.advance(6 * time.Second) // and he has been gone for long enough
		return count(b.show(gatetest.Arrival(t)...), pipeline.Granted)
	}
	tryFor(b, "p02", 5)
	if n := grants(b); n != 1 {
		t.Errorf("after failures against another there are %d grants", n)
	}
	tryFor(b, "p01", 4)
	if n := grants(b); n != 1 {
		t.Errorf("after four failures there are %d grants", n)
	}
	tryFor(b, "p01", 5) // the grant has ended the row
	if n := grants(b); n != 0 {
		t.Errorf("after five failures there are %d grants", n)
	}
	b.clock.advance(31 * time.Second)
	if n := grants(b); n != 1 {
		t.Errorf("after the delay there are %d grants", n)
	}
	tryFor(b, "p01", 8)
	b.stop()

	b = start(t, site, defaults())
	b.clock.advance(time.Hour)
	if n := grants(b); n != 0 {
		t.Errorf("after eight failures, an hour and a restart there are %d grants", n)
	}
	if slowed, off, _ := b.barred(); slowed != 0 || off != 1 {
		t.Errorf("%d have to wait, %d are off", slowed, off)
	}
	if err := b.gallery.As(1000).ResetLockout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := grants(b); n != 1 {
		t.Errorf("after the reset there are %d grants", n)
	}
}

// TestWhoWasJustCaptured has somebody stand at the door who was just captured, for the first time or again: it opens for others, and
// for them once they have left.
func TestWhoWasJustCaptured(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	b.mustEnrol("p02")
	for i, again := range []bool{false, true} {
		r := request("p01")
		r.Again = again
		if _, err := b.enrol(r, gatetest.Pose(t, "p01")); err != nil {
			t.Fatal(err)
		}
		before := b.pulses()
		stays := b.show(gatetest.Hold(gatetest.Pose(t, "p01"), 4*time.Second)...)
		if n := count(stays, pipeline.Granted); n != 0 || b.pulses() != before || !b.camera.Lingers() {
			t.Errorf("again %v: %d grants, %d pulses, stands there %v", again, n, b.pulses()-before, b.camera.Lingers())
		}
		if n := count(b.show(gatetest.Hold(gatetest.Pose(t, "p02"), time.Second)...), pipeline.Granted); n != 1 {
			t.Errorf("again %v: p02 is let in %d times meanwhile", again, n)
		}
		b.leave()
		if b.camera.Lingers() {
			t.Error("whoever has left stands there still")
		}
		if n := count(b.show(gatetest.Hold(gatetest.Pose(t, "p01"), time.Second)...), pipeline.Granted); n != 1 || b.told() != 2*(i+1) {
			t.Errorf("again %v: back again there are %d grants, and %d events in all", again, n, b.told())
		}
		b.leave()
	}
}

// TestNobodyIsMeasured checks that where a pass comes first no face is even looked for, but in an enrolment.
func TestNobodyIsMeasured(t *testing.T) {
	o := defaults()
	o.mode = law.OneToOne
	b := start(t, gatetest.NewSite(t), o)
	walk := gatetest.Arrival(t)
	e, err := b.enrol(request("p01"), gatetest.Pose(t, "p01"))
	if err != nil || e.Pass.Text() == "" {
		t.Fatalf("enrolled %+v, %v", e.Person, err)
	}
	for _, p := range b.show(walk...) {
		want := pipeline.Report{State: pipeline.Skipped, Time: p.Report.Time}
		if !reflect.DeepEqual(p.Report, want) || p.Blind != camera.AwaitingPass {
			t.Fatalf("a frame came to %+v", p)
		}
	}
	if s := b.camera.Count(); b.pulses() != 0 || s.Now != "waiting for a pass" || s.Advice == "" {
		t.Errorf("%d pulses, status %+v", b.pulses(), s)
	}
	if _, err := b.gallery.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "p01"}, audit.Withdrawn); err != nil {
		t.Error(err)
	}
	_, err = b.enrol(people.EnrolRequest{Label: "p01"}, nil)
	if !errors.Is(err, store.ErrNoConsent) {
		t.Errorf("captured without consent: %v", err)
	}
}
