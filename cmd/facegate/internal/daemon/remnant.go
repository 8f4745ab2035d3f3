package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/device/probe"
	"facegate/gpio"
	"facegate/pipeline/survey"
	"facegate/store"
	"facegate/store/audit"
)

// LeavesDoor reports whether New failed for want of its records alone: the disk cannot be written to, what is on it is damaged or
// kept from this process, or the device key is not there. What is in order otherwise is a Remnant then, whose exit button and fire
// alarm work.
func LeavesDoor(err error) bool {
	return IsDisk(err) || errors.Is(err, store.ErrDamaged) || errors.As(err, new(recordless))
}

// A recordless error is why the records cannot be opened.
type recordless struct{ error }

func (r recordless) Unwrap() error { return r.error }

// ofRecords makes err, which may be nil, a recordless one. Records that another process has open are waited for by whoever starts
// the gate again, and those that were wiped are none any more.
func ofRecords(err error) error {
	if err == nil || errors.Is(err, store.ErrInUse) || errors.As(err, new(*store.WipedError)) {
		return err
	}
	return recordless{err}
}

// IsDisk reports whether New failed for want of a disk that can be written to.
func IsDisk(err error) bool {
	for _, e := range []error{unix.EROFS, unix.ENOSPC, unix.EDQUOT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// A Remnant is what is left of a gate whose records cannot be opened, because the disk is full or cannot be written to, they are
// damaged, or the device key is not there: it keeps the door, for exit button, fire alarm, schedule and openings by hand, and says
// why it lets nobody in. A gate that failed again and again would let nobody see that, and shut people in. It makes no key and no
// records: those that are there may be put right.
type Remnant struct {
	name  string  // of the process
	parts *Daemon // door, control socket and log, and nothing else
	hand  *gpio.Hand
	why   error
	ready chan struct{}

	mended func() bool   // reports whether New may succeed, nil where nothing mends by itself
	every  time.Duration // how often that is asked
}

// NewRemnant opens what is left of a gate for which New has failed because of why.
func NewRemnant(c *configs.Config, out Outside, version string, why error, log *slog.Logger) (_ *Remnant, err error) {
	d := &Daemon{config: c, version: version, started: time.Now(), log: log, outside: out, line: out.Line, clock: out.Clock}
	if d.clock == nil {
		d.clock = systime.New()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err := d.openDoor(); err != nil {
		return nil, err
	}
	if err := d.openPlan(); err != nil {
		return nil, err
	}
	r := &Remnant{
		name: rand.Text(), parts: d, hand: gpio.NewHand(d.door.ByHand(), nil, d.started), every: mendedEvery, ready: make(chan struct{}),
		mended: mended(c, why),
	}
	r.why = hint.Wrap(fmt.Errorf("nobody is let in by a face, card, pass or PIN, visitors neither, and nobody can be enrolled or erased: %w", why),
		"%s", adviceOn(why, r.mended != nil))
	if err := d.openControl(r, out.Left.Socket); err != nil {
		return nil, err
	}
	d.openMetrics(left{r: r}.Status, noneTold)
	return r, nil
}

// adviceOn says what to do about records that cannot be opened because of why. mends says that it is seen when that is done.
func adviceOn(why error, mends bool) string {
	advice := cmp.Or(hint.Of(why), "see what keeps the records from being opened (dmesg), and restart the gate")
	switch {
	case IsDisk(why):
		advice = "make room on the disk, or mount it for writing (dmesg says why it is not)"
	case hint.Of(why) == "" && errors.Is(why, fs.ErrPermission):
		advice = "let the service's user own every file in state_dir, keys_dir and anchor_dir, with mode 0600 (ls -l shows whose they are)"
	}
	if mends {
		advice += "; the gate then goes on by itself, or after a restart"
	}
	return advice + "; exit button, fire alarm, schedule and openings by hand work meanwhile"
}

// ErrMended is returned by Remnant.Run when New may succeed.
var ErrMended = errors.New("what kept the records from being opened may be mended")

// Run runs until ctx is cancelled, which returns nil, or New may succeed, which returns ErrMended. It may be called once. When it
// returns, everything that NewRemnant opened is closed.
func (r *Remnant) Run(ctx context.Context) error {
	d := r.parts
	d.log.Error("the gate is not in service: only the door works", "error", r.why, "hint", hint.Of(r.why))
	back := false
	tasks := append(d.monitored(), d.door, d.events, d.plan, d.control, d.watchdog, &announcement{r})
	if r.mended != nil {
		tasks = append(tasks, newMendedWatch(r.every, r.mended, func() error { back = true; return ErrMended }))
	}
	err := d.runTasks(ctx, tasks...)
	if err = errors.Join(err, d.close()); err != nil {
		return err
	}
	if back {
		d.log.Info("the records are tried again")
		return ErrMended
	}
	return nil
}

// mended returns what reports whether records that could not be opened because of why may be opened now, nil where nothing mends by
// itself, as with damaged ones.
func mended(c *configs.Config, why error) func() bool {
	switch {
	case IsDisk(why):
		return func() bool { return writable(c.StateDir, c.KeysDir, c.AnchorDir) }
	case errors.Is(why, store.ErrKey):
		return func() bool {
			key, err := opening.Keys(c).DeviceKey()
			clear(key[:])
			return err == nil
		}
	case errors.Is(why, store.ErrFolder), errors.Is(why, fs.ErrPermission):
		return func() bool { return checkFolders(c) == nil && reachable(c.StateDir, c.KeysDir, c.AnchorDir) }
	}
	return nil
}

// reachable reports whether no file in these folders is kept from this process. A gate that tried again while one is would have its
// door go out of service each time.
func reachable(dirs ...string) bool {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return false
		}
		for _, e := range entries {
			if e.Type().IsRegular() && withheld(filepath.Join(dir, e.Name())) {
				return false
			}
		}
	}
	return true
}

// withheld reports whether this process may not read and write a file.
func withheld(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return errors.Is(err, fs.ErrPermission)
	}
	f.Close()
	return false
}

// Ready is closed when the socket answers.
func (r *Remnant) Ready() <-chan struct{} { return r.ready }

// Process implements control.Host.
func (r *Remnant) Process() (name string, ends bool) { return r.name, false }

// Records implements control.Host: there are none.
func (r *Remnant) Records(audit.Actor) (people.Records, error) { return nil, r.why }

// Running implements control.Host.
func (r *Remnant) Running(by audit.Actor) control.Running { return left{r, by} }

// left is what a Remnant does for somebody: it tells how it is, and opens the door.
type left struct {
	r  *Remnant
	by audit.Actor
}

// Enrol implements control.Running: it refuses.
func (l left) Enrol(context.Context, people.EnrolRequest, func(people.Progress)) (people.Enrolled, error) {
	return people.Enrolled{}, l.r.why
}

// AddCard implements control.Running: it refuses.
func (l left) AddCard(context.Context, people.CardRequest, func(people.CardWait)) (people.CardAdded, error) {
	return people.CardAdded{}, l.r.why
}

// Calibrate implements control.Running: it refuses.
func (l left) Calibrate(context.Context, status.SurveyPlan, func(status.SurveyStep)) (survey.Report, error) {
	return survey.Report{}, l.r.why
}

// Aim implements control.Running: it refuses.
func (l left) Aim(context.Context, func(status.View)) error { return l.r.why }

// TestCamera implements control.Running: it refuses.
func (l left) TestCamera(context.Context) (probe.Verdict, error) { return probe.Verdict{}, l.r.why }

// Prompt implements control.Running: it refuses.
func (l left) Prompt(context.Context, func(status.Prompt)) error { return l.r.why }

// Status implements control.Running.
func (l left) Status(context.Context) (status.Status, error) { return l.r.Status(), nil }

// Status says how the gate is.
func (r *Remnant) Status() status.Status {
	d, c := r.parts, r.parts.config
	s := status.Status{
		Profile: c.Jurisdiction, Mode: c.Profile().Mode, Version: d.version, Site: c.Site, Gate: c.Gate, StateDir: c.StateDir,
		Started: d.started, Door: told(d.door.Status()),
		FacesOff: &status.FacesOff{Since: d.started.UTC(), Reason: withoutRecords},
	}
	s.Camera.State, s.Camera.Source = status.CameraOff, "not opened"
	s.MQTT.Err = "the broker is left alone while events cannot be kept"
	part := health.Disk
	if errors.Is(r.why, store.ErrKey) {
		part = health.Key
	}
	s.Health = health.Assess(slices.Concat(doorHealth(&s), d.wiringHealth(&s), d.planHealth(&s), d.metricsHealth(&s),
		health.When(true, health.RecordsShut, part, health.Down, r.why.Error(), hint.Of(r.why)))...)
	return s
}

const withoutRecords = "the records cannot be opened"

// TestDoor implements control.Running. What cannot be written into the audit log is in the log of the service.
func (l left) TestDoor(ctx context.Context) (status.DoorTest, error) {
	d := l.r.parts
	edge, err := l.r.hand.Pulse(time.Now(), func() error {
		d.log.Warn("the door is opened by hand, which the audit log does not hold", "by", people.UserName(l.by))
		return nil
	})
	if err != nil {
		return status.DoorTest{}, doorError(err, "wait until the door is locked (facegate status), then test again")
	}
	return d.awaitPulse(ctx, edge)
}

// ForgetMQTT implements control.Running: it refuses.
func (l left) ForgetMQTT(context.Context) (status.Forgotten, error) {
	return status.Forgotten{}, l.r.why
}

// An announcement is the task that tells systemd that the process is up, and how it is.
type announcement struct{ r *Remnant }

func (a *announcement) String() string         { return "announcement" }
func (a *announcement) Ready() <-chan struct{} { return a.r.ready }

// Run tells systemd once the socket answers.
func (a *announcement) Run(ctx context.Context) error {
	select {
	case <-a.r.parts.control.Ready():
	case <-ctx.Done():
		return nil
	}
	close(a.r.ready)
	if _, err := sd.SdNotify(false, sd.SdNotifyReady+watchdogIn(0)+"\nSTATUS=only the door works: "+withoutRecords); err != nil {
		return hint.Wrap(fmt.Errorf("tell systemd: %w", err), "check NOTIFY_SOCKET, or start facegate without it")
	}
	<-ctx.Done()
	return nil
}
