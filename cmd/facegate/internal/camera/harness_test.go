package camera_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/claim"
	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/record"
	"facegate/configs/law"
	"facegate/device"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
	"facegate/pipeline"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/decide"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/liveness"
	"facegate/pipeline/publish"
	"facegate/pipeline/quality"
	"facegate/store"
	"facegate/store/clock/clocktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A clock is moved by the tests.
type clock struct {
	mu   sync.Mutex // guards what follows
	at   time.Time
	lag  time.Duration // by how much the gate's later readings for one frame are late, as after a slow pipeline
	read bool          // by the gate, since at
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// gateNow is what the gate reads: first when it takes a frame, and then when it has looked at it.
func (c *clock) gateNow() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.read {
		c.read = true
		return c.at
	}
	return c.at.Add(c.lag)
}

func (c *clock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.read = c.at.Add(d), false
	return c.at
}

// events is a Publisher that keeps what it is told, or fails.
type events struct {
	mu   sync.Mutex // guards what follows
	list []publish.Event
	err  error
}

func (e *events) Tell(what publish.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.list = append(e.list, what)
	}
	return e.err
}

func (e *events) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func (e *events) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.list)
}

// A bench is a running gate with real networks, store and relay, before which pictures are put one by one on a clock of
// its own: as fast as the machine can, and with the same outcome on any.
type bench struct {
	t       testing.TB
	site    gatetest.Site
	camera  *camera.Camera
	entry   *entry.Entry
	record  *record.Record
	gallery *people.Register
	claim   *claim.Pending
	store   *store.Store
	box     *device.Mailbox
	door    *door.Controller
	line    *sim.Line
	events  *events
	clock   *clock
	phases  chan time.Time // gets one value for the end of each phase of a survey
	seen    chan camera.Passage
	spoilt  chan error   // why a frame was not looked at
	log     bytes.Buffer // to be read when the gate has stopped
	stop    func()
}

// Options of a bench.
type options struct {
	pulse   time.Duration // of the relay, in real time
	minFace float32
	fpir    float64
	mode    law.Mode
	request bool      // nothing is looked for before a claim, whatever the mode
	disk    *slowDisk // nil for one that is not
	asking  pipeline.Asking
	refuse  float64 // liveness below which a face is a print
	second  bool    // a face that is alike counts for half, with a card
	anew    bool    // every frame goes through the networks, as at a door; else those that nobody has seen yet
	stuck   *stuck  // what the networks are, nil if they are not
	counts  *counts // of what is looked at, nil if nobody counts

	contact *sim.Input // of a turnstile, nil for a door with a strike
}

const (
	maxAge = 500 * time.Millisecond
	frames = 5 // that make a template
)

func defaults() options {
	return options{pulse: 10 * time.Millisecond, minFace: 45, fpir: gatetest.FPIR, mode: law.OneToMany, refuse: 0.5}
}

// start runs a gate at site until the test is over or stop is called.
func start(t testing.TB, site gatetest.Site, o options) *bench {
	t.Helper()
	var engine camera.Engine
	if o.anew {
		engine = gatetest.Engine(t)
	} else {
		engine = newRemembering(t)
	}
	if o.stuck != nil {
		o.stuck.Engine, engine = engine, o.stuck
	}
	if o.counts != nil {
		o.counts.Engine, engine = engine, o.counts
	}
	b := &bench{
		t: t, site: site, box: device.NewMailbox(), line: sim.New(), events: new(events),
		clock: &clock{at: time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)}, seen: make(chan camera.Passage, 1), phases: make(chan time.Time), spoilt: make(chan error, 1),
	}
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	var err error
	parts := door.Parts{
		Relay: b.line, Log: log,
		Settings: door.Settings{Kind: door.Strike, Fail: door.Secure, Pulse: o.pulse, MaxOpen: gpio.MaxLease},
	}
	if o.contact != nil {
		parts.Inputs.Contact, parts.Settings.Kind, parts.Settings.Passage = o.contact, door.Turnstile, time.Hour
		parts.Settings.HeldWarn, parts.Settings.HeldAfter = time.Hour, time.Hour
	}
	if b.door, err = door.New(parts); err != nil {
		t.Fatal(err)
	}
	b.openStore(o, log)
	b.openEntry(o, log)
	b.openGallery(o)
	otherwise := b.gallery.Matcher
	if o.request {
		otherwise = func() pipeline.Matcher { return nil }
	}
	b.claim = claim.New(otherwise)
	b.camera = camera.New(camera.Parts{
		Mailbox: b.box, Engine: engine, Emit: b.entry.Ask, Whom: b.claim.Matcher, Off: b.gallery.WhyOff, Renew: b.record.Renew,
		Settings: pipeline.Settings{
			Zone: quality.Zone{Region: detect.Box{Right: 1, Bottom: 1}, MinFace: o.minFace},
			Quality: quality.Limits{
				MinSharpness: 25, MinBrightness: 40, MaxBrightness: 220, MaxYaw: 35, MaxPitch: 35, MaxRoll: 25, MaxSideLight: 45,
			},
			Liveness: liveness.Thresholds{Accept: 0.5, Refuse: o.refuse}, LivenessWindow: 5, Asking: o.asking,
			Attempts: pipeline.Attempts{Wary: 5, Rest: 30 * time.Second, Flood: 8},
			Rules:    decide.Rules{Agree: 3, Window: 2 * time.Second, Rearm: 5 * time.Second, Margin: 0.06},
		},
		MaxAge: maxAge, Frames: frames, Now: b.clock.gateNow, Log: log,
		After:   func(time.Duration) <-chan time.Time { return b.phases },
		Spoilt:  func(why error) { b.spoilt <- why },
		Observe: func(p camera.Passage) { b.seen <- p },
	})
	ctx, cancel := context.WithCancel(t.Context())
	lasting, end := context.WithCancel(t.Context())
	var wg, recording sync.WaitGroup
	for _, run := range []func(context.Context) error{b.camera.Run, b.entry.Run, b.door.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil && !errors.Is(err, device.ErrEnd) {
				t.Error(err)
			}
		})
	}
	recording.Go(func() { b.record.Run(lasting) })
	<-b.door.Ready()
	b.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		end()
		recording.Wait()
		if err := b.store.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	t.Cleanup(b.stop)
	t.Cleanup(b.claim.Close)
	return b
}

func (b *bench) openStore(opt options, log *slog.Logger) {
	b.t.Helper()
	o, err := opening.Options(gatetest.Lab(b.t), store.KeyFile(b.site.Path("device.key")), clocktest.Right(b.clock.now), log)
	if err != nil {
		b.t.Fatal(err)
	}
	o.Dir, o.KeyDir, o.AnchorDir = b.site.State(), b.site.Keyrings(), b.site.Anchor()
	if opt.disk != nil {
		o.Disk = opt.disk
	}
	if b.store, err = store.Open(o); err != nil {
		b.t.Fatal(err)
	}
}

// limits are those of gatetest.Lab.
var limits = admit.Limits{DelayAfter: 5, Delay: 30 * time.Second, DisableAfter: 8, Flood: 8, Forget: 30 * time.Second}

func (b *bench) openEntry(opt options, log *slog.Logger) {
	b.t.Helper()
	behind, err := b.store.Lockouts().Attend()
	if err != nil {
		b.t.Fatal(err)
	}
	rules := admit.Rules{
		Table:  admit.Alone(attempt.Face, attempt.Card),
		Limits: map[attempt.Means]admit.Limits{attempt.Face: limits, attempt.Card: limits, attempt.Pass: limits},
	}
	if opt.second {
		rules.Table, rules.Alike = admit.Alone(attempt.Face, attempt.Pass), true
		rules.Table = append(rules.Table, admit.Together(attempt.Face, attempt.Card, 20*time.Second))
	}
	a, err := admit.New(rules, record.Counts(b.store.Lockouts().All(), b.clock.now(), limits.Delay), behind)
	if err != nil {
		b.t.Fatal(err)
	}
	source := publish.Source{Clock: func() publish.Clock { return publish.Synced }}
	b.record = record.New(record.Parts{
		Book: record.Ledger{Store: b.store, Now: b.clock.now}, Log: log,
		Tell: func(f attempt.Fact) error {
			return b.events.Tell(source.Granted(f.Opened, f.Attempt.Means, f.Opened.Sub(f.Attempt.Asked)))
		},
		Renew: func(p decide.Person, sample embed.Vector) error { return b.gallery.Renew(p, sample) },
	})
	b.entry = entry.New(entry.Parts{Door: b.door, Admit: a, Record: b.record, MaxAge: maxAge, Now: b.clock.gateNow})
}

func (b *bench) openGallery(opt options) {
	b.t.Helper()
	c := gatetest.Terms(b.t, opt.fpir)
	c.Profile.Mode = opt.mode
	if opt.second {
		c.Profile.WhenAlike = law.SecondFactor
	}
	c.Door = b.entry
	c.Barred = func(p decide.Person, now time.Time) bool { return b.entry.Closed(attempt.Face, p, now) }
	var err error
	if b.gallery, err = people.Open(b.store, c); err != nil {
		b.t.Fatal(err)
	}
}

// put shows one picture and does not wait for what comes of it.
func (b *bench) put(picture []byte, age time.Duration) {
	b.t.Helper()
	now := b.clock.advance(time.Second / gatetest.FPS)
	if err := b.box.Put(device.Frame{Format: device.JPEG, Data: picture, Time: now.Add(-age)}); err != nil {
		b.t.Fatal(err)
	}
}

// show shows pictures one after another and returns what each came to.
func (b *bench) show(pictures ...[]byte) []camera.Passage {
	b.t.Helper()
	passages := make([]camera.Passage, len(pictures))
	for i, p := range pictures {
		b.put(p, 0)
		select {
		case passages[i] = <-b.seen:
		case <-time.After(2 * time.Minute): // an emulated processor takes seconds
			b.t.Fatalf("nothing came of picture %d", i)
		}
	}
	return passages
}

// enrol asks for an enrolment and shows pictures until it has ended or they have. A nil done means that it was given up
// then.
func (b *bench) enrol(r people.EnrolRequest, pictures [][]byte) (people.Enrolled, error) {
	b.t.Helper()
	type outcome struct {
		enrolled people.Enrolled
		err      error
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		enrolled, err := b.ask(ctx, r, func(camera.Progress) {})
		done <- outcome{enrolled, err}
	}()
	gatetest.Eventually(b.t, "it is under way, or refused", func() bool { return b.camera.Enrolling() || len(done) > 0 })
	captured := 0
	for _, picture := range pictures {
		if b.show(picture)[0].Report.State == pipeline.Captured {
			captured++
		}
		if captured == frames {
			o := <-done
			return o.enrolled, o.err
		}
		select {
		case o := <-done:
			return o.enrolled, o.err
		default:
		}
	}
	cancel()
	o := <-done
	return o.enrolled, o.err
}

// ask is an enrolment, as a daemon makes it of a capture.
func (b *bench) ask(ctx context.Context, r people.EnrolRequest, progress func(camera.Progress)) (e people.Enrolled, err error) {
	if err := b.gallery.Accepts(r); err != nil {
		return people.Enrolled{}, err
	}
	err = b.camera.Capture(ctx, progress, func(mean embed.Vector) (_ decide.Person, err error) {
		e, err = b.gallery.Enrol(r, mean)
		return e.ID, err
	})
	return e, err
}

// mustEnrol enrols a person of testdata under the name that they have there, who then leaves.
func (b *bench) mustEnrol(person string) {
	b.t.Helper()
	if _, err := b.enrol(request(person), gatetest.Pose(b.t, person)); err != nil {
		b.t.Fatalf("enrol %s: %v", person, err)
	}
	b.leave()
}

// leave lets so much time pass that whoever was there has been gone for longer than decide.rearm.
func (b *bench) leave() { b.clock.advance(6 * time.Second) }

func request(label string) people.EnrolRequest {
	return people.EnrolRequest{Label: label, Consent: "form " + label, Age: "adult", Witness: "Li Na"}
}

func count(passages []camera.Passage, s pipeline.State) (n int) {
	for _, p := range passages {
		if p.Report.State == s {
			n++
		}
	}
	return n
}

func blind(passages []camera.Passage, why camera.Blind) (n int) {
	for _, p := range passages {
		if p.Blind == why {
			n++
		}
	}
	return n
}

// settle waits until all that has happened is written down.
func (b *bench) settle() {
	b.t.Helper()
	for left := b.record.Waiting(); left > 0; left = b.record.Waiting() { // a thousand facts take a slow disk a while
		gatetest.Eventually(b.t, "more is written down", func() bool { return b.record.Waiting() < left })
	}
}

// told returns how many events the broker was told of.
func (b *bench) told() int {
	b.t.Helper()
	b.settle()
	return b.events.count()
}

// barred returns for how many people their face opens nothing, for moments and until a reset, and until when for nobody.
func (b *bench) barred() (slowed, off int, until time.Time) {
	for _, c := range b.entry.Closures(b.clock.now()) {
		if c.Means == attempt.Face {
			return c.Slowed, c.Off, c.Until
		}
	}
	return 0, 0, time.Time{}
}

// pulses returns how often the door was opened.
func (b *bench) pulses() int { return (len(b.line.Edges()) + 1) / 2 }
