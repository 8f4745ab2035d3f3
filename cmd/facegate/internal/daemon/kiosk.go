package daemon

import (
	"context"
	"errors"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/desk"
	"facegate/cmd/facegate/internal/guide"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/kiosk"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/tones"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/device"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/attempt"
)

const (
	guideEvery = 200 * time.Millisecond // in which what is said lapses at the latest
	worksEvery = time.Second            // in which screen and sounds learn that something works no more
)

// guidance is the task that has screen and sounds say what whoever stands at the door is to do. What frames and attempts come to is
// handed over by camera and entry, which wait for nothing.
type guidance struct {
	works func() guide.Works
	show  []func(guide.Step) // screens
	play  []func(guide.Cue)  // sounds
	ready chan struct{}

	mu        sync.Mutex // guards what follows
	guide     *guide.Guide
	capturing int // enrolments under way
}

// openKiosk makes what guides whoever stands at the door, as far as there is a screen or sounds.
func (d *Daemon) openKiosk() (err error) {
	c := d.config
	d.guidance = &guidance{
		works: d.works, ready: make(chan struct{}),
		guide: guide.New(guide.Terms{
			Pulse: c.Door.Pulse, PassFirst: c.Profile().Claims,
		}, time.Now()),
	}
	if d.tones != nil {
		d.guidance.play = append(d.guidance.play, d.tones.Play)
	}
	if c.Kiosk.Listen == "" {
		return nil
	}
	notices, err := spoken(c.Particulars(), c.Kiosk.Languages)
	if err != nil {
		return err
	}
	network, address := c.Kiosk.Address()
	d.kiosk, err = kiosk.New(kiosk.Parts{Network: network, Address: address, Notices: notices, Says: c.Particulars().Statement.Says, Ways: c.Alternatives, Log: d.log})
	if err != nil {
		return err
	}
	d.guidance.show = append(d.guidance.show, d.screen)
	return nil
}

// spoken returns the notice in languages, in their order.
func spoken(p notice.Particulars, languages []notice.Language) (texts []notice.Text, err error) {
	for _, lang := range languages {
		t, err := p.Text(lang)
		if err != nil {
			return nil, err
		}
		texts = append(texts, t)
	}
	return texts, nil
}

// openTones puts sounds and blinks between the door and its lines, and returns what the door is to drive.
func (d *Daemon) openTones(s door.Signals) door.Signals {
	if !d.config.Kiosk.Tones {
		return s
	}
	d.tones, s = tones.New(s, d.log)
	return s
}

// guiding lists the tasks that guide whoever stands at the door, none where nothing shows or sounds.
func (d *Daemon) guiding() (all []task) {
	if d.kiosk != nil {
		all = append(all, d.kiosk)
	}
	if d.tones != nil {
		all = append(all, d.tones)
	}
	if len(all) > 0 {
		all = append(all, d.guidance)
	}
	return all
}

// scanned is told what came of a scan. A card that was misread and digits that are no PIN have asked for nothing, and look and sound
// as if they had. A code that is no pass does not: whoever stands there may wear one.
func (d *Daemon) scanned(s desk.Said) {
	if s.Unread && s.Reader != camera.Reader {
		d.guidance.tell(func(g *guide.Guide, now time.Time) {
			g.Answer(attempt.Card, attempt.Outcome{Reason: attempt.Unproven}, now)
		})
	}
	if d.outside.Said != nil {
		d.outside.Said(s)
	}
}

// observe is told what each frame came to.
func (d *Daemon) observe(p camera.Passage) {
	d.guidance.tell(func(g *guide.Guide, now time.Time) { g.See(p.Report, now) })
	if d.outside.Observe != nil {
		d.outside.Observe(p)
	}
}

// tells reports whether anybody can be told where to look.
func (d *Daemon) tells() bool { return d.prompt.Tells() || d.kiosk != nil && d.kiosk.Watched() }

// screen has the screen show a step.
func (d *Daemon) screen(s guide.Step) {
	if s == guide.Shut {
		d.kiosk.ShowShut(d.plan.changes())
		return
	}
	d.kiosk.Show(s)
}

// works says what of the gate works. It waits for no disk.
func (d *Daemon) works() guide.Works {
	at, sees := d.door.Status(), d.capture.Status().State == device.Streaming
	return guide.Works{
		Door:   at.State != gpio.Fault && !d.record.Full(),
		Open:   at.Why == door.Hold || at.Why == door.Schedule,
		Shut:   at.Why != door.Fire && errors.Is(d.door.Refusal(door.Granted), door.ErrShut),
		Faces:  sees && d.register.WhyOff() == nil && d.watchdog.Hung() == nil && !d.flooded(time.Now()),
		Passes: sees && d.codes != nil && !d.codes.Blind(),
	}
}

// flooded reports whether no face is looked at, because many prints are being shown.
func (d *Daemon) flooded(now time.Time) bool {
	for _, c := range d.entry.Closures(now) {
		if c.Means == attempt.Face && c.Until.After(now) {
			return true
		}
	}
	return false
}

// kioskHealth says why the screen has no page.
func (d *Daemon) kioskHealth(*status.Status) []health.Condition {
	if d.kiosk == nil || d.kiosk.Err() == nil {
		return nil
	}
	err := d.kiosk.Err()
	return health.When(true, health.ScreenFault, health.Screen, health.Degraded, err.Error(), hint.Of(err))
}

func (g *guidance) String() string         { return "guidance" }
func (g *guidance) Ready() <-chan struct{} { return g.ready }

// Run tells screen and sounds what time alone changes, and what does not work any more, until ctx is cancelled.
func (g *guidance) Run(ctx context.Context) error {
	close(g.ready)
	g.look()
	lapse, look := time.NewTicker(guideEvery), time.NewTicker(worksEvery)
	defer lapse.Stop()
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-lapse.C:
			g.tell(func(*guide.Guide, time.Time) {})
		case <-look.C:
			g.look()
		}
	}
}

// look tells what works.
func (g *guidance) look() {
	w := g.works()
	g.tell(func(guide *guide.Guide, _ time.Time) {
		w.Capturing = g.capturing > 0
		guide.Works(w)
	})
}

// tell tells the guide something, and screen and sounds what follows from it.
func (g *guidance) tell(what func(*guide.Guide, time.Time)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	what(g.guide, now)
	step, cue := g.guide.Step(now)
	for _, show := range g.show {
		show(step)
	}
	for _, play := range g.play {
		play(cue)
	}
}

// captures says that somebody is being enrolled until the function that it returns is called.
func (g *guidance) captures() (ended func()) {
	count := func(n int) {
		g.mu.Lock()
		g.capturing += n
		g.mu.Unlock()
		g.look()
	}
	count(1)
	return func() { count(-1) }
}
