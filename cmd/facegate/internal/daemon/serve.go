package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/guide"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/words"
	"facegate/device"
	"facegate/gpio"
	"facegate/pipeline/challenge"
	"facegate/pipeline/crowd"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/models"
	"facegate/pipeline/publish"
	"facegate/pipeline/survey"
	"facegate/store/audit"
)

// Records implements control.Host.
func (d *Daemon) Records(by audit.Actor) (people.Records, error) {
	return destroying{d.register.As(by), d}, nil
}

// destroying are Records after whose destructions a fresh process goes on, and once faces are wanted that were left out.
type destroying struct {
	people.Records
	d *Daemon
}

// Erase implements people.Records.
func (r destroying) Erase(ctx context.Context, who people.Who, why audit.Reason) (people.Erasure, error) {
	e, err := r.Records.Erase(ctx, who, why)
	r.d.destroyed(err)
	return e, err
}

// EndEpoch implements people.Records.
func (r destroying) EndEpoch(ctx context.Context) (people.Epoch, error) {
	e, err := r.Records.EndEpoch(ctx)
	r.d.destroyed(err)
	return e, err
}

// TurnFacesOn implements people.Records. A gate that has left them out after crashes tries them again.
func (r destroying) TurnFacesOn(ctx context.Context) error {
	return errors.Join(r.Records.TurnFacesOn(ctx), r.d.tryAll())
}

// Lockdown implements people.Records.
func (r destroying) Lockdown(ctx context.Context) (people.Facts, error) {
	defer r.d.handover.ask()
	f, err := r.Records.Lockdown(ctx)
	if err := r.d.assess(); err != nil { // the destruction stands, and the next start assesses
		r.d.log.Error("after all templates were destroyed", "error", err, "hint", hint.Of(err))
	}
	return f, err
}

// destroyed has the gate hand over to a fresh process after something was destroyed, even if it was not wholly. What is owed
// stays where it is, and may be remembered in this process alone.
func (d *Daemon) destroyed(err error) {
	if !errors.Is(err, people.ErrOwed) {
		d.handover.ask()
	}
}

// Running implements control.Host.
func (d *Daemon) Running(by audit.Actor) control.Running { return running{d, by} }

// running is what the gate does for somebody while it runs.
type running struct {
	d  *Daemon
	by audit.Actor
}

// Enrol implements control.Running.
func (r running) Enrol(ctx context.Context, q people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error) {
	if q.Again { // the former template
		defer r.d.handover.ask()
	}
	q.By = r.by
	return r.d.enrol(ctx, q, progress)
}

// enrol captures the person before the camera, whom nobody else is let in by face meanwhile.
func (d *Daemon) enrol(ctx context.Context, q people.EnrolRequest, progress func(people.Progress)) (e people.Enrolled, err error) {
	if err := d.register.Accepts(q); err != nil {
		return people.Enrolled{}, err
	}
	defer d.guidance.captures()()
	said := d.said(q.Language)
	err = d.camera.Capture(ctx, func(p camera.Progress) { progress(coached(ctx, p, said)) }, func(mean embed.Vector) (_ decide.Person, err error) {
		e, err = d.register.Enrol(q, mean)
		return e.ID, err
	})
	return e, err
}

// said returns what is said to somebody who has read the notice in a language, or in the first of the gate.
func (d *Daemon) said(lang string) words.Words {
	p := d.config.Particulars()
	if texts, err := p.Texts(); lang == "" && err == nil {
		return p.Statement.Says(texts[0].Language)
	}
	return p.Statement.Says(notice.Language(lang))
}

// coached returns what whoever enrols somebody is told of a capture that ends with ctx at the latest.
func coached(ctx context.Context, p camera.Progress, said words.Words) people.Progress {
	t := people.Progress{State: p.State, Reason: p.Reason, Advice: p.Advice, Taken: p.Taken, Want: p.Want}
	if p.Seen {
		step := guide.Capture(p.Report)
		t.Step, t.Say = string(step), said.Say(step.Word())
	}
	if end, ends := ctx.Deadline(); ends {
		t.Left = max(0, int(math.Ceil(time.Until(end).Seconds())))
	}
	return t
}

// TestDoor implements control.Running.
func (r running) TestDoor(ctx context.Context) (status.DoorTest, error) {
	d, now := r.d, time.Now()
	edge, err := d.hand.Pulse(now, func() error { return d.store.Log().Opened(now, r.by) })
	if err != nil {
		return status.DoorTest{}, doorError(err, "wait until the door is locked (facegate status), then test again")
	}
	d.record.PutOpening(edge.At, publish.Manual)
	return d.awaitPulse(ctx, edge)
}

// awaitPulse waits for the end of a pulse by hand.
func (d *Daemon) awaitPulse(ctx context.Context, edge gpio.Edge) (status.DoorTest, error) {
	const stopped = "the gate was stopped, and locks the door as it ends: test again"
	select {
	case <-edge.Done:
		pulse := time.Since(edge.At)
		if ctx.Err() != nil { // a door that was opened and has closed is locked before its time as well
			return status.DoorTest{}, doorError(errCutShort, stopped)
		}
		return status.DoorTest{Line: d.line.String(), Pulse: pulse}, nil
	case <-ctx.Done():
		return status.DoorTest{}, doorError(errCutShort, stopped)
	}
}

var errCutShort = errors.New("the pulse was cut short")

// doorError gives err advice where it has none.
func doorError(err error, advice string) error {
	return hint.Wrap(fmt.Errorf("test the door: %w", err), "%s", cmp.Or(hint.Of(err), advice))
}

// aimings is how often somebody may be shown in an hour what the camera sees. To mount a camera takes less; to count who
// passes would take all day, and leaves as many entries in the audit log.
const aimings = 10

var errAimings = errors.New("what the camera sees was shown too often within the hour")

// Aim implements control.Running.
func (r running) Aim(ctx context.Context, view func(status.View)) error {
	if why := r.d.whyBlind(); why != nil {
		return why
	}
	return r.d.camera.Aim(ctx, func() error { return r.d.noteAiming(time.Now(), r.d.store.Log().Aimed, r.by) }, view)
}

// Prompt implements control.Running.
func (r running) Prompt(ctx context.Context, show func(status.Prompt)) error {
	looks := map[challenge.Direction]string{challenge.Ahead: "ahead", challenge.Left: "left", challenge.Right: "right"}
	r.d.log.Info("the prompts at the camera are followed", "by", people.UserName(r.by))
	defer r.d.log.Info("the prompts at the camera are followed no more", "by", people.UserName(r.by))
	return r.d.prompt.Follow(ctx, func(d challenge.Direction) { show(status.Prompt{Look: looks[d], Say: d.String()}) })
}

// Calibrate implements control.Running.
func (r running) Calibrate(ctx context.Context, plan status.SurveyPlan, step func(status.SurveyStep)) (survey.Report, error) {
	if why := r.d.whyBlind(); why != nil {
		return survey.Report{}, why
	}
	note := func() error { return r.d.noteAiming(time.Now(), r.d.store.Log().Calibrated, r.by) }
	return r.d.camera.Survey(ctx, plan, note, r.d.surveyed, step)
}

// surveyed returns what a survey is held against. Controls that cannot be read are left out.
func (d *Daemon) surveyed() survey.Gate {
	s := settings(d.config)
	g := survey.Gate{Zone: s.Zone, Quality: s.Quality, FPS: d.config.Camera.FPS}
	if c, ok := d.source.(device.Controlled); ok {
		g.Controls, _ = c.Controls() // a camera that is lost is in the status
	}
	return g
}

// noteAiming refuses what comes too often, whatever of the two it is.
func (d *Daemon) noteAiming(now time.Time, write func(time.Time, audit.Actor) error, by audit.Actor) error {
	return noteRationed(now, d.store.Log().Aimings, aimings, errAimings, func() error { return write(now, by) })
}

// Status implements control.Running. It does not wait for a disk: of what is in the records it then says how it was.
func (r running) Status(ctx context.Context) (status.Status, error) {
	s, now := r.d.glance.Status(ctx)
	if now {
		return s, nil
	}
	kept := s
	s = r.d.live()
	s.People.ConsentAgain, s.People.Owed = kept.People.ConsentAgain, kept.People.Owed
	s.Epoch, s.Clock, s.FacesOff, s.Older, s.Lockout.LockedDown = kept.Epoch, kept.Clock, kept.FacesOff, kept.Older, kept.Lockout.LockedDown
	s.Assessment, s.Filing, s.Witnesses = kept.Assessment, kept.Filing, kept.Witnesses
	s.Health = health.Assess(slices.Concat(r.d.watchdogHealth(&s), r.d.lesserHealth(&s), r.d.sightHealth(&s), cameraHealth(&s), doorHealth(&s), recordHealth(&s), facesHealth(&s), brokerHealth(&s), unanswered())...)
	return s, nil
}

// Status says how the gate is. It waits for the records.
func (d *Daemon) Status() status.Status {
	s := d.live()
	s.People.ConsentAgain, s.People.Owed = d.store.Compliance().ConsentAgain(), d.store.Retention().Owed().People
	s.Epoch, s.Clock, s.Lockout.LockedDown = d.register.Epoch(), d.register.Clock(), d.store.Lockdown().InForce()
	if off := d.store.Faces().Off(); off != nil {
		s.FacesOff = &status.FacesOff{Since: time.Unix(off.Since, 0).UTC(), Reason: off.Reason}
	}
	if o := d.store.Faces().Older(); o != nil {
		s.Older = &status.Older{Since: time.Unix(o.Since, 0).UTC(), From: o.From, To: o.To, Unknown: o.Unknown}
	}
	s.Witnesses = d.cosigning.Status()
	d.duties(&s)
	s.Health = d.health(&s)
	return s
}

// live says how the gate is, as far as that is not in the records. It waits for nothing.
func (d *Daemon) live() status.Status {
	s := status.Status{
		Profile: d.config.Jurisdiction, Mode: d.config.Profile().Mode,
		Version: d.version, Site: d.config.Site, Gate: d.config.Gate, StateDir: d.config.StateDir, Started: d.started, UpS: int(time.Since(d.started).Seconds()),
		Camera: d.capture.Status(), Door: told(d.door.Status()), MQTT: d.publisher.Status(),
		Vision:   status.Vision{Bundle: d.bundle.Name, Embedder: d.bundle.Embedder.Name, Adopted: adoptedOn(d.bundle.Embedder)},
		People:   d.people(),
		Frames:   d.camera.Count(),
		Lockout:  d.lockout(time.Now()),
		Rules:    d.ruling(time.Now()),
		Groups:   d.register.Grouped(),
		Record:   status.Record{Waiting: d.record.Waiting(), Full: d.record.Full()},
		KeyStore: d.keys.Class(),
	}
	s.Vision.Liveness, s.Vision.CanBetter = models.Names(d.bundle.Liveness), d.weaker
	s.Vision.LiveFrom, s.Vision.NotBelow = d.liveness.Accept, d.liveness.Refuse
	d.lessen(&s)
	return s
}

// people says how many are enrolled, and how near their faces are to each other.
func (d *Daemon) people() status.People {
	p := status.People{Enrolled: d.register.Len(), Limit: d.register.Limit()}
	level := d.crowd.Level()
	if p.Crowding = level.String(); level > crowd.Ordinary {
		p.Advice = "more strangers get in here by the face alone than match.fpir says: where it matters, have a pass, card or PIN " +
			"asked for with the face, and enrol with more pictures"
	}
	return p
}

// ruling says what opens the door, and which of it counts at now.
func (d *Daemon) ruling(now time.Time) []status.Rule {
	all, waits := make([]status.Rule, 0, len(d.rules.Table)), d.plan.waits()
	for _, r := range d.rules.Table {
		all = append(all, status.Rule{
			Says: rulebook.Words(r, d.config), InForce: d.rules.InForce(r, now, !waits), Waits: r.When != "" && waits,
			Nobody: d.register.Nobody(r.Groups),
		})
	}
	return all
}

// lockout says by what means somebody, or nobody, gets in at now.
func (d *Daemon) lockout(now time.Time) status.Lockout {
	l := status.Lockout{Means: []status.Closed{}}
	for _, c := range d.entry.Closures(now) {
		wait := max(c.Until.Sub(now), 0)
		l.Means = append(l.Means, status.Closed{
			Means: c.Means.String(), WaitS: int(math.Ceil(wait.Seconds())), Slowed: c.Slowed, Off: c.Off,
		})
	}
	return l
}
