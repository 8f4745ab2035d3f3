package camera_test

import (
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/record"
	"facegate/gpio"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/durable"
)

// A slowDisk takes its time for every sync, or all the time until it is let go.
type slowDisk struct {
	durable.OS
	mu    sync.Mutex // guards what follows
	delay time.Duration
	held  chan struct{} // nil if it is not
}

func (d *slowDisk) wait() {
	d.mu.Lock()
	delay, held := d.delay, d.held
	d.mu.Unlock()
	if held != nil {
		<-held
	}
	time.Sleep(delay)
}

func (d *slowDisk) Sync(path string, sync func() error) error {
	d.wait()
	return d.OS.Sync(path, sync)
}

func (d *slowDisk) SyncDir(dir string) error {
	d.wait()
	return d.OS.SyncDir(dir)
}

// takes has every sync take a while from now on.
func (d *slowDisk) takes(delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delay = delay
}

// hold has no sync end until the disk is let go.
func (d *slowDisk) hold() (letGo func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := make(chan struct{})
	d.held = held
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.held = nil
		close(held)
	})
}

// pass has somebody enrolled come to the door and go, and returns how long it took from the frame to the relay. It is 0 if the
// door was not opened.
func (b *bench) pass(pictures [][]byte) (latency time.Duration) {
	b.t.Helper()
	for i := range 20 {
		put := time.Now()
		if p := b.show(pictures[i%len(pictures)])[0]; !p.Opened.IsZero() {
			latency = p.Opened.Sub(put)
			break
		}
	}
	gatetest.Eventually(b.t, "the door is locked again", func() bool { return b.door.Status().State == gpio.Locked })
	b.leave()
	b.show(gatetest.Corridor(b.t))
	return latency
}

// accesses returns how many passages are in the audit log.
func (b *bench) accesses() (n int) {
	b.t.Helper()
	for _, k := range auditKinds(b.t, b.store) {
		if k == audit.Access {
			n++
		}
	}
	return n
}

// TestDiskThatHangs lets people in while no sync of the disk ends, and somebody is being erased. Frames and door do not wait for it,
// and a wrong PIN and a credential with counted uses not for longer than a second. Once as much waits as can, nobody is let in; when
// the disk is back everybody is, and all that happened is written down.
func TestDiskThatHangs(t *testing.T) {
	o := defaults()
	o.disk = new(slowDisk)
	b := start(t, gatetest.NewSite(t), o)
	b.mustEnrol("p01")
	b.mustEnrol("p02")
	face := gatetest.Clip(t, "people/p01")[3:6]
	if b.pass(face) == 0 {
		t.Fatal("p01 is not let in")
	}
	b.settle()
	letGo := o.disk.hold()
	t.Cleanup(letGo) // or nothing ends
	erased := make(chan error, 1)
	go func() {
		_, err := b.gallery.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "p02"}, audit.Requested)
		erased <- err
	}()
	const times = 5
	for i := range times {
		if b.pass(face) == 0 {
			t.Fatalf("while the disk hangs p01 is not let in, at time %d", i+1)
		}
	}
	if n := b.record.Waiting(); n != times || len(erased) != 0 {
		t.Fatalf("%d of %d passages wait for the disk, the erasure has ended %d times", n, times, len(erased))
	}
	b.mustWaitASecond()
	opened := 1 + times + b.fill()
	letGo()
	gatetest.Eventually(t, "p01 is let in again", func() bool { return b.pass(face) > 0 })
	opened++
	b.settle()
	if err := <-erased; err != nil || b.accesses() != opened {
		t.Errorf("%d of %d passages are in the audit log; the erasure came to %v", b.accesses(), opened, err)
	}
}

// TestPulseWhileTheDiskHangs opens the door while no sync of the disk ends, and somebody is being erased: it locks in time.
func TestPulseWhileTheDiskHangs(t *testing.T) {
	o := defaults()
	o.disk, o.pulse = new(slowDisk), 200*time.Millisecond
	b := start(t, gatetest.NewSite(t), o)
	b.mustEnrol("p02")
	letGo := o.disk.hold()
	t.Cleanup(letGo)
	erased := make(chan error, 1)
	go func() {
		_, err := b.gallery.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "p02"}, audit.Requested)
		erased <- err
	}()
	for range 3 {
		card := attempt.Attempt{Means: attempt.Card, Asked: b.clock.now(), Person: template.PersonID{1}, Finding: attempt.Matched}
		if got := b.entry.Ask(card); got.Opened.IsZero() {
			t.Errorf("a card: %+v", got)
		}
		gatetest.Eventually(t, "the door is locked again", func() bool { return b.door.Status().State == gpio.Locked })
	}
	if len(erased) > 0 || b.record.Waiting() != 3 {
		t.Errorf("the disk does not hang: %d facts wait", b.record.Waiting())
	}
	edges := b.line.Edges()
	for i := 0; i+1 < len(edges); i += 2 {
		if d := edges[i+1].At.Sub(edges[i].At); d > o.pulse+2*time.Second {
			t.Errorf("pulse %d is %v long", i/2+1, d)
		}
	}
	letGo()
	if err := <-erased; err != nil {
		t.Error(err)
	}
}

// mustWaitASecond makes attempts that have to wait for the disk, which does not answer.
func (b *bench) mustWaitASecond() {
	b.t.Helper()
	uses := attempt.Attempt{Means: attempt.Card, Person: template.PersonID{1}, Finding: attempt.Matched, Credential: attempt.Credential{1}}
	for what, ask := range map[string]func(attempt.Attempt) attempt.Outcome{
		"a card that opens once": b.entry.Ask,
		"a PIN": func(a attempt.Attempt) attempt.Outcome {
			a.Means = attempt.PIN
			return b.entry.Try(a, func(counted func() error) (attempt.Finding, bool) {
				if counted() == nil {
					b.t.Error("a PIN is looked at that is not on disk")
				}
				return attempt.Matched, false
			})
		},
	} {
		begun := time.Now()
		uses.Asked = b.clock.now()
		if o := ask(uses); o.Reason != attempt.Record || !o.Opened.IsZero() || time.Since(begun) < time.Second {
			b.t.Errorf("%s after %v: %+v", what, time.Since(begun), o)
		}
	}
}

// fill has cards open the door until no more can be remembered, and checks that nobody is let in then. It returns how many were.
func (b *bench) fill() (opened int) {
	b.t.Helper()
	card := attempt.Attempt{Means: attempt.Card, Finding: attempt.Matched, Person: template.PersonID{1}}
	card.Asked = b.clock.now()
	for !b.record.Full() {
		if o := b.entry.Ask(card); o.Opened.IsZero() {
			b.t.Fatalf("with %d facts that wait: %+v", b.record.Waiting(), o)
		}
		opened++
	}
	if o := b.entry.Ask(card); o.Reason != attempt.Record || !errors.Is(o.Err, entry.ErrRecord) {
		b.t.Errorf("a card, when no more can wait: %+v", o)
	}
	if b.pass(gatetest.Clip(b.t, "people/p01")[3:6]) != 0 || b.record.Waiting() > record.Size {
		b.t.Errorf("a face is let in when no more can wait; %d wait", b.record.Waiting())
	}
	return opened
}

// TestSlowDisk measures frame → relay with and without a disk whose every sync takes seconds, by turns.
func TestSlowDisk(t *testing.T) {
	rounds, delay := 6, time.Second
	if os.Getenv("FACEGATE_SLOW") != "" {
		rounds, delay = 200, 5*time.Second
	}
	o := defaults()
	o.disk, o.anew = new(slowDisk), rounds >= 100 // the figures of a gate are those of its networks too
	b := start(t, gatetest.NewSite(t), o)
	b.mustEnrol("p01")
	face := gatetest.Clip(t, "people/p01")[3:6]
	var fast, slow []time.Duration
	for range rounds {
		for disk, latencies := range map[time.Duration]*[]time.Duration{0: &fast, delay: &slow} {
			o.disk.takes(disk)
			*latencies = append(*latencies, b.pass(face))
		}
	}
	waiting := b.record.Waiting()
	o.disk.takes(0)
	slices.Sort(fast)
	slices.Sort(slow)
	at := func(l []time.Duration, q float64) time.Duration { return l[int(q*float64(len(l)-1)+0.5)] }
	t.Logf("frame → relay: median %v and %v, 99 %% within %v and %v; %d facts waited for a sync of %v",
		at(fast, 0.5), at(slow, 0.5), at(fast, 0.99), at(slow, 0.99), waiting, delay)
	if fast[0] == 0 || slow[0] == 0 {
		t.Error("somebody was not let in")
	}
	if slow[len(slow)-1] >= delay {
		t.Errorf("with a slow disk a passage has taken %v", slow[len(slow)-1])
	}
	if p, q := at(fast, 0.99), at(slow, 0.99); rounds >= 100 && q > p+p/10 {
		t.Errorf("99 %% within %v, and with a slow disk within %v", p, q)
	}
	b.settle()
	if n := b.accesses(); n != 2*rounds {
		t.Errorf("%d of %d passages are in the audit log", n, 2*rounds)
	}
}

// TestCardMeanwhile checks that a card opens the door while an enrolment has the camera, and while there is none.
func TestCardMeanwhile(t *testing.T) {
	b := start(t, gatetest.NewSite(t), defaults())
	card := func(when string) {
		t.Helper()
		before := b.pulses()
		a := attempt.Attempt{Means: attempt.Card, Asked: b.clock.now(), Person: template.PersonID{1}, Finding: attempt.Matched}
		if o := b.entry.Ask(a); o.Opened.IsZero() || b.pulses() != before+1 {
			t.Errorf("%s: %+v", when, o)
		}
		gatetest.Eventually(t, "the door is locked again", func() bool { return b.door.Status().State == gpio.Locked })
	}
	card("no frame has come")
	done := make(chan error, 1)
	go func() {
		_, err := b.ask(t.Context(), request("p01"), func(camera.Progress) {})
		done <- err
	}()
	gatetest.Eventually(t, "the enrolment is under way", b.camera.Enrolling)
	for i, p := range gatetest.Pose(t, "p01") {
		if b.show(p); i == 3 {
			card("an enrolment has the camera")
		}
		if !b.camera.Enrolling() {
			break
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.box.Close() // the camera is gone
	card("there is no camera")
}
