package gate_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/gate"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/law"
	"facegate/device"
	"facegate/gpio"
	"facegate/gpio/sim"
	"facegate/pipeline"
	"facegate/pipeline/decide"
	"facegate/pipeline/detect"
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
	gate    *gate.Gate
	gallery *people.Register
	store   *store.Store
	box     *device.Mailbox
	relay   *gpio.Relay
	line    *sim.Line
	events  *events
	clock   *clock
	seen    chan gate.Passage
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
}

const (
	maxAge = 500 * time.Millisecond
)

func defaults() options {
	return options{pulse: 10 * time.Millisecond, minFace: 45, fpir: gatetest.FPIR, mode: law.OneToMany}
}

// start runs a gate at site until the test is over or stop is called.
func start(t testing.TB, site gatetest.Site, o options) *bench {
	t.Helper()
	engine := gatetest.Engine(t)
	b := &bench{
		t: t, site: site, box: device.NewMailbox(), line: sim.New(), events: new(events),
		clock: &clock{at: time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)}, seen: make(chan gate.Passage, 1), spoilt: make(chan error, 1),
	}
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	b.openGallery(o, log)
	var err error
	if b.relay, err = gpio.NewRelay(b.line, o.pulse, log); err != nil {
		t.Fatal(err)
	}
	b.gate = gate.New(gate.Parts{
		Mailbox: b.box, Engine: engine, Gallery: b.gallery, Door: b.relay, Publisher: b.events, Events: publish.Source{Clock: func() publish.Clock { return publish.Synced }},
		Settings: pipeline.Settings{
			Zone: quality.Zone{Region: detect.Box{Right: 1, Bottom: 1}, MinFace: o.minFace},
			Quality: quality.Limits{
				MinSharpness: 25, MinBrightness: 40, MaxBrightness: 220, MaxYaw: 35, MaxPitch: 35, MaxRoll: 25,
			},
			LivenessThreshold: 0.5, LivenessWindow: 5,
			Attempts: pipeline.Attempts{Wary: 5, Rest: 30 * time.Second, Flood: 8},
			Rules:    decide.Rules{Agree: 3, Window: 2 * time.Second, Rearm: 5 * time.Second, Margin: 0.06},
		},
		MaxAge: maxAge, Frames: 5, Now: b.clock.gateNow, Log: log,
		Spoilt:  func(why error) { b.spoilt <- why },
		Observe: func(p gate.Passage) { b.seen <- p },
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.gate.Run(ctx); err != nil && !errors.Is(err, device.ErrEnd) {
			t.Errorf("gate: %v", err)
		}
	})
	wg.Go(func() {
		if err := b.relay.Run(ctx); err != nil {
			t.Errorf("relay: %v", err)
		}
	})
	<-b.relay.Ready()
	b.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := b.store.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

func (b *bench) openGallery(opt options, log *slog.Logger) {
	b.t.Helper()
	o, err := opening.Options(gatetest.Lab(b.t), store.KeyFile(b.site.Path("device.key")), clocktest.Right(b.clock.now), log)
	if err != nil {
		b.t.Fatal(err)
	}
	o.Dir, o.KeyDir = b.site.State(), b.site.Keyrings()
	if b.store, err = store.Open(o); err != nil {
		b.t.Fatal(err)
	}
	c := gatetest.Terms(b.t, opt.fpir, b.clock.now)
	c.Profile.Mode = opt.mode
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
func (b *bench) show(pictures ...[]byte) []gate.Passage {
	b.t.Helper()
	passages := make([]gate.Passage, len(pictures))
	for i, p := range pictures {
		b.put(p, 0)
		select {
		case passages[i] = <-b.seen:
		case <-time.After(20 * time.Second):
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
		enrolled, err := b.gate.Enrol(ctx, r, func(people.Progress) {})
		done <- outcome{enrolled, err}
	}()
	for len(pictures) > 0 {
		state := b.show(pictures[0])[0].Report.State
		if state != pipeline.AwaitingPass { // which it is until the request has arrived
			pictures = pictures[1:]
		}
		if state == pipeline.Captured && !b.gate.Enrolling() {
			break // who is shown any longer would be let in, where a busy machine is late to tell of the end
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

// mustEnrol enrols a person of testdata under the name that they have there.
func (b *bench) mustEnrol(person string) {
	b.t.Helper()
	if _, err := b.enrol(request(person), gatetest.Pose(b.t, person)); err != nil {
		b.t.Fatalf("enrol %s: %v", person, err)
	}
}

func request(label string) people.EnrolRequest {
	return people.EnrolRequest{Label: label, Consent: "form " + label, Age: "adult", Witness: "Li Na"}
}

func count(passages []gate.Passage, s pipeline.State) (n int) {
	for _, p := range passages {
		if p.Report.State == s {
			n++
		}
	}
	return n
}

// pulses returns how often the door was opened.
func (b *bench) pulses() int { return (len(b.line.Edges()) + 1) / 2 }
